"""Cards: what the CRM is to hold of each lead of the working set, as the ledger says it now.

A lead is told with one handoff: the one told last until its end was told, then the next one.  So a
CRM hears the end of each, however fast they follow each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlmodel import Session

from handoff.crm import echoes
from handoff.crm.echoes import Sent
from handoff.crm.port import Card, Deal, Value
from handoff.tables import CLOCK, CRM_RECORD, HANDOFF, LEAD, OPEN, RUNNING
from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.once import once
from nurture.language.files.crm import CrmModel
from nurture.language.grammar.vocabulary import LEAD_FIELDS
from nurture.ledger.statements.asking import NOW
from nurture.ledger.statements.batches import batch
from nurture.ledger.types import Instant
from nurture.ledger.worth import Which, score_of

R, H = CRM_RECORD.c, HANDOFF.c
LEAD_KEY, DEAL_KEY = "nurture-lead-", "nurture-handoff-"
POINTS: tuple[Which, ...] = ("score", "behaviour", "fit")
OWN = (
    "id", "lead_id", "handoff_id", "generation", "attempts", "told", "digest", "refs",
    "known_rep", "known_state", "sent",
)  # fmt: skip
OF_HANDOFF = ("rep", "team", "state", "reason", "opened_at", "closed_at", "amount")


@dataclass(frozen=True)
class Taken:
    """A record as its sender took it, and the card to push; `digest` is of all the card could say.

    `rep` and `state` are what owner and stage of the card stand for; `news`: it was not told so;
    `moved`: it is about another handoff than the last one.  `sent` is what it was told of that
    handoff without an answer, with this card.
    """

    id: int
    generation: int
    attempts: int
    lead_id: int
    handoff_id: int | None
    card: Card
    digest: str
    news: bool
    moved: bool
    rep: str = ""
    state: str = ""
    sent: Sent = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """The card tells the end of its handoff."""
        return self.handoff_id is not None and self.state not in OPEN


def deal_key(handoff: int) -> str:
    """A handoff's external id."""
    return f"{DEAL_KEY}{handoff}"


def handoff_of(key: str) -> int | None:
    """The handoff with this external id, None for a key that is none of ours."""
    number = key.removeprefix(DEAL_KEY)
    fits = key.startswith(DEAL_KEY) and number.isascii() and number.isdigit() and len(number) < 19
    return int(number) if fits else None


def cards(
    session: Session, definitions: Definitions, model: CrmModel, *, now: datetime
) -> list[Taken]:
    """The cards of the records in the working set, the longest due first."""
    named = owners(definitions, model)
    rows = session.execute(_rows(definitions, tuple(model.told)), {"now": now}).mappings()
    return [_taken(definitions, model, named, row) for row in rows]


def owners(definitions: Definitions, model: CrmModel) -> Mapping[str, str]:
    """The reps who have a name in the CRM, and that name."""
    assert definitions.handoff is not None
    teams = definitions.handoff.teams.values()
    return model.owners_of({rep.rep: rep.email for team in teams for rep in team.reps})


@once
def _rows(_: Definitions, told: tuple[str, ...]) -> Select[Any]:
    wanted = [name for name in told if name in LEAD_FIELDS and name != "email"]
    points = [
        score_of(LEAD.c.id, now=NOW, which=which).label(f"points_{which}")
        for which in POINTS
        if which in told or (which == "fit" and "grade" in told)
    ]
    due = select(func.min(CLOCK.c.due_at, type_=Instant())).where(
        CLOCK.c.handoff_id == H.id, CLOCK.c.generation == H.generation, RUNNING
    )
    return (
        select(
            *(R[name].label(f"own_{name}") for name in OWN),
            *(LEAD.c[name].label(f"lead_{name}") for name in wanted),
            LEAD.c.email.label("lead_email"), LEAD.c.lifecycle.label("lead_lifecycle"),
            LEAD.c.first_name.label("title_first"), LEAD.c.last_name.label("title_last"),
            LEAD.c.company.label("title_company"), LEAD.c.attributes.label("attributes"),
            *points, H.id.label("handoff"), *(H[name].label(f"deal_{name}") for name in OF_HANDOFF),
            due.correlate(HANDOFF).scalar_subquery().label("deal_due_at"),
        )
        .select_from(batch)
        .join(CRM_RECORD, R.id == batch.c.id)
        .join(LEAD, LEAD.c.id == R.lead_id)
        .outerjoin(HANDOFF, H.id == _handoff())
        .order_by(R.due_at, R.id)
    )  # fmt: skip


