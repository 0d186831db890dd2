"""How often a network may do something: a count a minute, in bounded memory."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from dataclasses import dataclass, field

WINDOW = 60.0
NETWORKS = 20_000
"""Networks counted apart in one window; those beyond share one count."""


@dataclass
class Rate:
    """`limit` times a minute for each network; loopback is not counted."""

    limit: int
    _began: float = field(default_factory=time.monotonic)
    _counts: Counter[str] = field(default_factory=Counter)

    def take(self, network: str) -> bool:
        """Count one more; False when that is too many."""
        if not network:
            return True
        self._turn()
        if network not in self._counts and len(self._counts) >= NETWORKS:
            network = "others"
        self._counts[network] += 1
        return self._counts[network] <= self.limit

    def over(self, network: str) -> bool:
        """Whether a network has used up its times; counts nothing."""
        self._turn()
        return bool(network) and self._counts[network] >= self.limit

    def _turn(self) -> None:
        if time.monotonic() - self._began >= WINDOW:
            self._began = time.monotonic()
            self._counts.clear()


def network_of(host: str) -> str:
    """The /24 (IPv4) or /56 (IPv6) of a client's address; '' for loopback."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return ""
    length = 24 if address.version == 4 else 56
    return str(ipaddress.ip_network((address, length), strict=False))
