"""Deleting for good what other systems sent in: all of it or nothing."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.models import table_of
from resolvers import trail
from resolvers.forms import Form
from resolvers.invoicing import COST, INVOICE
from resolvers.problems import Problem, Refused, conflict
from resolvers.references import EVERYTHING, Ref, resolve, unknown, values_of
from resolvers.rights import in_organization
from resolvers.sales import CASE
from resolvers.upsert import find_excess
from resolvers.viewer import Viewer
from resolvers.writer import Writer, get_writer
from resolvers.writing import lock_rows


@dataclass(frozen=True, slots=True)
class DeletionResult:
    """The keys of what was deleted, in the order of the references; or the problems for which nothing was."""

    keys: Sequence[uuid.UUID]
    problems: Sequence[Problem] = ()


async def delete_cases(session: AsyncSession, viewer: Viewer, refs: Sequence[Ref]) -> DeletionResult:
    """Delete cases; CONFLICT where invoices or costs hang on one. Paths are `("cases", "0")`.

    Needs `import_data`, as all of these do; with it, references reach all of the organisation.
    """
    return await _delete(session, viewer, CASE, "cases", refs)


async def delete_invoices(session: AsyncSession, viewer: Viewer, refs: Sequence[Ref]) -> DeletionResult:
    """Delete invoices. Paths are `("invoices", "0")`."""
    return await _delete(session, viewer, INVOICE, "invoices", refs)


async def delete_costs(session: AsyncSession, viewer: Viewer, refs: Sequence[Ref]) -> DeletionResult:
    """Delete costs. Paths are `("costs", "0")`."""
    return await _delete(session, viewer, COST, "costs", refs)


async def _delete(
    session: AsyncSession, viewer: Viewer, form: Form, argument: str, refs: Sequence[Ref]
) -> DeletionResult:
    try:
        return DeletionResult(
            await _delete_all(get_writer(session, viewer, "import_data", EVERYTHING), form, argument, refs)
        )
    except Refused as refusal:
        return DeletionResult([], refusal.problems)


async def _delete_all(writer: Writer, form: Form, argument: str, refs: Sequence[Ref]) -> Sequence[uuid.UUID]:
    if problem := find_excess(len(refs), argument):
        raise Refused(problem)
    keys = await _keys(writer, form, argument, refs)
    rows = await lock_rows(writer, form, form.table.c.id, keys, for_deletion=True)
    if form is CASE:
        await _check_unused(writer, argument, keys)
    await writer.session.execute(
        sa.delete(form.table).where(in_organization(form.table), values_of(form.table.c.id, "keys")),
        {**writer.viewer.binds, "keys": keys},
    )
    await trail.record_gone(writer, form, rows.values())
    return list(dict.fromkeys(keys))


async def _keys(writer: Writer, form: Form, argument: str, refs: Sequence[Ref]) -> list[uuid.UUID]:
    found = await resolve(writer.session, writer.viewer, writer.reach, form.entity, refs)
    problems = [
        unknown(form.entity, ref, argument, str(position)) for position, ref in enumerate(refs) if ref not in found
    ]
    if problems:
        raise Refused(*problems)
    return [found[ref]["id"] for ref in refs]


async def _check_unused(writer: Writer, argument: str, keys: Sequence[uuid.UUID]) -> None:
    """Raise Refused where invoices or costs hang on a case."""
    hanging = (table_of(model) for model in (models.Invoice, models.Cost))
    on_cases = sa.union(
        *(
            sa.select(table.c.case_id).where(in_organization(table), values_of(table.c.case_id, "keys"))
            for table in hanging
        )
    )
    used = set(await writer.session.scalars(on_cases, {**writer.viewer.binds, "keys": list(keys)}))
    problems = [
        conflict("Invoices or costs hang on this case; delete or move them first.", argument, str(position))
        for position, key in enumerate(keys)
        if key in used
    ]
    if problems:
        raise Refused(*problems)
