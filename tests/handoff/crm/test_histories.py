"""Random histories on both sides: in the end the CRM holds what the ledger holds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from handoff.crm import claim as claims
from handoff.crm import pulling, pushing
from handoff.crm.cards import deal_key
from handoff.crm.keeping import push_failed
from handoff.crm.port import Card, Pushed
from handoff.crm.pushing import push_out
from handoff.escalation.ladder import climb
from handoff.routing.assignment import assign
from handoff.routing.opening import open_handoffs
from handoff.tables import CRM_MARK, CRM_RECORD, HANDOFF, LEAD, OPEN
from nurture.language.files.outcomes import EFFECTS
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.errors import NurtureError
from nurture.ledger.intake import leads
from nurture.ledger.statements.upsert import insert_new_values
from tests.fixtures_ledger import empty
from tests.handoff.crm.beside import BUSY, DONE, PULLING, REFUSED, Beside, Killed, Told, beside

LEADS = (1, 2, 3)
OWNERS = {"bo": "11", "cy": "12", "di": "13"}
SETTINGS = {**PULLING, "owners": OWNERS}
ANSWERS = ("done", "done", "busy", "refused", "lost", "slow", "die")
VERBS: dict[str, dict[str, Any]] = {
    "accept": {}, "touch": {"how": "called"}, "reject": {"reason": "no budget"},
    "won": {}, "meeting": {}, "bo": {}, "cy": {}, "di": {},
}  # fmt: skip


@dataclass
class Mirror(Told):
    """A CRM that keeps what it takes, also where its answer is lost or late."""

    next: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)

    def push(self, card: Card) -> Future[Pushed]:
        how = self.next.pop(0) if self.next else "done"
        future: Future[Pushed] = Future()
        if how in ("done", "lost", "slow", "die"):
            self._keep(card)
        if how == "slow":
            self.hanging.append(future)
        elif how == "die":
            raise Killed
        elif how != "lost":
            answer = {"busy": BUSY, "refused": REFUSED}.get(how, DONE)
            future.set_result(Pushed(answer, {"contact": card.key} if answer is DONE else {}))
        return future

    def _keep(self, card: Card) -> None:
        self.fields[card.key] = card.fields
        if card.deal is not None:
            self.states[card.deal.key] = card.deal.state
            for kept, said in ((self.owner, card.deal.owner), (self.stage, card.deal.stage)):
                if said:
                    kept[card.deal.key] = said


@dataclass(frozen=True)
class Deed:
    """Something that happens, some minutes after what happened before."""

    kind: str
    what: str = ""
    lead: int = 1
    after: int = 1


some, soon = st.sampled_from(LEADS), st.integers(0, 20)
deeds = st.one_of(
    st.builds(Deed, st.just("sales"), st.sampled_from(sorted(VERBS)), some, soon),
    st.builds(Deed, st.just("sales"), st.sampled_from(sorted(VERBS)), some, soon),
    st.builds(Deed, st.just("cross"), lead=some, after=soon),
    st.builds(Deed, st.just("climb"), after=st.integers(60, 400)),
    st.builds(Deed, st.just("lifecycle"), st.sampled_from(["sql", "lead"]), some, soon),
    st.builds(Deed, st.just("push"), st.sampled_from(ANSWERS), after=soon),
    st.builds(Deed, st.just("push"), st.sampled_from(ANSWERS), after=soon),
    st.builds(Deed, st.just("answer"), after=soon),
    st.builds(Deed, st.just("owner there"), st.sampled_from([*OWNERS.values()]), some, soon),
    st.builds(
        Deed, st.just("stage there"), st.sampled_from(["open", "meeting_set", "closedwon", "no"]),
        some, soon,
    ),
    st.builds(Deed, st.just("say"), lead=some, after=soon),
)  # fmt: skip
histories = st.lists(deeds, min_size=10, max_size=40)


class History:
    """Plays deeds on both sides."""

    def __init__(self, ledger: Ledger) -> None:
        self.here: Beside = beside(ledger, SETTINGS)
        self.crm = self.here.crm = Mirror()
        self.said = self.crossed = 0
        self.here.offer(len(LEADS))

    def do(self, deed: Deed) -> None:
        self.here.now += timedelta(minutes=deed.after)
        with suppress(NurtureError, Killed):
            getattr(self, f"_{deed.kind.replace(' ', '_')}")(deed)

    def newest(self, lead: int) -> Any:
        with self.here.ledger.begin() as session:
            mine = select(HANDOFF).where(HANDOFF.c.lead_id == lead)
            return session.execute(mine.order_by(HANDOFF.c.id.desc()).limit(1)).one()

    def _sales(self, deed: Deed) -> None:
        number, verb = self.newest(deed.lead).id, deed.what
        if verb in ("won", "meeting"):
            self.here.sales("outcome", number, result=verb)
        elif verb in OWNERS:
            self.here.sales("give", number, to=verb)
        else:
            self.here.sales(verb, number, **VERBS[verb])

    def _cross(self, deed: Deed) -> None:
        self.crossed += 1
        row = {"lead_id": deed.lead, "cause": f"again:{self.crossed}", "opened_at": self.here.now}
        with self.here.ledger.begin() as session:
            insert_new_values(session, t.Episode, [row | {"reason": "again"}])
            open_handoffs(session, self.here.known, now=self.here.now)
            assign(session, self.here.known, now=self.here.now)

    def _climb(self, _: Deed) -> None:
        with self.here.ledger.begin() as session:
            climb(session, self.here.known, now=self.here.now)

    def _lifecycle(self, deed: Deed) -> None:
        with self.here.ledger.begin() as session:
            leads.change_field(
                session, deed.lead, "lifecycle", deed.what, now=self.here.now, reason="by hand"
            )

    def _push(self, deed: Deed) -> None:
        self.crm.next = [deed.what]
        push_out(self.here.syncing())

    def _answer(self, _: Deed) -> None:
        for future in self.crm.hanging:
            future.set_result(Pushed(DONE))
        self.crm.hanging.clear()

    def _owner_there(self, deed: Deed) -> None:
        key = deal_key(self.newest(deed.lead).id)
        if key in self.crm.states:
            self.crm.owner[key] = deed.what

    def _stage_there(self, deed: Deed) -> None:
        row = self.newest(deed.lead)
        if deal_key(row.id) in self.crm.states and row.state in OPEN:
            self.crm.stage[deal_key(row.id)] = deed.what

    def _say(self, deed: Deed) -> None:
        """The CRM says what it has of the lead's newest handoff."""
        number = self.newest(deed.lead).id
        key, self.said = deal_key(number), self.said + 1
        owner, stage = (kept.get(key, "") for kept in (self.crm.owner, self.crm.stage))
        self.here.says(f"said {self.said}", number, owner=owner, stage=stage)

    def settle(self) -> None:
        """Everything is answered, said and pushed, what was refused again, until nothing moves."""
        self.crm.next = []
        for _ in range(4):
            self.do(Deed("answer", after=0))
            for lead in LEADS:
                self.do(Deed("say", lead=lead))
            with self.here.ledger.begin() as session:
                push_failed(session, now=self.here.now)
            self.here.push(claims.LEASE + timedelta(hours=7))

    def check(self) -> None:
        with self.here.ledger.begin() as session:
            assert session.execute(select(CRM_MARK)).all() == []
            states = set(session.execute(select(CRM_RECORD.c.state)).scalars())
            assert states == {"told"}
            rows = session.execute(select(HANDOFF)).all()
            lifecycles = dict(map(tuple, session.execute(select(LEAD.c.id, LEAD.c.lifecycle))))
        for lead, lifecycle in lifecycles.items():
            assert self.crm.fields[f"nurture-lead-{lead}"]["stage_of_life"] == lifecycle
        for row in rows:
            key = deal_key(row.id)
            if key not in self.crm.states:  # over before the CRM was told of the lead at all
                assert row.state not in OPEN
                continue
            assert self.crm.states[key] == row.state
            if row.state not in OPEN or not row.rep:  # what nobody has cannot be answered
                continue
            assert OWNERS[row.rep] == self.crm.owner[key]
            model = self.here.known.handoff.crm  # type: ignore[union-attr]
            assert model is not None
            stage = self.crm.stage[key]
            means = EFFECTS.get(model.outcome_of(stage))
            same = model.stage_of(row.state) == stage
            moved_back = (stage, row.state) == ("open", "working")
            meant = means is not None and means.state == row.state
            assert same or meant or moved_back, (stage, row.state)


@contextmanager
def played(ledger: Ledger) -> Iterator[History]:
    try:
        yield History(ledger)
    finally:
        empty(ledger)


@settings(
    max_examples=6,
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(histories)
def test_in_the_end_both_sides_hold_the_same(ledger: Ledger, story: list[Deed]) -> None:
    with pytest.MonkeyPatch.context() as patch, played(ledger) as history:
        for passes in (pushing, pulling):
            patch.setattr(passes, "PATIENCE", 0.0)
        for deed in story:
            history.do(deed)
        history.settle()
        history.check()
