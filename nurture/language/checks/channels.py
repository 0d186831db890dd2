"""Channels: each leads somewhere, and teams name those there are."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.language.checks.names import Named, ladders, unknown
from nurture.language.checks.outside import host_of
from nurture.language.checks.view import View, tables, text
from nurture.language.files.channels import EMAIL
from nurture.language.files.networks import literal_address, may_call
from nurture.language.files.workspace import THIS_MACHINE, Workspace
from nurture.language.text.problems import Problem


def forms(view: View) -> Iterator[Problem]:
    """A channel has an address in the environment, or a system to call; `email` is there anyway."""
    for file in view.of("workspace"):
        for loc, channel in tables(file, ("channels",)):
            ways = [key for key in ("from", "webhook") if key in channel.entries]
            if len(ways) != 1:
                found = "here are both" if ways else "here is neither"
                message = (
                    f'a channel has one way out, "from: NURTURE_CHANNEL_…" or "webhook: https://…";'
                    f" {found}"
                )
                yield file.problem(loc, "channel-form", message)
            if loc[-1] == EMAIL:
                message = 'every workspace has "email", mail to the person; name yours otherwise'
                yield file.problem(loc, "duplicate-name", message, found=EMAIL, key=True)


def secure(view: View) -> Iterator[Problem]:
    """What is said of leads goes by https, and into networks only where nurture.yaml says so."""
    head = view.models.get("nurture.yaml")
    allow = head.webhooks.allow if isinstance(head, Workspace) else ()
    for file in view.of("workspace"):
        for loc, channel in tables(file, ("channels",)):
            url = text(channel.get("webhook")) or ""
            place, host = (*loc, "webhook"), host_of(url)
            if url.startswith("http://") and host not in THIS_MACHINE:
                message = f'"{url}" would let others read what is said of a lead; write https://'
                yield file.problem(
                    place, "insecure-url", message, found=url, allowed=(f"https{url[4:]}",)
                )
            address = literal_address(host)
            if address is not None and not may_call(address, allow):
                message = (
                    f'"{host}" lies inside a network, where calls do not go; if it should be'
                    f' called, write in nurture.yaml: webhooks: {{allow: ["{address}"]}}'
                )
                yield file.problem(place, "private-address", message, found=url)


def named(view: View) -> Iterator[Problem]:
    """Channels of teams stand in nurture.yaml, or are `email`; those of rungs, or are `manager`."""
    if not view.declares("workspace"):
        return
    known = view.keys("workspace", "channels")
    found: Named = [
        (file, (*loc, "channels"), team.get("channels"))
        for file in view.of("handoff")
        for loc, team in tables(file, ("teams",))
    ]
    yield from unknown("channel", found, [EMAIL, *known])
    rungs: Named = [
        (file, (*at, "tell"), rung.get("tell"))
        for file in view.of("handoff")
        for loc in ladders(file)
        for at, rung in tables(file, loc)
    ]
    yield from unknown("channel", rungs, ["manager", *known])


CHECKS = (forms, secure, named)
