"""Which database: the one that is set, or an embedded one for as long as it is needed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from db.connection import engine_for
from kartotek.settings import Settings

Sessions = async_sessionmaker[AsyncSession]


class DatabaseNotThere(Exception):
    """The embedded database does not start; the message says why and what to do."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database; an embedded one is started, and stopped when nobody needs it any more."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    # Not before it is needed: the embedded database is an extra, and for POSIX systems only.
    from db.embedded import EmbeddedError, running

    with ExitStack() as stack:
        try:
            url = stack.enter_context(running(settings.data_dir, binaries=settings.postgres_binaries))
        except EmbeddedError as error:
            raise DatabaseNotThere(str(error)) from error
        yield url


@asynccontextmanager
async def engine_on(url: str, settings: Settings) -> AsyncIterator[AsyncEngine]:
    """An engine whose connections are closed at the end."""
    engine = engine_for(url, pool_size=settings.database_pool, statement_timeout=settings.statement_timeout)
    try:
        yield engine
    finally:
        await engine.dispose()


def sessions_of(engine: AsyncEngine) -> Sessions:
    """A factory of sessions; every field of a request opens its own."""
    return async_sessionmaker(engine, expire_on_commit=False)
