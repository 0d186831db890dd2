"""Who a mail is from, where its step says so: somebody named, or the rep the lead is with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nurture.language.compiled.definitions import Definitions
from nurture.language.compiled.program import Send
from nurture.language.files.sending import OWNER
from nurture.language.files.workspace import Sender
from nurture.ledger.address import NormalAddress, normal_address

NOBODY = "nobody in sales has the lead"


@dataclass(frozen=True)
class Voice:
    """Name and address in From, the address of Reply-To, and what is told of them ('' if they are
    the workspace's own)."""

    name: str
    address: NormalAddress
    reply_to: NormalAddress | None
    said: str = ""


def usual(sender: Sender) -> Voice:
    """The workspace's."""
    reply_to = normal_address(sender.reply_to) if sender.reply_to else None
    return Voice(sender.name, normal_address(sender.address), reply_to)


def voice_of(step: Send, row: Mapping[str, Any], own: Voice) -> Voice:
    """That of one mail; `row` names the rep the lead is with (`rep_name`, `rep_email`), or nobody.

    Answers go to who a mail is from, unless the step says where.  Without a rep it is the
    workspace's own, and that is said.
    """
    rep = (row["rep_name"], row["rep_email"]) if row["rep_email"] else None
    wants_rep = OWNER in (step.reply_to, *(step.sender or ()))
    said = ""
    if wants_rep:
        said = f"{'from' if step.sender else 'answers to'} {rep[0] if rep else own.name}"
        said += "" if rep else f": {NOBODY}"
    sender = rep if step.sender == (OWNER, OWNER) else step.sender
    answers = (rep[1] if rep else "") if step.reply_to == OWNER else step.reply_to
    if sender is None:
        reply_to = normal_address(answers) if answers else own.reply_to
        return Voice(own.name, own.address, reply_to, said)
    reply_to = normal_address(answers) if answers else None
    return Voice(sender[0], normal_address(sender[1]), reply_to, said)


def sends_of_their_own(definitions: Definitions) -> dict[tuple[int, str], Send]:
    """The sends that say more than which mail, by the version and the key of their step."""
    return {
        (number, step.key): step
        for number, program in definitions.programs.items()
        for step in program.steps
        if isinstance(step, Send) and step.of_its_own
    }
