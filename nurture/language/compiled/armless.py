"""What steps without arms become in a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from nurture.language.compiled import program as p
from nurture.language.files.sending import OWNER, FromModel, SendModel
from nurture.language.files.sequence import StepModel
from nurture.language.files.update import UpdateStep
from nurture.language.grammar.until import UntilModel
from nurture.language.grammar.vocabulary import LEAD_FIELDS


def armless(
    step: StepModel, topic_of: Callable[[SendModel], str], places: Mapping[str, Any]
) -> tuple[type[p.Step], str, dict[str, Any]]:
    """The kind, the name in its key, and the arguments of a step without arms.

    `places` are those of steps by their `id`.
    """
    if step.send is not None:
        mail = step.send.email
        return p.Send, f"send:{mail}", {
            "email": mail, "topic": topic_of(step.send), "anytime": step.send.anytime,
            "resend": step.send.resend, "subjects": tuple((step.send.subject or {}).items()),
            "sender": _sender(step.send), "reply_to": step.send.reply_to or "",
        }  # fmt: skip
    if isinstance(step.wait, UntilModel):
        values = {"minute": step.wait.minute, "weekday": step.wait.weekday,
                  "field": step.wait.field, "away": step.wait.offset or timedelta(0),
                  "of_event": step.wait.of is not None}  # fmt: skip
        name = f"{step.wait.until} of event" if step.wait.of else step.wait.until
        return p.WaitUntil, f"wait:{name}", values
    if step.wait is not None:
        return p.Wait, f"wait:{step.wait}", {"span": step.wait}
    if step.update is not None:
        return p.Update, "update", _update(step.update)
    if step.score is not None:
        return p.Score, "score", {
            "points": step.score.points, "reason": step.score.reason,
            "half_life": step.score.half_life,
        }  # fmt: skip
    if step.start is not None:
        return p.Start, f"start:{step.start}", {"sequence": step.start}
    if step.stop is not None:
        return p.Stop, f"stop:{step.stop}", {"sequence": step.stop}
    if step.goto is not None:
        name = step.goto.step
        return p.Goto, f"goto:{name}", {
            "name": name, "target": places[name], "at_most": step.goto.at_most,
        }  # fmt: skip
    if step.webhook is not None:
        call = step.webhook
        return p.Webhook, f"webhook:{call.label}", {
            "name": call.label, "url": call.url, "host": call.host, "retry": call.retry,
            "anytime": call.anytime,
        }  # fmt: skip
    if step.notify is not None:
        told = step.notify
        return p.Notify, f"notify:{told.team}:{told.notice}", {
            "team": told.team, "notice": told.notice, "to": told.to, "anytime": told.anytime,
        }  # fmt: skip
    if step.hand_off is not None:
        team = step.hand_off.team or ""
        return p.HandOff, f"hand_off:{team}", {"team": team, "reason": step.hand_off.reason}
    return p.End, "end", {"reason": step.end or "the sequence ended here"}


def _sender(send: SendModel) -> tuple[str, str] | None:
    if isinstance(send.from_, FromModel):
        return send.from_.name, send.from_.address
    return (OWNER, OWNER) if send.from_ else None


def _update(model: UpdateStep) -> dict[str, Any]:
    fields = tuple((*_field(name), value) for name, value in model.fields.items())
    taken = tuple((*_field(name), value) for name, value in model.from_event.items())
    topics = [(topic, True) for topic in model.subscribe]
    topics += [(topic, False) for topic in model.unsubscribe]
    return {
        "fields": fields, "taken": taken, "add_tags": model.add_tags,
        "remove_tags": model.remove_tags, "lifecycle": model.lifecycle, "topics": tuple(topics),
    }  # fmt: skip


def _field(name: str) -> tuple[str, bool]:
    """A field as it is written: its name, and whether it is an attribute."""
    return name.removeprefix("attr."), name.startswith("attr.") or name not in LEAD_FIELDS
