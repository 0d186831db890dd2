"""What the CRM says of a handoff, done here: it owns who has the lead and what came of it.

Each change counts once, by its identity.  What it was told, or said before, is no news when it says
it: what was told comes back, and nothing happens.  What cannot be done is a line in the timeline of
the lead, never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import exists, select, update
from sqlmodel import Session

from handoff import lifecycle, standing, wording
from handoff.answering import answers, outcomes
from handoff.answering.deciding import Answer
from handoff.crm import echoes
from handoff.crm.cards import handoff_of, owners
from handoff.crm.keeping import model_of
from handoff.crm.port import Change
from handoff.standing import Standing
from handoff.tables import CRM_CHANGE, CRM_RECORD, HANDOFF, LEAD, OPEN
from nurture.language.compiled.definitions import Definitions
from nurture.language.files.crm import CrmModel
from nurture.language.files.outcomes import EFFECTS
from nurture.ledger import tables as t
from nurture.ledger.errors import Conflict, InputRefused
from nurture.ledger.statements.batches import fill, filling
from nurture.ledger.statements.upsert import insert_new_values, table_of

BY = "the CRM"
LONGEST, LONGEST_NAME = 200, 300
"""Letters of an identity, and of an owner or a stage, that are kept."""
AHEAD = ("mql", "sal", "sql", "opportunity", "customer")
"""Lifecycles in the order outcomes move a lead with sales."""
R, H = CRM_RECORD.c, HANDOFF.c
SUPPRESSION = table_of(t.Suppression).c


@dataclass
class Heard:
    """A change of one handoff, as it is listened to: `said` tells what came of it, `unknown` is a
    name in it that nobody here has."""

    session: Session
    definitions: Definitions
    model: CrmModel
    handoff: int
    change: Change
    now: datetime
    said: list[str] = field(default_factory=list)
    unknown: str = ""

    @property
    def found(self) -> Standing:
        """The handoff as it is now."""
        return standing.of(self.session, self.handoff)

    def line(self, said: str) -> None:
        """A line in the lead's timeline about what changed nothing."""
        own = select(H.id, H.lead_id).where(H.id == self.handoff)
        fill(self.session, filling(own))
        state = self.found.state
        lifecycle.note(self.session, now=self.now, old=state, new=state, reason=said)
        self.said.append(said)

    def obey(self, says: str, verb: Callable[[], Answer]) -> None:
        """Answer as it says; what is refused is undone whole, and told in the timeline."""
        try:
            with self.session.begin_nested():
                self.said.append(f"{says}: {verb().text}")
        except (Conflict, InputRefused) as error:
            self.line(f"{BY} says {says}. {error}")


def hear(
    session: Session, definitions: Definitions, change: Change, *, now: datetime
) -> str:
    """Do what a change says, once; returns what came of it."""
    change = storable(change)
    row = {"identity": change.identity, "at": now}
    if not insert_new_values(session, t.CrmChange, [row]):
        return "said before"
    model, handoff = model_of(definitions), handoff_of(change.deal)
    if model is None or handoff is None or not _known(session, handoff):
        handoff, unknown = None, _short(change.deal)
        said = f"no handoff of ours: {unknown}"
    else:
        heard = Heard(session, definitions, model, handoff, change, now)
        _listen(heard)
        said, unknown = "; ".join(heard.said) or "nothing new", heard.unknown
    mine = CRM_CHANGE.c.identity == change.identity
    values = {"handoff_id": handoff, "said": said, "unknown": unknown}
    session.execute(update(CRM_CHANGE).where(mine).values(**values))
    return said


def storable(change: Change) -> Change:
    """The change without what no ledger can keep; an identity of any form is one."""
    known = change.identity
    if len(known) > LONGEST or not known.isprintable():
        known = sha256(known.encode(errors="replace")).hexdigest()
    owner, stage = (_plain(each) for each in (change.owner, change.stage))
    return replace(change, identity=known, owner=owner, stage=stage)


