"""What a step, or a story, writes to a lead."""

from __future__ import annotations

from nurture.language.files.scoring import Lifecycle
from nurture.language.grammar.models import Model, Names, Plain


class UpdateModel(Model):
    """What to write."""

    fields: dict[str, Plain] = {}
    add_tags: Names = ()
    remove_tags: Names = ()
    lifecycle: Lifecycle | None = None
    subscribe: Names = ()
    unsubscribe: Names = ()


class UpdateStep(UpdateModel):
    """What a step writes: also, by field, the property of the event that let the lead in."""

    from_event: dict[str, str] = {}
