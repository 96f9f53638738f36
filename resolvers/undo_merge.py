"""Undoing a merge, as far as its two customers go: the one is set back, and the other is there again.

Undoing that in turn is the same the other way round: the other one goes again, and the one is what the merge made it.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from db.models import ChangeKind
from resolvers import trail
from resolvers.customer import CASES, CONTACTS, CUSTOMER, INVOICES, find_taken, get_restorable
from resolvers.forms import Field, Link, Parts
from resolvers.ids import encode, find_key
from resolvers.operations import Counts, Operation, reject
from resolvers.problems import Problem, Refused, conflict, stale
from resolvers.rendering import text
from resolvers.rights import Predicate, in_organization
from resolvers.sweep import CHANGES
from resolvers.writer import Draft, Writer
from resolvers.writing import get_editable, mark_deleted, refuse_taken, store, with_parts


@dataclass(frozen=True)
class Merged:
    """What an operation did to the two customers of a merge."""

    operation_id: uuid.UUID
    other: uuid.UUID
    """The one that went or, where a merge was undone, came back."""
    kind: ChangeKind
    at: datetime
    whole: Mapping[str, Any]
    """What the other one was then."""
    stays: uuid.UUID | None
    """The one that stayed, if any of its own values changed."""
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    """What its fields were before and after, by the names that clients use."""

    @property
    def comes_back(self) -> Collection[uuid.UUID]:
        """Who will be there again when this is undone."""
        return (self.other,) if self.kind is ChangeKind.DELETED else ()


async def find_merged(writer: Writer, operation_id: uuid.UUID) -> Merged | None:
    """What the operation did, if it was a merge or the undoing of one."""
    of_it = CHANGES.c.operation_id == sa.bindparam("operation", operation_id, type_=sa.Uuid())
    whole = _customer_changes(of_it, CHANGES.c.kind.in_([text(ChangeKind.DELETED), text(ChangeKind.RESTORED)]))
    other = (await writer.session.execute(whole, writer.viewer.binds)).one_or_none()
    if other is None:
        return None
    found = _customer_changes(of_it, CHANGES.c.kind == text(ChangeKind.UPDATED))
    changes = (await writer.session.execute(found, writer.viewer.binds)).all()
    return Merged(
        operation_id=operation_id,
        other=other.entity_id,
        kind=ChangeKind(other.kind),
        at=other.at,
        whole=other.old or other.new,
        stays=next((change.entity_id for change in changes), None),
        old={change.field: change.old for change in changes},
        new={change.field: change.new for change in changes},
    )


def _customer_changes(*which: Predicate) -> sa.Select[Any]:
    of_customers = CHANGES.c.entity_type == text(CUSTOMER.entity)
    return sa.select(CHANGES).where(in_organization(CHANGES), of_customers, *which)


@dataclass(frozen=True)
class MergeStep:
    """Undoes what an operation did to the two customers of a merge."""

    writer: Writer
    operation: Operation
    merged: Merged

    async def is_refused(self) -> bool:
        """Whether either cannot be what it was before; both are locked, so that it stays so."""
        return bool(await self._try(may_do=False))

    async def take(self, rejections: int, *, nothing: bool) -> Counts:
        """Take back what can be, or `nothing`; the rest are rejections, which come after so many others."""
        refused = await self._try(may_do=not nothing)
        told = [(key, problem) for key, problems in refused.items() for problem in problems]
        await reject(self.writer, self.operation, told, rejections)
        matched = 1 if self.merged.stays is None else 2
        return Counts(matched=matched, changed=0 if nothing else matched - len(refused), rejected=len(told))

    async def _try(self, *, may_do: bool) -> Mapping[uuid.UUID, Sequence[Problem]]:
        """Do one after the other, since what the one gives up may be what the other needs; answers who cannot."""
        refused: dict[uuid.UUID, Sequence[Problem]] = {}
        async with self.writer.session.begin_nested() as attempt:
            for key, part in self._parts(is_rehearsal=not may_do):
                try:
                    await part()
                except Refused as refusal:
                    refused[key] = [problem.at("id") for problem in refusal.problems]
            if not may_do:
                await attempt.rollback()
        return refused

    def _parts(self, *, is_rehearsal: bool) -> Sequence[tuple[uuid.UUID, Callable[[], Awaitable[None]]]]:
        merged = self.merged
        stays = [] if merged.stays is None else [(merged.stays, partial(self._set_back, merged.stays))]
        if merged.comes_back:
            return [*stays, (merged.other, self._bring_back)]
        return [(merged.other, partial(self._take_away, is_rehearsal=is_rehearsal)), *stays]

    async def _set_back(self, key: uuid.UUID) -> None:
        writer, merged = self.writer, self.merged
        row = await get_editable(writer, CUSTOMER, encode("Customer", key))
        (row,) = await with_parts(writer, CUSTOMER, [row])
        fields = [each for each in CUSTOMER.fields if each.client_name in merged.new]
        if any(each.json(row) != merged.new[each.client_name] for each in fields):
            raise Refused(_changed_since())
        draft = Draft((), {}, row, key=key)
        for each in fields:
            draft.values |= _columns_in(each, merged.old[each.client_name])
        await refuse_taken(writer, CUSTOMER, [draft])
        if not draft.is_fine:
            raise Refused(*draft.problems)
        await store(writer, CUSTOMER, [draft])

    async def _bring_back(self) -> None:
        """With nothing but itself: what hung on it moves back by itself."""
        writer, merged = self.writer, self.merged
        row = await get_restorable(writer, encode("Customer", merged.other))
        if row["deleted_at"] != merged.at:
            raise Refused(_changed_since())
        if problems := await find_taken(writer, CUSTOMER, [row]):
            raise Refused(*problems)
        await mark_deleted(writer, CUSTOMER, [row], None)
        await trail.record_back(writer, CUSTOMER, await with_parts(writer, CUSTOMER, [row]))

    async def _take_away(self, *, is_rehearsal: bool) -> None:
        """Once nothing hangs on it; in a rehearsal nothing but what has yet to move."""
        writer, merged = self.writer, self.merged
        row = await get_editable(writer, CUSTOMER, encode("Customer", merged.other), for_deletion=True)
        (row,) = await with_parts(writer, CUSTOMER, [row])
        if CUSTOMER.json(row) != merged.whole:
            raise Refused(_changed_since())
        if await self._has_more(moves=is_rehearsal):
            raise Refused(conflict("Contacts, cases or invoices hang on this customer, so it stays.", "id"))
        await trail.record_gone(writer, CUSTOMER, [row])
        await mark_deleted(writer, CUSTOMER, [row], writer.at)

    async def _has_more(self, *, moves: bool) -> bool:
        """Whether anything hangs on the other one, leaving out what the operation moved where that `moves` back."""
        moved = sa.select(CHANGES.c.entity_id).where(
            in_organization(CHANGES), CHANGES.c.operation_id == sa.bindparam("undone", self.merged.operation_id)
        )
        hanging = [
            sa.exists().where(
                in_organization(table),
                table.c.customer_id == sa.bindparam("key"),
                *([table.c.deleted_at.is_(None)] if table is CONTACTS else []),
                *([table.c.id.not_in(moved)] if moves else []),
            )
            for table in (CONTACTS, CASES, INVOICES)
        ]
        binds = {**self.writer.viewer.binds, "key": self.merged.other}
        return bool(await self.writer.session.scalar(sa.select(sa.or_(*hanging)), binds))


def _changed_since() -> Problem:
    return stale("This customer was changed since, so it was left as it is.", "id")


def _columns_in(field: Field, told: Any) -> Mapping[str, Any]:
    """The columns that make what a client sees of a customer's field."""
    if isinstance(field, Link):
        return {field.column: told and find_key(field.entity, told)}
    if isinstance(field, Parts):
        return {field.name: [{each.name: part.get(each.client_name) for each in field.parts} for part in told or ()]}
    return {field.name: told}
