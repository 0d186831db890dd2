"""Statements over many given rows, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import BigInteger, LargeBinary, Text, insert, select, text, update

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.given import Change, in_given
from nurture.ledger.statements.upsert import table_of
from tests.delivery.mailing import MESSAGE, NOW, fill
from tests.fixtures_ledger import counting

M = MESSAGE.c
LINK = table_of(t.Link)
CONTENT = Change(
    {"data": LargeBinary(), "said": Text(), "ref": BigInteger()},
    lambda given: (
        update(MESSAGE)
        .where(M.id == given["ref"], M.state == text("'due'"))
        .values(content=given["data"], reply=given["said"])
    ),
)


@pytest.mark.parametrize("numbers", [[], [2], [1, 3, 3, 2**40], list(range(1, 5_000))])
def test_numbers_are_one_parameter_however_many(ledger: Ledger, numbers: list[int]) -> None:
    with ledger.begin() as session:
        session.execute(insert(LINK), [{"id": n, "url": f"https://{n}.example.test"}
                                       for n in (1, 2, 3, 4)])  # fmt: skip
        query = select(LINK.c.id).where(in_given(LINK.c.id, "ids")).order_by(LINK.c.id)
        found = list(session.execute(query, {"ids": numbers}).scalars())
    assert found == sorted({1, 2, 3, 4} & set(numbers))


def test_each_row_gets_values_of_its_own_and_the_others_none(ledger: Ledger) -> None:
    fill(ledger, ["ann", "bob", "cleo", "dan"], now=NOW)
    odd = bytes(range(256)) + b"\\x41'\"{},NULL"
    with ledger.begin() as session, counting(ledger) as statements:
        session.execute(update(MESSAGE).where(M.id == 4).values(state="sent"))
        CONTENT.run(
            session, [(odd, "né'{}\\\"", 1), (b"", "", 3), (b"late", "x", 4), (b"", "", 99)]
        )
        CONTENT.run(session, [])
    assert len(statements) == 2
    with ledger.begin() as session:
        rows = session.execute(select(M.id, M.content, M.reply).order_by(M.id)).all()
    assert [tuple(row) for row in rows] == [
        (1, odd, "né'{}\\\""), (2, None, ""), (3, b"", ""), (4, None, "")
    ]  # fmt: skip
