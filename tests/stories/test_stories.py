"""Stories that no sequence's `tests:` can tell: outages, clocks that jump, edits on the way, words
taken back; as tables of what happens to one lead, and what it must have come to, with its reasons.

A story's instants are wall time in its lead's zone.  Up to each entry whatever is due runs on time;
`outage: true` lets the time before it pass without a tick.  An entry does its deeds, ticks
(unless `outage`), and then compares what it `expect`s:

    sent       every mail of the lead so far: [which, when]
    mails      every mail planned: [which, state, reason]
    why        decisions that must be among the lead's, "kind: reason"
    states     the last enrolment's state by sequence
    keys       the keys of the enrolments in `flow`, sorted
    stands     the next due instant by sequence
    handoffs   every handoff: [team, rep, state]
    lifecycle, score (rounded), tags
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ruamel.yaml import YAML
from sqlalchemy import select

from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger
from nurture.ledger.statements.upsert import insert_new_values, table_of
from tests.sequences.play import Play, at

HERE = Path(__file__).parent
H, TAG = (table_of(model).c for model in (t.Handoff, t.LeadTag))


def _stories() -> Iterator[Any]:
    for file in sorted(HERE.glob("*.yaml")):
        for story in YAML(typ="safe").load(file):
            yield pytest.param(story, id=f"{file.stem}: {story['name']}")


class Teller:
    """Plays a story's entries and says what they came to."""

    def __init__(self, story: dict[str, Any], play: Play) -> None:
        self.play = play
        self.zone = ZoneInfo(story.get("lead", {}).get("zone", "Europe/Berlin"))
        self.told: dict[str, str] = {}
        play.now = self.at(story["begins"])
        play.apply(*story.get("sequences", ()), **story.get("files", {}))
        play.lead(**story.get("lead", {}))

    def at(self, text: str) -> datetime:
        return at(text, self.zone)

    def say(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone):%m-%d %H:%M}"

    def play_entry(self, entry: dict[str, Any]) -> None:
        when = self.at(entry["at"])
        outage = entry.get("outage", False)
        if not outage and when > self.play.now:
            self.play.until(when)
        self.play.now = when
        for deed in entry.get("do", ()):
            ((verb, given),) = deed.items()
            getattr(self, f"_{verb}")(given)
        outcome = self.play.tick()
        assert outcome.next_due is None or outcome.next_due > when, "due for ever"
        for what, wanted in entry.get("expect", {}).items():
            assert getattr(self, what)(wanted) == wanted, f"{what} at {entry['at']}"

    # -- deeds

    def _event(self, given: dict[str, Any]) -> None:
        for number in range(given.get("times", 1)):
            when = self.at(given["on"]) if "on" in given else None
            said = given.get("with", {})
            key = self.play.event("ann", given["kind"], when, **said)
            self.told[f"{given['kind']}{number}"] = key

    def _withdraw(self, given: str) -> None:
        self.play.withdraw(self.told[given])

    def _opt_out(self, given: str | None) -> None:
        self.play.opt_out("ann", given)

    def _change(self, given: dict[str, str]) -> None:
        for field, value in given.items():
            self.play.change("ann", field, value)

    def _sales(self, given: dict[str, Any]) -> None:
        said = dict(given)
        self.play.sales("ann", said.pop("says"), **said)

    def _apply(self, given: str) -> None:
        self.play.apply(given)

    def _pause(self, given: str) -> None:
        row = {"sequence": given, "since": self.play.now, "reason": "by hand"}
        self.play.do(lambda s: insert_new_values(s, t.Pause, [row]))

    def _resume(self, given: str) -> None:
        self.play.do(lambda s: s.execute(table_of(t.Pause).delete()))
        self.play.change("ann", "company", "looked at again")

    # -- what it came to

    def sent(self, wanted: Any) -> Any:
        return [list(mail) for mail in self.play.sent("ann")]

    def mails(self, wanted: Any) -> Any:
        return [list(mail) for mail in self.play.mails("ann")]

    def why(self, wanted: list[str]) -> Any:
        found = self.play.decisions("ann")
        return [reason for reason in wanted if reason in found] or found

    def states(self, wanted: dict[str, str]) -> Any:
        return {name: self.play.state("ann", name) for name in wanted}

    def keys(self, wanted: Any) -> Any:
        return sorted(each.key for each in self.play.enrolments("ann"))

    def stands(self, wanted: dict[str, str]) -> Any:
        due = {name: self.play.enrolments("ann", name)[-1].due_at for name in wanted}
        return {name: self.say(when) if when else None for name, when in due.items()}

    def handoffs(self, wanted: Any) -> Any:
        return [list(row) for row in self.play.rows(select(H.team, H.rep, H.state).order_by(H.id))]

    def lifecycle(self, wanted: Any) -> Any:
        return self.play.lead_row("ann").lifecycle

    def score(self, wanted: Any) -> Any:
        lead = self.play.lead_row("ann")
        return round(lead.behaviour + lead.fit)

    def tags(self, wanted: Any) -> Any:
        return sorted(tag for (tag,) in self.play.rows(select(TAG.tag)))


@pytest.mark.parametrize("story", list(_stories()))
def test_the_story_comes_out_as_told(story: dict[str, Any], ledger: Ledger, tmp_path: Path) -> None:
    teller = Teller(story, Play(ledger, tmp_path / "workspace"))
    for entry in story["story"]:
        teller.play_entry(entry)
