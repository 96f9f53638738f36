"""Reports: saving and deleting them, finding one by its name, and the trail of their exports.

What a document says as a report is found out in `schema.report_document`; here it is kept.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.connection import Database
from db.models import ReportStatus, Visibility, table_of
from resolvers import ids, rights, trail
from resolvers.entities import REPORT as ENTITY
from resolvers.forms import Field, Form, fields
from resolvers.paging import storable
from resolvers.problems import Problem, Refused, not_found
from resolvers.reading import fetch
from resolvers.references import Row
from resolvers.rendering import text
from resolvers.rights import in_organization
from resolvers.statement import compiled
from resolvers.validation import Wrong, checked, is_storable
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, answering, get_editable, one_at_a_time, prepare, taken, write_one

REPORTS = table_of(models.Report)
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class ReportFailed(Exception):
    """What was wanted of a report could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a document says as a report, as it is kept with it."""

    status: ReportStatus
    problems: Sequence[Problem]
    columns: Sequence[Mapping[str, Any]] = ()
    """`path`, `label` and `type` of each."""
    variables: Sequence[Mapping[str, Any]] = ()
    """`name`, `type`, `required` and `default` of each."""
    checked_for: str = ""
    """Which schema it was looked at with."""

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the table."""
        health = {"health_status": self.status, "health_problems": [_kept(each) for each in self.problems]}
        known = {"columns": list(self.columns), "variables": list(self.variables)}
        # Of one that is broken, what it had is worth knowing.
        return health | {"checked_for": self.checked_for} | ({} if self.status is ReportStatus.BROKEN else known)


def _kept(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "path": list(problem.path),
        "entity_id": None,
        "line": problem.line,
        "column": problem.column,
        "retry_after": None,
    }


def slug(name: str) -> str:
    """The name as it stands in addresses; Wrong where it cannot."""
    if not SLUG.fullmatch(name):
        raise Wrong(
            f"Name {name} cannot stand in an address: use small letters a to z, digits and single hyphens, "
            "such as open-invoices."
        )
    return name


class _Document(Field):
    """A text that is kept to the letter, so that lines and columns stay what they were."""

    def read(self, fields: type[Any], value: Any) -> dict[str, Any]:
        if isinstance(value, str) and not is_storable(value):
            raise Wrong("Document has a character that is not text (NUL or half of a pair); take it out.")
        return {self.name: checked(fields, self.name, value)}


async def _name_is_free(writer: Writer, drafts: Sequence[Draft]) -> None:
    """One's own reports differ in their names, and so do the shared ones."""
    for draft in drafts:
        holder = await _find_holder(writer, draft)
        if holder is not None:
            draft.refuse(taken(REPORT, "name", draft.value("name"), holder))


async def _find_holder(writer: Writer, draft: Draft) -> Row | None:
    owner = draft.value("owner_id") or writer.viewer.user_id
    rivals = [REPORTS.c.owner_id == owner]
    if draft.value("visibility") == Visibility.SHARED:
        rivals.append(REPORTS.c.visibility == Visibility.SHARED)
    visible = ENTITY.visible(REPORTS, writer.viewer.permissions).label("is_visible")
    statement = sa.select(REPORTS, visible).where(
        in_organization(REPORTS),
        REPORTS.c.name == draft.value("name"),
        REPORTS.c.id != draft.key,
        sa.or_(*rivals),
    )
    row = (await writer.session.execute(statement, writer.viewer.binds)).mappings().first()
    return dict(row) if row else None


REPORT = Form(
    entity="Report",
    model=models.Report,
    checks=models.ReportFields,
    fields=(
        Field(name="name", spelling=slug),
        *fields("title", "description"),
        _Document(name="document"),
        *fields("visibility"),
    ),
    editable=rights.edits_report,
    derived=("owner_id", "columns", "variables", "health_status", "health_problems", "checked_for"),
    rules=(_name_is_free,),
)


@answering
async def save_report(
    session: AsyncSession,
    viewer: Viewer,
    values: Mapping[str, Any],
    findings: Findings,
    *,
    id_text: str | None = None,
    expected_version: int | None = None,
) -> Outcome:
    """Save `values` as a new report or, by its id or as one's own of that name, over an earlier one.

    Paths begin with `input`, or are `("id",)` and `("expectedVersion",)`. REPORT_INVALID where the findings say so;
    FORBIDDEN for others' reports but for administrators; DUPLICATE where another has the name.
    """
    writer = get_writer(session, viewer)
    if id_text is None:
        await one_at_a_time(writer, f"reports of {viewer.user_id}")
        id_text = await _find_own(writer, values.get("name"))
        if id_text is None and expected_version is not None:
            raise Refused(not_found("There is no report of yours with this name.", "input", "name"))
    row = await get_editable(writer, REPORT, id_text, expected_version) if id_text else None
    draft = Draft(("input",), values, row)
    await prepare(writer, REPORT, [draft])
    if findings.status is ReportStatus.BROKEN:
        draft.problems.extend(problem.below("input") for problem in findings.problems)
    draft.values |= findings.values
    if row is None:
        draft.values["owner_id"] = viewer.user_id
    return await write_one(writer, REPORT, draft)


