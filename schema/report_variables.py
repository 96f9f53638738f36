"""A report's variables as texts, such as addresses and command lines have them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from graphql import (
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    type_from_ast,
)

from resolvers.validation import is_storable
from schema.report_document import operation_of, parsed
from schema.report_run import NotRun

TRUTHS = {"true": True, "false": False}
READ_AS_TEXT = {"ID", "String", "CountryCode", "CurrencyCode", "Date", "DateTime", "Decimal"}


def read_variables(schema: GraphQLSchema, document: str, given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The variables as GraphQL takes them, each read by the type that the document declares for it.

    A list is written by giving its name again for each item, an object as JSON, null as `null` where the type is no
    text. NotRun where a name is none of the document's, or the text none of its type.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    for name, text in given:
        if not is_storable(text):
            raise NotRun([GraphQLError(f"${name} has a character that is no text (NUL or half of a pair).")])
        texts[name].append(text)
    types = _types(schema, document)
    if unknown := [name for name in texts if name not in types]:
        known = ", ".join(types) or "none"
        raise NotRun([GraphQLError(f"The report has no variable {', '.join(unknown)}; those it has: {known}.")])
    try:
        return {name: _read(types[name], values) for name, values in texts.items()}
    except ValueError as error:
        raise NotRun([GraphQLError(str(error))]) from error


def _types(schema: GraphQLSchema, document: str) -> Mapping[str, Any]:
    definitions = operation_of(parsed(document)).variable_definitions or ()
    return {each.variable.name.value: type_from_ast(schema, each.type) for each in definitions}


def _read(kind: GraphQLInputType, texts: Sequence[str]) -> Any:
    plain: Any = get_nullable_type(kind)
    if is_list_type(plain):
        if len(texts) == 1 and texts[0].startswith("["):
            return _json(texts[0])
        return [_read(plain.of_type, [text]) for text in texts]
    if len(texts) > 1:
        raise ValueError(f"A single {plain} is needed, not {' and '.join(texts)}.")
    [text] = texts
    if is_enum_type(plain) or plain.name in READ_AS_TEXT:
        return None if text == "null" and not is_non_null_type(kind) and plain.name not in ("ID", "String") else text
    return _read_plain(plain, text)


def _read_plain(kind: Any, text: str) -> Any:
    if is_input_object_type(kind):
        return _json(text)
    if text == "null":
        return None
    if kind.name == "Boolean":
        return TRUTHS.get(text.lower(), text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text  # which its type refuses in its own words


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"JSON is needed here, not {text}: {error}.") from error
