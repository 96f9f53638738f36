"""Any merges, one after the other and taken back in turn, against plain Python on plain rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db.connection import connected
from db.models import AddressKind
from resolvers import ids
from resolvers.merge import merge_customers
from resolvers.undo import UndoConflict, undo_bulk_operation
from tests.builders import (
    a_case,
    a_contact,
    a_customer,
    a_viewer,
    an_industry,
    an_invoice,
    an_organization,
    ref,
)
from tests.conftest import cloned
from tests.test_merge import everything_in

COLUMNS = {
    "number": "number",
    "name": "name",
    "businessId": "business_id",
    "vatNumber": "vat_number",
    "country": "country",
    "language": "language",
    "email": "email",
    "phone": "phone",
    "website": "website",
    "notes": "notes",
    "industry": "industry_id",
    "owner": "owner_id",
    "isInternal": "is_internal",
    "isActive": "is_active",
    "marketingAllowed": "marketing_allowed",
    "addresses": "addresses",
    "externalId": "external_id",
}
"""What can be taken, and where it is kept."""

CUSTOMERS = 4


@pytest.fixture(scope="module")
async def registry(server, template):
    """A database with a few customers, and their administrator; what the tests do there is rolled back."""
    async for url in cloned(server, template):
        async with connected(url) as database:
            async with database.sessions.begin() as session:
                viewer = await an_organization(session)
                keys = [await _customer(session, viewer, place) for place in range(CUSTOMERS)]
            yield database, viewer, keys


async def _customer(session, viewer, place: int) -> Any:
    """The even ones have all values, the odd ones few; each has as many of what hangs on it as its place says."""
    colleague = await a_viewer(session, viewer)
    full = {
        "business_id": f"HRB {place}", "vat_number": "FI01120389", "language": "sv", "notes": "x" * place,
        "email": f"a{place}@example.com", "phone": "+358401234567", "website": f"https://{place}.example",
        "industry": ref("Industry", await an_industry(session, viewer)), "owner": ref("User", colleague.user_id),
        "is_active": False, "marketing_allowed": False, "external_id": f"old {place}",
        "addresses": [{"kind": AddressKind.POSTAL, "city": f"Town {line}"} for line in range(place)],
    }  # fmt: skip
    key = await a_customer(session, viewer, country="DE", **({} if place % 2 else full))
    for _ in range(place):
        await a_contact(session, viewer, key)
        case = await a_case(session, viewer, key)
        await an_invoice(session, viewer, key, case=ref("Case", case))
    return key


@dataclass(frozen=True)
class Merging:
    """One merge: places of the customers among those that are left, what is taken, how often it is taken back."""

    into: int
    other: int
    take: Sequence[str]
    back_and_forth: int


MERGINGS = st.builds(
    Merging,
    st.integers(0, CUSTOMERS),
    st.integers(0, CUSTOMERS),
    st.lists(st.sampled_from(sorted(COLUMNS)), max_size=6),
    st.integers(0, 2),
)


def merged(rows: Mapping[str, Any], into: str, other: str, take: Sequence[str]) -> dict[str, Any]:
    """The rows as a merge must leave them."""
    after = {
        key: {**row, "customer_id": rows[into]["id"]}
        if str(row.get("customer_id")) == other and row["is_there"]
        else dict(row)
        for key, row in rows.items()
    }
    after[other]["is_there"] = False
    for name in take:
        after[into].pop(COLUMNS[name], None)
        if COLUMNS[name] in rows[other]:
            after[into][COLUMNS[name]] = rows[other][COLUMNS[name]]
    return after


# Each example is a dozen operations.
@settings(max_examples=settings().max_examples // 3)
@given(mergings=st.lists(MERGINGS, min_size=1, max_size=CUSTOMERS - 1), policy=st.sampled_from(UndoConflict))
async def test_merges_move_everything_and_are_taken_back_to_the_last_row(registry, mergings, policy):
    database, viewer, keys = registry
    left, states, operations = [str(key) for key in keys], [], []
    async with database.sessions() as session:

        async def now() -> Mapping[str, Any]:
            return await everything_in(session)

        async def take_back(operation: Any) -> Any:
            act = await undo_bulk_operation(session, viewer, ids.encode("BulkOperation", operation), policy)
            assert not act.problems
            return act.operation_id

        for merging in mergings:
            into = left[merging.into % len(left)]
            other = left[merging.other % len(left)]
            if into == other:
                continue
            left.remove(other)
            states.append(await now())
            into_id, other_id = (f"cus_{key.replace('-', '')}" for key in (into, other))
            made = await merge_customers(session, viewer, into_id, other_id, merging.take)
            assert not made.problems
            operation, after = made.operation_id, await now()
            assert after == merged(states[-1], into, other, merging.take)
            for _ in range(merging.back_and_forth):
                operation = await take_back(operation)
                assert await now() == states[-1]
                operation = await take_back(operation)
                assert await now() == after
            operations.append(operation)
        for operation, state in zip(reversed(operations), reversed(states), strict=True):
            await take_back(operation)
            assert await now() == state
