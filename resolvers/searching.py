"""A page of a list that is searched, as a part of a statement: the best matches first, read only as far as need be."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from resolvers import rights, search
from resolvers.connections import Builder, ConnectionBuilder, FoundBy, Rows, as_called_in
from resolvers.entities import Entity, Expression, Row, ToMany
from resolvers.paging import Key, order_by, relevance_keys, sort_keys
from resolvers.rendering import literal
from resolvers.rights import Predicate
from resolvers.selection import Page


class _Few(NamedTuple):
    """Some rows, read only as far as need be."""

    rows: sa.Subquery
    is_all: Predicate
    """Whether there are no more of them."""


NEAR = 500
"""So many names are looked at before anything else: words that most rows have fill a page from them."""

FEW = literal("2000")
"""So many rows are sooner read and put in order than found by going through the list in its order."""


class SearchBuilder(ConnectionBuilder):
    """Builds the page of a list that is searched.

    Each way to match is a select of its own that ends as soon as it has found enough. It has several parts where words
    may be in a few rows or in most, and the viewer may see few rows or most. Which it is, only the rows can tell: the
    database's statistics know the most common words alone, and a plan is made once for all texts.
    """

    def __init__(self, builder: Builder, entity: Entity, page: Page, parent: tuple[Row, ToMany] | None) -> None:
        super().__init__(builder, entity, page, parent)
        assert page.search is not None
        self._given = builder.bind(page.search, sa.Text())
        self._read: dict[search.Way | None, tuple[sa.CTE, sa.CTE]] = {}
        """What matches in a way, or (None) what is seen at all; and whether that is more than a few."""

    @property
    def _ways(self) -> Sequence[search.Way]:
        """The ways to have the words, the best first."""
        return search.WAYS if self._page.order == search.BY_RELEVANCE else (search.BY_WORDS,)

    def _parts(self, way: search.Way) -> list[Rows]:
        """The rows that match in this way, in parts of which all but one are empty."""
        found = self._found_by()
        if not way.by_words:
            return [self._matching(way, found)]
        having, seen = self._few_matching(way), self._few_seen()
        only = FoundBy(having.rows, having.rows.c.key)
        return [
            self._matching(way, only)._replace(only_if=[having.is_all]),
            self._matching(way, found, among=seen.rows)._replace(only_if=[~having.is_all, seen.is_all]),
            self._matching(way, found, in_turn=True)._replace(only_if=[~having.is_all, ~seen.is_all]),
        ]

    def _few_matching(self, way: search.Way) -> "_Few":
        """What the index of words finds."""
        found = self._found_by()
        columns = (found.table.c[name] for name in ("organization_id", "name", "words"))
        meets = rights.in_organization(found.table), way.matches(found.table, self._given)
        return self._few(way, sa.select(*columns, found.key.label("key")).where(*meets))

    def _few_seen(self) -> "_Few":
        """What the viewer sees and the filter lets through."""
        row, where = self._filtered()
        return self._few(None, sa.select(row.table).where(*where))

    def _few(self, of: search.Way | None, rows: sa.Select[Any]) -> "_Few":
        if of not in self._read:
            those = _read_once(rows, f"some_{len(self._read)}")
            more = sa.exists(sa.select(literal("1")).select_from(those).offset(FEW)).label("more")
            self._read[of] = those, _read_once(sa.select(more), f"more_{len(self._read)}")
        those, more_than_few = self._read[of]
        return _Few(sa.select(those).limit(FEW).subquery(), ~sa.select(more_than_few.c.more).scalar_subquery())

    def _found_by(self) -> FoundBy:
        return self._builder.found_by(self._entity)

    def _matching(
        self, way: search.Way, found: FoundBy, *, among: sa.FromClause | None = None, in_turn: bool = False
    ) -> Rows:
        row, where = self._filtered() if among is None else (Row(among, self._builder.may), [])
        matches = way.matches(found.table, self._given, in_turn=in_turn or among is not None)
        by_relevance = self._page.order == search.BY_RELEVANCE
        keys = self._keys(way, found) if by_relevance else sort_keys(self._entity, self._page.order, row)
        return Rows(row, [*where, found.of(row), matches], keys)

    def _keys(self, way: search.Way, found: FoundBy) -> Sequence[Key]:
        rank = way.rank(found.table, self._given)
        return relevance_keys(rank, found.table.c.name, found.key, same_rank=way is not search.ALIKE)

    def _alike(self, *having: sa.CTE) -> Rows:
        """What is called alike, where nothing has the words: sooner told where some that do are known."""
        unknown = [~sa.exists(sa.select(part)) for part in having]
        nothing = [~self._exists(rows) for rows in self._parts(search.BY_WORDS)]
        return self._matching(search.ALIKE, self._found_by())._replace(only_if=[*unknown, *nothing])

    def _found(self, size: int) -> tuple[sa.Subquery, list[Key]]:
        read: list[sa.CTE] = []
        keys: Sequence[Key] = ()
        for way in [*self._ways, search.ALIKE][:: -1 if self._page.backward else 1]:
            parts = [self._alike(*read)] if way is search.ALIKE else self._parts(way)
            keys = parts[0].keys
            near = [_read_once(self._unless_full(rows, read, size), f"near_{len(read)}") for rows in self._near(way)]
            rest = [self._unless_full(rows, [*read, *near], size) for rows in parts]
            read.append(_read_once(sa.union(*(sa.select(part) for part in near), *rest), f"part_{len(read)}"))
        found, keys = as_called_in(sa.union_all(*(sa.select(part) for part in read)).subquery(), keys)
        nearest = sa.select(found).order_by(*order_by(keys, backward=self._page.backward)).limit(literal(str(size)))
        return self._whole_rows(nearest.subquery(), keys)

    def _near(self, way: search.Way) -> list[Rows]:
        """The rows that match among the first of all names, where these may be enough for the page."""
        if not (way.by_words and self._page.order == search.BY_RELEVANCE):
            return []
        found = self._found_by()
        names = Rows(Row(found.table, self._builder.may), [rights.in_organization(found.table)], self._keys(way, found))
        first = self._nearest(names, NEAR).subquery()
        return [self._matching(way, FoundBy(first, first.c[found.key.name]), in_turn=True)]

    def _unless_full(self, rows: Rows, read: Sequence[sa.CTE], size: int) -> sa.Select[Any]:
        """The nearest of these rows, unless those read before them fill the page."""
        counts = [sa.select(sa.func.count()).select_from(part).scalar_subquery() for part in read]
        is_full = [sum(counts[1:], start=counts[0]) >= literal(str(size))] if counts else []
        nearest = self._nearest(rows, size, rows.row.c.id).subquery()
        # Outside of what it is a condition of: workers would be started before it is looked at inside.
        return sa.select(nearest).where(*map(sa.not_, is_full), *rows.only_if)

    def _whole_rows(self, nearest: sa.Subquery, keys: Sequence[Key]) -> tuple[sa.Subquery, list[Key]]:
        row = self._builder.row(self._entity)
        _, keys = as_called_in(nearest, keys)
        whole = (
            sa.select(row.table, *(key.expression for key in keys))
            .where(rights.in_organization(row.table), row.c.id == nearest.c.id)
            .order_by(*order_by(keys, backward=self._page.backward))
        )
        return as_called_in(whole.subquery(), keys)

    def _up_to(self, position: Any, *, forward: bool) -> Expression:
        parts = [*(rows for way in self._ways for rows in self._parts(way)), self._alike()]
        return sa.or_(*(self._reaches(rows, position, forward=forward) for rows in parts))

    def total_count(self) -> Expression:
        """How many rows the whole list has."""
        counts = [self._count(rows) for rows in (*self._parts(search.BY_WORDS), self._alike())]
        return sum(counts[1:], start=counts[0])


def _read_once(select: Any, name: str) -> sa.CTE:
    cte: sa.CTE = select.cte(name).prefix_with("MATERIALIZED")
    return cte