def _handoff() -> ColumnElement[int]:
    """The handoff a record is told of next; leans on `handoff_past`."""
    other = HANDOFF.alias("any")
    mine = other.c.lead_id == R.lead_id
    newest = select(func.max(other.c.id)).where(mine)
    following = select(func.min(other.c.id)).where(
        mine, other.c.id >= R.handoff_id + case((R.ended, 1), else_=0)
    )
    first, then = (each.correlate(CRM_RECORD).scalar_subquery() for each in (newest, following))
    return case((R.handoff_id.is_(None), first), else_=func.coalesce(then, R.handoff_id))


def more_to_tell() -> ColumnElement[bool]:
    """A record's lead has a handoff behind the one whose end was told."""
    other = HANDOFF.alias("later")
    later = select(other.c.id).where(other.c.lead_id == R.lead_id, other.c.id > R.handoff_id)
    return R.ended & later.correlate(CRM_RECORD).exists()


def _taken(
    definitions: Definitions, model: CrmModel, named: Mapping[str, str], row: Any
) -> Taken:
    number, handoff = row["own_lead_id"], row["handoff"]
    fields = {theirs: _value(definitions, row, ours) for ours, theirs in model.told.items()}
    whole = None if handoff is None else _deal(definitions, model, named, row)
    email = row["lead_email"] or ""
    digest = _digest([email, fields, None if whole is None else vars(whole)])
    same = handoff == row["own_handoff_id"]
    sent: Sent = row["own_sent"] if same else {}
    said = None if whole is None else _without_known(row, whole, sent)
    open_one = said is not None and said.state in OPEN
    told = ["", ""] if said is None else [said.owner, said.stage]
    return Taken(
        id=row["own_id"],
        generation=row["own_generation"],
        attempts=row["own_attempts"],
        lead_id=number,
        handoff_id=handoff,
        card=Card(
            key=f"{LEAD_KEY}{number}",
            identity=f"crm_{_digest([number, row['own_told'], digest, *told])}",
            email=email,
            fields=fields,
            owner=said.owner if said is not None and open_one else "",
            deal=said,
            refs=_refs(row["own_refs"], same=same),
        ),
        digest=digest,
        news=digest != row["own_digest"] or (whole is not None and echoes.doubtful(sent, whole)),
        moved=not same,
        rep=row["deal_rep"] or "",
        state=row["deal_state"] or "",
        sent={} if said is None else echoes.told_too(sent, said),
    )


def _refs(kept: Mapping[str, Any], *, same: bool) -> dict[str, str]:
    """What the CRM called its records; another handoff has none of its own yet."""
    return {kind: str(each) for kind, each in kept.items() if same or kind != "deal"}


def _without_known(row: Any, deal: Deal, sent: Sent) -> Deal:
    """The deal without the owner and the stage the CRM has: they are its own to change.  What it
    may have of an earlier push is said over."""
    if row["handoff"] != row["own_handoff_id"]:
        return deal
    has_owner = row["deal_rep"] == row["own_known_rep"]
    has_stage = row["deal_state"] == row["own_known_state"]
    owner = "" if has_owner and not echoes.doubtful(sent, deal, "owner") else deal.owner
    stage = "" if has_stage and not echoes.doubtful(sent, deal, "stage") else deal.stage
    return replace(deal, owner=owner, stage=stage)


def _deal(
    definitions: Definitions, model: CrmModel, named: Mapping[str, str], row: Any
) -> Deal:
    name = " ".join(filter(None, (row["title_first"], row["title_last"])))
    who = [name, row["title_company"]] if name or row["title_company"] else [row["lead_email"]]
    title = ", ".join(filter(None, who)) or f"lead {row['own_lead_id']}"
    return Deal(
        key=deal_key(row["handoff"]),
        title=f"{title} ({row['deal_team']})",
        state=row["deal_state"],
        stage=model.stage_of(row["deal_state"]),
        owner=named.get(row["deal_rep"], ""),
        reason=row["deal_reason"],
        opened_at=row["deal_opened_at"],
        link=f"{definitions.workspace.base_url}/inbox/{row['handoff']}",
        due_at=row["deal_due_at"],
        closed_at=row["deal_closed_at"],
        amount=row["deal_amount"],
    )


def _value(definitions: Definitions, row: Any, ours: str) -> Value:
    if ours in POINTS:
        return round(float(row[f"points_{ours}"]))
    if ours == "grade":
        return definitions.scoring.grade_of(float(row["points_fit"]))
    found: Value
    if ours in LEAD_FIELDS or ours == "lifecycle":
        found = row[f"lead_{ours}"]
    else:
        found = row["attributes"].get(ours)
    return None if found == "" else found


def _digest(values: Sequence[Any]) -> str:
    said = json.dumps(values, ensure_ascii=True, sort_keys=True, default=str)
    return sha256(said.encode()).hexdigest()[:32]
