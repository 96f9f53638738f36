"""Who writes, and what: the writer of a call and the drafts of its rows."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import TokenScope
from db.models.base import now
from resolvers.problems import Path, Problem, Refused, conflict, forbidden, invalid
from resolvers.references import Row
from resolvers.viewer import Permissions, Viewer


@dataclass(frozen=True)
class Writer:
    """One call that writes."""

    session: AsyncSession
    viewer: Viewer
    reach: Permissions
    """What references may point at: what the viewer sees, or everything where the call is an import."""
    by: uuid.UUID | None
    """Who the audit trail says it was; None where there is nobody yet."""
    at: datetime = field(default_factory=now)
    operation_id: uuid.UUID | None = None
    """The operation that what is written is a part of, if it is one."""


def find_refusal(viewer: Viewer, right: str | None = None) -> Problem | None:
    """Why the viewer may not call this at all: a token that only reads, or a role without the right."""
    if viewer.scope is not TokenScope.FULL:
        return forbidden("This token may only read; use one with the scope FULL.")
    if right and not getattr(viewer.permissions, right):
        return forbidden(f"Your role does not have the right to {_RIGHTS[right]}.")
    return None


def get_writer(
    session: AsyncSession, viewer: Viewer, right: str | None = None, reach: Permissions | None = None
) -> Writer:
    """The viewer as a writer; raises Refused where the viewer may not call this at all."""
    if refusal := find_refusal(viewer, right):
        raise Refused(refusal)
    return Writer(session, viewer, reach or viewer.permissions, viewer.user_id)


_RIGHTS = {"import_data": "import data", "administer": "administer the organisation"}


@dataclass(slots=True)
class Draft:
    """One row on its way from the client's values into the table."""

    path: Path
    """Where in the arguments the values stand."""
    given: Mapping[str, Any]
    row: Row | None = None
    """The stored row that this changes; None for a new one."""
    values: dict[str, Any] = field(default_factory=dict)
    """Columns as they are to be."""
    links: dict[str, Row] = field(default_factory=dict)
    """What references point at, by name of the field."""
    problems: list[Problem] = field(default_factory=list)
    key: uuid.UUID | None = None

    @property
    def is_fine(self) -> bool:
        return not self.problems

    @property
    def is_new(self) -> bool:
        return self.row is None

    @property
    def changed(self) -> frozenset[str]:
        """Names of the columns that differ from the stored row."""
        row = self.row
        if row is None:
            return frozenset(self.values)
        return frozenset(name for name, value in self.values.items() if row[name] != value)

    @property
    def merged(self) -> dict[str, Any]:
        """The row as it is to be."""
        return {**(self.row or {}), **self.values}

    def value(self, column: str) -> Any:
        """The column as it is to be; None where a new row has none yet."""
        return self.values[column] if column in self.values else (self.row or {}).get(column)

    def before(self, column: str) -> Any:
        """The column as it is stored; None for a new row."""
        return (self.row or {}).get(column)

    def refuse(self, problem: Problem) -> None:
        """Add a problem whose path begins at the values."""
        self.problems.append(problem.below(*self.path))

    def invalid(self, message: str, *path: str) -> None:
        """Refuse the row: a value is wrong in itself."""
        self.refuse(invalid(message, *path))

    def forbid(self, message: str, *path: str) -> None:
        """Refuse the row: the viewer may not."""
        self.refuse(forbidden(message, *path))

    def conflict(self, message: str, *path: str) -> None:
        """Refuse the row: others stand in the way."""
        self.refuse(conflict(message, *path))
