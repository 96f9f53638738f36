"""Statements that take longer than they may: stopped, told with a code, and nothing of a change is left behind.

What takes long is a wait for somebody else's lock.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from db import models
from db.connection import Database, connected
from db.models import table_of
from resolvers.bulk_update import Named, bulk_update_customers
from resolvers.idempotency import Question, once
from tests.mass_updates import UNDO, UPDATE, asked, operations, row, some, update
from tests.worlds import answered

SINGLE = (
    """mutation($id: ID!) { updateCustomer(id: $id, set: {language: "fi"}) { customer { id } problems { code } } }"""
)
UPSERT = """mutation($input: [CustomerInput!]!) { upsertCustomers(input: $input) { updated problems { code } } }"""
PREVIEW = """mutation($ids: [ID!]!) {
  bulkUpdateCustomers(target: {ids: $ids}, set: {language: "fi"}, dryRun: true) {
    operation { changes { nodes { by { unit { name } } } } }
  }
}"""


@pytest.fixture
async def hasty(database_url: str) -> AsyncIterator[Database]:
    """The same database, for those who wait for nothing."""
    async with connected(database_url, statement_timeout=0.5) as database:
        yield database


@asynccontextmanager
async def locked(database: Database, table: str, mode: str = "ACCESS EXCLUSIVE") -> AsyncIterator[None]:
    """A table that somebody else has for himself."""
    async with database.sessions.begin() as session:
        await session.execute(sa.text(f"LOCK TABLE {table} IN {mode} MODE"))
        yield


async def refusal(database: Database, viewer: Any, document: str, **variables: Any) -> Any:
    """The error of something that could not be done."""
    answer = await answered(database, viewer, document, variables)
    (error,) = answer["errors"]
    assert answer["data"] is None
    return error


@pytest.mark.parametrize("kind", ["single", "mass update", "preview", "undo", "upsert"])
async def test_a_change_that_waits_too_long_is_stopped_and_told(database, hasty, viewer, kind):
    (one,) = await some(database, viewer, {"external_id": "x"})
    done = (await update(database, viewer, {"ids": [one]}, language="sv"))["operation"]
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "single": (SINGLE, {"id": one}),
        "mass update": (UPDATE, asked({"ids": [one]}, language="fi")),
        "preview": (UPDATE, asked({"ids": [one]}, dry=True, language="fi")),
        "undo": (UNDO, {"id": done["id"], "onConflict": "SKIP"}),
        "upsert": (UPSERT, {"input": [{"externalId": "x", "name": "Other"}]}),
    }
    document, variables = calls[kind]
    before = await row(database, one)
    async with locked(database, "customers", "EXCLUSIVE"):  # which lets others read
        error = await refusal(hasty, viewer, document, **variables)
    assert error["extensions"]["code"] == "TOOK_TOO_LONG"
    assert "nothing was changed" in error["message"]
    assert "KARTOTEK_STATEMENT_TIMEOUT" in error["message"]
    assert await row(database, one) == before
    assert await operations(database) == 1
    assert "errors" not in await answered(database, viewer, document, variables)


async def test_a_preview_whose_reading_takes_too_long_is_told_the_same(database, hasty, viewer):
    made = await some(database, viewer, {})
    async with locked(database, "units"):  # which only what is asked of the operation leads to
        error = await refusal(hasty, viewer, PREVIEW, ids=made)
    assert error["extensions"]["code"] == "TOOK_TOO_LONG"
    assert "nothing was changed" in error["message"]


async def test_a_change_that_was_made_says_what_of_it_could_not_be_read(database, hasty, viewer):
    (one,) = await some(database, viewer, {})
    document = SINGLE.replace("customer { id }", "customer { owner { unit { name } } }")
    async with locked(database, "units"):
        answer = await answered(hasty, viewer, document, {"id": one})
    assert answer["data"] == {"updateCustomer": {"customer": None, "problems": []}}
    (error,) = answer["errors"]
    assert error["path"] == ["updateCustomer", "customer"]
    assert error["extensions"]["code"] == "TOOK_TOO_LONG"
    assert "nothing was changed" not in error["message"]
    assert (await row(database, one)).language == "fi"


async def test_who_waits_too_long_for_the_same_key_asks_again(database, hasty, viewer):
    made = await some(database, viewer, {})
    call = asked({"ids": made}, key="k", language="fi")
    question = Question("bulkUpdateCustomers", "k", b"")
    async with database.sessions() as session:
        await once(session, viewer, question, lambda: bulk_update_customers(session, viewer, Named(made), {}))
        error = await refusal(hasty, viewer, UPDATE, **call)
        assert error["extensions"]["code"] == "TOOK_TOO_LONG"
    answer = (await answered(database, viewer, UPDATE, call))["data"]["answer"]
    assert answer["operation"]["changed"] == 1
    async with database.sessions() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(table_of(models.IdempotencyKey))) == 1


@pytest.mark.parametrize(
    "question",
    [
        "customers { totalCount }",
        "kpis { marginThisYear { value { amount } } }",
        "kpis { activeCustomers { value } }",
    ],
)
async def test_reading_that_takes_too_long_is_told(database, hasty, viewer, question):
    async with locked(database, "customers, kpi_sums"):
        error = await refusal(hasty, viewer, f"{{ {question} }}")
    assert error["extensions"]["code"] == "TOOK_TOO_LONG"
    assert "nothing was changed" not in error["message"]