def _plain(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace").decode()[:LONGEST_NAME]


def _known(session: Session, handoff: int) -> bool:
    """The handoff is there, and its lead is not erased."""
    erased = exists().where(
        SUPPRESSION.email_key == LEAD.c.email_key, SUPPRESSION.kind == "erased"
    )
    found = select(H.id).join(LEAD, LEAD.c.id == H.lead_id).where(H.id == handoff, ~erased)
    return session.execute(found).first() is not None


def _listen(heard: Heard) -> None:
    """Do what is news of a change, and remember what the CRM has now."""
    session, change = heard.session, heard.change
    lead, amount = session.execute(
        select(H.lead_id, H.amount).where(H.id == heard.handoff)
    ).one()
    record = _record(session, lead, heard.handoff)
    at = min(change.at, heard.now)
    if record is not None and record.heard_at is not None and at < record.heard_at:
        heard.said.append("older than what was said before")
        return
    there: dict[str, Any] = {"heard_at": at}
    if change.owner and not _has(record, "owner", change.owner):
        _owner(heard)
        there |= {"crm_owner": change.owner, "known_rep": heard.found.rep}
        there |= _over(record, "owner", there)
    fresh = not _has(record, "stage", change.stage)
    other = change.amount is not None and change.amount != amount
    if change.stage and (fresh or other) and _stage(heard) and fresh:
        there |= {"crm_stage": change.stage, "known_state": _stands_for(heard, record)}
        there |= _over(record, "stage", there)
    if other and not change.stage:
        heard.said.append("an amount counts with a stage: none was said")
    if record is not None:
        there["handoff_id"] = heard.handoff
        session.execute(update(CRM_RECORD).where(R.id == record.id).values(**there))


def _record(session: Session, lead: int, handoff: int) -> Any:
    """What is known of what the CRM has of this handoff, ours until the transaction ends; None
    where nothing is."""
    mine = select(CRM_RECORD).where(R.lead_id == lead).with_for_update()
    found = session.execute(mine).one_or_none()
    return None if found is None or found.handoff_id not in (None, handoff) else found


def _has(record: Any, what: str, said: str) -> bool:
    """The CRM was told that, is being told, or said it before."""
    if record is None:
        return False
    return said == getattr(record, f"crm_{what}") or said in record.sent.get(what, ())


def _over(record: Any, what: str, there: dict[str, Any]) -> dict[str, Any]:
    """What pushes would make of it is over with the CRM's own word."""
    if record is None:
        return {}
    sent = there.get("sent", record.sent)
    return {"sent": echoes.before(sent, what, in_hand=record.state == "claimed")}


def _owner(heard: Heard) -> None:
    """The lead goes to whom the CRM says, if that is somebody of ours."""
    session, definitions, found = heard.session, heard.definitions, heard.found
    names = {theirs: rep for rep, theirs in owners(definitions, heard.model).items()}
    rep, word = names.get(heard.change.owner), _short(heard.change.owner)
    if rep is None:
        stays = standing.name_of(session, found.rep) or f"the queue of {found.team}"
        heard.unknown = word
        heard.line(f"{BY} says its owner is {word}, whom nobody here is: it stays with {stays}")
    elif rep != found.rep:
        says = f"its owner is {standing.name_of(session, rep)}"
        give = partial(answers.give, session, definitions, heard.handoff, to=rep)
        heard.obey(says, partial(give, by=BY, now=heard.now))


def _stage(heard: Heard) -> bool:
    """What the CRM's word means is done as an answer of sales; False where it has to be said again:
    nobody has the lead yet."""
    word, found = heard.change.stage, heard.found
    outcome = heard.model.outcome_of(word)
    says = outcome if outcome == word else f"{outcome} ({_short(word)})"
    if outcome not in EFFECTS:
        heard.said.append(f"{_short(word)} means nothing here")
    elif found.state in OPEN and not found.rep and not EFFECTS[outcome].ends:
        heard.line(f"{BY} says {says}, but nobody has it: it waits in the queue of {found.team}")
        return False
    elif not _there(heard, outcome):
        heard.obey(says, partial(_answer, heard, outcome))
    return True


def _stands_for(heard: Heard, record: Any) -> str:
    """The state the CRM's word stands for: where the handoff is further already, what it stood for
    before, so that the CRM hears of a state it was not told yet."""
    behind = heard.model.outcome_of(heard.change.stage) == "accepted"
    if behind and heard.found.state == "working" and record is not None:
        return str(record.known_state)
    return heard.found.state


def _answer(heard: Heard, outcome: str) -> Answer:
    session, definitions, handoff = heard.session, heard.definitions, heard.handoff
    now, reason, effect = heard.now, _reason(heard.change), EFFECTS[outcome]
    if outcome == "accepted":
        return answers.accept(session, definitions, handoff, by=BY, now=now)
    if outcome == "contacted":
        return answers.touch(session, definitions, handoff, by=BY, now=now)
    if outcome in ("rejected", "recycled"):
        send_back = answers.reject if outcome == "rejected" else answers.recycle
        return send_back(session, definitions, handoff, reason=reason, by=BY, now=now)
    return outcomes.outcome(
        session, definitions, handoff, result=outcome, by=BY, now=now,
        amount=heard.change.amount if effect.amount else None,
        reason=reason if effect.reason else "",
    )  # fmt: skip


def _there(heard: Heard, outcome: str) -> bool:
    """The handoff, and the lead, are as far as the outcome brings them."""
    found, effect, said = heard.found, EFFECTS[outcome], heard.change.amount
    if found.state not in OPEN or effect.ends:
        return found.state == effect.state
    if outcome == "accepted":
        return found.state in ("accepted", "working")
    amount, stands = heard.session.execute(
        select(H.amount, LEAD.c.lifecycle)
        .join(LEAD, LEAD.c.id == H.lead_id)
        .where(H.id == heard.handoff)
    ).one()
    if effect.amount and said is not None and said != amount:
        return False
    return found.state == effect.state and _rank(stands) >= _rank(effect.lifecycle)


def _rank(lifecycle_: str) -> int:
    return AHEAD.index(lifecycle_) if lifecycle_ in AHEAD else -1


def _reason(change: Change) -> str:
    """What sales says there, or the CRM's word where it says nothing one could learn from."""
    said = wording.one_line(change.reason)[: wording.LONGEST]
    enough = sum(each.isalnum() for each in said) >= wording.SHORTEST
    return said if enough else f"{_short(change.stage)} in the CRM"


def _short(text: str) -> str:
    return wording.one_line(text)[:LONGEST]
