"""Two writers at once: none is lost, and what must never be true never is."""

import asyncio
from random import Random

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from db import models
from db.models import ProblemCode, table_of
from resolvers import ids
from resolvers.customer import create_customer, delete_customer, update_customer
from resolvers.references import Ref
from resolvers.upsert import upsert_cases, upsert_customers
from tests.builders import a_customer, ref, stored, trail_of

RACES = {"23503", "23505", "40P01"}


async def in_transaction(sessions, function, *arguments):
    """Like the caller of every mutation: tried again where somebody else was faster."""
    for _ in range(10):
        try:
            async with sessions.begin() as session:
                return await function(session, *arguments)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in RACES:
                raise
    raise AssertionError("ten tries were not enough")


async def test_updates_at_once_are_all_kept(sessions, viewer):
    async with sessions.begin() as session:
        key = await a_customer(session, viewer)
    values = {
        "email": "a@b.fi",
        "phone": "+358401234567",
        "website": "https://b.fi",
        "notes": "x",
        "vat_number": "FI01120389",
        "business_id": "0112038-9",
    }
    each = ({name: value} for name, value in values.items())
    key_text = ids.encode("Customer", key)
    await asyncio.gather(*(in_transaction(sessions, update_customer, viewer, key_text, one) for one in each))
    async with sessions() as session:
        row = await stored(session, models.Customer, key)
        assert row.version == 1 + len(values)
        assert {name: getattr(row, name) for name in values} == values


async def test_of_two_updates_of_one_version_one_is_stale(sessions, viewer):
    async with sessions.begin() as session:
        key = await a_customer(session, viewer)
    outcomes = await asyncio.gather(
        *(
            in_transaction(sessions, update_customer, viewer, ids.encode("Customer", key), {"name": name}, 1)
            for name in "ab"
        )
    )
    assert sorted(len(outcome.problems) for outcome in outcomes) == [0, 1]


async def test_numbers_are_given_once(sessions, viewer):
    made = await asyncio.gather(
        *(in_transaction(sessions, create_customer, viewer, {"name": f"C{n}"}) for n in range(20))
    )
    assert all(outcome.key for outcome in made)
    async with sessions() as session:
        numbers = await session.scalars(sa.select(table_of(models.Customer).c.number))
        assert sorted(numbers) == list(range(1, 21))


async def test_one_external_id_is_created_once(sessions, viewer):
    rows = [{"name": f"C{n}", "external_id": f"x{n}"} for n in range(50)]
    results = await asyncio.gather(
        *(in_transaction(sessions, upsert_customers, viewer, given) for given in (rows, rows[::-1], rows))
    )
    assert sorted(result.created for result in results) == [0, 0, 50]
    async with sessions() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(table_of(models.Customer))) == 50


async def test_upserts_in_opposite_order_both_arrive(sessions, viewer):
    rows = [{"name": "A", "external_id": f"x{n}"} for n in range(200)]
    await in_transaction(sessions, upsert_customers, viewer, rows)
    results = await asyncio.gather(
        in_transaction(sessions, upsert_customers, viewer, [row | {"email": "a@b.fi"} for row in rows]),
        in_transaction(sessions, upsert_customers, viewer, [row | {"phone": "+358401234567"} for row in rows[::-1]]),
    )
    assert [result.updated for result in results] == [200, 200]
    async with sessions() as session:
        for row in await session.execute(sa.select(table_of(models.Customer))):
            assert (row.email, row.phone, row.version) == ("a@b.fi", "+358401234567", 3)


async def test_a_case_never_comes_to_a_customer_that_goes(sessions, viewer):
    for _ in range(10):
        async with sessions.begin() as session:
            key = await a_customer(session, viewer)
        case = {
            "external_id": key.hex,
            "customer": ref("Customer", key),
            "name": "A",
            "sales_status": Ref("name", "Won"),
        }
        gone, came = await asyncio.gather(
            in_transaction(sessions, delete_customer, viewer, ids.encode("Customer", key)),
            in_transaction(sessions, upsert_cases, viewer, [case]),
        )
        assert bool(gone.problems) != bool(came.problems)


async def test_many_updates_at_once_are_as_if_one_after_the_other(sessions, viewer):
    """The trail is a chain from the first value to the last, one link for each that was not refused."""
    async with sessions.begin() as session:
        key = await a_customer(session, viewer, notes="0", name="0")
    random = Random(1)
    given = [
        ({random.choice(("notes", "name")): f"{number}"}, random.choice((None, None, random.randint(1, 20))))
        for number in range(1, 41)
    ]
    id_text = ids.encode("Customer", key)
    outcomes = await asyncio.gather(
        *(in_transaction(sessions, update_customer, viewer, id_text, *each) for each in given)
    )
    done = [values for (values, _), outcome in zip(given, outcomes, strict=True) if not outcome.problems]
    refused = [outcome.problems[0].code for outcome in outcomes if outcome.problems]
    assert set(refused) <= {ProblemCode.STALE}
    assert refused
    assert len(done) >= sum(expected is None for _, expected in given)
    async with sessions() as session:
        row = await stored(session, models.Customer, key)
        links = [change for change in await trail_of(session, key) if change.kind == "UPDATED"]
    assert row.version == 1 + len(done)
    assert sorted((link.field, link.new) for link in links) == sorted(
        pair for values in done for pair in values.items()
    )
    for name in ("notes", "name"):
        chain = [link for link in links if link.field == name]
        assert [link.old for link in chain] == ["0", *(link.new for link in chain[:-1])]
        assert getattr(row, name) == chain[-1].new


async def test_an_upsert_beside_a_deletion_comes_before_or_after_it(sessions, viewer):
    customers = table_of(models.Customer)
    for number in range(15):
        external_id = f"x{number}"
        async with sessions.begin() as session:
            key = await a_customer(session, viewer, external_id=external_id)
        gone, came = await asyncio.gather(
            in_transaction(sessions, delete_customer, viewer, ids.encode("Customer", key)),
            in_transaction(sessions, upsert_customers, viewer, [{"name": "Anew", "external_id": external_id}]),
        )
        assert (gone.problems, came.problems) == ((), [])
        async with sessions() as session:
            alive = sa.select(customers.c.id).where(
                customers.c.external_id == external_id, customers.c.deleted_at.is_(None)
            )
            left = list(await session.scalars(alive))
            kinds = [change.kind for change in await trail_of(session, key)]
        if came.created:  # after it: a second customer
            assert left == list(came.ids) != [key]
            assert kinds == ["CREATED", "DELETED"]
        else:  # before it: the one that then went
            assert left == []
            assert kinds == ["CREATED", "UPDATED", "DELETED"]


async def test_rows_of_all_kinds_created_at_once_are_each_there_once(sessions, viewer):
    """With numbers given and numbers to be had, from several sides."""
    given = [{"name": f"C{n}", **({"number": n * 3} if n % 4 == 0 and n else {})} for n in range(24)]
    outcomes = await asyncio.gather(*(in_transaction(sessions, create_customer, viewer, each) for each in given))
    kept = [outcome for outcome in outcomes if outcome.key]
    taken = [outcome.problems[0].code for outcome in outcomes if outcome.problems]
    assert set(taken) <= {ProblemCode.DUPLICATE}
    async with sessions() as session:
        numbers = list(await session.scalars(sa.select(table_of(models.Customer).c.number)))
    assert len(numbers) == len(set(numbers)) == len(kept)
