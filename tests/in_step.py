"""Whether the sums that figures are read from are what their rows add up to."""

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.connection import Database
from db.models import table_of
from resolvers.doctor import Difference, examine


async def out_of_step(session: AsyncSession) -> dict[uuid.UUID, list[Difference]]:
    """What is not as it should be, by organisation."""
    organizations = (await session.scalars(sa.select(table_of(models.Organization).c.id))).all()
    found = {key: await examine(session, key) for key in organizations}
    return {key: differences for key, differences in found.items() if differences}


async def is_in_step(database: Database) -> bool:
    """True, or a failure that tells what differs."""
    async with database.sessions() as session:
        differences = await out_of_step(session)
    assert not differences
    return True
