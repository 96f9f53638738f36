"""Texts compared without accents and capitals, each row's own or a folded one that is kept beside the row."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from resolvers.rendering import literal, text
from resolvers.rights import Predicate

Expression = sa.ColumnElement[Any]

AFTER_ALL = sa.func.repeat(sa.func.chr(literal("1114111")), literal("1000"), type_=sa.Text)
"""No name goes on with anything that sorts after this: the last of all characters, more often than names are long."""


def fold(plain: Expression) -> Expression:
    """Without accents and capitals."""
    return sa.func.kartotek_fold(plain, type_=sa.Text)


def contains(plain: Expression, operand: Expression) -> Predicate:
    """The operand is somewhere in the text."""
    return sa.func.strpos(fold(plain), once(fold(operand))) > literal("0")


def starts_with(plain: Expression, operand: Expression) -> Predicate:
    """The text begins with the operand."""
    return sa.func.starts_with(fold(plain), once(fold(operand)), type_=sa.Boolean)


def begins(folded: Expression, prefix: Expression) -> Predicate:
    """A folded column that sorts by code points begins with the folded prefix; an index on it finds those that do."""
    first, last = once(prefix), once(prefix.concat(AFTER_ALL))
    return sa.and_(folded >= first, folded <= last, sa.func.starts_with(folded, first, type_=sa.Boolean))


def _has(folded: Expression, operand: Expression) -> Predicate:
    escaped = sa.func.kartotek_escaped(operand, type_=sa.Text)
    return folded.like(text("%").concat(escaped).concat(text("%")))


OF_FOLDED: Mapping[str, Callable[[Expression, Expression], Predicate]] = {
    "contains": _has,
    "starts_with": lambda folded, operand: begins(folded, fold(operand)),
}
"""The same of a folded column, so that its indexes are of use."""


def once(expression: Expression) -> Expression:
    """Worked out once for all rows, and by no plan beforehand: a plan for one value is as good for each other one."""
    return sa.select(expression).scalar_subquery()
