"""What the box of a step says in a picture: its kind, a headline, and a smaller line below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Literal

from nurture.language.compiled import program as p
from nurture.language.files.sending import OWNER
from nurture.language.grammar.durations import say
from nurture.language.grammar.words import describe, until

Kind = Literal[
    "enter", "gate", "send", "wait", "wait_for", "branch", "split", "update", "score", "start",
    "stop", "goto", "webhook", "notify", "hand_off", "end", "goal", "exit",
]  # fmt: skip


def said_of(step: p.Step, usual: str) -> tuple[Kind, str, str]:
    """Kind, headline and detail; the topic of a mail is named unless it is the `usual` one."""
    kind, said = _WORDS[type(step)]
    text, detail = said(step)
    if isinstance(step, p.Send):
        notes = [f"about {step.topic}"] if step.topic != usual else []
        notes += ["at any time of day"] if step.anytime else []
        notes += ["anew each time"] if step.resend else []
        detail = ", ".join([*notes, *_words_of(step)])
    return kind, text, detail


def _words_of(step: p.Send) -> Iterator[str]:
    """What a send says of its own."""
    for variant, subject in step.subjects:
        yield f"subject {variant}: {subject}" if variant else f"subject: {subject}"
    if step.sender:
        yield "from the owner" if step.sender[0] == OWNER else "from {} <{}>".format(*step.sender)
    if step.reply_to:
        yield f"answers to {'the owner' if step.reply_to == OWNER else step.reply_to}"


def _update(step: p.Update) -> tuple[str, str]:
    said = [f"{name}: {_shown(value)}" for name, _, value in step.fields]
    said += [f"{name}: {source} of the event" for name, _, source in step.taken]
    said += [f"add tag {tag}" for tag in step.add_tags]
    said += [f"remove tag {tag}" for tag in step.remove_tags]
    said += [f"lifecycle {step.lifecycle}"] if step.lifecycle else []
    said += [f"{'' if yes else 'un'}subscribe {topic}" for topic, yes in step.topics]
    return "Update the lead", ", ".join(said)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _webhook(step: p.Webhook) -> tuple[str, str]:
    tries = f"at most {step.retry + 1} tries" if step.retry else "one try"
    notes = [step.host] if step.host != step.name else []
    notes += [tries, *(["at any time of day"] if step.anytime else [])]
    return f"Call {step.name}", ", ".join(notes)


def _notify(step: p.Notify) -> tuple[str, str]:
    who = {"manager": f"the manager of {step.team}", "reps": f"the reps of {step.team}",
           "owner": f"the lead's rep, else the manager of {step.team}"}[step.to]  # fmt: skip
    notes = [f"notice {step.notice}", *(["at any time of day"] if step.anytime else [])]
    return f"Tell {who}", ", ".join(notes)


def _score(step: p.Score) -> tuple[str, str]:
    fades = f"halves every {say(step.half_life)}" if isinstance(step.half_life, timedelta) else ""
    return f"Score {step.points:+g}", ", ".join(part for part in (step.reason, fades) if part)


def _split(step: p.Split) -> tuple[str, str]:
    shares = [f"{name} {share:.4g} %" for name, share, _ in step.arms]
    shares += [f"held out {step.hold_out:.4g} %"] if step.hold_out else []
    if step.winner is not None:
        rate = step.winner.by.replace("_", " ")
        shares.append(f"the winner by {rate} after {step.winner.after} sends each")
    return f"Split {step.name} by chance", ", ".join(shares)


def _wait_until(step: p.WaitUntil) -> tuple[str, str]:
    return f"Wait until {until(step.minute, step.weekday, step.source, step.away)}", ""


def _wait_for(step: p.WaitFor) -> tuple[str, str]:
    if len(step.ways) > 1:
        events = " or ".join(describe(event) for event, _ in step.ways)
        return "Wait for the first", f"{events}, within {step.within}"
    return f"Wait for {describe(step.ways[0][0])}", ""


_WORDS: dict[type[p.Step], tuple[Kind, Callable[[Any], tuple[str, str]]]] = {
    p.Gate: ("gate", lambda s: (f"Gate: {describe(s.when)}", "")),
    p.Send: ("send", lambda s: (f"Send {s.email}", "")),
    p.Wait: ("wait", lambda s: (f"Wait {s.span}", "")),
    p.WaitUntil: ("wait", _wait_until),
    p.WaitFor: ("wait_for", _wait_for),
    p.Branch: ("branch", lambda _: ("Branch", "the first that holds")),
    p.Split: ("split", _split),
    p.Update: ("update", _update),
    p.Score: ("score", _score),
    p.Start: ("start", lambda s: (f"Go on in {s.sequence}", "this sequence ends here")),
    p.Stop: ("stop", lambda s: (f"Stop {s.sequence}", "this sequence goes on")),
    p.Goto: ("goto", lambda s: (f"Go to {s.name}", f"at most {s.at_most} times")),
    p.Webhook: ("webhook", _webhook),
    p.Notify: ("notify", _notify),
    p.HandOff: ("hand_off", lambda s: (f"Hand off to {s.team or 'sales'}", s.reason)),
    p.End: ("end", lambda s: (f"End: {s.reason}", "")),
}  # fmt: skip
