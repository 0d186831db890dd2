"""Notices to be put into words, and who does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from nurture.delivery.mails.press import Written
from nurture.language.files.channels import EMAIL


@dataclass(frozen=True)
class NoticeLetter:
    """One notice to write: who gets it, by which template, with which values.

    `values` are what notice templates may say, but for `links`, which the writer signs for
    (`handoff`, `generation`).  Without a handoff (a step asked for it) `handoff` is 0.  `channel`
    is where it goes: `email`, or one of nurture.yaml.
    """

    message: int
    key: str
    template: str
    recipient: str
    handoff: int
    generation: int
    values: dict[str, Any]
    channel: str = EMAIL


class Chat(NamedTuple):
    """A notice in the form for channels: a title, and a few lines of plain text."""

    title: str
    text: str


class Writer(Protocol):
    """Puts letters into words; RenderFailed says why one cannot be."""

    def __call__(self, letter: NoticeLetter) -> Written:
        """The mail of a letter."""
        ...

    def chat(self, letter: NoticeLetter) -> Chat:
        """The letter as channels say it."""
        ...
