"""What the CRM was told of a deal without an answer: it may have taken it, and then says it back as
if it were its own.  The last few words of each kind, the newest last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handoff.crm.port import Deal

Sent = Mapping[str, Sequence[str]]
"""Owners (`owner`) and stages (`stage`)."""
MOST = 8


def told_too(sent: Sent, deal: Deal) -> dict[str, list[str]]:
    """With the words of a deal that is told now; one that says none of a kind adds none."""
    other = without(sent, deal)
    return {kind: [*other.get(kind, ()), *words][-MOST:] for kind, words in _words(deal).items()}


def doubtful(sent: Sent, deal: Deal, *kinds: str) -> bool:
    """The CRM may have another owner or stage than the deal's by one of these pushes."""
    words = _words(deal)
    return any(each not in words[kind] for kind in kinds or words for each in sent.get(kind, ()))


def before(sent: Sent, kind: str, *, in_hand: bool) -> Sent:
    """After the CRM said an owner or a stage of its own: what was told before that it has no more,
    but may take a push that is in hand."""
    return {**sent, kind: [*sent.get(kind, ())][-1:] if in_hand else []}


def without(sent: Sent, deal: Deal) -> dict[str, list[str]]:
    """Without the words of a deal that was refused."""
    return {kind: [each for each in sent.get(kind, ()) if each not in words]
            for kind, words in _words(deal).items()}  # fmt: skip


def _words(deal: Deal) -> dict[str, list[str]]:
    said = {"owner": deal.owner, "stage": deal.stage}
    return {kind: [word] if word else [] for kind, word in said.items()}
