"""How mutations are run: each is one transaction around one function, tried again where others got in between."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from resolvers.reading import TookTooLong
from schema.context import Info
from schema.reading import took_too_long

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

STOPPED = "57014"
"""The SQLSTATE of a statement whose time was up."""

TOO_SLOW = (
    "This took longer than a statement may, perhaps waiting for somebody else, so nothing was changed: send fewer rows "
    "in one call, or try again later. How long a statement may take is the setting KARTOTEK_STATEMENT_TIMEOUT."
)


async def write(info: Info, function: Callable[..., Awaitable[R]], *arguments: Any, **options: Any) -> R:
    """Call `function(session, viewer, …)` in one transaction and commit, unless the result says otherwise.

    Where it takes longer than it may, nothing is changed and the client is told so.
    """
    viewer = info.context.viewer
    for rest in reversed(range(TRIES)):
        try:
            async with info.context.database.sessions.begin() as session:
                result = await function(session, viewer, *arguments, **options)
                if getattr(result, "must_roll_back", False):
                    await session.rollback()
                return result
        except TookTooLong:
            raise took_too_long(TOO_SLOW) from None
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state == STOPPED:
                raise took_too_long(TOO_SLOW) from None
            if not rest or state not in LOST_RACES:
                raise
    raise AssertionError("the last try returns or raises")
