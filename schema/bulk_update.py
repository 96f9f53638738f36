"""Mass updates, their previews, and undoing them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.connection import reads_of
from resolvers import bulk_update, undo
from resolvers.bulk_update import Matching, Named, Target
from resolvers.idempotency import Question, once
from resolvers.operations import Act
from resolvers.paging import BadArgument
from resolvers.problems import Refused, invalid
from resolvers.selection import EVERYTHING, All, Condition, Field, Fields, Found, One, Operand, by_key
from resolvers.upsert import ErrorPolicy
from resolvers.viewer import Viewer
from resolvers.writer import find_refusal
from schema.conditions import NO_ROW, check_operands, condition
from schema.context import Info
from schema.enums import described
from schema.execution import Completed
from schema.filters import CustomerFilter, given
from schema.inputs import IndustryRef, UserRef, plain, values
from schema.problems import Problem
from schema.reading import read_within, selected
from schema.scalars import CountryCode
from schema.selection import Selected, check_size
from schema.stored import field_with, told
from schema.trail import BulkOperation
from schema.writing import write

UndoConflict = described(
    undo.UndoConflict,
    SKIP="They are left as they are, and listed.",
    REJECT_ALL="One of them is enough for nothing to be set back.",
)

_TARGETS = {
    "ids": "These, by id: at most 100,000; one that cannot be changed is a rejection with its place.",
    "matching": "Those that meet a condition; internal ones among them are left alone.",
    "filter": "Only what meets this.",
    "search": "Only what has these words; misspellings are not guessed.",
    "exclude_ids": "But not these.",
    "expected_count": "How many there are, as `customers(filter, search) { totalCount }` says, less the excluded among "
    "them; where it is another number, nothing changes and the answer is `STALE`.",
}


def _target(cls: type[Any]) -> Any:
    return given(cls, _TARGETS.__getitem__)


@_target
class MatchingCustomers:
    """Customers by what they are like: by `filter`, `search` or both."""

    filter: CustomerFilter | None
    search: str | None
    exclude_ids: list[strawberry.ID] | None
    expected_count: int


def _one_target(cls: type[Any]) -> Any:
    return given(cls, _TARGETS.__getitem__, one_of=True)


@_one_target
class CustomerTarget:
    """Which customers: by exactly one of these."""

    ids: list[strawberry.ID] | None
    matching: MatchingCustomers | None


@values(models.Customer)
class CustomerBulkSet:
    """What to set on all of them: what is left out stays, null clears."""

    industry: strawberry.Maybe[IndustryRef | None]
    owner: strawberry.Maybe[UserRef | None]
    country: strawberry.Maybe[CountryCode | None]
    language: strawberry.Maybe[str | None]
    is_active: strawberry.Maybe[bool | None]
    marketing_allowed: strawberry.Maybe[bool | None]


async def _operation(root: Any, info: Info) -> Any:
    return root.answers.get(info.path.key)


@strawberry.type(description="What became of a mass update, or of undoing one.")
class BulkUpdatePayload:
    """What became of a mass update, or of undoing one."""

    answers: strawberry.Private[Mapping[str, Completed | None]]
    operation: BulkOperation | None = field_with(
        {}, "The operation with its counts; null where it could not even be begun.", _operation
    )
    problems: list[Problem] = told("Why something was not done; 1,000 at most, all of them are `rejections`.")


@dataclass(frozen=True)
class Answered:
    """An act, and what the client wanted to know of its operation, read before anything is rolled back."""

    act: Act
    operations: Mapping[str, Completed | None]

    @property
    def must_roll_back(self) -> bool:
        """Whether it was a preview."""
        return self.act.must_roll_back


Function = Callable[[AsyncSession, Viewer], Awaitable[Act]]


async def answer_act(info: Info, function: Function) -> BulkUpdatePayload:
    """Run an act in one transaction and answer what the client selected of its operation, under the names it wants.

    A selection that is too large is refused before anything is done.
    """
    wanted = _operations(selected(info))

    async def act(session: AsyncSession, viewer: Viewer) -> Answered:
        try:
            done = await function(session, viewer)
        except Refused as refusal:
            done = Act(None, refusal.problems)
        reads = await reads_of(session)
        key = done.operation_id
        queries = {name: One("BulkOperation", by_key(key), fields) for name, fields in wanted.items()} if key else {}
        return Answered(done, {name: await read_within(reads, viewer, query) for name, query in queries.items()})

    answered = await write(info, act)
    return BulkUpdatePayload(
        answers=answered.operations, problems=[Problem.of(problem) for problem in answered.act.problems]
    )


def _operations(payload: Selected) -> dict[str, Fields]:
    found = [field for field in payload.fields() if isinstance(field, Field) and field.name == "operation"]
    for each in found:
        check_size(One("BulkOperation", by_key(NO_ROW), each.fields), payload.node)
    return {field.key: field.fields for field in found}


async def bulk_update_customers(
    root: Any, info: Info, *, set: Any, error_policy: ErrorPolicy, dry_run: bool, idempotency_key: str | None, **_: Any
) -> BulkUpdatePayload:
    """The resolver of the mutation."""
    asked = selected(info)
    arguments = asked.arguments()

    async def update(session: AsyncSession, viewer: Viewer) -> Act:
        target, values = _target_of(asked, arguments["target"]), plain(set)
        return await bulk_update.bulk_update_customers(
            session, viewer, target, values, error_policy=error_policy, dry_run=dry_run
        )

    async def update_once(session: AsyncSession, viewer: Viewer) -> Act:
        if refusal := find_refusal(viewer):
            raise Refused(refusal)
        if idempotency_key is None:
            return await update(session, viewer)
        if dry_run:
            message = "A preview is not kept, so it cannot be answered again: leave the key out."
            raise Refused(invalid(message, "idempotencyKey"))
        question = Question("bulkUpdateCustomers", idempotency_key, _canonical(arguments))
        return await once(session, viewer, question, lambda: update(session, viewer))

    return await answer_act(info, update_once)


def _canonical(arguments: Mapping[str, Any]) -> bytes:
    """The arguments but for the key, the same for the same call however it is written."""
    asked = {name: value for name, value in arguments.items() if name != "idempotencyKey"}
    return json.dumps(asked, sort_keys=True, default=str).encode()


def _target_of(asked: Selected, target: Mapping[str, Any]) -> Target:
    if (ids := target.get("ids")) is not None:
        return Named(ids)
    matching = target["matching"]
    excluded = matching.get("excludeIds") or ()
    return Matching(_condition(asked, matching), matching["expectedCount"], excluded)


def _condition(asked: Selected, matching: Mapping[str, Any]) -> Condition:
    """Raises Refused where it is left open what to find."""
    path = ("target", "matching")
    parts: list[Condition] = []
    try:
        check_operands(asked.node, asked.variables, *path)
        if matching.get("filter") is not None:
            parts.append(condition("Customer", matching["filter"], "filter"))
    except BadArgument as error:
        raise Refused(invalid(str(error), *path, *error.path)) from None
    if (search := matching.get("search")) is not None:
        parts.append(_found(search, *path, "search"))
    if not parts:
        message = "Give filter or search: without either it would be every customer."
        raise Refused(invalid(message, *path))
    return All((EVERYTHING, *parts))


def _found(search: str, *path: str) -> Condition:
    if not any(letter.isalnum() for letter in search):
        raise Refused(invalid("search has no letter or digit to look for: leave it out.", *path))
    return Found(Operand(search))


async def undo_bulk_operation(root: Any, info: Info, id: str, on_conflict: undo.UndoConflict) -> BulkUpdatePayload:
    """The resolver of the mutation."""

    async def act(session: AsyncSession, viewer: Viewer) -> Act:
        return await undo.undo_bulk_operation(session, viewer, id, on_conflict)

    return await answer_act(info, act)
