"""`crm:` of handoff.yaml: which CRM is told of leads, and what things are called there.

    key        ours → theirs                      theirs → ours
    fields     a field of the lead                not read: ours is what counts
    owners     a rep (by name or address)         who owns the handoff
    stages     the state of the handoff
    outcomes                                      what came of it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from nurture.language.files.outcomes import EFFECTS
from nurture.language.files.outside import CallAddress
from nurture.language.grammar.durations import parse_elapsed
from nurture.language.grammar.models import Model, reading
from nurture.language.grammar.vocabulary import LEAD_FIELDS

System = Literal["webhook", "hubspot", "salesforce"]
STATES = ("offered", "accepted", "working", *dict.fromkeys(
    effect.state for effect in EFFECTS.values() if effect.ends
))  # fmt: skip
"""What a handoff can be, as `stages` names it."""
SAID = tuple(name for name in EFFECTS if name != "lapsed")
"""What a CRM can say came of a lead: an outcome sales would say."""
OWN_FIELDS = (*LEAD_FIELDS, "lifecycle", "score", "behaviour", "fit", "grade")
"""What `fields` may name of every lead, beside the workspace's own fields."""
USUAL = ("first_name", "last_name", "company", "job_title", "phone", "country", "lifecycle",
         "score")  # fmt: skip
"""What a webhook is told of a lead that `fields` says nothing about."""
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=1)
EVERY = timedelta(minutes=5)


def parse_pull(text: object) -> timedelta:
    """Read `every 5 minutes`; ValueError says what is wrong."""
    found = re.fullmatch(r"every (.+)", text.strip()) if isinstance(text, str) else None
    every = parse_elapsed(found[1]) if found else timedelta()
    if not SHORTEST <= every <= LONGEST:
        raise ValueError(f'"{text}" does not say how often: write "every 5 minutes", a day at most')
    return every


def _word(value: Any) -> str:
    """A name in another system: a text or a whole number of one line."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", text):
        return text
    raise ValueError("a name in the CRM is expected: a text of one line, 200 letters at most")


Pull = Annotated[
    timedelta, reading("bad-duration", parse_pull), WithJsonSchema({"type": "string"})
]
Word = Annotated[
    str, reading("wrong-value", _word), WithJsonSchema({"type": ["string", "integer"]})
]


class CrmProperties(Model):
    """Fields of the CRM's own records, by their names there: `lead` and `handoff` hold our keys,
    `lookup` leads from the deal to the lead, `due` holds the deadline; `reason` is read as the
    reason of what came of it."""

    lead: Word | None = None
    handoff: Word | None = None
    lookup: Word | None = None
    due: Word | None = None
    reason: Word | None = None


class CrmModel(Model):
    """Which CRM is told of handoffs and lifecycles, and asked what came of them.

    `url`: where calls go (webhook), the instance (salesforce), or another host (hubspot).
    """

    system: System
    url: CallAddress | None = None
    fields: dict[str, Word] = {}
    owners: dict[str, Word] = {}
    stages: dict[str, Word] = {}
    outcomes: dict[Word, str] = {}
    pipeline: Word | None = None
    properties: CrmProperties = CrmProperties()
    pull: Pull = Field(default=EVERY)

    @property
    def told(self) -> Mapping[str, str]:
        """The fields of a lead it is told, ours → theirs."""
        if self.fields or self.system != "webhook":
            return self.fields
        return {name: name for name in USUAL}

    def stage_of(self, state: str) -> str:
        """The CRM's word for a state of a handoff, '' where it has none; a webhook is told ours."""
        return self.stages.get(state, state if self.system == "webhook" else "")

    def outcome_of(self, stage: str) -> str:
        """What a word of the CRM says came of a lead, '' for nothing; a webhook may say ours."""
        own = stage if self.system == "webhook" and stage in SAID else ""
        return self.outcomes.get(stage, own)

    def owners_of(self, people: Mapping[str, str]) -> Mapping[str, str]:
        """The CRM's own name of each rep that has one; `people` are names and addresses.

        A webhook is told the address of those that have none.
        """
        usual = people.items() if self.system == "webhook" else ()
        named = {
            rep: theirs
            for rep, email in people.items()
            for ours, theirs in self.owners.items()
            if ours == rep or ours.casefold() == email.casefold()
        }
        return dict(usual) | named
