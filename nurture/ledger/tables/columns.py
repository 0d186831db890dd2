"""The few column shapes every table is made of."""

from typing import Any

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, text
from sqlmodel import Field

from nurture.ledger.types import Document, Duration, Instant, Key


def key() -> Any:
    """The row's own number, given by the database."""
    return Field(default=None, sa_column=Column(Key, primary_key=True, autoincrement=True))


def refers(
    target: str, *, required: bool = True, index: bool = False, unique: bool = False
) -> Any:
    """A reference to another table's row (`"lead.id"`)."""
    only = unique or None
    column = Column(Key, ForeignKey(target), nullable=not required, index=index, unique=only)
    return Field(sa_column=column) if required else Field(default=None, sa_column=column)


def number_of_another() -> Any:
    """The number of another table's row where a reference would close a ring of tables."""
    return Field(default=None, sa_column=Column(Key, nullable=True))


def instant(*, required: bool = True) -> Any:
    """A UTC instant."""
    column = Column(Instant, nullable=not required)
    return Field(sa_column=column) if required else Field(default=None, sa_column=column)


def words(default: str | None = "") -> Any:
    """A text; `None` makes it optional."""
    if default is None:
        return Field(default=None, sa_column=Column(String, nullable=True))
    column = Column(String, nullable=False, server_default=text(f"'{default}'"))
    return Field(default=default, sa_column=column)


def length() -> Any:
    """A length of time; None while it is not known."""
    return Field(default=None, sa_column=Column(Duration, nullable=True))


def number(default: int = 0) -> Any:
    """A whole number."""
    column = Column(Integer, nullable=False, server_default=text(str(default)))
    return Field(default=default, sa_column=column)


def real(default: float = 0.0, *, required: bool = True) -> Any:
    """A measured number (points are measured: they decay)."""
    if not required:
        return Field(default=None, sa_column=Column(Float, nullable=True))
    column = Column(Float, nullable=False, server_default=text(str(default)))
    return Field(default=default, sa_column=column)


def flag(*, default: bool = False) -> Any:
    """Yes or no."""
    column = Column(Boolean, nullable=False, server_default=text("true" if default else "false"))
    return Field(default=default, sa_column=column)


def document() -> Any:
    """A JSON object, empty by default."""
    return Field(
        default_factory=dict, sa_column=Column(Document, nullable=False, server_default="{}")
    )
