"""Many rows written by one statement, with an array parameter for each of their columns.

It is sent and planned once, and what the database does after each statement, such as keeping the words that are
searched for, is done once for all of them.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession


async def insert_rows(session: AsyncSession, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, if there are any; each has the columns that the first one has."""
    if rows:
        names = tuple(rows[0])
        values = {f"all_{name}": [row[name] for row in rows] for name in names}
        await session.execute(_statement(table, names), values)


@cache
def _statement(table: sa.Table, names: Sequence[str]) -> sa.Insert:
    kinds = {name: _kind(table.c[name]) for name in names}
    # With one dimension a value that is a list, such as one of JSON, remains one value.
    arrays = (sa.bindparam(f"all_{name}", type_=ARRAY(kind, dimensions=1)) for name, kind in kinds.items())
    columns = (sa.column(name, kind) for name, kind in kinds.items())
    given = sa.func.unnest(*arrays).table_valued(*columns).render_derived("given")
    return sa.insert(table).from_select(names, sa.select(given))


def _kind(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    # A limited length would cut off what is too long, and say nothing.
    is_text = isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum)
    return sa.Text() if is_text else column.type
