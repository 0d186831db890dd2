"""The mails of a workspace with the pieces they share, from texts to pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nurture.language.checks.view import Mail
from nurture.language.reading.folder import SourceFile
from nurture.language.reading.one_file import of_fault
from nurture.language.text.pieces import faults_in, included, includes_in, put_in
from nurture.language.text.problems import Problem
from nurture.language.text.source import decode
from nurture.language.text.templates import CHAT_FILE, FENCE, Page, take_apart
from nurture.language.text.tree import Table


@dataclass(frozen=True)
class Mails:
    """Every mail that could be read, the texts of the pieces, and what is wrong with their form."""

    mails: tuple[Mail, ...]
    pieces: Mapping[str, str]
    problems: tuple[Problem, ...]

    def whole(self, file: SourceFile) -> SourceFile:
        """A mail's file with the pieces it includes."""
        names = included(decode(file.data)[0]) & self.pieces.keys()
        return replace(file, taken={name: self.pieces[name] for name in names}) if names else file

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of mails at the places where they are written: in a piece, or behind one."""
        moved = {mail.path: mail for mail in self.mails if mail.origins}
        return [
            moved[each.file].placed(each) if each.file in moved else each for each in problems
        ]


def read_mails(files: Iterable[SourceFile]) -> Mails:
    """The mails among files, and their pieces."""
    listed = [file for file in files if file.kind in ("template", "piece") and not file.trouble]
    texts = {file.path: decode(file.data) for file in listed}
    pieces = {
        _inside(file): texts[file.path][0].replace("\r\n", "\n")
        for file in listed
        if file.kind == "piece"
    }
    problems = [
        of_fault(file.path, fault, _name(file))
        for file in listed
        if (fault := texts[file.path][1]) is not None
    ]
    mails = []
    used: set[str] = set()
    for file in listed:
        text, fault = texts[file.path]
        if file.kind == "piece":
            problems += _of_piece(file, text)
        elif fault is None:
            mail, found = _mail(file, text, pieces)
            mails.append(mail)
            problems += found
            used |= included(text)
    unused = [file for file in listed if file.kind == "piece" and _inside(file) not in used]
    problems += [
        Problem(file.path, 1, 1, _name(file), "no mail includes this snippet", severity="warning",
                rule="unused")
        for file in unused
    ]  # fmt: skip
    return Mails(tuple(mails), pieces, tuple(problems))


def _inside(file: SourceFile) -> str:
    """A file of templates/ as a mail names it."""
    return file.path.removeprefix("templates/")


def _name(file: SourceFile) -> str:
    return _inside(file).rpartition(".")[0]


def _of_piece(file: SourceFile, text: str) -> Iterator[Problem]:
    if FENCE.fullmatch(text.partition("\n")[0]):
        message = "a snippet of mails has no front matter; each mail has its own"
        yield Problem(file.path, 1, 1, _name(file), message, rule="front-matter")
    for fault in includes_in(text):
        yield of_fault(file.path, fault, _name(file))


def _mail(
    file: SourceFile, text: str, pieces: Mapping[str, str]
) -> tuple[Mail, list[Problem]]:
    name = _name(file)
    problems = [
        replace(
            of_fault(file.path, fault, name), found=found,
            allowed=tuple(sorted(pieces)) if found else (),
        )
        for fault, found in faults_in(text, pieces)
    ]
    whole, origins = put_in(text, pieces)
    if file.path.endswith(".txt") and not file.path.endswith(CHAT_FILE):
        return Mail(file.path, name, Page(Table(1, 1), whole, 1), tuple(origins)), problems
    page, faults = take_apart(whole)
    problems += [of_fault(file.path, each, name) for each in faults]
    return Mail(file.path, name, page, tuple(origins)), problems
