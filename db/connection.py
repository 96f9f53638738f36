"""Connections to PostgreSQL: the engine of the server and what is set on each of its connections."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# Time stamps leave the database in UTC. Statements are short: compiling them never pays.
SESSION = {"timezone": "UTC", "jit": "off", "application_name": "kartotek"}


def engine_for(url: str, *, pool_size: int = 10, statement_timeout: float = 30) -> AsyncEngine:
    """An engine on `url` (`postgresql://...`) that connects when first used; a statement may take so many seconds."""
    settings = {**SESSION, "statement_timeout": str(int(statement_timeout * 1000))}
    return create_async_engine(
        sa.make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        connect_args={"server_settings": settings},
    )
