"""What the environment says: the only reader of it, prefix NURTURE_.

Secrets are `SecretStr`: they show as stars wherever a setting is printed or logged.  What a
workspace is about stands in its files; here stand passwords, addresses and ports of the machine.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nurture.language.files.channels import VARIABLES
from nurture.ledger.errors import InputRefused
from nurture.webhooks.signing import read_secrets

PREFIX = "NURTURE_"
TEST_SWITCHES = ("NURTURE_TEST_", "NURTURE_SHARED_DATA")
"""Read by the test suite alone."""
LONG_ENOUGH = 8
"""Characters from which on a part of an address is taken for a token."""


class Settings(BaseSettings):
    """One field a variable: `smtp_user` is NURTURE_SMTP_USER.

    `database` overrides the one of nurture.yaml.  `secret` holds the keys that sign links,
    separated by spaces or commas, the newest last; without it the workspace keeps a key file.
    `webhook_secret` holds those that sign calls to other systems (`whsec_…`); several are all in
    force.  `crm_secret` holds those that sign what a CRM sends us, in the same form; `crm_token`,
    or `crm_client_id` and `crm_client_secret`, let us into the CRM.
    `prefect_api_url` names a Prefect server of its own instead of the embedded one, which listens
    on `prefect_port` (0: a free one) and keeps its files in `prefect_home`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    workspace: Path = Path()
    database: SecretStr | None = None
    secret: SecretStr | None = None
    webhook_secret: SecretStr = SecretStr("")
    crm_secret: SecretStr = SecretStr("")
    crm_token: SecretStr = SecretStr("")
    crm_client_id: str = ""
    crm_client_secret: SecretStr = SecretStr("")
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    prefect_api_url: str = ""
    prefect_auth: SecretStr = SecretStr("")
    prefect_port: int = Field(default=4200, ge=0, le=65535)
    prefect_home: Path | None = None

    _channels: dict[str, SecretStr] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _: Any) -> None:
        """Keep the addresses of channels, whose names nobody knows beforehand."""
        for name, text in os.environ.items():
            if name.startswith(VARIABLES):
                self._channels[name] = SecretStr(text)

    @property
    def channel(self) -> Mapping[str, SecretStr]:
        """The addresses of channels by the name of their variable, NURTURE_CHANNEL_…."""
        return self._channels

    @field_validator("webhook_secret", "crm_secret")
    @classmethod
    def _signs(cls, value: SecretStr) -> SecretStr:
        read_secrets(value.get_secret_value())
        return value

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """What calls are signed with."""
        return read_secrets(self.webhook_secret.get_secret_value())

    @property
    def crm_keys(self) -> tuple[bytes, ...]:
        """What calls of a CRM are signed with."""
        return read_secrets(self.crm_secret.get_secret_value())

    def secrets(self) -> tuple[str, ...]:
        """Every secret text there is: what logs must never show."""
        kept = (
            self.database, self.secret, self.smtp_password, self.prefect_auth, self.webhook_secret,
            self.crm_secret, self.crm_token, self.crm_client_secret, *self.channel.values(),
        )  # fmt: skip
        told = [text for each in kept if each and (text := each.get_secret_value())]
        addresses = (each.get_secret_value() for each in self.channel.values())
        return (*told, *(part for each in addresses for part in _tokens(each)))


def _tokens(address: str) -> list[str]:
    """The parts of a channel's address that may be secret by themselves, wherever they show up."""
    return [part for part in re.split(r"[/:@?&=#, ]+", address) if len(part) >= LONG_ENOUGH]


def read_settings() -> Settings:
    """The settings of this process; InputRefused names the variable and what is wrong with it."""
    try:
        return Settings()
    except ValidationError as error:
        said = [
            f"{PREFIX}{str(problem['loc'][0]).upper()}: "
            + problem["msg"].lower().removeprefix("value error, ")
            for problem in error.errors(include_input=False, include_url=False)
        ]
        text = f"The environment does not fit: {'; '.join(said)}. Correct or unset the variable."
        raise InputRefused(text) from None


def unknown_settings() -> list[str]:
    """Variables with our prefix that mean nothing, each with the nearest one that does."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    said = []
    for name in sorted(os.environ):
        if name in known or name.startswith((*TEST_SWITCHES, VARIABLES)):
            continue
        if not name.startswith(PREFIX):
            continue
        near = difflib.get_close_matches(name, known, 1, 0.6)
        said.append(f"{name} (did you mean {near[0]}?)" if near else name)
    return said


def process_environment() -> MutableMapping[str, str]:
    """The environment itself, for those who start other programs or point Prefect somewhere."""
    return os.environ
