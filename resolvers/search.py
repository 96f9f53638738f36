"""Searching by words: which rows have those of a text, how well they match, and like names where none has them.

The words and folded names are in tables of their own (`db.models.search`), kept by triggers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from resolvers.folding import begins, fold, once
from resolvers.rendering import literal, text
from resolvers.rights import Predicate, Table
from resolvers.selection import Sort

Expression = sa.ColumnElement[Any]

LIKE_ENOUGH = sa.func.current_setting(text("pg_trgm.word_similarity_threshold")).cast(sa.REAL)
"""What the operators of pg_trgm take for alike, too."""

BY_RELEVANCE = (Sort(("relevance",)),)
"""The order of what was searched for: the best match first."""


Kind = Callable[[Table, Expression], Predicate]
"""What a row is to have of a text."""


@dataclass(frozen=True)
class Way:
    """One way in which a row can match."""

    has: Kind
    rank: Callable[[Table, Expression], Expression]
    """The smaller, the better; for the rows of most ways it is the same."""
    unless: tuple[Kind, ...] = ()
    """Better ways: a row that matches in one of them does not match in this one."""
    by_words: bool = True
    """Whether the index of words finds the rows."""

    def matches(self, found: Table, given: Expression, *, in_turn: bool = False) -> Predicate:
        """The row matches in this way and in no better one; `in_turn`, as found out by looking at one after another."""
        has = self.has(found, given)
        # What PostgreSQL cannot see through it believes to hold for half of the rows, and looks for in no index.
        seen = sa.case((has, sa.true()), else_=sa.false()) if in_turn else has
        return sa.and_(seen, *(sa.not_(better(found, given)) for better in self.unless))


def has_key(found: Table, given: Expression) -> Predicate:
    """The whole text is one of the row's keys: a number, an e-mail address."""
    return _meets(found, sa.func.kartotek_key_query(given, text("")))


def begins_name(found: Table, given: Expression) -> Predicate:
    """The name begins with the text."""
    return begins(found.c.name, fold(sa.func.btrim(given)))


def has_words_in_name(found: Table, given: Expression) -> Predicate:
    """Each word of the text begins one of the name's."""
    return _meets(found, sa.func.kartotek_name_query(given))


def has_words(found: Table, given: Expression) -> Predicate:
    """Each word of the text begins one of the row's; or all of the text, spelt together, begins one of its keys."""
    return _meets(found, sa.func.kartotek_query(given))


def is_alike(found: Table, given: Expression) -> Predicate:
    """Each word of the text is like a part of the name, by pg_trgm's word similarity."""
    longest = once(sa.func.kartotek_longest_word(given, type_=sa.Text))
    is_like: Predicate = found.c.name.op("%>", is_comparison=True)(longest)
    return is_like & (likeness(found.c.name, given) >= LIKE_ENOUGH)


def likeness(name: Expression, given: Expression) -> Expression:
    """How much the word of the text that is least like the folded name is like a part of it: 1 at most."""
    words = once(sa.func.kartotek_words(given, type_=ARRAY(sa.Text)))
    word: Expression = sa.func.unnest(words, type_=sa.Text).column_valued("word")
    # Not by a function of the database: it would take the text apart anew for each row.
    return sa.select(sa.func.min(sa.func.word_similarity(word, name), type_=sa.REAL)).scalar_subquery()


def _by_likeness(found: Table, given: Expression) -> Expression:
    return literal("104") - sa.cast(literal("100") * likeness(found.c.name, given), sa.Integer)


def _always(rank: int) -> Callable[[Table, Expression], Expression]:
    # Not a bare number, which would be the place of a column where rows are put in order.
    return lambda found, given: sa.literal_column(f"{rank}::integer", sa.Integer)


_KINDS = (has_key, begins_name, has_words_in_name, has_words)

WAYS = tuple(
    Way(kind, _always(rank), unless=_KINDS[:rank], by_words=kind is not begins_name) for rank, kind in enumerate(_KINDS)
)
"""The ways to have the words of a text, the best first."""

BY_WORDS = Way(has_words, _always(0))
"""All of these ways in one, where the order does not depend on them."""

ALIKE = Way(is_alike, _by_likeness, by_words=False)
"""The way of names that are spelt alike, for when nothing has the words."""


def _meets(found: Table, query: Expression) -> Predicate:
    return found.c.words.op("@@", is_comparison=True)(once(sa.type_coerce(query, TSQUERY)))
