"""Conditions over dates: the lead's own days decide, and time alone opens and closes them."""

from __future__ import annotations

from tests.sequences.play import Play, at
from tests.sequences.texts import WORKSPACE, sequence

DATED = WORKSPACE.replace("score_hint: number}", "score_hint: number, renewal_on: date}")
HEAD = """
enter: {segment: {renewal_on: {within: 30 days}}}
exit: [{when: {renewal_on: {before: today}}, reason: the day is over}]
"""


def test_a_segment_opens_and_an_exit_closes_at_midnight_of_the_lead(play: Play) -> None:
    play.apply(sequence("- wait: 90 days", head=HEAD), nurture=DATED)
    play.lead("ann", attributes={"renewal_on": "2026-04-03"})
    play.lead("tom", zone="Asia/Tokyo", attributes={"renewal_on": "2026-04-03"})
    play.lead("eve", attributes={"renewal_on": "2026-03-01"})
    play.lead("kim", attributes={})
    play.until("03-03 18:00")
    entered = {name: [e.entered_at for e in play.enrolments(name)] for name in ("ann", "tom")}
    assert entered == {"ann": [], "tom": [at("03-03 16:00")]}, "the fourth begins in Tokyo"
    play.until("03-10 00:00")
    assert [e.entered_at for e in play.enrolments("ann")] == [at("03-04 00:00")]
    assert play.enrolments("eve") == play.enrolments("kim") == []
    play.until("04-05 12:00", step=play.now - at("03-05 00:00"))
    ended = {name: play.enrolments(name)[0].ended_at for name in ("ann", "tom")}
    assert ended == {"ann": at("04-04 00:00"), "tom": at("04-03 17:00")}
    first, *_, last = play.decisions("ann")
    assert first == "entered: entered: renewal_on is within the next 30 days"
    assert last.endswith(": the day is over")
