"""How mutations are run: each is one transaction around one function, tried again where others got in between."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from schema.context import Info

R = TypeVar("R")

TRIES = 4

LOST_RACES = {
    "23503": "a row that is referred to went away",
    "23505": "somebody else took the number or key",
    "23514": "a status became numbered while an invoice without a number was on its way",
    "40001": "transactions could not be put in an order",
    "40P01": "transactions waited for each other",
}
"""SQLSTATEs that tell of another transaction; seen anew, the same request gets its answer or a proper problem."""


async def write(info: Info, function: Callable[..., Awaitable[R]], *arguments: Any, **options: Any) -> R:
    """Call `function(session, viewer, …)` in one transaction and commit, unless the result says otherwise."""
    viewer = info.context.viewer
    for rest in reversed(range(TRIES)):
        try:
            async with info.context.database.sessions.begin() as session:
                result = await function(session, viewer, *arguments, **options)
                if getattr(result, "must_roll_back", False):
                    await session.rollback()
                return result
        except DBAPIError as error:
            if not rest or getattr(error.orig, "sqlstate", None) not in LOST_RACES:
                raise
    raise AssertionError("the last try returns or raises")
