"""Signatures and secrets, and which addresses may be called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nurture.language.files.networks import may_call
from nurture.webhooks.signing import headers, read_secrets

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_signature_is_that_of_the_published_example() -> None:
    """As the Standard Webhooks libraries have it in their tests."""
    made = headers(
        read_secrets(SECRET),
        number="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body='{"test": 2432232314}',
        at=datetime.fromtimestamp(1614265330, UTC),
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "text", [SECRET.removeprefix("whsec_"), "whsec_", "whsec_kurz", "whsec_" + "A" * 100, "whsec_ö"]
)
def test_a_secret_of_another_form_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="secret 2 is not whsec_ and 24 to 64 bytes") as refused:
        read_secrets(f"{SECRET}, {text}")
    assert text.removeprefix("whsec_") == "" or text not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",
     "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "ff02::1", "240.0.0.1"],
)  # fmt: skip
def test_addresses_inside_networks_are_not_called(address: str) -> None:
    assert not may_call(address, ())


def test_public_addresses_and_those_allowed_are_called() -> None:
    assert may_call("93.184.216.34", ())
    assert may_call("2606:2800:220:1:248:1893:25c8:1946", ())
    assert may_call("10.1.2.3", ("10.0.0.0/8",))
    assert may_call("::ffff:10.1.2.3", ("10.0.0.0/8",))
    assert not may_call("11.1.2.3", ("12.0.0.0/8",)) or may_call("11.1.2.3", ())
