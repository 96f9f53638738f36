"""References: the ways in which a client names a thing that exists."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Access, table_of
from resolvers import rights
from resolvers.entities import ENTITIES
from resolvers.ids import find_key
from resolvers.problems import Problem, not_found
from resolvers.rights import Table
from resolvers.validation import is_storable, shown
from resolvers.viewer import Permissions, Viewer

By = Literal["id", "external_id", "number", "email", "name"]
Row = Mapping[str, Any]

EVERYTHING = Permissions(Access.ALL, Access.ALL, Access.ALL, Access.ALL, Access.ALL, import_data=True, administer=False)
"""How far the references of an import reach: to every row of the organisation, since what other systems send in must
fit together whoever's token they use. What may be read with that token stays as it is."""

_INT4 = range(1, 2**31)


@dataclass(frozen=True, slots=True)
class Ref:
    """One thing, named by its opaque id or by a key that people know."""

    by: By
    value: str | int


class Kind(NamedTuple):
    """References that one statement can look up."""

    entity: str
    by: By


# What rules ask of a row that is referred to, besides its id and name.
_CARRIED: Mapping[str, tuple[str, ...]] = {
    "Customer": ("is_internal", "country"),
    "InvoiceStatus": ("numbered", "sent"),
    "Role": Permissions.__slots__,
    "SalesStatus": ("category",),
    "User": ("unit_id", "role_id", "is_active"),
}


_WAYS: Mapping[str, str] = {
    "external_id": "the external id",
    "number": "the number",
    "email": "the e-mail address",
    "name": "the name",
}


def noun_of(entity: str) -> str:
    """What a person calls an entity, in the middle of a sentence."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in entity).strip()


def unknown(entity: str, ref: Ref, *path: str) -> Problem:
    """There is no such thing, as far as the viewer may know."""
    named = "this id" if ref.by == "id" else f"{_WAYS[ref.by]} {shown(ref.value)}"
    return not_found(f"There is no {noun_of(entity)} with {named}.", *path)


def values_of(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """The column has one of the values of an array parameter; one plan, however many there are."""
    # A limited length would cut the values off, and so find what nobody asked for.
    kind = sa.Text() if isinstance(column.type, sa.String) else column.type
    return column == sa.any_(sa.bindparam(name, type_=ARRAY(kind)))


async def fold(session: AsyncSession, texts: Collection[str]) -> dict[str, str]:
    """Each text as the database's own indexes spell it, so that upper and lower case are one."""
    if not texts:
        return {}
    given = sa.func.unnest(sa.bindparam("texts", type_=ARRAY(sa.Text))).column_valued("given")
    rows = await session.execute(sa.select(given, sa.func.lower(given).label("folded")), {"texts": list(texts)})
    return {row.given: row.folded for row in rows}


def key_column(table: Table, by: str) -> sa.ColumnElement[Any]:
    """The column by which a thing is found, as it is indexed."""
    return sa.collate(sa.func.lower(table.c.name, type_=sa.Text), "C") if by == "name" else table.c[by]


async def resolve(
    session: AsyncSession, viewer: Viewer, reach: Permissions, entity: str, refs: Iterable[Ref]
) -> dict[Ref, Row]:
    """The rows that references point at, one statement for each way of naming; what is not seen is not in the answer.

    Customers are locked against being deleted until the transaction ends.
    """
    found: dict[Ref, Row] = {}
    for by, keys in _keys_by_way(entity, refs).items():
        spelt = await fold(session, {str(key) for key in keys}) if by == "name" else {}
        wanted = {key: spelt.get(key, key) for key in keys}
        rows = await _find(session, viewer, reach, Kind(entity, by), list(set(wanted.values())))
        found |= {ref: rows[wanted[key]] for key, named in keys.items() if wanted[key] in rows for ref in named}
    return found


def _keys_by_way(entity: str, refs: Iterable[Ref]) -> dict[By, dict[Any, list[Ref]]]:
    ways: dict[By, dict[Any, list[Ref]]] = {}
    for ref in dict.fromkeys(refs):
        key = _key_of(entity, ref)
        if key is not None:
            ways.setdefault(ref.by, {}).setdefault(key, []).append(ref)
    return ways


def _key_of(entity: str, ref: Ref) -> uuid.UUID | str | int | None:
    """What to look for, or None where nothing can be found."""
    if ref.by == "number":
        return ref.value if isinstance(ref.value, int) and ref.value in _INT4 else None
    text = str(ref.value)
    if not is_storable(text):
        return None
    if ref.by == "id":
        return find_key(entity, text)
    return text.strip().lower() if ref.by == "email" else text.strip()


async def _find(
    session: AsyncSession, viewer: Viewer, reach: Permissions, kind: Kind, keys: list[Any]
) -> dict[Any, Row]:
    table = table_of(ENTITIES[kind.entity].model)
    statement = _statement(kind, table, reach)
    rows = await session.execute(statement, {**viewer.binds, "keys": keys})
    return {row["key"]: row for row in rows.mappings()}


def _statement(kind: Kind, table: sa.Table, reach: Permissions) -> sa.Select[Any]:
    entity, by = kind
    key = key_column(table, by)
    name = [table.c.name] if "name" in table.c else []
    carried = [table.c[column] for column in _CARRIED.get(entity, ())]
    columns = [key.label("key"), table.c.id, *name, *carried]
    if entity == "Customer":
        columns.append(rights.edits_customer(table, reach).label("editable"))
    statement = sa.select(*columns).where(ENTITIES[entity].visible(table, reach), values_of(key, "keys"))
    if entity == "Customer":
        return statement.order_by(table.c.id).with_for_update(read=True, key_share=True, of=table)
    return statement
