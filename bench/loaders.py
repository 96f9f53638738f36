"""The yardstick's way to its rows: SQLAlchemy's ORM, and data loaders that gather what sibling fields want."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import aliased
from strawberry.dataloader import DataLoader

Sessions = async_sessionmaker[AsyncSession]
Load = Callable[[list[uuid.UUID]], Awaitable[list[Any]]]


@dataclass(frozen=True)
class Page:
    """The first rows of a list, whether it goes on, and how to count it."""

    rows: Sequence[Any]
    goes_on: bool
    count: Callable[[], Awaitable[int]]


class Context:
    """One request of an administrator."""

    def __init__(self, sessions: Sessions, organization_id: uuid.UUID) -> None:
        self._sessions = sessions
        self._organization_id = organization_id
        self._loaders: dict[tuple[Any, ...], DataLoader[uuid.UUID, Any]] = {}

    async def find(self, model: Any, key: uuid.UUID | None) -> Any:
        """The row with this key, fetched together with all others that are wanted at the same time."""
        return None if key is None else await self._loader((model,), self._rows_by_key).load(key)

    async def page_of(self, model: Any, by: str, key: uuid.UUID, size: int) -> Page:
        """The first rows that point at this key, fetched together with those that point at others."""
        page: Page = await self._loader((model, by, size), self._pages_by_key).load(key)
        return page

    async def page(self, model: Any, size: int, where: Sequence[Any] = (), order: Sequence[Any] = ()) -> Page:
        """The first rows of a list."""
        statement = sa.select(model).where(*self._visible(model), *where).order_by(*order, model.id).limit(size + 1)
        async with self._sessions() as session:
            rows = (await session.scalars(statement)).all()
        return self._cut(rows, size, model, *where)

    def _loader(self, name: tuple[Any, ...], load: Callable[..., Load]) -> DataLoader[uuid.UUID, Any]:
        if name not in self._loaders:
            self._loaders[name] = DataLoader(load(*name))
        return self._loaders[name]

    def _rows_by_key(self, model: Any) -> Load:
        async def load(keys: list[uuid.UUID]) -> list[Any]:
            statement = sa.select(model).where(*self._visible(model), model.id.in_(keys))
            async with self._sessions() as session:
                found = {row.id: row for row in await session.scalars(statement)}
            return [found.get(key) for key in keys]

        return load

    def _pages_by_key(self, model: Any, by: str, size: int) -> Load:
        link = getattr(model, by)

        async def load(keys: list[uuid.UUID]) -> list[Page]:
            place = sa.func.row_number().over(partition_by=link, order_by=model.id).label("place")
            numbered = sa.select(model, place).where(*self._visible(model), link.in_(keys)).subquery()
            row = aliased(model, numbered)
            statement = sa.select(row).where(numbered.c.place <= size + 1).order_by(numbered.c.place)
            found: dict[uuid.UUID, list[Any]] = {key: [] for key in keys}
            async with self._sessions() as session:
                for one in await session.scalars(statement):
                    found[getattr(one, by)].append(one)
            return [self._cut(found[key], size, model, link == key) for key in keys]

        return load

    def _cut(self, rows: Sequence[Any], size: int, model: Any, *where: Any) -> Page:
        async def count() -> int:
            statement = sa.select(sa.func.count()).select_from(model).where(*self._visible(model), *where)
            async with self._sessions() as session:
                return await session.scalar(statement) or 0

        return Page(rows[:size], len(rows) > size, count)

    def _visible(self, model: Any) -> list[Any]:
        """The rows of the organisation that are not deleted."""
        alive = [model.deleted_at.is_(None)] if hasattr(model, "deleted_at") else []
        return [model.organization_id == self._organization_id, *alive]
