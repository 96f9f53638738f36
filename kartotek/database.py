"""Which database: the one that is set, or an embedded one for as long as it is needed."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager

from db.connection import Database, connected
from kartotek.settings import Settings


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


def connected_as(settings: Settings, url: str) -> AbstractAsyncContextManager[Database]:
    """The database at `url`, with the limits of the settings."""
    return connected(
        url,
        pool_size=settings.database_pool,
        statement_timeout=settings.statement_timeout,
        export_timeout=settings.export_timeout,
    )
