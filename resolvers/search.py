"""Searching by words: which rows have those of a text, how well they match, and like names where none has them.

The words and folded names are in tables of their own (`db.models.search`), kept by triggers.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from resolvers.rendering import literal, text
from resolvers.rights import Predicate, Table
from resolvers.selection import Sort

Expression = sa.ColumnElement[Any]

BY_RELEVANCE = (Sort(("relevance",)),)
"""The order of what was searched for: the best match first."""


def has_words(found: Table, given: Expression) -> Predicate:
    """Each word of the text begins one of the row's; or all of the text, spelt together, begins one of its keys."""
    return _meets(found, sa.func.kartotek_any_query(given))


def has_key(found: Table, given: Expression) -> Predicate:
    """The whole text is one of the row's keys: a number, an e-mail address."""
    return _meets(found, sa.func.kartotek_key_query(given, text(":")))


def begins(found: Table, given: Expression) -> Predicate:
    """The name begins with the text."""
    return sa.func.starts_with(found.c.name, _folded(given), type_=sa.Boolean)


def has_words_in_name(found: Table, given: Expression) -> Predicate:
    """Each word of the text begins one of the name's."""
    return _meets(found, sa.func.kartotek_query(given, text("A")))


def is_like(found: Table, given: Expression, unless: Predicate) -> Predicate:
    """Each word of the text is like a part of the name, by pg_trgm; nothing is, `unless` that fails."""
    # Without a word to compare with, the index is not even looked into.
    longest = sa.case((unless, sa.null()), else_=sa.func.kartotek_longest_word(given, type_=sa.Text))
    compared = sa.select(longest).scalar_subquery()
    alike = sa.func.kartotek_is_like(found.c.name, given, type_=sa.Boolean)
    return sa.and_(found.c.name.op("%>", is_comparison=True)(compared), alike)


def rank(found: Table, given: Expression) -> Expression:
    """How well the row matches, best first: a key, the beginning of the name, words in it, other words, likeness."""
    likeness = sa.func.kartotek_likeness(found.c.name, given)
    unlike = literal("104") - sa.cast(literal("100") * likeness, sa.Integer)
    return sa.case(
        (has_key(found, given), literal("0")),
        (begins(found, given), literal("1")),
        (has_words_in_name(found, given), literal("2")),
        (has_words(found, given), literal("3")),
        else_=unlike,
    )


def _meets(found: Table, query: Expression) -> Predicate:
    return found.c.words.op("@@", is_comparison=True)(sa.type_coerce(query, TSQUERY))


def _folded(given: Expression) -> Expression:
    return sa.func.kartotek_fold(sa.func.btrim(given), type_=sa.Text)
