"""What a send says of its own: subjects mails can be made of, senders mail servers believe."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.looks import too_long
from nurture.language.checks.mails import instead_of
from nurture.language.checks.view import File, View, steps, tables, text
from nurture.language.files.sending import OWNER
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem
from nurture.language.text.templates import read_variables
from nurture.language.text.tree import Table


def subjects(view: View) -> Iterator[Problem]:
    """A subject can be read as those of templates, and its variables exist."""
    for file in view.of("sequence"):
        for loc, _ in steps(file):
            place: Loc = (*loc, "send", "subject")
            several = file.at(place)
            names = list(several.entries) if isinstance(several, Table) else []
            if isinstance(several, Table) and len(names) < 2:
                message = "nothing to choose from: write two subjects, or one as a text"
                yield file.problem(place, "split-form", message, key=True)
            for at in [(*place, name) for name in names] or [place]:
                yield from _subject(view, file, at)


def _subject(view: View, file: File, place: Loc) -> Iterator[Problem]:
    source = text(file.at(place))
    if source is None:
        return
    used, fault = read_variables(source)
    if fault is not None:
        message = f"the template cannot be read: {fault.message}"
        yield file.problem(place, "template-syntax", message)
    elif view.trial and (refused := view.trial(source, False)):
        message = f"no mail can be made of it: {refused[1]}"
        yield file.problem(place, "template-refused", message)
    for variable in used:
        allowed = instead_of(view, variable.name)
        if allowed:
            message = f'unknown variable "{variable.name}"'
            yield file.problem(
                place, "template-variable", message, found=variable.name, allowed=allowed
            )
    if said := too_long(source):
        yield file.problem(place, "long-subject", said, severity="warning")


def senders(view: View) -> Iterator[Problem]:
    """Mail comes from the domain the workspace sends from (a warning): others are refused."""
    (home,) = _domains(view, "workspace") or ("",)
    for file in view.of("sequence"):
        for loc, _ in steps(file):
            place: Loc = (*loc, "send", "from")
            named = _domain(text(file.at((*place, "address"))))
            reps = _domains(view, "handoff") if text(file.at(place)) == OWNER else []
            strange = [each for each in (named, *reps) if each and not _aligned(each, home)]
            if home and strange:
                message = (
                    f"mail from {strange[0]} is taken for forged where it goes out for {home}"
                    " (DMARC); use an address there, and reply_to"
                )
                yield file.problem(place, "other-domain", message, key=True, severity="warning")


def owners(view: View) -> Iterator[Problem]:
    """Leads that have an owner get mails of this sequence (a warning)."""
    for file in view.of("sequence"):
        if text(file.at(("with_sales",))) == "send":
            continue
        for loc, _ in steps(file):
            for key in ("from", "reply_to"):
                place: Loc = (*loc, "send", key)
                if text(file.at(place)) == OWNER:
                    message = (
                        "never the owner: a lead sales has gets no mail of this sequence, unless"
                        ' it says "with_sales: send"'
                    )
                    yield file.problem(place, "no-owner", message, key=True, severity="warning")


def _domains(view: View, kind: str) -> list[str]:
    """The domain of the workspace's sender, or those of the reps."""
    found: list[str] = []
    if kind == "workspace":
        found = [_domain(text(file.at(("sender", "address")))) for file in view.of("workspace")]
    else:
        for file in view.of("handoff"):
            for loc, _ in tables(file, ("teams",)):
                reps = tables(file, (*loc, "reps"))
                found += [_domain(text(rep.get("email"))) for _, rep in reps]
    return sorted({each for each in found if each})


def _domain(address: str | None) -> str:
    return (address or "").rpartition("@")[2].lower()


def _aligned(domain: str, home: str) -> bool:
    """They are of one organisation, as far as names tell."""
    return domain == home or domain.endswith(f".{home}") or home.endswith(f".{domain}")


CHECKS = (subjects, senders, owners)
