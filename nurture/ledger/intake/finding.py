"""Many leads found at once, by address or external id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlmodel import Session

from nurture.ledger import tables as t
from nurture.ledger.address import normal_address
from nurture.ledger.errors import AddressRefused
from nurture.ledger.intake.incoming import EXTERNAL
from nurture.ledger.statements.given import in_given
from nurture.ledger.statements.upsert import table_of

LEAD = table_of(t.Lead).c
_BY_ADDRESS = select(LEAD.email_key, LEAD.id).where(in_given(LEAD.email_key, "known", texts=True))
_BY_ID = select(LEAD.external_id, LEAD.id).where(in_given(LEAD.external_id, "known", texts=True))


def find_leads(session: Session, people: Iterable[str]) -> dict[str, int]:
    """The numbers of those there are, by how they were asked for: two queries, however many."""
    listed = list(dict.fromkeys(people))
    ids = {who: who[len(EXTERNAL) :] for who in listed if who.startswith(EXTERNAL)}
    addresses = {who: key for who in listed if who not in ids and (key := _key(who))}
    by_id = _found(session.execute(_BY_ID, {"known": list(ids.values())}).tuples().all())
    by_address = _found(
        session.execute(_BY_ADDRESS, {"known": list(addresses.values())}).tuples().all()
    )
    return {who: by_id[key] for who, key in ids.items() if key in by_id} | {
        who: by_address[key] for who, key in addresses.items() if key in by_address
    }


def _found(rows: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    return dict(rows)


def _key(address: str) -> str:
    try:
        return normal_address(address).key
    except AddressRefused:
        return ""
