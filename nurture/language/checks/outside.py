"""Calls to other systems: by https, where they may go, and who asks what they answered."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from nurture.language.checks.view import File, View, items, steps, text, texts
from nurture.language.files.networks import literal_address, may_call
from nurture.language.files.workspace import THIS_MACHINE, Workspace
from nurture.language.text.faults import Loc
from nurture.language.text.places import below
from nurture.language.text.problems import Problem
from nurture.language.text.tree import Listing, Node, Table


def called(view: View) -> Iterator[tuple[File, Loc, Table, str]]:
    """Every webhook step with an address: the place of that, the step, and the address."""
    for file in view.of("sequence"):
        for loc, step in steps(file):
            place: Loc = (*loc, "webhook")
            if isinstance(step.get("webhook"), Table):
                place = (*place, "url")
            url = text(file.at(place))
            if url is not None and host_of(url):
                yield file, place, step, url


def host_of(url: str) -> str:
    """The host an address names, '' where it is no address."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # said already: it is no address
        return ""


def label(step: Table, url: str) -> str:
    """What a webhook is called in conditions and stories."""
    return text(below(step, ("webhook", "name"))) or host_of(url)


def secure(view: View) -> Iterator[Problem]:
    """What is said of leads goes by https, but on this machine."""
    for file, loc, _, url in called(view):
        if url.startswith("http://") and host_of(url) not in THIS_MACHINE:
            message = f'"{url}" would let others read what is said of a lead; calls go by https://'
            yield file.problem(
                loc, "insecure-url", message, found=url, allowed=(f"https{url[4:]}",)
            )


def private(view: View) -> Iterator[Problem]:
    """An address inside a network is called only if nurture.yaml says so."""
    head = view.models.get("nurture.yaml")
    if not isinstance(head, Workspace):
        return
    for file, loc, _, url in called(view):
        address = literal_address(host_of(url))
        if address is not None and not may_call(address, head.webhooks.allow):
            message = (
                f'"{host_of(url)}" lies inside a network, where calls do not go; if it should be'
                f' called, write in nurture.yaml: webhooks: {{allow: ["{address}"]}}'
            )
            yield file.problem(loc, "private-address", message, found=url)


def answers(view: View) -> Iterator[Problem]:
    """Stories answer for webhooks that some sequence calls: a lead may be moved to another."""
    names = called_webhooks(view)
    for file in view.of("sequence"):
        for number, _ in enumerate(items(file.at(("tests",)))):
            loc: Loc = ("tests", number, "webhooks")
            told = file.at(loc)
            for name in told.entries if isinstance(told, Table) else ():
                if name not in names:
                    message = f'no sequence calls a webhook "{name}"'
                    yield file.problem(
                        (*loc, name), "unknown-webhook", message, found=name, allowed=names,
                        key=True,
                    )  # fmt: skip


ANSWERED = ("webhook_succeeded", "webhook_failed")


def asked(view: View) -> Iterator[Problem]:
    """Conditions ask for the answers of webhooks that some sequence calls.

    Nobody knows which those are while a sequence cannot be read.
    """
    if any(file.tree is None for file in view.files_of("sequence")):
        return
    names = called_webhooks(view)
    for file in view.files:
        if file.tree is None:
            continue
        for loc, table in _tables(file.tree, ()):
            place: Loc = (*loc, "where", "webhook")
            if text(table.get("event")) in ANSWERED:
                for at, name in texts(below(file.tree, place), place):
                    if name not in names:
                        message = f'no sequence calls a webhook "{name}"'
                        yield file.problem(
                            at, "unknown-webhook", message, found=name, allowed=names
                        )


def called_webhooks(view: View) -> list[str]:
    """What the webhooks of all sequences are called, also of those with a wrong address."""
    found = {label(step, url) for _, _, step, url in called(view)}
    for file in view.of("sequence"):
        named = (text(below(step, ("webhook", "name"))) for _, step in steps(file))
        found |= {name for name in named if name}
    return sorted(found)


def _tables(node: Node, loc: Loc) -> Iterator[tuple[Loc, Table]]:
    """Every mapping of a file, each with its place."""
    if isinstance(node, Table):
        yield loc, node
        for key, entry in node.entries.items():
            yield from _tables(entry.node, (*loc, key))
    elif isinstance(node, Listing):
        for index, item in enumerate(node.items):
            yield from _tables(item, (*loc, index))


CHECKS = (secure, private, answers, asked)
