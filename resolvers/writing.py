"""Writing rows, one or ten thousand: read the values, find what they name, check them, store them with their trail.

A call makes a `Draft` of each row. `prepare` looks at all of them together, a few statements for each step, and leaves
in each draft the columns as they are to be, or problems. It writes nothing. `store` writes the drafts that are fine.
Rows are locked in the order of their keys: first what is referred to, then what is changed, the organisation last.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec

import sqlalchemy as sa

from db.models import ProblemCode, table_of
from db.models.base import new_id
from resolvers import trail
from resolvers.entities import ENTITIES
from resolvers.forms import Field, Form, Link, National, Parts
from resolvers.ids import find_key
from resolvers.problems import Problem, Refused, forbidden, not_editable, not_found, stale
from resolvers.references import Ref, Row, fold, key_column, resolve, unknown, values_of
from resolvers.rights import Predicate, in_organization
from resolvers.rows import insert_rows
from resolvers.validation import Wrong, camel, is_storable, label_of
from resolvers.writer import Draft, Writer

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing: its key, or the problems for which nothing was done."""

    key: uuid.UUID | None
    problems: Sequence[Problem] = ()


def refused(*problems: Problem) -> Outcome:
    """Nothing was done."""
    return Outcome(None, problems)


def answering(function: Callable[P, Awaitable[Outcome]]) -> Callable[P, Awaitable[Outcome]]:
    """The function, with `Refused` turned into an outcome."""

    @wraps(function)
    async def answer(*args: P.args, **kwargs: P.kwargs) -> Outcome:
        try:
            return await function(*args, **kwargs)
        except Refused as refusal:
            return refused(*refusal.problems)

    return answer


async def prepare(writer: Writer, form: Form, drafts: Sequence[Draft], *, matching: bool = False) -> None:
    """Fill in the drafts, or say what is wrong with them; `matching` finds the stored rows by their keys."""
    await _link(writer, form, drafts)
    if matching:
        await _match(writer, form, drafts)
    await _load_parts_of(writer, form, drafts)
    defaults = form.defaults_for(writer.viewer)
    for draft in drafts:
        _read(form, draft)
        draft.key = draft.values["id"] = draft.row["id"] if draft.row else draft.key or new_id()
        _complete(form, draft, defaults)
    if matching:
        _refuse_repeated_rows(form, drafts)
    await _spell(writer, form, drafts)
    await _link_among(writer, form, drafts)
    await refuse_taken(writer, form, [draft for draft in drafts if draft.is_fine])
    for rule in form.rules:
        await rule(writer, [draft for draft in drafts if draft.is_fine])


