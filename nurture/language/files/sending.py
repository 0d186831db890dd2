"""`send` as it is written: which mail, in what words, from whom."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, TypeAdapter, WithJsonSchema, model_validator

from nurture.language.grammar.models import Address, Model, Name, mapping

OWNER = "owner"
"""Where a sender is named: the rep the lead is with."""


class FromModel(Model):
    """Who a mail is from."""

    name: str
    address: Address


def _from(value: Any) -> Any:
    """`owner`, or a name and an address."""
    message = 'write "owner", or who it is from: {name: Lena, address: lena@example.test}'
    return OWNER if value == OWNER else FromModel.model_validate(mapping(value, message))


def _reply_to(value: Any) -> Any:
    """`owner`, or an address."""
    return OWNER if value == OWNER else ADDRESS.validate_python(value)


def _subject(value: Any) -> Any:
    """One subject, or several by name."""
    if isinstance(value, str) and value:
        return {"": value}
    message = "a text is expected here, or several by name: {a: Why teams switch, b: …}"
    return SUBJECTS.validate_python(mapping(value, message))


ADDRESS = TypeAdapter(Address)
SUBJECTS = TypeAdapter(dict[Name, Annotated[str, Field(min_length=1)]])
_TEXT = {"type": "string"}
_SUBJECTS = {"anyOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT}]}
Subjects = Annotated[dict[str, str], PlainValidator(_subject), WithJsonSchema(_SUBJECTS)]
From = Annotated[
    FromModel | Literal["owner"], PlainValidator(_from, FromModel | Literal["owner"])
]


class SendModel(Model):
    """`send: welcome`, or with options."""

    email: str
    topic: str | None = None
    subject: Subjects | None = None
    from_: From | None = Field(default=None, alias="from")
    reply_to: Annotated[str, PlainValidator(_reply_to)] | None = None
    anytime: Annotated[bool, Field(strict=True)] = False
    resend: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"email": value}
        return mapping(value, 'the name of a mail is expected here, or a mapping with "email"')
