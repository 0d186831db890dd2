"""Mail of rehearsals: a transport that takes every mail and sends none, and a press that writes no
more of them than it takes to know that they can be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nurture.delivery.carriers.transport import Outgoing, Reply
from nurture.delivery.mails.press import STANDARD, Press, Written
from nurture.language.text.templates import read_variables

LEAD = "lead."
TO = ("first_name", "last_name")
"""What the line To says of a lead beside the address."""
OF_ONE_MAIL = frozenset(
    ("id", "enrolment_id", "occurrence", "recipient", "sender", "subject", "message_id", "content",
     "attributes", *STANDARD)
)  # fmt: skip
"""Columns that are another mail's in every row, or the lead's."""


class AcceptingTransport:
    """Answers for every mail as a mail server that takes it; the rows say what was sent."""

    @contextmanager
    def open(self) -> Iterator[AcceptingTransport]:
        """The one connection there is."""
        yield self

    def send(self, window: Sequence[Outgoing]) -> Iterator[Reply]:
        """Everything is accepted."""
        for mail in window:
            yield Reply(mail.ref, "sent", 250, "accepted in a rehearsal", "dot")


@dataclass
class SparingPress(Press):
    """A press whose mails have no bytes: one is written for all leads that read the same in it.

    What a template does not read of a lead cannot keep its mail from being written.  A mail that
    cannot be written is tried, and refused, for every lead.
    """

    _written: dict[tuple[str, ...], Written] = field(default_factory=dict)
    _read: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict)

    def write(self, row: Mapping[str, Any], *, now: datetime) -> Written:
        """A mail without content, as `Press.write` would have it.  Raises RenderFailed."""
        read = self._fields(row["template"], row["step"])
        if read is None:
            return super().write(row, now=now)
        same = tuple(
            repr(row[name] if name in row else row["attributes"].get(name))
            for name in sorted((read | row.keys()) - (OF_ONE_MAIL - read))
        )
        if same not in self._written:
            self._written[same] = replace(super().write(row, now=now), content=b"")
        return replace(
            self._written[same], id=row["id"], recipient=row["email"], message_id=self.identity(row)
        )

    def _fields(self, name: str, step: str) -> frozenset[str] | None:
        """What a template, with the subjects of a step, reads of a lead; None when that cannot be
        told."""
        if (name, step) not in self._read:
            own = [each.subjects for (_, key), each in self.sends.items() if key == step]
            self._read[name, step] = self._reads(name, [text for each in own for _, text in each])
        return self._read[name, step]

    def _reads(self, name: str, more: Sequence[str]) -> frozenset[str] | None:
        template = self.definitions.templates.get(name)
        parts = ("subject", "preheader", "html", "text") if template else ()
        found = set(TO)
        for source in (*(getattr(template, part) for part in parts), *more):
            variables, fault = read_variables(source)
            for each in variables:
                if fault is not None or each.name == LEAD[:-1]:
                    return None
                if each.name.startswith(LEAD):
                    found.add(each.name.removeprefix(LEAD).partition(".")[0])
        return frozenset(found)
