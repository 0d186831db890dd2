"""Tokens open what they were made for, as long as they stand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.access import tokens
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import InputRefused, NotFound
from tests.fixtures_ledger import NOW, counting


def test_a_token_is_known_by_its_secret_which_is_not_kept(ledger: Ledger) -> None:
    with ledger.begin() as session:
        token = tokens.create_token(session, name="site", scope="ingest", now=NOW)
        prefix, secret = token.split("_", 1)
        assert (len(prefix), len(secret)) == (8, 43)
        [row] = tokens.list_tokens(session)
        assert secret not in row.model_dump_json()
        bearer = tokens.verify_token(session, token, now=NOW)
        assert bearer == tokens.Bearer(prefix, "site", "ingest")
        assert bearer.may("ingest")
        assert not bearer.may("read")
        session.refresh(row)
        assert row.used_at == NOW


@pytest.mark.parametrize("scope", tokens.SCOPES)
def test_scopes_allow_what_they_say(scope: str) -> None:
    allowed = {asked for asked in tokens.SCOPES if tokens.Bearer("p", "n", scope).may(asked)}
    assert allowed == tokens.ALLOWS[scope]


def test_wrong_expired_and_revoked_tokens_open_nothing_at_the_same_cost(ledger: Ledger) -> None:
    with ledger.begin() as session:
        end = NOW + timedelta(days=1)
        expiring = tokens.create_token(session, name="a", scope="read", now=NOW, expires_at=end)
        revoked = tokens.create_token(session, name="b", scope="read", now=NOW)
        good = tokens.create_token(session, name="c", scope="read", now=NOW)
        assert tokens.revoke_token(session, revoked, now=NOW)
        assert not tokens.revoke_token(session, revoked.split("_")[0], now=NOW)
        assert tokens.verify_token(session, expiring, now=end - timedelta(seconds=1))
        wrong = [
            expiring,
            revoked,
            good[:-1] + ("A" if good[-1] != "A" else "B"),
            expiring.split("_")[0] + "_" + good.split("_", 1)[1],
            good.upper(),
            "",
            "x" * 10_000,
            "\ud800_x",
        ]
        for given in wrong:
            with counting(ledger) as sent:
                assert tokens.verify_token(session, given, now=end) is None
            assert len(sent) == 1, given[:20]


def test_impossible_tokens_are_refused(ledger: Ledger) -> None:
    with ledger.begin() as session:
        with pytest.raises(InputRefused, match="'root' is no scope: one of ingest, read"):
            tokens.create_token(session, name="x", scope="root", now=NOW)
        with pytest.raises(InputRefused, match="expired"):
            tokens.create_token(session, name="x", scope="read", now=NOW, expires_at=NOW)
        with pytest.raises(NotFound, match="no token 'abc'"):
            tokens.revoke_token(session, "abc", now=NOW)
        assert session.execute(select(t.Token)).first() is None