async def _find_own(writer: Writer, name: Any) -> str | None:
    if not isinstance(name, str) or not storable(name):
        return None
    statement = sa.select(REPORTS.c.id).where(
        in_organization(REPORTS), REPORTS.c.owner_id == rights.VIEWER, REPORTS.c.name == name.strip()
    )
    key = (await writer.session.execute(statement, writer.viewer.binds)).scalar()
    return ids.encode("Report", key) if key else None


@answering
async def delete_report(session: AsyncSession, viewer: Viewer, id_text: str) -> Outcome:
    """Delete a report for good. The path is `("id",)`; FORBIDDEN for others' reports but for administrators."""
    writer = get_writer(session, viewer)
    row = await get_editable(writer, REPORT, id_text, for_deletion=True)
    gone = sa.delete(REPORTS).where(in_organization(REPORTS), REPORTS.c.id == sa.bindparam("key"))
    await session.execute(gone, {**viewer.binds, "key": row["id"]})
    await trail.record_gone(writer, REPORT, [row])
    return Outcome(row["id"])


# ---------------------------------------------------------------- finding and running


@dataclass(frozen=True, slots=True)
class Saved:
    """A report, as far as a run needs to know it."""

    id: uuid.UUID
    name: str
    title: str
    document: str
    version: int


async def find_report(database: Database, viewer: Viewer, name: str) -> Saved | None:
    """The report of this name that the viewer may see: one's own first, then a shared one."""
    if not storable(name):
        return None
    rows = await fetch(database.reads, _BY_NAME, {**viewer.binds, "name": name})
    return Saved(name=name, **rows[0]) if rows else None


_BY_NAME = compiled(
    sa.select(REPORTS.c.id, REPORTS.c.title, REPORTS.c.document, REPORTS.c.version)
    .where(
        in_organization(REPORTS),
        REPORTS.c.name == sa.bindparam("name", type_=sa.String()),
        sa.or_(REPORTS.c.owner_id == rights.VIEWER, REPORTS.c.visibility == text(Visibility.SHARED)),
    )
    .order_by((REPORTS.c.owner_id == rights.VIEWER).desc())
    .limit(sa.literal_column("1"))
)


async def record_export(database: Database, viewer: Viewer, report: Saved, facts: Mapping[str, Any]) -> None:
    """Leave in the trail that the viewer has read the report out, with `facts` about how."""
    async with database.sessions.begin() as session:
        # Also with a token that may only read: it is the trail that is written.
        writer = Writer(session, viewer, viewer.permissions, viewer.user_id)
        await trail.record_export(writer, REPORT, {"id": report.id, "name": report.name}, facts)


# ---------------------------------------------------------------- health


class Checkable(NamedTuple):
    """A report that is to be looked at with the schema of this version."""

    organization_id: uuid.UUID
    id: uuid.UUID
    organization: str
    locale: str
    owner: str
    """E-mail address."""
    name: str
    document: str
    status: ReportStatus


async def list_checkable(session: AsyncSession, *, unless: str | None = None) -> Sequence[Checkable]:
    """The reports of all organisations, but for those that were looked at with the schema `unless`."""
    statement = _CHECKABLE if unless is None else _CHECKABLE.where(REPORTS.c.checked_for != unless)
    return [Checkable(*row) for row in await session.execute(statement)]


_ORGANIZATIONS, _USERS = table_of(models.Organization), table_of(models.User)
_CHECKABLE = (
    sa.select(
        REPORTS.c.organization_id,
        REPORTS.c.id,
        _ORGANIZATIONS.c.name,
        _ORGANIZATIONS.c.locale,
        _USERS.c.email,
        REPORTS.c.name,
        REPORTS.c.document,
        REPORTS.c.health_status,
    )
    .join(_ORGANIZATIONS, _ORGANIZATIONS.c.id == REPORTS.c.organization_id)
    .join(_USERS, sa.and_(_USERS.c.organization_id == REPORTS.c.organization_id, _USERS.c.id == REPORTS.c.owner_id))
    .order_by(_ORGANIZATIONS.c.name, REPORTS.c.organization_id, REPORTS.c.name, REPORTS.c.id)
)


async def keep_findings(session: AsyncSession, report: Checkable, findings: Findings) -> None:
    """Keep what was found out about a report, unless it was saved anew meanwhile."""
    statement = sa.update(REPORTS).where(
        REPORTS.c.organization_id == report.organization_id,
        REPORTS.c.id == report.id,
        REPORTS.c.document == report.document,
    )
    await session.execute(statement.values(findings.values))
