"""Which addresses of the network a workspace lets its sequences call; pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated, Any

from pydantic import WithJsonSchema

from nurture.language.grammar.models import reading

LOCALHOST = "127.0.0.1"
_NAT64 = IPv6Network("64:ff9b::/96")


def _network(value: Any) -> str:
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ip_network(value.strip(), strict=False))
    except ValueError:
        shown = f'"{value}"' if isinstance(value, str) and len(value) < 60 else "this"
        raise ValueError(
            f'{shown} is neither an address nor a network; write it as "10.0.0.5" or "10.0.0.0/8"'
        ) from None


Network = Annotated[str, reading("bad-network", _network), WithJsonSchema({"type": "string"})]
"""An address, or a network of them."""


def may_call(address: str, allowed: Iterable[str]) -> bool:
    """Whether a call may go to this address: everybody on the internet can reach it, or it is
    allowed.

    An IPv6 address with one of IPv4 inside (mapped, NAT64, 6to4, Teredo) is judged by both.
    """
    networks = [ip_network(each) for each in allowed]
    return all(
        _public(each) or any(each in network for network in networks)
        for each in _all_of(ip_address(address.partition("%")[0]))
    )


def _public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _all_of(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and the one of IPv4 it leads to; a mapped one is nothing else."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inner: list[IPv4Address] = []
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
        return [*inner]
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner += address.teredo
    return [address, *inner]


def literal_address(host: str) -> str | None:
    """The address a host is written as; None when it is a name that has to be looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return LOCALHOST
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return None
