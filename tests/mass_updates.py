"""Mass updates and their undoing as clients ask for them, and what they leave in the database."""

from typing import Any

import sqlalchemy as sa

from db import models
from db.connection import Database
from db.models import table_of
from resolvers import ids
from resolvers.viewer import Viewer
from tests.builders import a_customer, an_id, stored
from tests.worlds import told

COUNTS = "matched changed unchanged rejected skipped"
UPDATE = f"""
mutation(
  $target: CustomerTarget!, $set: CustomerBulkSet!, $errorPolicy: ErrorPolicy!, $dryRun: Boolean!, $key: String
) {{
  answer: bulkUpdateCustomers(
    target: $target, set: $set, errorPolicy: $errorPolicy, dryRun: $dryRun, idempotencyKey: $key
  ) {{
    operation {{
      id status {COUNTS} by {{ email }}
      changes(first: 1000) {{ totalCount nodes {{ id entityId entityLabel field old new oldLabel newLabel }} }}
      rejections {{ totalCount nodes {{ customerId customer {{ id }} problem {{ code message path entityId }} }} }}
    }}
    problems {{ code message path entityId }}
  }}
}}"""
UNDO = f"""mutation($id: ID!, $onConflict: UndoConflict!) {{
  answer: undoBulkOperation(id: $id, onConflict: $onConflict) {{
    operation {{
      id status {COUNTS} undoes {{ id status undoneBy {{ id }} }} undoneBy {{ id }}
      changes(first: 1000) {{ nodes {{ entityId field old new oldLabel newLabel }} }}
      rejections {{ nodes {{ customerId customer {{ id }} problem {{ code path }} }} }}
    }}
    problems {{ code message path entityId }}
  }}
}}"""
ALL = {"isActive": {"eq": True}}


async def some(database: Database, viewer: Viewer, *each: dict[str, Any]) -> list[str]:
    """Customers with these values; their ids."""
    async with database.sessions.begin() as session:
        return [an_id("Customer", await a_customer(session, viewer, **values)) for values in each]


def asked(target: Any, *, policy: str = "REJECT_ALL", dry: bool = False, key: str | None = None, **values: Any) -> Any:
    """The variables of `UPDATE`."""
    return {"target": target, "set": values, "errorPolicy": policy, "dryRun": dry, "key": key}


async def update(database: Database, viewer: Viewer, target: Any, **options: Any) -> Any:
    """What the mutation answers; the options are those of `asked`."""
    return (await told(database, viewer, UPDATE, asked(target, **options)))["answer"]


async def undo(database: Database, viewer: Viewer, operation: Any, policy: str = "SKIP") -> Any:
    """What undoing answers, of an operation or of an id."""
    id_text = operation if isinstance(operation, str) else operation["id"]
    return (await told(database, viewer, UNDO, {"id": id_text, "onConflict": policy}))["answer"]


def matching(expected: int, **target: Any) -> dict[str, Any]:
    """A target by what customers are like."""
    return {"matching": {"expectedCount": expected, **target}}


def counts(operation: Any) -> tuple[int, ...]:
    """Of an operation, in the order of `COUNTS`."""
    return tuple(operation[name] for name in COUNTS.split())


async def row(database: Database, id_text: str) -> Any:
    """The customer as it is in the database."""
    async with database.sessions() as session:
        return await stored(session, models.Customer, ids.find_key("Customer", id_text))


async def operations(database: Database) -> int:
    """How many are kept."""
    async with database.sessions() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(table_of(models.BulkOperation))) or 0


async def write(database: Database, id_text: str, **values: Any) -> None:
    """Values in the database that no client could put there any more."""
    customers = table_of(models.Customer)
    async with database.sessions.begin() as session:
        key = ids.find_key("Customer", id_text)
        await session.execute(sa.update(customers).where(customers.c.id == key).values(values))