async def read_values(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    """Read what the client gave into columns, references included; no stored row of the form's own is looked at."""
    await _link(writer, form, drafts)
    for draft in drafts:
        _read(form, draft)


async def store(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    """Write the drafts that are fine, and what changed by it."""
    fine = [draft for draft in drafts if draft.is_fine and draft.changed]
    new = [draft for draft in fine if draft.is_new]
    changed = [draft for draft in fine if not draft.is_new]
    await _insert(writer, form, new)
    await _update(writer, form, changed)
    await _replace_parts(writer, form, fine)
    for rule in form.stored:
        await rule(writer, fine)
    await trail.record_new(writer, form, new)
    await trail.record_changed(writer, form, changed)


async def write_one(writer: Writer, form: Form, draft: Draft) -> Outcome:
    """Store a prepared draft, or say why not."""
    if not draft.is_fine:
        return refused(*draft.problems)
    await store(writer, form, [draft])
    return Outcome(draft.key)


# ---------------------------------------------------------------- reading values


def _read(form: Form, draft: Draft) -> None:
    if strange := draft.given.keys() - form.names:
        raise TypeError(f"A {form.noun} has no {', '.join(sorted(strange))}")
    for each in form.fields:
        if each.name in draft.given:
            _read_field(form, draft, each)


def _read_field(form: Form, draft: Draft, each: Field) -> None:
    value = draft.given[each.name]
    if draft.row and each.is_in(draft.row, value):
        draft.values[each.name] = draft.row[each.name]
        return
    try:
        read = each.read(form.checks, value)
    except Wrong as wrong:
        draft.invalid(wrong.message, each.client_name, *wrong.path)
        return
    is_key = form.needs_key and each.name == form.key
    if None in read.values() and (is_key or form.requires(each)):
        what = "null; leave it out where there is nothing to say" if value is None else "empty"
        draft.invalid(f"{label_of(each.name)} cannot be {what}.", each.client_name)
        return
    draft.values |= read


def _complete(form: Form, draft: Draft, defaults: Mapping[str, Mapping[str, Any]]) -> None:
    """Defaults of a new row, and what it cannot do without."""
    if not draft.is_new:
        return
    for each in form.fields:
        if each.name in draft.given:
            continue
        draft.values |= defaults[each.name]
        is_key = form.needs_key and each.name == form.key
        if draft.value(each.columns[0]) is None and (is_key or form.requires(each)) and not each.is_automatic:
            draft.invalid(f"{label_of(each.name)} is needed.", each.client_name)


# ---------------------------------------------------------------- spelling by country


async def _spell(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    """Values whose spelling depends on the country of the row as it is to be: what is given, and what moves there."""
    waiting = [(draft, [each for each in form.national if _is_to_spell(form, draft, each)]) for draft in drafts]
    waiting = [(draft, national) for draft, national in waiting if national]
    linked = await _countries_of_links(writer, form, [draft for draft, _ in waiting])
    for draft, national in waiting:
        # Where there is no country it has been told why.
        if country := _country(form, draft, linked):
            for each in national:
                _spell_field(form, draft, each, country)


def _is_to_spell(form: Form, draft: Draft, each: National) -> bool:
    stored, value = draft.before(each.name), draft.value(each.name)
    if each.name in draft.given:
        return value is not None and each.name in draft.values and (value != stored or _moves(form, draft))
    return each.is_local and stored is not None and _moves(form, draft)


def _moves(form: Form, draft: Draft) -> bool:
    """Whether a stored row may come to another country."""
    column = form.country_link.column if form.country_link else "country"
    return draft.before(column) not in (None, draft.value(column))


def _spell_field(form: Form, draft: Draft, each: National, country: str) -> None:
    try:
        draft.values[each.name] = each.spelt(form.checks, draft.value(each.name), country)
    except Wrong as wrong:
        if each.name in draft.given:
            draft.invalid(wrong.message, each.client_name)
        else:
            advice = f"It is the one that is stored: give {each.client_name} too, or null."
            draft.invalid(f"{wrong.message} {advice}", "country")


def _country(form: Form, draft: Draft, linked: Mapping[uuid.UUID, str]) -> str | None:
    """The country of the row as it is to be; None where what was given for it cannot be."""
    if form.country_link:
        row = draft.links.get(form.country_link.name)
        return row["country"] if row else linked.get(draft.before(form.country_link.column))
    is_refused = "country" in draft.given and "country" not in draft.values
    return None if is_refused else draft.value("country")


async def _countries_of_links(writer: Writer, form: Form, drafts: Sequence[Draft]) -> dict[uuid.UUID, str]:
    """Of the rows that drafts go on pointing at, by key."""
    link = form.country_link
    keys = {draft.before(link.column) for draft in drafts if link and draft.row and link.name not in draft.given}
    if not link or not keys:
        return {}
    table = table_of(ENTITIES[link.entity].model)
    statement = sa.select(table.c.id, table.c.country).where(in_organization(table), values_of(table.c.id, "keys"))
    rows = await writer.session.execute(statement, {**writer.viewer.binds, "keys": list(keys)})
    return {row.id: row.country for row in rows}


# ---------------------------------------------------------------- references


async def _link(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    for link in form.links:
        named = [(draft, ref) for draft, ref in _refs(drafts, link) if not _is_among(form, link, ref)]
        found = await resolve(writer.session, writer.viewer, writer.reach, link.entity, (ref for _, ref in named))
        for draft, ref in named:
            _point(draft, link, ref, found.get(ref))


async def _link_among(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    """References by name to the form's own entity: a row of the same call, else a stored one."""
    for link in form.links:
        named = [(draft, ref) for draft, ref in _refs(drafts, link) if _is_among(form, link, ref)]
        if not named:
            continue
        siblings = {str(draft.values["name"]): draft for draft in drafts if draft.values.get("name")}
        wanted = {ref: str(ref.value).strip() for _, ref in named}
        spelt = await fold(writer.session, {name for name in (*siblings, *wanted.values()) if is_storable(name)})
        among = {spelt[name]: {"id": draft.key, "name": name} for name, draft in siblings.items()}
        found = await resolve(writer.session, writer.viewer, writer.reach, link.entity, wanted)
        for draft, ref in named:
            _point(draft, link, ref, among.get(spelt.get(wanted[ref], "")) or found.get(ref))


def _refs(drafts: Sequence[Draft], link: Link) -> list[tuple[Draft, Ref]]:
    given = ((draft, link.ref(draft.given.get(link.name))) for draft in drafts)
    return [(draft, ref) for draft, ref in given if ref is not None]


def _is_among(form: Form, link: Link, ref: Ref) -> bool:
    return link.entity == form.entity and ref.by == "name"


def _point(draft: Draft, link: Link, ref: Ref, row: Row | None) -> None:
    if row is None:
        draft.refuse(unknown(link.entity, ref, link.client_name))
    else:
        draft.links[link.name] = row
        draft.values[link.column] = row["id"]


# ---------------------------------------------------------------- finding what is stored


async def lock_rows(
    writer: Writer, form: Form, column: sa.ColumnElement[Any], keys: Sequence[Any], *, for_deletion: bool = False
) -> dict[Any, Row]:
    """The undeleted rows of these keys, locked against other writers until the transaction ends."""
    alive = [form.table.c.deleted_at.is_(None)] if form.is_soft else []
    statement = (
        sa.select(form.table, column.label("match_key"))
        .where(in_organization(form.table), values_of(column, "keys"), *alive)
        .order_by(form.table.c.id)
        .with_for_update(key_share=not for_deletion, of=form.table)
    )
    rows = await writer.session.execute(statement, {**writer.viewer.binds, "keys": list(keys)})
    return {row["match_key"]: dict(row) for row in rows.mappings()}


async def get_editable(
    writer: Writer, form: Form, id_text: str, expected_version: int | None = None, *, for_deletion: bool = False
) -> Row:
    """The row of a client's id, locked; raises Refused where it is not seen, not editable or of another version."""
    key = find_key(form.entity, id_text)
    row = await _lock_one(writer, form, key, for_deletion) if key else None
    if row is None:
        raise Refused(not_found(f"There is no {form.noun} with this id.", "id"))
    if not row["is_editable"]:
        raise Refused(forbidden(not_editable(form.noun), "id"))
    if expected_version not in (None, row["version"]):
        raise Refused(_stale(form, row, expected_version))
    return row


async def _lock_one(writer: Writer, form: Form, key: uuid.UUID, for_deletion: bool) -> Row | None:
    table, may = form.table, writer.viewer.permissions
    statement = (
        sa.select(table, form.editable(table, may).label("is_editable"))
        .where(ENTITIES[form.entity].visible(table, may), table.c.id == sa.bindparam("key"))
        # What is to be deleted is locked against new references too.
        .with_for_update(key_share=not for_deletion, of=table)
    )
    row = (await writer.session.execute(statement, {**writer.viewer.binds, "key": key})).mappings().first()
    return dict(row) if row else None


def _stale(form: Form, row: Row, expected: int | None) -> Problem:
    message = f"This {form.noun} was changed meanwhile: it is at version {row['version']}, you expected {expected}."
    return stale(f"{message} Read it again.", "expectedVersion")


async def _match(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    by_id = {draft.path: draft for draft in drafts if draft.given.get("id") is not None}
    await _match_ids(writer, form, list(by_id.values()))
    await _match_keys(writer, form, [draft for draft in drafts if draft.path not in by_id])


async def _match_ids(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    keys = {draft.path: find_key(form.entity, str(draft.given["id"])) for draft in drafts}
    rows = await lock_rows(writer, form, form.table.c.id, [key for key in keys.values() if key]) if drafts else {}
    for draft in drafts:
        draft.row = rows.get(keys[draft.path])
        if draft.row is None:
            draft.refuse(unknown(form.entity, Ref("id", str(draft.given["id"])), "id"))


async def _match_keys(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    keyed = [(draft, key) for draft in drafts if (key := _key_of(form, draft)) is not None]
    if not keyed:
        return
    spelt = await fold(writer.session, {key for _, key in keyed}) if form.key == "name" else {}
    first: dict[Any, Draft] = {}
    rows = await lock_rows(writer, form, key_column(form.table, form.key), [spelt.get(key, key) for _, key in keyed])
    for draft, given in keyed:
        key = spelt.get(given, given)
        draft.row = rows.get(key)
        if (earlier := first.setdefault(key, draft)) is not draft:
            _refuse_repeated(form, draft, earlier)


def _key_of(form: Form, draft: Draft) -> Any:
    """By what the row is found; None where there is nothing, or what cannot be, as it will be told once it is read."""
    field = next(each for each in form.fields if each.name == form.key)
    try:
        return field.read(form.checks, draft.given.get(form.key))[form.key]
    except Wrong:
        return None


def _refuse_repeated(form: Form, draft: Draft, earlier: Draft) -> None:
    name = camel(form.key) if draft.given.get("id") is None else "id"
    draft.invalid(f"Row {earlier.path[-1]} of this call is the same {form.noun}; send each only once.", name)


def _refuse_repeated_rows(form: Form, drafts: Sequence[Draft]) -> None:
    """A row may be named by its id and, a second time, by its key."""
    first: dict[uuid.UUID, Draft] = {}
    for draft in drafts:
        if draft.row and draft.is_fine and (earlier := first.setdefault(draft.row["id"], draft)) is not draft:
            _refuse_repeated(form, draft, earlier)


async def _load_parts_of(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    for parts in form.parts:
        stored = [draft for draft in drafts if draft.row and parts.name in draft.given]
        lists = await _find_parts(writer, parts, [draft.row["id"] for draft in stored if draft.row])
        for draft in stored:
            draft.row = {**draft.row, parts.name: lists.get(draft.row["id"], [])} if draft.row else None


async def with_parts(writer: Writer, form: Form, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows, each with the lists that belong to it."""
    for parts in form.parts:
        lists = await _find_parts(writer, parts, [row["id"] for row in rows])
        rows = [{**row, parts.name: lists.get(row["id"], [])} for row in rows]
    return rows


async def _find_parts(writer: Writer, parts: Parts, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    table = table_of(parts.model)
    lists: dict[uuid.UUID, list[dict[str, Any]]] = {}
    statement = (
        sa.select(table.c[parts.by], *(table.c[each.name] for each in parts.parts))
        .where(in_organization(table), values_of(table.c[parts.by], "keys"))
        .order_by(table.c[parts.by], table.c.position)
    )
    rows = await writer.session.execute(statement, {**writer.viewer.binds, "keys": list(keys)}) if keys else ()
    for key, *values in rows:
        names = (each.name for each in parts.parts)
        lists.setdefault(key, []).append(dict(zip(names, values, strict=True)))
    return lists


# ---------------------------------------------------------------- what no two rows share


async def refuse_taken(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    """Refuse drafts that would take what another row, or an earlier draft, has for itself."""
    for columns in form.unique:
        await _refuse_taken(writer, form, columns, drafts)


async def _refuse_taken(writer: Writer, form: Form, columns: tuple[str, ...], drafts: Sequence[Draft]) -> None:
    claims = [(draft, tuple(draft.value(name) for name in columns)) for draft in drafts]
    claims = [(draft, key) for draft, key in claims if None not in key and not draft.changed.isdisjoint(columns)]
    if not claims:
        return
    folded = columns == ("name",)
    spelt = await fold(writer.session, {key[-1] for _, key in claims}) if folded else {}
    holders = await find_holders(writer, form, columns, [spelt.get(key[-1], key[-1]) for _, key in claims])
    first: dict[Any, Draft] = {}
    for draft, given in claims:
        key = (*given[:-1], spelt.get(given[-1], given[-1]))
        earlier = first.setdefault(key, draft)
        holder = holders.get(key)
        if holder and holder["id"] != draft.key:
            draft.refuse(taken(form, columns[-1], given[-1], holder))
        elif earlier is not draft:
            draft.refuse(_taken_by_row(columns[-1], given[-1], earlier))


async def find_holders(
    writer: Writer, form: Form, columns: tuple[str, ...], values: Sequence[Any]
) -> dict[tuple[Any, ...], Row]:
    """The undeleted rows that hold these values in the last of the columns, by the values of all of them."""
    last = key_column(form.table, columns[-1])
    alive = [form.table.c.deleted_at.is_(None)] if form.is_soft else []
    visible = ENTITIES[form.entity].visible(form.table, writer.viewer.permissions)
    statement = sa.select(form.table, last.label("match_key"), visible.label("is_visible")).where(
        in_organization(form.table), values_of(last, "keys"), *alive
    )
    rows = await writer.session.execute(statement, {**writer.viewer.binds, "keys": list(values)})
    found = [dict(row) for row in rows.mappings()]
    return {(*(row[name] for name in columns[:-1]), row["match_key"]): row for row in found}


def taken(form: Form, column: str, value: Any, holder: Row, *path: str) -> Problem:
    """Another row has the value; it is named only to those who may see it."""
    who = f"{form.noun} “{form.label(holder)}” has it" if holder["is_visible"] else f"another {form.noun} has it"
    message = f"{label_of(column)} {value} is taken: {who}."
    entity = (form.entity, holder["id"]) if holder["is_visible"] else None
    return Problem(ProblemCode.DUPLICATE, message, path or (camel(column),), entity)


def _taken_by_row(column: str, value: Any, earlier: Draft) -> Problem:
    message = f"{label_of(column)} {value} is taken: row {earlier.path[-1]} of this call has it."
    return Problem(ProblemCode.DUPLICATE, message, (camel(column),))


async def one_at_a_time(writer: Writer, what: str) -> None:
    """Wait until nobody else of the organisation is at the same thing, and keep them waiting to the transaction's end.

    For what cannot be locked as a row, since it is about to be made.
    """
    lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"{writer.viewer.organization_id} {what}", 0))
    await writer.session.execute(sa.select(lock))


# ---------------------------------------------------------------- storing


async def _insert(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    if not drafts:
        return
    stamps = {"version": 1, "created_at": writer.at, "updated_at": writer.at} if form.is_versioned else {}
    # Rows that point at their like come in any order, so they learn where to point once all are there.
    among = [link.column for link in form.links if link.entity == form.entity]
    columns = [name for name in form.columns if name not in among]
    rows = [_keys(writer, form, draft) | stamps | {name: draft.values[name] for name in columns} for draft in drafts]
    await insert_rows(writer.session, form.table, rows)
    for name in among:
        await _set(writer, form, [name], [draft for draft in drafts if draft.values[name]])


async def _update(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    changed = frozenset(name for draft in drafts for name in draft.changed)
    for draft in drafts:
        if form.is_versioned:
            draft.values |= {"version": draft.before("version") + 1, "updated_at": writer.at}
    stamps = ["version", "updated_at"] if form.is_versioned else []
    await _set(writer, form, [*(name for name in form.columns if name in changed), *stamps], drafts)


async def _set(writer: Writer, form: Form, columns: Sequence[str], drafts: Sequence[Draft]) -> None:
    if not drafts or not columns:
        return
    table = form.table
    statement = (
        sa.update(table)
        .where(is_own(table), table.c.id == sa.bindparam("of_id"))
        .values({name: sa.bindparam(f"to_{name}") for name in columns})
    )
    own = {"own_organization": writer.viewer.organization_id}
    rows = [own | {"of_id": draft.key} | {f"to_{name}": draft.value(name) for name in columns} for draft in drafts]
    await writer.session.execute(statement, rows)


async def mark_deleted(writer: Writer, form: Form, rows: Sequence[Row], at: datetime | None) -> None:
    """Delete rows softly at this time, or bring them back."""
    table = form.table
    statement = (
        sa.update(table)
        .where(is_own(table), values_of(table.c.id, "keys"))
        .values(deleted_at=sa.bindparam("deleted"), version=table.c.version + 1, updated_at=sa.bindparam("now"))
    )
    binds = {"keys": [row["id"] for row in rows], "deleted": at, "now": writer.at}
    await writer.session.execute(statement, {**binds, "own_organization": writer.viewer.organization_id})


def is_own(table: sa.Table) -> Predicate:
    """`in_organization` for UPDATE, where SQLAlchemy takes a parameter named like a column for a new value."""
    key = table.c.get("organization_id", table.c.id)
    return key == sa.bindparam("own_organization")


def _keys(writer: Writer, form: Form, draft: Draft) -> dict[str, Any]:
    owner = {"organization_id": writer.viewer.organization_id} if "organization_id" in form.table.c else {}
    return {**owner, "id": draft.key}


async def _replace_parts(writer: Writer, form: Form, drafts: Sequence[Draft]) -> None:
    for parts in form.parts:
        changed = [draft for draft in drafts if parts.name in draft.changed]
        table = table_of(parts.model)
        old = [draft.key for draft in changed if draft.before(parts.name)]
        if old:
            gone = sa.delete(table).where(in_organization(table), values_of(table.c[parts.by], "keys"))
            await writer.session.execute(gone, {**writer.viewer.binds, "keys": old})
        rows = [row for draft in changed for row in _parts(writer, parts, draft)]
        await insert_rows(writer.session, table, rows)


def _parts(writer: Writer, parts: Parts, draft: Draft) -> list[dict[str, Any]]:
    keys = {"organization_id": writer.viewer.organization_id, parts.by: draft.key}
    listed = enumerate(draft.values[parts.name])
    return [{**keys, "id": new_id(), "position": position, **part} for position, part in listed]
