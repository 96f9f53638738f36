"""What every table shares: the organisation in front of each key, UUIDv7 ids, names of constraints."""

import enum
import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import uuid_utils.compat
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import AutoString, Field, SQLModel

metadata = SQLModel.metadata
metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

MONEY = sa.Numeric()
"""Exact digits as they were given; how many there may be is a check of each table."""

TIMESTAMP = sa.DateTime(timezone=True)
JSON = JSONB(none_as_null=True)


def new_id() -> uuid.UUID:
    """A UUIDv7: ids sort by the time they were made, so new rows go to the end of every index."""
    return uuid_utils.compat.uuid7()


def now() -> datetime:
    """The present moment with an offset; every time stamp of a row is one."""
    return datetime.now(UTC)


class Organized(SQLModel):
    """A row of one organisation; nothing crosses."""

    organization_id: uuid.UUID = Field(primary_key=True)


class Entity(Organized):
    """A row with an id of its own."""

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)


class Versioned(Entity):
    """A row that tells lost updates from others."""

    version: int = Field(default=1, description="Grows by one with each change.")
    created_at: datetime = Field(default_factory=now, sa_type=TIMESTAMP, description="When it was created.")
    updated_at: datetime = Field(default_factory=now, sa_type=TIMESTAMP, description="When it was last changed.")


@sa.event.listens_for(sa.Table, "after_parent_attach")
def _texts_are_texts(table: sa.Table, parent: sa.MetaData) -> None:
    """Give texts the plain type: SQLModel's own is no `sa.String`, so whoever asks is told that they are none."""
    for column in table.columns if parent is metadata else ():
        if isinstance(column.type, AutoString):
            column.type = sa.String(column.type.length)


def table_of(model: Any) -> sa.Table:
    """The table of a model class, for statements that are not about objects."""
    table: sa.Table = model.__table__
    return table


def choice(values: type[enum.StrEnum], check: str | None = None) -> sa.Enum:
    """A column that holds the names of an enumeration, as text with a check (named, where a table has several)."""
    return sa.Enum(values, native_enum=False, create_constraint=True, length=32, name=check or values.__name__.lower())


def in_organization() -> sa.ForeignKeyConstraint:
    """The foreign key to the organisation that a row belongs to."""
    return sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"])


def refers_to(table: str, column: str, **options: Any) -> sa.ForeignKeyConstraint:
    """A foreign key that starts with the organisation, so that a row cannot point into another one."""
    return sa.ForeignKeyConstraint(["organization_id", column], [f"{table}.organization_id", f"{table}.id"], **options)


def index(table: str, *columns: str, suffix: str | None = None, **options: Any) -> sa.Index:
    """An index that starts with the organisation; `lower(name)` stands for the sort key of a text."""
    parts = [sa.text(f'({column} COLLATE "C")' if "(" in column else column) for column in columns]
    name = suffix or "_".join(column.removeprefix("lower(").removesuffix(")") for column in columns)
    return sa.Index(f"ix_{table}_{name}", sa.text("organization_id"), *parts, **options)


def unique_while_alive(table: str, *columns: str) -> sa.Index:
    """A number that no two undeleted rows share: deleting a row frees its numbers."""
    alive = sa.text("deleted_at IS NULL")
    return index(table, *columns, suffix="_".join(columns) + "_key", unique=True, postgresql_where=alive)


def check(name: str, condition: str) -> sa.CheckConstraint:
    """What must never be false of a row."""
    return sa.CheckConstraint(condition, name=name)
