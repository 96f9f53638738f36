"""The fields of a form in SQL: what clients and people see of a row's columns, and the columns back out of that.

It is what the fields of `resolvers.forms` say in Python, for statements about more rows than anybody should carry to
and fro.
"""

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from resolvers.forms import Amount, Field, Form, HomeAmount, Link
from resolvers.ids import TAGS
from resolvers.rendering import literal, text

Expression = sa.ColumnElement[Any]
Columns = Callable[[str], Expression]
"""A row's column by its name."""


@singledispatch
def json_of(field: Field, row: Columns) -> Expression:
    """What a client sees; NULL where there is nothing."""
    column = row(field.name)
    plain = isinstance(column.type, sa.Boolean | sa.Integer)
    return _jsonb(column if plain else sa.cast(column, sa.Text))


@json_of.register
def _(field: Link, row: Columns) -> Expression:
    return _jsonb(tagged(field.entity, row(field.column)))


@json_of.register
def _(field: Amount, row: Columns) -> Expression:
    amount = row(field.amount)
    parts = (text("amount"), sa.cast(amount, sa.Text), text("currency"), row(field.currency))
    return sa.case((amount.is_not(None), sa.func.jsonb_build_object(*parts, type_=JSONB())))


def _jsonb(value: Expression) -> Expression:
    return sa.func.to_jsonb(value, type_=JSONB())


def tagged(entity: str, key: Expression) -> Expression:
    """A key as the opaque id of clients."""
    return text(f"{TAGS[entity]}_").concat(sa.func.replace(sa.cast(key, sa.Text), text("-"), text("")))


def key_in(entity: str, given: Expression) -> Expression:
    """The key in an opaque id, NULL where it is none of this entity: `resolvers.ids.find_key` in SQL."""
    shape = text(f"^{TAGS[entity]}_[0-9a-f]{{32}}$")
    return sa.case((given.op("~")(shape), sa.cast(sa.func.substr(given, literal("5")), sa.Uuid)))


def label_of(field: Field, row: Columns, name: Expression | None = None) -> Expression:
    """What a person reads; of a link it is the `name` of what it leads to."""
    if isinstance(field, Link):
        assert name is not None
        return name
    if isinstance(field, Amount):
        return sa.cast(row(field.amount), sa.Text).concat(text(" ")).concat(row(field.currency))
    column = row(field.name)
    if isinstance(column.type, sa.Boolean):
        return sa.case((column, text("yes")), (sa.not_(column), text("no")))
    words = sa.cast(column, sa.Text)
    return _in_words(words) if isinstance(column.type, sa.Enum) else words


def _in_words(name: Expression) -> Expression:
    plain = sa.func.replace(name, text("_"), text(" "))
    return sa.func.upper(sa.func.left(plain, literal("1"))).concat(sa.func.lower(sa.func.substr(plain, literal("2"))))


@singledispatch
def columns_in(field: Field, json: Expression, form: Form) -> Mapping[str, Expression]:
    """The columns that make what a client sees."""
    return {field.name: _typed(form, field.name, _text(json))}


@columns_in.register
def _(field: Link, json: Expression, form: Form) -> Mapping[str, Expression]:
    return {field.column: sa.cast(sa.func.substr(_text(json), literal("5")), sa.Uuid)}


@columns_in.register
def _(field: Amount, json: Expression, form: Form) -> Mapping[str, Expression]:
    parts = {field.amount: "amount", field.currency: "currency"}
    return {name: _typed(form, name, _member(json, part)) for name, part in parts.items()}


@columns_in.register
def _(field: HomeAmount, json: Expression, form: Form) -> Mapping[str, Expression]:
    return {field.name: _typed(form, field.name, _member(json, "amount"))}


def _text(json: Expression) -> Expression:
    return json.op("#>>", return_type=sa.Text())(literal("'{}'::text[]"))


def _member(json: Expression, name: str) -> Expression:
    return json.op("->>", return_type=sa.Text())(text(name))


def _typed(form: Form, column: str, value: Expression) -> Expression:
    kind = form.table.c[column].type
    return sa.cast(value, sa.Text() if isinstance(kind, sa.String) else kind)
