"""What came of a simulation, as tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from app.cli import show
from app.simulation.running import Simulated
from insight.differences import Difference, figures
from insight.outlook import Outlook, Reason
from nurture.language.grammar.durations import say

V = TypeVar("V")
WIDEST = 52
"""Characters of a reason or a name: with its figures a line has room in 80."""


def tell(done: Simulated) -> None:
    """Everything, part by part."""
    found = done.figures
    _head(done)
    _mail(found)
    _funnel(found)
    _sales(found)
    _calls(found)
    _failures(done)


def _cut(figure: str) -> str:
    """A long name by its end, where names differ."""
    return figure if len(figure) <= WIDEST else f"…{figure[1 - WIDEST :]}"


def compare(old: Simulated, new: Simulated, found: Sequence[Difference]) -> None:
    """The figures that differ, old and new side by side."""
    _head(new)
    same = sum(1 for _ in figures(new.figures)) - sum(1 for each in found if each.new)
    show.heading("What differs")
    show.table(
        ("figure", "old", "new", "change"),
        [(_cut(each.what), _number(each.old), _number(each.new), f"{each.change:+,g}")
         for each in found],
        empty=f"Nothing: all {same} figures are the same.",
        right=("old", "new", "change"),
    )  # fmt: skip
    if found:
        show.say(f"The other {max(same, 0)} figures are the same.")
    _failures(old)
    _failures(new)


def _head(done: Simulated) -> None:
    show.say(
        f"{done.cohort}, from {done.begin:%Y-%m-%d %H:%M} to {done.end:%Y-%m-%d %H:%M}\n"
        f"in steps of {say(done.step)}, seed {done.seed}. "
        "What happens within a step is seen at its end."
    )


def _mail(found: Outlook) -> None:
    mail = found.mail
    show.heading("Mail to leads")
    show.facts(
        [
            ("sent", f"{mail.sent:,}, to {mail.leads_written_to:,} of {found.leads:,} leads"),
            ("a lead", f"{mail.per_lead:.2f} on average, {mail.most_per_lead} at most"),
            ("a lead and day", f"{mail.most_per_day} at most"),
            ("at the daily cap", "" if mail.at_cap is None else f"{mail.at_cap:,} leads, some day"),
        ]
    )
    show.say()
    show.table(
        ("week from", "mails", "most a day"),
        [(first, _number(sum(of)), _number(max(of))) for first, of in weeks(mail.days)],
        right=("mails", "most a day"),
    )
    show.say()
    numbers = ("sent", "opened", "clicked", "replied", "unsubscribed")
    show.table(
        ("mail", *numbers),
        [(line.mail[:30], *(_number(getattr(line, name)) for name in numbers))
         for line in mail.by_mail],
        empty="No mail was sent.",
        right=numbers,
    )  # fmt: skip
    _reasons("Mail not sent", mail.not_sent, "All of it was sent.")
    _reasons("Mail put off, how often", mail.put_off, "None was.")


def _reasons(title: str, lines: Sequence[Reason], empty: str) -> None:
    show.heading(title)
    rows = [(line.state, line.reason[:WIDEST], _number(line.count))
            for line in lines]  # fmt: skip
    show.table(("state", "reason", "mails"), rows, empty=empty, right=("mails",))


def _funnel(found: Outlook) -> None:
    show.heading("Funnel")
    rows: list[tuple[str, str, str]] = []
    for line in found.funnel:
        ends = f"goal {line.goal:,}, completed {line.completed:,}, left {line.left:,}"
        ends += f", goal later {line.goal_later:,}" if line.goal_later else ""
        rows.append((line.sequence[:40], _number(line.entered), _number(line.active)))
        rows += [
            (f"  {each.stage[:38]}", _number(each.reached), _number(each.standing))
            for each in line.stages
        ]
        rows.append((f"  ended: {ends}", "", ""))
    show.table(
        ("sequence, stage", "came", "there at the end"), rows, empty="Nobody entered a sequence.",
        right=("came", "there at the end"),
    )  # fmt: skip


def _sales(found: Outlook) -> None:
    show.heading("Handoffs against the room of the reps")
    numbers = ("room", "offered", "most at once", "most in queue", "days full")
    show.table(
        ("team", *numbers),
        [(each.team[:24], each.room, _number(each.opened), each.most_with_reps, each.most_waiting,
          each.days_full) for each in found.teams],
        empty="There are no teams.",
        right=numbers,
    )  # fmt: skip
    for each in found.teams:
        if each.opened:
            states = ", ".join(f"{state} {count:,}" for state, count in each.states.items())
            show.say(f"{each.team}: {states}")
    for each in found.teams:
        if not each.opened:
            continue
        show.say()
        days = ("opened", "most a day", "closed", "with reps", "in queue")
        show.table(
            (f"{each.team[:20]}, week from", *days),
            [(first, sum(day.opened for day in of), max(day.opened for day in of),
              sum(day.closed for day in of), of[-1].with_reps, of[-1].waiting)
             for first, of in weeks(each.days)],
            right=days,
        )  # fmt: skip
    show.heading("SLA clocks")
    columns = ("started", "in time", "late", "lapsed", "running", "stopped")
    show.table(
        ("team", "clock", *columns),
        [(each.team[:16], each.clock.replace("_", " "), each.started, each.in_time,
          each.late, each.lapsed, each.running, each.stopped) for each in found.clocks],
        empty="None was started.",
        right=columns,
    )  # fmt: skip
    if found.ladders:
        told = ", ".join(f"{line.reason} {line.state} {line.count:,}" for line in found.ladders)
        show.say(f"Ladders: {told}")


def _calls(found: Outlook) -> None:
    if not found.calls:
        return
    show.heading("Calls to other systems")
    columns = ("done", "failed", "cancelled", "waiting")
    show.table(
        ("webhook", *columns),
        [(each.webhook[:40], *(_number(getattr(each, name)) for name in columns))
         for each in found.calls],
        right=columns,
    )  # fmt: skip


def _failures(done: Simulated) -> None:
    for failure, count in done.failures.items():
        show.note(f"nurture: {failure} ({count} times)")


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def weeks(days: Mapping[str, V]) -> Iterator[tuple[str, list[V]]]:
    """The days in sevens, each by its first."""
    names = list(days)
    for first in range(0, len(names), 7):
        yield names[first], [days[name] for name in names[first : first + 7]]

