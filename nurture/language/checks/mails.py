"""Mails: front matter, variables, the link to unsubscribe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nurture.language.checks.view import NOTICES, Mail, View, mail_of, steps, text
from nurture.language.grammar.vocabulary import LEAD_FIELDS, SHIPPED_NOTICES, TOLD_NOTICES
from nurture.language.text.problems import Problem
from nurture.language.text.templates import CHAT_FILE, FRONT_KEYS, Variable, read_variables
from nurture.language.text.tree import Node, Scalar, Table

ROOTS = ("lead", "brand", "sender", "unsubscribe_url", "preheader", "subject", "base_url")
SENDER = ("name", "postal")
_PERSON = ("name", "email")
OF_NOTICES: Mapping[str, tuple[str, ...]] = {
    "lead": (
        "name", "first_name", "last_name", "email", "company", "job_title", "phone", "country",
        "local_time", "attributes",
    ),
    "handoff": ("id", "team", "reason", "state"),
    "rep": _PERSON,
    "manager": _PERSON,
    "score": ("total", "sentences"),
    "links": ("accept", "reject", "touch", "page"),
    **dict.fromkeys(("timeline", "read", "opening_line", "due", "brand"), ()),
}  # fmt: skip
"""What notices to sales are given, with its parts."""
CHAT = CHAT_FILE.removesuffix(".txt")
_HIDDEN = ("external_id", "timezone", "created_at")
"""Fields of a lead that no mail is given."""


def _to_leads(view: View) -> Iterator[Mail]:
    return (mail for mail in view.mails if not mail.name.startswith(NOTICES))


def _problem(
    mail: Mail, node: Node, rule: str, message: str, **rest: str | tuple[str, ...]
) -> Problem:
    found, allowed = str(rest.get("found", "")), tuple(rest.get("allowed", ()))
    return Problem(mail.path, node.line, node.column, mail.name, message, found, allowed, rule=rule)


def front_matter(view: View) -> Iterator[Problem]:
    """A mail says its subject; every entry is a text, every topic exists."""
    topics, known = view.keys("workspace", "topics"), view.declares("workspace")
    for mail in _to_leads(view):
        if not mail.path.endswith(".html"):
            continue
        front = mail.page.front
        if mail.page.front_read and not mail.page.front_text("subject"):
            message = '"subject" is missing; begin the file with ---, subject: …, ---'
            yield _problem(mail, front, "missing-key", message)
        for key, entry in front.entries.items():
            if key not in FRONT_KEYS:
                yield Problem(
                    mail.path, entry.line, entry.column, mail.name, f'unknown key "{key}"', key,
                    FRONT_KEYS, rule="unknown-key",
                )  # fmt: skip
            elif text(entry.node) is None:
                yield _problem(mail, entry.node, "wrong-value", "a text is expected here")
            elif key == "topic" and known and text(entry.node) not in topics:
                name = str(text(entry.node))
                yield _problem(
                    mail, entry.node, "unknown-topic", f'unknown topic "{name}"', found=name,
                    allowed=tuple(sorted(topics)),
                )  # fmt: skip


def variables(view: View) -> Iterator[Problem]:
    """Templates can be parsed, and read nothing that is not there."""
    for mail in view.mails:
        html = mail.path.endswith(".html")
        for source, line, column in _sources(mail):
            used, fault = read_variables(source)
            if fault is not None:
                message = f"the template cannot be read: {fault.message}"
                yield Problem(
                    mail.path, line + fault.line - 1, column if fault.line == 1 else 1, mail.name,
                    message, rule="template-syntax",
                )  # fmt: skip
            elif view.trial and (refused := view.trial(source, html and source is mail.page.body)):
                place = line + max(refused[0], 1) - 1
                message = f"no mail can be made of it: {refused[1]}"
                yield Problem(mail.path, place, 1, mail.name, message, rule="template-refused")
            for variable in used:
                yield from _unknown(view, mail, variable, line, column)


def _sources(mail: Mail) -> Iterator[tuple[str, int, int]]:
    """The Jinja2 sources of a file, each with the line and column it begins at."""
    yield mail.page.body, mail.page.first_line, 1
    for key in ("subject", "preheader"):
        node = mail.page.front.get(key)
        found = text(node)
        if found is not None and isinstance(node, Scalar):
            yield found, node.line, node.column + (0 if node.plain else 1)


def _unknown(
    view: View, mail: Mail, variable: Variable, line: int, column: int
) -> Iterator[Problem]:
    notice = mail.name.startswith(NOTICES)
    allowed = in_notice(variable.name) if notice else instead_of(view, variable.name)
    if allowed:
        start = column - 1 if variable.line == 1 else 0
        yield Problem(
            mail.path, line + variable.line - 1, start + variable.column, mail.name,
            f'unknown variable "{variable.name}"', variable.name, tuple(allowed),
            rule="template-variable",
        )  # fmt: skip


def unsubscribe(view: View) -> Iterator[Problem]:
    """Every part of a mail holds the link to unsubscribe: the law and the mailbox want it."""
    for mail in _to_leads(view):
        if not (mail.page.front_read or mail.page.body):
            continue  # where the front matter ends, nobody knows
        used, fault = read_variables(mail.page.body)
        if fault is None and not any(each.name == "unsubscribe_url" for each in used):
            message = (
                "no link to unsubscribe; write {{ unsubscribe_url }} where the reader finds it"
            )
            yield Problem(
                mail.path, mail.page.first_line, 1, mail.name, message, rule="no-unsubscribe-link"
            )


def pairs(view: View) -> Iterator[Problem]:
    """A text part belongs to an HTML part; a mail nobody sends is said (a warning)."""
    sent = {
        named[1]
        for file in view.of("sequence")
        for loc, step in steps(file)
        if (named := mail_of(step, loc))
    }
    readable = all(file.tree is not None for file in view.files)
    for mail in _to_leads(view):
        if mail.path.endswith(".txt") and mail.name not in view.templates:
            message = f"a text part without its mail; {mail.name}.html is missing"
            yield Problem(mail.path, 1, 1, mail.name, message, rule="text-without-html")
        if mail.path.endswith(".html") and readable and mail.name not in sent:
            message = "no sequence sends this mail"
            yield Problem(
                mail.path, 1, 1, mail.name, message, severity="warning", rule="unused-template"
            )


def instead_of(view: View, variable: str) -> list[str]:
    """What a mail may read instead of a variable it does not have; [] for one it has."""
    root, _, rest = variable.partition(".")
    allowed: list[str] = []
    if root not in ROOTS:
        allowed = list(ROOTS)
    elif root == "lead" and rest and view.declares("workspace"):
        fields = [name for name in LEAD_FIELDS if name not in _HIDDEN]
        allowed = [f"lead.{name}" for name in (*fields, *view.fields)]
    elif root == "sender" and rest:
        allowed = [f"sender.{name}" for name in SENDER]
    return [] if variable in allowed else allowed


def in_notice(variable: str) -> list[str]:
    """What a notice may read instead of a variable it does not have; [] for one it has."""
    root, _, rest = variable.partition(".")
    allowed: list[str] = []
    if root not in OF_NOTICES:
        allowed = list(OF_NOTICES)
    elif rest and OF_NOTICES[root]:
        allowed = [f"{root}.{name}" for name in OF_NOTICES[root]]
    return [] if variable in allowed else allowed


def notices(view: View) -> Iterator[Problem]:
    """A notice of a workspace has a subject, and some step asks for it, or it stands in place of
    one of the program's; so does a form for channels."""
    asked = {
        text(notify.get("notice"))
        for file in view.of("sequence")
        for _, step in steps(file)
        if isinstance(notify := step.get("notify"), Table)
    }
    readable = all(file.tree is not None for file in view.files)
    for mail in view.mails:
        name = mail.name.removeprefix(NOTICES)
        chat = mail.path.endswith(CHAT_FILE)
        if not mail.name.startswith(NOTICES) or not (chat or mail.path.endswith(".html")):
            continue
        if chat and name.removesuffix(CHAT) not in TOLD_NOTICES:
            message = f'no notice "{name.removesuffix(CHAT)}" goes through channels'
            yield Problem(
                mail.path, 1, 1, mail.name, message, name.removesuffix(CHAT), TOLD_NOTICES,
                rule="unknown-notice",
            )  # fmt: skip
        elif not chat and readable and name not in asked and name not in SHIPPED_NOTICES:
            message = "no sequence asks for this notice"
            yield Problem(
                mail.path, 1, 1, mail.name, message, severity="warning", rule="unused-template"
            )
        if mail.page.front_read and not mail.page.front_text("subject"):
            message = '"subject" is missing; begin the file with ---, subject: …, ---'
            yield _problem(mail, mail.page.front, "missing-key", message)


CHECKS = (notices, front_matter, variables, unsubscribe, pairs)
