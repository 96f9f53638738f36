"""The fields that read stored entities: each is one query, answered by one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphql import GraphQLError

from db.connection import Reads
from resolvers import reading
from resolvers.selection import EVERYTHING, Condition, Query, Sort
from resolvers.viewer import Viewer
from schema.context import Info
from schema.execution import Completed
from schema.selection import Selected, check_size, connection_query, listing_query, one_query
from schema.stored import field_with, paging

TOO_SLOW = "This takes longer than a query may: ask for fewer rows, or filter and sort by less."


async def answer(info: Info, query: Query) -> Completed | None:
    """The finished JSON of a query, read from a connection of its own."""
    if tabulation := info.context.tabulation:
        if tabulation.catch(info.path.as_list(), query):
            return Completed("null")
    else:
        check_size(query, selected(info).node)
    with in_time():
        return await read_within(info.context.database.reads, info.context.viewer, query)


async def read_within(reads: Reads, viewer: Viewer, query: Query) -> Completed | None:
    """The finished JSON of a query, read from this connection; raises TookTooLong."""
    json = await reading.read(reads, viewer, query)
    return None if json is None else Completed(json)


@contextmanager
def in_time() -> Iterator[None]:
    """Tells the client where reading takes longer than it may."""
    try:
        yield
    except reading.TookTooLong:
        raise took_too_long(TOO_SLOW) from None


def took_too_long(message: str) -> GraphQLError:
    """The error of what was stopped because its time was up; the message says what to do."""
    return GraphQLError(message, extensions={"code": "TOOK_TOO_LONG"})


def selected(info: Info) -> Selected:
    """What the client selected of the field that is being resolved."""
    return Selected.of(info._raw_info)  # type: ignore[arg-type]


async def read_page(info: Info, within: Condition = EVERYTHING) -> Any:
    """The page of a list that the field asks for, of the rows that are `within`."""
    return await answer(info, connection_query(selected(info), within))


async def read_list(info: Info, within: Condition = EVERYTHING, most: int | None = None) -> Any:
    """The short list that the field asks for: so many at most of the rows that are `within`."""
    return await answer(info, listing_query(selected(info), within, most))


async def read_one(info: Info, where: Condition, order: tuple[Sort, ...] = ()) -> Any:
    """The stored thing that the field asks for."""
    return await answer(info, one_query(selected(info), where, order))


def page_field(description: str, filter: Any = None, order: Any = None, *, search: bool = False) -> Any:
    """A root field that answers a page of a list."""

    async def resolve(root: Any, info: Info, **_: Any) -> Any:
        return await read_page(info)

    return field_with(paging(filter, order, search=search), description, resolve)


def list_field(description: str) -> Any:
    """A root field that answers a short list."""

    async def resolve(root: Any, info: Info) -> Any:
        return await read_list(info)

    return field_with({}, description, resolve)
