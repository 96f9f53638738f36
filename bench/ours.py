"""Kartotek's own way from the text of an operation to the bytes of its answer."""

import orjson

from bench.queries import Query
from db.connection import Database
from resolvers.viewer import Viewer
from schema.api import schema
from schema.context import Context


async def answer(database: Database, viewer: Viewer, query: Query) -> bytes:
    """The encoded answer to a query."""
    result = await schema.execute(query.document, dict(query.variables), Context(database, viewer))
    if result.errors:
        raise result.errors[0]
    return orjson.dumps({"data": result.data})
