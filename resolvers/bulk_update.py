"""Mass update: many customers in one call, one transaction and one statement, however many they are.

Only a change of country reads them beforehand, since whether business ids stay what they are is not to be told in SQL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Access, BulkStatus, ProblemCode
from resolvers.columns import Expression, key_in, tagged
from resolvers.customer import BUSINESS_ID, CUSTOMER, CUSTOMERS
from resolvers.entities import ENTITIES
from resolvers.operations import Act, Counts, Operation, close_operation, find_problems, open_operation, preview_of
from resolvers.problems import Problem, Refused, forbidden, invalid, not_editable, stale
from resolvers.rendering import literal, text
from resolvers.rights import Predicate, Table
from resolvers.selection import Condition
from resolvers.statement import values_in, visible_rows
from resolvers.sweep import (
    NO_CLASH,
    News,
    count_of,
    differ,
    meant,
    path_of,
    read,
    rejected,
    run,
    shared_keys,
    storable_refs,
    traced,
    with_clashes,
    written,
)
from resolvers.upsert import ErrorPolicy
from resolvers.viewer import Permissions, Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import read_values

MOST_IDS = 100_000

_MESSAGES: Mapping[ProblemCode, str] = {
    ProblemCode.NOT_FOUND: "There is no customer with this id.",
    ProblemCode.FORBIDDEN: not_editable("customer"),
    ProblemCode.CONFLICT: "Internal customers are left out of mass updates; change it by itself.",
}


@dataclass(frozen=True)
class Named:
    """Customers by their ids, as a client gave them."""

    ids: Sequence[str]


@dataclass(frozen=True)
class Matching:
    """The customers that meet a condition, less the excluded; there must be as many as expected."""

    where: Condition
    expected_count: int
    exclude_ids: Sequence[str] = ()


Target = Named | Matching


async def bulk_update_customers(
    session: AsyncSession,
    viewer: Viewer,
    target: Target,
    values: Mapping[str, Any],
    *,
    error_policy: ErrorPolicy = ErrorPolicy.REJECT_ALL,
    dry_run: bool = False,
) -> Act:
    """Set `values` on the customers of the target; who cannot be changed is a rejection of the operation.

    Raises Refused where nothing can be begun at all. Paths begin with `target` or `set`. A dry run does the same, and
    is for the caller to roll back.
    """
    writer = get_writer(session, viewer)
    if viewer.permissions.edit_customers is Access.NONE:
        raise Refused(forbidden("Your role does not let you change customers."))
    _check(target)
    news = await _read(writer, values)
    operation = preview_of(viewer) if dry_run else Operation()
    async with session.begin_nested():
        await open_operation(writer, operation)
        counts = await _sweep(writer, operation, target, news, error_policy)
        if isinstance(target, Matching) and counts.matched != target.expected_count:
            raise Refused(_stale(target, counts.matched))
        await close_operation(writer, operation, _status(counts, error_policy, dry_run), counts)
    return Act(operation.id, await find_problems(session, viewer, operation.id) if counts.rejected else (), dry_run)


def _status(counts: Counts, error_policy: ErrorPolicy, dry_run: bool) -> BulkStatus:
    if dry_run:
        return BulkStatus.PREVIEW
    is_refused = counts.rejected and error_policy is ErrorPolicy.REJECT_ALL
    return BulkStatus.REJECTED if is_refused else BulkStatus.APPLIED


def _stale(target: Matching, matched: int) -> Problem:
    message = f"{matched:,} customers match, you expected {target.expected_count:,}: nothing was changed. Look again."
    return stale(message, "target", "matching", "expectedCount")


def _check(target: Target) -> None:
    """Raise Refused where the target names nobody, or too many one by one."""
    ids, *path = (target.ids, "ids") if isinstance(target, Named) else (target.exclude_ids, "matching", "excludeIds")
    if len(ids) > MOST_IDS:
        message = f"{len(ids):,} ids are too many; send at most {MOST_IDS:,} in one call."
        raise Refused(Problem(ProblemCode.TOO_MANY, message, ("target", *path)))
    if isinstance(target, Named) and not ids:
        raise Refused(invalid("The list of ids is empty, so there is nothing to change: name some.", "target", "ids"))


async def _read(writer: Writer, values: Mapping[str, Any]) -> News:
    """The new values, looked up once for all customers."""
    draft = Draft(("set",), values)
    if not values:
        draft.invalid("There is nothing to set: give at least one field.")
    await read_values(writer, CUSTOMER, [draft])
    if draft.problems:
        raise Refused(*draft.problems)
    return News.of(CUSTOMER, draft)


# ---------------------------------------------------------------- the statement


async def _sweep(writer: Writer, operation: Operation, target: Target, news: News, error_policy: ErrorPolicy) -> Counts:
    may = writer.viewer.permissions
    aim = _by_ids(target, news, may) if isinstance(target, Named) else _by_condition(target, news, may)
    size = len(target.ids) if isinstance(target, Named) else target.expected_count
    staying = {"staying": await _find_staying(writer, aim, news, size)} if _moves(news) else {}
    rows = _judged(aim.rows, news, may)
    refused = _refused(rows, news, aim.missing)
    fine = sa.and_(rows.c.code.is_(None), sa.not_(rows.c.is_skipped), *aim.conditions)
    if error_policy is ErrorPolicy.REJECT_ALL:
        fine = sa.and_(fine, count_of(refused) == literal("0"))
    changed = written(CUSTOMER, rows, news.values, fine)
    statement = sa.select(
        (count_of(rows) + count_of(refused, refused.c.customer_id.is_(None))).label("matched"),
        count_of(changed).label("changed"),
        count_of(rows, fine, sa.not_(differ(rows, news.values))).label("unchanged"),
        count_of(refused).label("rejected"),
        count_of(rows, rows.c.is_skipped).label("skipped"),
    ).add_cte(traced(news, operation, changed), rejected(operation, refused))
    found = await run(writer, statement, {**news.binds, **aim.binds, **staying}, rows=size)
    return Counts(**found._mapping)


@dataclass(frozen=True)
class _Aim:
    """A target in SQL."""

    rows: sa.CTE
    """The customers meant: locked, as they are, with what the client calls them."""
    binds: Mapping[str, Any]
    conditions: Sequence[Predicate] = ()
    """What must hold of them all together."""
    missing: Sequence[sa.Select[Any]] = ()
    """Refusals of those who are not there."""


def _by_ids(target: Named, news: News, may: Permissions) -> _Aim:
    refs = sa.func.unnest(sa.bindparam("refs", type_=ARRAY(sa.Text)))
    asked = refs.table_valued("ref", with_ordinality="place").render_derived("asked")
    first = (sa.func.min(asked.c.place) - literal("1")).label("place")
    key = key_in("Customer", asked.c.ref).label("key")
    given = sa.select(asked.c.ref, first, key).group_by(asked.c.ref).cte("given")
    customers = CUSTOMERS.alias("customer")
    path = path_of("target", "ids", sa.cast(given.c.place, sa.Text)).label("path")
    rows = meant(
        CUSTOMER,
        customers,
        _columns(news),
        *(given.c.ref, given.c.place, path, sa.false().label("is_skipped"), _editable(customers, may)),
        where=[ENTITIES["Customer"].visible(customers, may)],
        beside=(given, given.c.key == customers.c.id),
    )
    absent = sa.select(
        *(given.c.ref, sa.cast(sa.null(), sa.Uuid), text(ProblemCode.NOT_FOUND)),
        *(text(_MESSAGES[ProblemCode.NOT_FOUND]), path, sa.cast(sa.null(), sa.Text), given.c.place),
    ).where(sa.not_(sa.exists().where(rows.c.id == given.c.key)))
    return _Aim(rows, {"refs": storable_refs(target.ids)}, missing=[absent])


def _by_condition(target: Matching, news: News, may: Permissions) -> _Aim:
    customers = CUSTOMERS.alias("customer")
    ref = tagged("Customer", customers.c.id).label("ref")
    path = path_of("target", "matching").label("path")
    place = customers.c.id.label("place")
    rows = meant(
        CUSTOMER,
        customers,
        _columns(news),
        *(ref, place, path, customers.c.is_internal.label("is_skipped"), _editable(customers, may)),
        where=[visible_rows("Customer", customers, target.where, may), _not_excluded(customers, target)],
    )
    as_expected = count_of(rows) == sa.bindparam("expected", type_=sa.BigInteger())
    excluded = {"excluded": storable_refs(target.exclude_ids)} if target.exclude_ids else {}
    binds = {**values_in(target.where), **excluded, "expected": target.expected_count}
    return _Aim(rows, binds, [as_expected])


def _not_excluded(customers: Table, target: Matching) -> Predicate:
    if not target.exclude_ids:
        return sa.true()
    given = sa.func.unnest(sa.bindparam("excluded", type_=ARRAY(sa.Text))).column_valued("excluded")
    key = key_in("Customer", given)
    return customers.c.id.not_in(sa.select(key).where(key.is_not(None)))


def _columns(news: News) -> tuple[str, ...]:
    """What is to be known of each customer: what is set, and what must stay the only one of its kind."""
    keys = (name for columns in shared_keys(CUSTOMER, news.columns) for name in columns)
    return tuple(dict.fromkeys((*news.columns, "is_internal", *keys)))


def _editable(customers: Table, may: Permissions) -> Expression:
    return CUSTOMER.editable(customers, may).label("is_editable")


def _judged(rows: sa.CTE, news: News, may: Permissions) -> sa.CTE:
    """The rows with a `code` for why they are refused, if they are."""
    code = sa.case(
        (rows.c.is_skipped, sa.null()),
        (rows.c.is_editable.is_not(sa.true()), text(ProblemCode.FORBIDDEN)),
        (rows.c.is_internal, text(ProblemCode.CONFLICT)),
        *([(_is_left_behind(rows, news), text(ProblemCode.INVALID))] if _moves(news) else []),
    )
    judged = sa.select(rows, code.label("code"), *NO_CLASH).cte("judged")
    moving = sa.and_(judged.c.code.is_(None), sa.not_(judged.c.is_skipped))
    return with_clashes(CUSTOMER, judged, news.values, may, moving)


def _refused(rows: sa.CTE, news: News, missing: Sequence[sa.Select[Any]]) -> sa.CTE:
    known = (ProblemCode.FORBIDDEN, ProblemCode.CONFLICT)
    told = [(rows.c.code == text(code), text(_MESSAGES[code])) for code in known]
    if _moves(news):
        told.append((rows.c.code == text(ProblemCode.INVALID), _told_left_behind(rows, news)))
    seen = sa.select(
        rows.c.ref.label("customer_ref"),
        rows.c.id.label("customer_id"),
        *(rows.c.code, sa.case(*told, else_=rows.c.clash).label("message"), rows.c.path, rows.c.entity_ref),
        rows.c.place,
    ).where(rows.c.code.is_not(None))
    return sa.union_all(seen, *missing).cte("refused")


# ---------------------------------------------------------------- business ids in another country


def _moves(news: News) -> bool:
    return "country" in news.columns


async def _find_staying(writer: Writer, aim: _Aim, news: News, size: int) -> Sequence[str]:
    """The business ids of customers that move to another country that are the very same there.

    It locks whom the target means, so that their numbers are the same when the customers are written.
    """
    number = aim.rows.c[BUSINESS_ID.name]
    elsewhere = aim.rows.c.country.is_distinct_from(news.values["country"])
    statement = sa.select(number).where(number.is_not(None), elsewhere).distinct()
    country = news.row["country"]
    staying: list[str] = []
    async for numbers in read(writer, statement, {**news.binds, **aim.binds}, size):
        staying += (each for each in numbers if BUSINESS_ID.stays(each, country))
    return staying


def _is_left_behind(rows: sa.CTE, news: News) -> Predicate:
    """Whether the business id would be another in the new country, or none; so is one that has not been looked at."""
    number = rows.c[BUSINESS_ID.name]
    staying = sa.select(sa.func.unnest(sa.bindparam("staying", type_=ARRAY(sa.Text))))
    return sa.and_(number.is_not(None), rows.c.country.is_distinct_from(news.values["country"]), number.not_in(staying))


def _told_left_behind(rows: sa.CTE, news: News) -> Expression:
    number, country = rows.c[BUSINESS_ID.name], news.values["country"]
    told = text("Business id “").concat(number).concat(text("” cannot stay as it is in ")).concat(country)
    return told.concat(text("; change this customer by itself."))
