"""What other systems send in: rows that are created or updated, at most 10,000 in one call."""

import enum
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import ProblemCode
from resolvers.contact import CONTACT
from resolvers.customer import CUSTOMER, INDUSTRY
from resolvers.forms import Form
from resolvers.invoicing import COST, INVOICE
from resolvers.problems import Problem, Refused
from resolvers.references import EVERYTHING
from resolvers.sales import CASE
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import prepare, store

MOST_ROWS = 10_000
MOST_PROBLEMS = 1_000

Rows = Sequence[Mapping[str, Any]]


class ErrorPolicy(enum.StrEnum):
    """What a rejected row means for the others."""

    REJECT_ALL = "REJECT_ALL"
    REJECT_ROWS = "REJECT_ROWS"


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """What became of the rows of a call."""

    created: int
    updated: int
    unchanged: int
    rejected: int
    """Rows with problems. Under REJECT_ALL one of them is enough for nothing to be written; the others then count as
    nothing at all."""
    ids: Sequence[uuid.UUID | None]
    """Keys in the order of the rows; None for a rejected row and, in a dry run, for one that would be created."""
    problems: Sequence[Problem]
    """At most 1,000, in the order of the rows."""
    must_roll_back: bool
    """A dry run, or refused: the caller does not commit."""


class Importer(Protocol):
    """Creates or updates rows of one kind."""

    async def __call__(
        self,
        session: AsyncSession,
        viewer: Viewer,
        rows: Rows,
        error_policy: ErrorPolicy = ErrorPolicy.REJECT_ALL,
        dry_run: bool = False,
    ) -> UpsertResult:
        """Needs `import_data`; with it, references reach all of the organisation. Paths are `("input", row, field)`."""


def _importer(form: Form) -> Importer:
    async def import_rows(
        session: AsyncSession,
        viewer: Viewer,
        rows: Rows,
        error_policy: ErrorPolicy = ErrorPolicy.REJECT_ALL,
        dry_run: bool = False,
    ) -> UpsertResult:
        try:
            writer = get_writer(session, viewer, "import_data", EVERYTHING)
        except Refused as refusal:
            return refused(*refusal.problems)
        return await upsert(writer, form, rows, error_policy, dry_run)

    return import_rows


upsert_customers = _importer(CUSTOMER)
"""Create or update customers, matched by `external_id`; those without one are always created."""

upsert_contacts = _importer(CONTACT)
"""Create or update contacts, matched by `external_id`; those without one are always created."""

upsert_cases = _importer(CASE)
"""Create or update cases, matched by `external_id`."""

upsert_invoices = _importer(INVOICE)
"""Create or update invoices, matched by `external_id`."""

upsert_costs = _importer(COST)
"""Create or update costs, matched by `external_id`."""

upsert_industries = _importer(INDUSTRY)
"""Create or update industries, matched by `id` where given, else by name."""


async def upsert(
    writer: Writer,
    form: Form,
    rows: Rows,
    error_policy: ErrorPolicy = ErrorPolicy.REJECT_ALL,
    dry_run: bool = False,
) -> UpsertResult:
    """Create or update rows of any form; whether the writer may is for the caller to know."""
    if problem := find_excess(len(rows), "input"):
        return refused(problem)
    drafts = [Draft(("input", str(position)), row) for position, row in enumerate(rows)]
    await prepare(writer, form, drafts, matching=True)
    if error_policy is ErrorPolicy.REJECT_ALL and not all(draft.is_fine for draft in drafts):
        return refused(drafts=drafts)
    outcome = _counted(drafts, dry_run)
    await store(writer, form, drafts)
    return outcome


def find_excess(count: int, path: str) -> Problem | None:
    """Whether these are more rows than one call takes."""
    message = f"{count:,} rows are too many; send at most {MOST_ROWS:,} in one call."
    return Problem(ProblemCode.TOO_MANY, message, (path,)) if count > MOST_ROWS else None


def refused(*problems: Problem, drafts: Sequence[Draft] = ()) -> UpsertResult:
    """Nothing was written."""
    bad = sum(not draft.is_fine for draft in drafts)
    return UpsertResult(0, 0, 0, bad, [None] * len(drafts), [*problems, *_problems(drafts)], must_roll_back=True)


def _counted(drafts: Sequence[Draft], dry_run: bool) -> UpsertResult:
    fine = [draft for draft in drafts if draft.is_fine]
    created = sum(draft.is_new for draft in fine)
    updated = sum(not draft.is_new and bool(draft.changed) for draft in fine)
    return UpsertResult(
        created=created,
        updated=updated,
        unchanged=len(fine) - created - updated,
        rejected=len(drafts) - len(fine),
        ids=[draft.key if draft.is_fine and not (dry_run and draft.is_new) else None for draft in drafts],
        problems=_problems(drafts),
        must_roll_back=dry_run,
    )


def _problems(drafts: Sequence[Draft]) -> list[Problem]:
    return list(islice((problem for draft in drafts for problem in draft.problems), MOST_PROBLEMS))
