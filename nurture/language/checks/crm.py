"""The CRM of handoff.yaml: it can be reached, and what it is told of exists."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.names import Named, unknown
from nurture.language.checks.outside import host_of
from nurture.language.checks.view import File, View, tables, text
from nurture.language.files.crm import OWN_FIELDS, SAID, STATES
from nurture.language.files.networks import literal_address, may_call
from nurture.language.files.outcomes import EFFECTS
from nurture.language.files.workspace import THIS_MACHINE, Workspace
from nurture.language.text.faults import Loc
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Scalar, Table

PLACE: Loc = ("crm",)
VENDORS = ("hubspot", "salesforce")
ONLY = {"pull": VENDORS, "properties": VENDORS, "pipeline": ("hubspot",)}
"""Keys and the systems they go with: a webhook is not asked, it sends what came of leads."""


def _said(view: View) -> Iterator[tuple[File, Table]]:
    for file in view.of("handoff"):
        found = file.at(PLACE)
        if isinstance(found, Table):
            yield file, found


def forms(view: View) -> Iterator[Problem]:
    """A webhook and Salesforce have an address; keys go with systems that have such a thing."""
    for file, crm in _said(view):
        system = text(crm.get("system"))
        if system in ("webhook", "salesforce") and "url" not in crm.entries:
            what = "where calls go" if system == "webhook" else "your instance"
            yield file.problem((*PLACE, "system"), "crm-form", f'"url" is missing: {what}')
        for key, systems in ONLY.items():
            if system is not None and key in crm.entries and system not in systems:
                message = f'"{key}" goes with {" and ".join(systems)}, not with {system}'
                yield file.problem((*PLACE, key), "crm-form", message, key=True)


def secure(view: View) -> Iterator[Problem]:
    """What is said of leads goes by https, and into networks only where nurture.yaml says so."""
    head = view.models.get("nurture.yaml")
    allow = head.webhooks.allow if isinstance(head, Workspace) else ()
    for file, crm in _said(view):
        url, place = text(crm.get("url")) or "", (*PLACE, "url")
        host = host_of(url)
        if url.startswith("http://") and host not in THIS_MACHINE:
            message = f'"{url}" would let others read what is said of a lead; write https://'
            allowed = (f"https{url[4:]}",)
            yield file.problem(place, "insecure-url", message, found=url, allowed=allowed)
        address = literal_address(host)
        if address is not None and not may_call(address, allow):
            message = f'"{host}" lies inside a network, where calls do not go; if it should be'
            message += f' called, write in nurture.yaml: webhooks: {{allow: ["{address}"]}}'
            yield file.problem(place, "private-address", message, found=url)


def names(view: View) -> Iterator[Problem]:
    """Fields, reps, states and outcomes are ones there are."""
    for file, crm in _said(view):
        outcomes = crm.get("outcomes")
        if isinstance(outcomes, Table):
            place: Loc = (*PLACE, "outcomes")
            named: Named = [(file, (*place, key), outcomes.get(key)) for key in outcomes.entries]
            yield from unknown("outcome", named, list(SAID))
        known = {
            "fields": ("field", [*OWN_FIELDS, *view.fields]),
            "owners": ("rep", _people(file)),
            "stages": ("state", list(STATES)),
        }
        for key, (word, allowed) in known.items():
            if key != "fields" or view.declares("workspace"):
                yield from _keys(file, (*PLACE, key), word, allowed)


def _keys(file: File, place: Loc, word: str, allowed: list[str]) -> Iterator[Problem]:
    """Keys of a mapping that are not among those allowed, and names given to two of them."""
    table = file.at(place)
    taken: dict[str, str] = {}
    for key in table.entries if isinstance(table, Table) else ():
        node = file.at((*place, key))
        theirs = _word(node)
        if key not in allowed:
            yield file.problem(
                (*place, key), f"unknown-{word}", f'unknown {word} "{key}"', found=key,
                allowed=allowed, key=True,
            )  # fmt: skip
        elif word != "state" and theirs and taken.setdefault(theirs, key) != key:
            message = f'"{theirs}" is "{taken[theirs]}" already'
            yield file.problem((*place, key), "duplicate-name", message)


def _word(node: object) -> str:
    """A name in the CRM, which may be written as a number."""
    return str(node.value) if isinstance(node, Scalar) else ""


def _reps(file: File) -> list[tuple[str, str]]:
    """Name and address of each rep."""
    return [
        (text(rep.get("rep")) or "", text(rep.get("email")) or "")
        for loc, _ in tables(file, ("teams",))
        for _, rep in tables(file, (*loc, "reps"))
    ]


def _people(file: File) -> list[str]:
    reps = _reps(file)
    found = [*(rep for rep, _ in reps), *(email for _, email in reps)]
    return list(dict.fromkeys(name for name in found if name))


def one_name_each(view: View) -> Iterator[Problem]:
    """A rep has one name in the CRM, and none that stands for a colleague: whom the CRM names would
    be another one here."""
    for file, crm in _said(view):
        owners = crm.get("owners")
        if not isinstance(owners, Table):
            continue
        reps = _reps(file)
        rep_of = {each.casefold(): rep for rep, email in reps for each in (rep, email)}
        named: dict[str, tuple[str, str]] = {}
        for key in owners.entries:
            rep, theirs = rep_of.get(key.casefold()), _word(owners.get(key))
            if rep is not None and named.setdefault(rep, (key, theirs))[1] != theirs:
                message = f'"{key}" is "{named[rep][0]}", who has another name there'
                yield file.problem((*PLACE, "owners", key), "duplicate-name", message, key=True)
        if text(crm.get("system")) == "webhook":
            usual = {email: rep for rep, email in reps if rep not in named}
            for key, theirs in named.values():
                if theirs in usual:
                    message = f'"{theirs}" is "{usual[theirs]}" already: a webhook hears addresses'
                    yield file.problem((*PLACE, "owners", key), "duplicate-name", message)


def one_meaning_each(view: View) -> Iterator[Problem]:
    """A word we tell the CRM means the same when it comes back."""
    for file, crm in _said(view):
        stages, outcomes = crm.get("stages"), crm.get("outcomes")
        if not isinstance(stages, Table) or not isinstance(outcomes, Table):
            continue
        told: dict[str, list[str]] = {}
        for state in stages.entries:
            told.setdefault(_word(stages.get(state)), []).append(state)
        for word in outcomes.entries:
            effect = EFFECTS.get(text(outcomes.get(word)) or "")
            if effect is not None and word in told and effect.state not in told[word]:
                message = f'"{word}" is what the CRM is told of {" and ".join(told[word])}'
                yield file.problem((*PLACE, "outcomes", word), "crm-form", f"{message} leads")


CHECKS = (forms, secure, names, one_name_each, one_meaning_each)
