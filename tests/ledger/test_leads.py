"""One lead: found, changed, and heard when it says no."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import InputRefused, NotFound
from nurture.ledger.intake import leads
from nurture.ledger.intake.lead_rows import LeadRow
from tests.fixtures_ledger import NOW, make_lead


def test_a_lead_is_found_by_address_or_external_id(ledger: Ledger) -> None:
    with ledger.begin() as session:
        made = make_lead(session, "Ann@example.test", external_id="x17")
        assert leads.find_lead(session, "ANN@EXAMPLE.test").id == made.id
        assert leads.find_lead(session, "id:x17").id == made.id
        with pytest.raises(NotFound, match="no lead with the address bo@example.test"):
            leads.find_lead(session, "bo@example.test")
        with pytest.raises(NotFound, match="no lead with the external id 9"):
            leads.find_lead(session, "id:9")
        with pytest.raises(NotFound, match="Give an address, or id:"):
            leads.find_lead(session, "ann")


def test_two_rows_of_one_lead_in_a_batch_are_one_lead(ledger: Ledger) -> None:
    rows = [
        LeadRow("a@example.test", None, {"company": "Acme"}, {"size": 1}, ("x",)),
        LeadRow("A@example.test", "x1", {}, {"size": 1}, ("x",)),
        LeadRow(None, "x1", {"company": "Acme"}),
    ]
    with ledger.begin() as session:
        result = leads.put_leads(session, rows, now=NOW)
        assert (result.imported, result.updated, result.unchanged) == (1, 1, 1)
        lead = session.execute(select(t.Lead)).scalar_one()
        assert (lead.email, lead.external_id) == ("A@example.test", "x1")


def test_true_and_one_are_different_values(ledger: Ledger) -> None:
    for value, updated in ((1, 0), (True, 1), (True, 0), (1, 1)):
        with ledger.begin() as session:
            row = LeadRow("a@example.test", None, {}, {"flag": value})
            assert leads.put_leads(session, [row], now=NOW).updated == updated


def test_opting_out_of_everything_suppresses_the_address(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        assert lead.id
        out = leads.opt_out(session, lead.id, None, now=NOW, reason="link in a mail")
        again = leads.opt_out(session, lead.id, None, now=NOW, reason="twice")
        assert (out, again) == (True, False)
        row = session.execute(select(t.Suppression)).scalar_one()
        assert (row.email_key, row.kind, row.reason) == (
            "ann@example.test",
            "unsubscribed",
            "link in a mail",
        )
        assert len(session.execute(select(t.Touch)).all()) == 1


def test_opting_out_of_a_topic_and_in_again(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        assert lead.id
        assert leads.opt_out(session, lead.id, "tips", now=NOW, reason="page")
        assert not leads.opt_out(session, lead.id, "tips", now=NOW, reason="page")
        assert leads.opt_in(session, lead.id, "tips", now=NOW, reason="changed their mind")
        consent = session.execute(select(t.Consent)).scalar_one()
        assert (consent.subscribed, consent.reason) == (True, "changed their mind")
        changes = session.execute(select(t.Change).order_by(t.Change.id)).scalars().all()  # type: ignore[arg-type]
        assert [(c.field, c.old, c.new) for c in changes] == [
            ("topic tips", "", "no"),
            ("topic tips", "no", "yes"),
        ]


@pytest.mark.parametrize(("kind", "stays"), [("unsubscribed", False), ("bounce", True)])
def test_opting_in_lifts_an_unsubscription_and_never_a_bounce(
    ledger: Ledger, kind: str, stays: bool
) -> None:
    with ledger.begin() as session:
        lead = make_lead(session)
        assert lead.id
        session.add(t.Suppression(email_key="ann@example.test", kind=kind, since=NOW))
        session.flush()
        assert leads.opt_in(session, lead.id, "tips", now=NOW, reason="form")
        assert (session.execute(select(t.Suppression)).first() is not None) is stays


def test_a_changed_field_leaves_a_line_and_a_touch(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session, attributes={"size": 5})
        assert lead.id

        def change(field: str, value: object) -> bool:
            assert lead.id
            return leads.change_field(
                session, lead.id, field, value, now=NOW, reason="why", path="p"
            )

        assert change("company", "Acme")
        assert not change("company", "Acme")
        assert change("size", 6)
        assert change("size", None)
        assert lead.attributes == {}
        with pytest.raises(InputRefused, match="did you mean Europe/Berlin"):
            change("timezone", "Europe/Berlln")
        with pytest.raises(InputRefused, match="tells leads apart"):
            change("email", "b@example.test")
        with pytest.raises(InputRefused, match="lifecycle “nobody” is not known"):
            change("lifecycle", "nobody")
        rows = session.execute(select(t.Change)).scalars().all()
        assert [(c.field, c.old, c.new, c.reason, c.path) for c in rows] == [
            ("company", "", "Acme", "why", "p"),
            ("size", "5", "6", "why", "p"),
            ("size", "6", "", "why", "p"),
        ]
        assert len(session.execute(select(t.Touch)).all()) == 3


def test_tags_are_put_on_and_taken_off_and_only_news_is_a_touch(ledger: Ledger) -> None:
    with ledger.begin() as session:
        lead = make_lead(session).id
        assert lead is not None
        said: dict[str, Any] = {"now": NOW, "reason": "by hand"}
        assert leads.change_tags(session, lead, add=("a", "b", "a"), **said)
        assert leads.change_tags(session, lead, add=("c",), remove=("a", "x"), **said)
        assert not leads.change_tags(session, lead, add=("c",), remove=("x",), **said)
        found = session.execute(select(t.LeadTag).order_by(t.LeadTag.tag)).scalars()
        assert [row.tag for row in found] == ["b", "c"]
        assert len(session.execute(select(t.Touch)).all()) == 2
