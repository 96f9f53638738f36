"""The audit trail: what a change looks like to clients and to people, written with the change itself."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.models import Change, ChangeKind, table_of
from db.models.base import new_id
from resolvers.entities import ENTITIES
from resolvers.forms import Field, Form, Names
from resolvers.references import Row, values_of
from resolvers.rights import in_organization
from resolvers.rows import insert_rows
from resolvers.writer import Draft, Writer

LONGEST_LABEL = 300


async def record_new(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    """Rows came."""
    await _record(writer, (_whole(writer, form, ChangeKind.CREATED, draft.merged) for draft in drafts))


async def record_gone(writer: Writer, form: Form, rows: Iterable[Row]) -> None:
    """Rows went."""
    await _record(writer, (_whole(writer, form, ChangeKind.DELETED, row) for row in rows))


async def record_back(writer: Writer, form: Form, rows: Iterable[Row]) -> None:
    """Deleted rows came back."""
    await _record(writer, (_whole(writer, form, ChangeKind.RESTORED, row) for row in rows))


async def record_changed(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    """Fields changed: one row for each."""
    names = await _names(writer, form, drafts)
    await _record(
        writer,
        (
            _changed(writer, form, draft, each, names)
            for draft in drafts
            for changed in (draft.changed,)
            for each in form.fields
            if not changed.isdisjoint(each.columns)
        ),
    )


async def record_export(writer: Writer, form: Form, row: Row, facts: Mapping[str, Any]) -> None:
    """A thing was read out to a file; `facts` tell how."""
    change = _change(writer, form, ChangeKind.EXPORTED, row)
    label = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None and value != {})
    await _record(writer, [{**change, "new": dict(facts), "new_label": label}])


async def _record(writer: Writer, changes: Iterable[dict[str, Any]]) -> None:
    await insert_rows(writer.session, table_of(Change), list(changes))


def _whole(writer: Writer, form: Form, kind: ChangeKind, row: Row) -> dict[str, Any]:
    change = _change(writer, form, kind, row)
    side = "old" if kind is ChangeKind.DELETED else "new"
    change[side] = form.json({**row, "home_currency": writer.viewer.currency})
    change[f"{side}_label"] = change["entity_label"]
    return change


def _changed(writer: Writer, form: Form, draft: Draft, each: Field, names: Names) -> dict[str, Any]:
    home = {"home_currency": writer.viewer.currency}
    before, after = {**(draft.row or {}), **home}, {**draft.merged, **home}
    return _change(writer, form, ChangeKind.UPDATED, after) | {
        "field": each.client_name,
        "old": each.json(before),
        "new": each.json(after),
        "old_label": each.label(before, names),
        "new_label": each.label(after, names),
    }


def _change(writer: Writer, form: Form, kind: ChangeKind, row: Row) -> dict[str, Any]:
    return {
        "organization_id": writer.viewer.organization_id,
        "id": new_id(),
        "kind": kind,
        "entity_type": form.entity,
        "entity_id": row["id"],
        "entity_label": form.label(row)[:LONGEST_LABEL],
        "at": writer.at,
        "by_id": writer.by,
        "operation_id": writer.operation_id,
    } | dict.fromkeys(("field", "old", "new", "old_label", "new_label"))


async def _names(writer: Writer, form: Form, drafts: Sequence[Draft]) -> Names:
    """What the rows are called that changed links pointed at or point at now."""
    names: dict[tuple[str, uuid.UUID], str] = {}
    for link in form.links:
        moved = [draft for draft in drafts if link.column in draft.changed]
        keys = {key for draft in moved for key in (draft.before(link.column), draft.value(link.column)) if key}
        if keys:
            names |= {(link.entity, key): name for key, name in await _names_of(writer, link.entity, keys)}
    return names


async def _names_of(writer: Writer, entity: str, keys: Iterable[uuid.UUID]) -> Iterable[tuple[uuid.UUID, str]]:
    table = table_of(ENTITIES[entity].model)
    statement = sa.select(table.c.id, table.c.name).where(in_organization(table), values_of(table.c.id, "keys"))
    rows = await writer.session.execute(statement, {**writer.viewer.binds, "keys": list(keys)})
    return [(key, name) for key, name in rows]
