"""Steps that tell somebody outside: `webhook`, `notify`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, WithJsonSchema, model_validator

from nurture.language.files.networks import Network
from nurture.language.grammar.models import Model, Whole, mapping, reading, web_address

MOST_TRIES = 10
LONGEST_ADDRESS = 2_000


def _address(value: Any) -> str:
    if web_address(value) is None or len(value) > LONGEST_ADDRESS:
        plain = isinstance(value, str) and len(value) < 200 and "@" not in value  # no password
        shown = f'"{value}"' if plain else "this"
        raise ValueError(
            f"{shown} is no address to call; write it as https://crm.example.test/leads"
        )
    return str(value)


CallAddress = Annotated[str, reading("bad-url", _address), WithJsonSchema({"type": "string"})]


def _label(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", value):
        return value
    shown = f'"{value}"' if isinstance(value, str) and len(value) < 60 else "this"
    raise ValueError(f"{shown} is no name: lower case letters, digits, dots, - and _, as in crm")


class Webhooks(Model):
    """Where calls may go beside the public internet."""

    allow: tuple[Network, ...] = ()


class NotifyModel(Model):
    """`notify: enterprise`, or with options: a notice to a team about a lead it does not have."""

    team: str
    notice: str = "warm"
    to: Literal["manager", "reps", "owner"] = "manager"
    anytime: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"team": value}
        return mapping(value, 'the name of a team is expected here, or a mapping with "team"')


class WebhookModel(Model):
    """`webhook: https://crm.example.test/leads`, or with options; named by its host if not else."""

    url: CallAddress
    name: Annotated[str, reading("bad-name", _label), WithJsonSchema({"type": "string"})] = ""
    retry: Annotated[Whole, Field(ge=0, le=MOST_TRIES)] = 3
    anytime: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"url": value}
        return mapping(value, 'an address is expected here, or a mapping with "url"')

    @property
    def host(self) -> str:
        """Whom the call goes to, with the port if one is written."""
        return urlsplit(self.url).netloc.lower()

    @property
    def label(self) -> str:
        """What conditions and reports call it."""
        return self.name or urlsplit(self.url).hostname or ""
