"""How much mail a lead gets at most: the caps of a workspace and its topics, as one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from nurture.language.files.workspace import Caps, Workspace
from nurture.language.grammar.durations import say

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cap:
    """No more than `most` nurture mails to a lead in a `length` of time: so many of its own local
    `days`, today the last, or (0) so much elapsed time.  `topic`: mails about that alone count."""

    most: int
    length: timedelta
    days: int
    topic: str

    @property
    def said(self) -> str:
        """What it is, in a few words."""
        about = f" about {self.topic}" if self.topic else ""
        if not self.days:
            return f"{say(self.length)} between mails{about}"
        return f"{self.most} a {'day' if self.days == 1 else 'week'}{about}"

    @property
    def reason(self) -> str:
        """Why a mail does not go now, and what happens next."""
        about = f" about {self.topic}" if self.topic else ""
        if not self.days:
            return f"less than {say(self.length)} after the mail{about} before it: goes then"
        if self.days == 1:
            return f"the daily cap of {self.most}{about} is reached: goes the next day"
        return (
            f"the weekly cap of {self.most}{about} is reached:"
            " goes when the first of them is seven days past"
        )


def caps_of(workspace: Workspace) -> list[Cap]:
    """Every cap that is set, the longest and of those the narrowest first: who has to wait is told
    the whole of it at once."""
    found = [*_caps(workspace.caps, "")]
    for name, topic in workspace.topics.items():
        found += _caps(topic.caps, name)
    return sorted(found, key=lambda cap: (cap.length, cap.topic), reverse=True)


def _caps(caps: Caps, topic: str) -> Iterator[Cap]:
    for most, days in ((caps.per_day, 1), (caps.per_week, 7)):
        if most is not None:
            yield Cap(most, days * DAY, days, topic)
    if caps.minimum_gap is not None:
        yield Cap(1, caps.minimum_gap, 0, topic)
