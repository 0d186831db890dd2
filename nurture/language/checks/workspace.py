"""nurture.yaml: what reads well and still would not work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from nurture.language.checks.view import View, text
from nurture.language.files.workspace import THIS_MACHINE
from nurture.language.grammar.vocabulary import LEAD_FIELDS
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Table
from nurture.ledger.engine import normal_url
from nurture.ledger.errors import LedgerError

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]+", re.ASCII)


def secure(view: View) -> Iterator[Problem]:
    """Links of mails begin with https, but on this machine: one-click unsubscribe wants it."""
    for file in view.of("workspace"):
        url = text(file.at(("base_url",))) or ""
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:  # said already: it is no address
            continue
        if url.startswith("http://") and host not in THIS_MACHINE:
            message = (
                f'no mail could be sent with "{url}": one-click unsubscribe needs https://;'
                " http:// is for trying things on this machine"
            )
            yield file.problem(
                ("base_url",), "insecure-url", message, found=url,
                allowed=(f"https{url.removeprefix('http')}",),
            )  # fmt: skip


def database(view: View) -> Iterator[Problem]:
    """The ledger is an SQLite file or a PostgreSQL database."""
    for file in view.of("workspace"):
        said = text(file.at(("database",)))
        if said is None:
            continue
        try:
            url = normal_url(said)
        except LedgerError as error:
            yield file.problem(("database",), "bad-database", str(error), found=said)
            continue
        if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
            message = "the ledger has to be a file, so that it outlives the program"
            yield file.problem(("database",), "bad-database", message, found=said)


def host(view: View) -> Iterator[Problem]:
    """A mail server is named by its host alone."""
    for file in view.of("workspace"):
        place = ("delivery", "smtp", "host")
        said = text(file.at(place))
        if said is not None and not _HOST.fullmatch(said):
            message = f'"{said}" is no mail server; write its name alone, as in mail.example.test'
            yield file.problem(place, "bad-host", message, found=said)


def fields(view: View) -> Iterator[Problem]:
    """Own fields have names of their own."""
    for file in view.of("workspace"):
        declared = file.at(("fields",))
        for name in declared.entries if isinstance(declared, Table) else ():
            if name in LEAD_FIELDS or name in ("lifecycle", "tags"):
                message = f'every lead has "{name}" already; leave it out, or name yours otherwise'
                yield file.problem(
                    ("fields", name), "duplicate-name", message, found=name, key=True
                )


CHECKS = (secure, database, host, fields)
