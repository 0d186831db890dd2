"""Where a Prefect server is, who can reach it, and whether it answers."""

from __future__ import annotations

import ipaddress
import ssl
from functools import cache

import certifi
import httpx


def reachable(api_url: str, timeout: float = 5.0) -> bool:
    """Whether a Prefect server answers at `api_url`; never raises, never waits much longer."""
    local = is_loopback(httpx.URL(api_url).host)
    try:
        answer = httpx.get(
            f"{api_url}/health", timeout=timeout, trust_env=not local, verify=_certificates()
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code == httpx.codes.OK


@cache
def _certificates() -> ssl.SSLContext:
    """The world's certificates, read once: whoever waits for a server asks many times a second."""
    return ssl.create_default_context(cafile=certifi.where())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`; an unknown name counts as no."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def base_url(host: str, port: int) -> str:
    """The address to open, on this machine, for a server that listens on `host`."""
    address = _address(host)
    if address is not None and address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
