"""Operations: acts with many changes. Each is a row with its counts, its changes and what it could not change."""

import uuid
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.models import BulkStatus, table_of
from db.models.base import new_id
from resolvers import ids
from resolvers.problems import Problem
from resolvers.rendering import literal, text
from resolvers.rights import in_organization
from resolvers.viewer import Viewer
from resolvers.writer import Writer
from resolvers.writing import is_own

MOST_PROBLEMS = 1_000

REJECTIONS = table_of(models.Rejection)
OPERATIONS = table_of(models.BulkOperation)

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Counts:
    """What became of the rows that were meant."""

    matched: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    skipped: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Operation:
    """One act. The ids of its changes and rejections follow from its own: the same preview has the same ones again."""

    id: uuid.UUID = field(default_factory=new_id)
    undoes_id: uuid.UUID | None = None

    def change_id(self, key: Expression, field: Expression) -> Expression:
        """The id of the change of a row's field (two digits of its own), in the shape of a UUIDv7.

        The time of the operation comes first, so that the trail is in order, then what is made of the row's key.
        """
        made = sa.func.md5(text(self.id.hex).concat(sa.cast(key, sa.Text)))
        front = text(f"{self.id.hex[:12]}7")
        first = sa.func.substr(made, literal("1"), literal("3"))
        rest = sa.func.substr(made, literal("4"), literal("13"))
        return sa.cast(front.concat(first).concat(text("8")).concat(rest).concat(field), sa.Uuid)

    def rejection_id(self, place: Expression) -> Expression:
        """The id of the rejection that comes at this place."""
        number = sa.func.lpad(sa.func.to_hex(place), literal("8"), text("0"))
        return sa.cast(text(self.id.hex[:24]).concat(number), sa.Uuid)


@dataclass(frozen=True)
class Act:
    """What a call did: its operation, or the problems for which there is none."""

    operation_id: uuid.UUID | None
    problems: Sequence[Problem] = ()
    """Of an operation the first rejections."""
    must_roll_back: bool = False
    """A preview: whoever called reads what there is to read, and does not commit."""


def preview_of(viewer: Viewer) -> Operation:
    """The operation that all of a viewer's previews are: none of them is kept, and their pages fit together."""
    made = bytearray(uuid.uuid5(viewer.user_id, "preview").bytes)
    made[6] = 0x70 | made[6] & 0x0F
    return Operation(uuid.UUID(bytes=bytes(made)))


async def open_operation(writer: Writer, operation: Operation) -> None:
    """Store the operation, so that changes can refer to it; its status and counts come when it is closed."""
    row = {
        "organization_id": writer.viewer.organization_id,
        "id": operation.id,
        "status": BulkStatus.APPLIED,
        **vars(Counts()),
        "at": writer.at,
        "by_id": writer.viewer.user_id,
        "undoes_id": operation.undoes_id,
    }
    await writer.session.execute(sa.insert(OPERATIONS), [row])


async def close_operation(writer: Writer, operation: Operation, status: BulkStatus, counts: Counts) -> None:
    """Say what became of it."""
    await _set(writer, operation.id, {"status": status, **vars(counts)})


async def set_status(writer: Writer, key: uuid.UUID, status: BulkStatus) -> None:
    """What has become of an earlier operation."""
    await _set(writer, key, {"status": status})


async def _set(writer: Writer, key: uuid.UUID, values: dict[str, Any]) -> None:
    statement = (
        sa.update(OPERATIONS).where(is_own(OPERATIONS), OPERATIONS.c.id == sa.bindparam("operation")).values(**values)
    )
    binds = {"own_organization": writer.viewer.organization_id, "operation": key}
    await writer.session.execute(statement, binds)


async def reject(
    writer: Writer, operation: Operation, refused: Sequence[tuple[uuid.UUID, Problem]], after: int = 0
) -> None:
    """Store why customers could not be changed; these rejections come after so many that are there."""
    rows = [
        {
            "organization_id": writer.viewer.organization_id,
            "id": uuid.UUID(f"{operation.id.hex[:24]}{place:08x}"),
            "operation_id": operation.id,
            "customer_ref": ids.encode("Customer", customer_id),
            "customer_id": customer_id,
            "code": problem.code,
            "message": problem.message,
            "path": list(problem.path),
            "entity_ref": ids.encode(*problem.entity) if problem.entity else None,
        }
        for place, (customer_id, problem) in enumerate(refused, after + 1)
    ]
    if rows:
        await writer.session.execute(sa.insert(REJECTIONS), rows)


async def find_problems(session: AsyncSession, viewer: Viewer, operation_id: uuid.UUID) -> Sequence[Problem]:
    """The first rejections of an operation, in their order."""
    statement = (
        sa.select(*(REJECTIONS.c[name] for name in ("code", "message", "path", "entity_ref")))
        .where(in_organization(REJECTIONS), REJECTIONS.c.operation_id == sa.bindparam("operation"))
        .order_by(REJECTIONS.c.id)
        .limit(MOST_PROBLEMS)
    )
    rows = await session.execute(statement, {**viewer.binds, "operation": operation_id})
    return [
        Problem(row.code, row.message, tuple(row.path), ids.decode(row.entity_ref) if row.entity_ref else None)
        for row in rows
    ]
