"""Searching by words: which rows have those of a text, how well they match, and like names where none has them.

The words and folded names are in tables of their own (`db.models.search`), kept by triggers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from resolvers.rendering import literal, text
from resolvers.rights import Predicate, Table
from resolvers.selection import Sort

Expression = sa.ColumnElement[Any]

LIKE_ENOUGH = sa.func.current_setting(text("pg_trgm.word_similarity_threshold")).cast(sa.REAL)
"""What the operators of pg_trgm take for alike, too."""

BY_RELEVANCE = (Sort(("relevance",)),)
"""The order of what was searched for: the best match first."""


@dataclass(frozen=True)
class Way:
    """One way in which a row can match, with the rank that it gives: the smaller, the better."""

    rank: Expression
    matches: Predicate


def has_key(found: Table, given: Expression) -> Predicate:
    """The whole text is one of the row's keys: a number, an e-mail address."""
    return _meets(found, sa.func.kartotek_key_query(given, text("")))


def begins_name(found: Table, given: Expression) -> Predicate:
    """The name begins with the text."""
    return sa.func.starts_with(found.c.name, _folded(given), type_=sa.Boolean)


def has_words_in_name(found: Table, given: Expression) -> Predicate:
    """Each word of the text begins one of the name's."""
    return _meets(found, sa.func.kartotek_name_query(given))


def has_words(found: Table, given: Expression) -> Predicate:
    """Each word of the text begins one of the row's; or all of the text, spelt together, begins one of its keys."""
    return _meets(found, sa.func.kartotek_query(given))


KINDS = (has_key, begins_name, has_words_in_name, has_words)


Kind = Callable[[Table, Expression], Way]


def _way(rank: int) -> Kind:
    def way(found: Table, given: Expression) -> Way:
        better = (sa.not_(kind(found, given)) for kind in KINDS[:rank])
        return Way(_constant(rank), sa.and_(KINDS[rank](found, given), *better))

    return way


WAYS = tuple(_way(rank) for rank in range(len(KINDS)))
"""The ways to have the words of a text, the best first; no row matches in two of them."""


def by_words(found: Table, given: Expression) -> Way:
    """All of these ways in one, where the order does not depend on them."""
    return Way(_constant(0), has_words(found, given))


def likeness(found: Table, given: Expression) -> Way:
    """Each word of the text is like a part of the name, by pg_trgm's word similarity."""
    least = sa.func.kartotek_likeness(found.c.name, given, type_=sa.REAL)
    longest = sa.func.kartotek_longest_word(given)
    is_like = found.c.name.op("%>", is_comparison=True)(longest) & (least >= LIKE_ENOUGH)
    return Way(literal("104") - sa.cast(literal("100") * least, sa.Integer), is_like)


def _constant(rank: int) -> Expression:
    """Not a bare number, which would be the place of a column where rows are put in order."""
    return sa.literal_column(f"{rank}::integer", sa.Integer)


def _meets(found: Table, query: Expression) -> Predicate:
    return found.c.words.op("@@", is_comparison=True)(sa.type_coerce(query, TSQUERY))


def _folded(given: Expression) -> Expression:
    return sa.func.kartotek_fold(sa.func.btrim(given), type_=sa.Text)
