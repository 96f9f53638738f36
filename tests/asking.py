"""Random queries: a tree of `Ask`s out of the schema itself, and ways to write the same tree as GraphQL.

A field, filter or sort key that is added to the schema is asked for from then on.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_enum_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import strategies as st

from resolvers.ids import TAGS, encode
from schema.api import schema as served
from tests.oracle import ROOT_PAGES, ROOTS, TO_MANY, TO_ONE, Ask, At, Oracle, folded, unrolled
from tests.rows import LEVELS, MOMENTS, RIGHTS, TEXTS, Row, World, permissions

SCHEMA: GraphQLSchema = served._schema
TYPES: Mapping[str, Any] = SCHEMA.type_map
ROOT_FIELDS: Mapping[str, GraphQLField] = TYPES["Query"].fields
KINDS = tuple(sorted(TAGS))
"""The types that implement Node."""

UNTOLD = {"label", "formula"}
"""Words for people, which no oracle can know."""

OUTSIDE: set[str] = {
    "registries",
    "registrySearch",
    "registryCompany",
    "checkVatNumber",
    "reportFields",
    "composeReport",
}
"""Root fields that tell of public facts, or of the schema."""

BEYOND_ROOTS: set[str] = {*OUTSIDE, "registryDiff", "reportRows"}
"""Root fields that no oracle knows: they are told of in tests of their own."""

BEYOND: set[tuple[str, str]] = set()
"""The same of fields, as (type, field)."""

BEYOND_ARGUMENTS: set[str] = {"search"}
"""The same of arguments, by name."""

Draw = Callable[[st.SearchStrategy[Any]], Any]


def object_type(name: str) -> GraphQLObjectType:
    found = TYPES[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def fields_of(name: str) -> dict[str, GraphQLField]:
    """The fields of a type that the oracle can answer."""
    found = TYPES[name].fields
    roots = ROOTS if name == "Query" else found
    return {
        key: value
        for key, value in found.items()
        if key in roots and key not in UNTOLD and (name, key) not in BEYOND and not hidden(name, key)
    }


def is_entity(type_name: str) -> bool:
    """Whether it is one of the things that are kept, and not a part of one or a list."""
    return type_name in (*TAGS, "Rejection")


def hidden(type_name: str, key: str) -> bool:
    # A rejection has no id by which its cursor could be told from another one's.
    return (type_name, key) in (("RejectionEdge", "cursor"), ("RejectionConnection", "pageInfo"))


@dataclass(frozen=True)
class Question:
    """Somebody asks something: as a tree for the oracle, and as GraphQL."""

    oracle: Oracle
    asks: tuple[Ask, ...]
    document: str
    variables: Mapping[str, Any]
    places: Mapping[str, tuple[str, str, uuid.UUID]]
    """Which row's cursor, by entity, order and key, goes where in the text."""

    def written(self, cursors: Mapping[Any, str]) -> tuple[str, dict[str, Any]]:
        """Document and variables with these cursors in them."""
        texts = {place: cursors[row] for place, row in self.places.items()}
        variables = {
            name: texts.get(value, value) if isinstance(value, str) else value for name, value in self.variables.items()
        }
        document = self.document
        for place, text in texts.items():
            document = document.replace(place, text)
        return document, variables


@st.composite
def oracles(draw: Draw, worlds: Sequence[World]) -> tuple[World, Oracle]:
    """A world and somebody in it who may see more or less of it."""
    world = draw(st.sampled_from(worlds))
    user = draw(st.sampled_from(world.rows["User"]))
    levels = draw(st.just(("ALL",) * len(RIGHTS)) | st.tuples(*[st.sampled_from(LEVELS)] * len(RIGHTS)))
    may = permissions(levels, administer=draw(st.booleans()))
    return world, Oracle(world.rows, world.viewer(user, may))


@st.composite
def questions(draw: Draw, worlds: Sequence[World], asks: Callable[["Asking"], tuple[Ask, ...]]) -> Question:
    """Somebody's question, of the kind that `asks` makes."""
    world, oracle = draw(oracles(worlds))
    wanted = asks(Asking(draw, oracle, world.foreign, world.today))
    writer = Writer(draw)
    return Question(oracle, wanted, writer.document(wanted), writer.variables, writer.places)


@dataclass
class Asking:
    """Makes random queries that have something to find in these rows."""

    draw: Draw
    oracle: Oracle
    foreign: Mapping[str, list[Row]]
    day: date

    # ------------------------------------------------------------------ selections

    def query(self, depth: int) -> tuple[Ask, ...]:
        return self.selection("Query", depth)

    def list_of(self, depth: int) -> tuple[Ask, ...]:
        """One page with a filter of this depth and an order: which rows, and how many."""
        name = self.draw(st.sampled_from(sorted(ROOT_PAGES)))
        entity = ROOT_PAGES[name]
        given = {"first": 70, "filter": self.filter(entity, f"{entity}Filter", depth)}
        if "orderBy" in fields_of("Query")[name].args:
            given["orderBy"] = self.order(entity)
        rows = Ask("nodes", "nodes", f"{entity}Connection", entity, {}, (Ask("id", "id", entity, "ID"),))
        count = Ask("totalCount", "totalCount", f"{entity}Connection", "Int")
        return (Ask(name, name, "Query", f"{entity}Connection", given, (rows, count)),)

    def strip(self, depth: int) -> tuple[Ask, ...]:
        """A figure or two for a day, with the rows that they were made of."""
        asks = []
        known = fields_of("Kpis")
        for name in self.draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=2, unique=True)):
            definition = known[name]
            kind = get_named_type(definition.type).name
            below = tuple(self.ask(kind, part, part, depth) for part in fields_of(kind)) if "Kpi" in kind else ()
            asks.append(Ask(name, name, "Kpis", kind, self.arguments("Kpis", name, definition), below))
        return (Ask("kpis", "kpis", "Query", "Kpis", {"asOf": self.a_day()}, tuple(asks)),)

    def selection(self, type_name: str, depth: int, most: int = 4, prefix: str = "") -> tuple[Ask, ...]:
        """Some fields of a type, each under a key of its own."""
        known = fields_of(type_name)
        leaves = [name for name, field in known.items() if not is_composite_type(get_named_type(field.type))]
        objects = [name for name in known if name not in leaves]
        of_its_own = depth > 0 or type_name.endswith(("Connection", "Edge"))
        names = ["__typename", *leaves, *(objects if of_its_own or not leaves else self.values(type_name, objects))]
        if type_name.endswith("Connection") and depth <= 0:
            names = ["totalCount", "pageInfo", "__typename"]
        weight = st.sampled_from(names) | st.sampled_from(objects if of_its_own and objects and depth > 0 else names)
        chosen = self.draw(st.lists(weight, min_size=1, max_size=most))
        keys = self.keys(chosen, prefix)
        return tuple(self.ask(type_name, name, key, depth) for name, key in zip(chosen, keys, strict=True))

    def values(self, type_name: str, objects: Sequence[str]) -> list[str]:
        """Those objects that hold plain values only."""
        kinds = {name: get_named_type(fields_of(type_name)[name].type) for name in objects}
        plain = (
            "Money", "Permissions", "Address", "RegistryLink",
            "ReportColumn", "ReportVariable", "ReportHealth", "Problem",
        )  # fmt: skip
        return [name for name, kind in kinds.items() if kind.name in plain]

    def keys(self, names: Sequence[str], prefix: str) -> list[str]:
        """Each under its own name or another one; names that statements like to use are among them."""
        keys: list[str] = []
        for name in names:
            alias = st.sampled_from(("place", "key_0", "id", "name", "node", "totalCount", "A", "_", "p1"))
            key = prefix + (self.draw(alias) if self.draw(st.integers(0, 3)) == 0 else name)
            # The same name twice in a selection needs the same arguments: give the second another alias.
            keys.append(key if key not in keys else f"{prefix}{name}_{len(keys)}".replace("__", "x"))
        return keys

    def ask(self, on: str, name: str, key: str, depth: int) -> Ask:
        if name == "__typename":
            return Ask(key, name, on, "String")
        definition = fields_of(on)[name]
        kind = get_named_type(definition.type)
        arguments = self.arguments(on, name, definition)
        below: tuple[Ask, ...] = ()
        if kind.name == "Node":
            below = self.nodes(depth)
        elif is_composite_type(kind):
            below = self.selection(kind.name, depth - is_entity(kind.name))
        return Ask(key, name, on, kind.name, arguments, below)

    def nodes(self, depth: int) -> tuple[Ask, ...]:
        """Fields of whatever has an id, and of a few types in particular."""
        kinds = self.draw(st.lists(st.sampled_from(KINDS), max_size=3, unique=True))
        of_kind = [ask for kind in kinds for ask in self.selection(kind, depth - 1, most=3, prefix=f"{kind}_")]
        own = self.draw(st.lists(st.sampled_from(("id", "__typename")), min_size=0 if of_kind else 1, max_size=2))
        shared = [Ask(key, name, "Node", "ID") for name, key in zip(own, self.keys(own, "node_"), strict=True)]
        return (*shared, *of_kind)

    # ------------------------------------------------------------------ arguments

    def arguments(self, on: str, name: str, definition: GraphQLField) -> dict[str, Any]:
        given: dict[str, Any] = {}
        entity = get_named_type(definition.type).name.removesuffix("Connection")
        if keys := self.keys_of(entity, name, definition):
            return keys
        if name == "kpis":
            return {"asOf": self.a_day()}
        if "from" in definition.args:
            return {end: self.a_day() for end in ("from", "to") if self.draw(st.booleans())}
        if "months" in definition.args and self.draw(st.booleans()):
            given["months"] = self.draw(st.integers(1, 15))
        if "first" in definition.args:
            given |= self.page(entity)
        if "month" in definition.args and self.draw(st.booleans()):
            given["month"] = self.draw(st.sampled_from(("THIS", "PREVIOUS")))
        if "orderBy" in definition.args and self.draw(st.booleans()):
            given["orderBy"] = self.order(entity)
        if "filter" in definition.args and self.draw(st.booleans()):
            given["filter"] = self.filter(entity, f"{entity}Filter", 2)
        return given

    def keys_of(self, entity: str, name: str, definition: GraphQLField) -> dict[str, Any]:
        """What names the things that are asked for, where the field takes that."""
        if name == "report":
            named = self.draw(st.booleans())
            return {"name": f"r{self.draw(st.integers(0, 3))}"} if named else {"id": self.an_id("Report")}
        if "id" in definition.args:
            return {"id": self.an_id(None if name == "node" else entity)}
        if "ids" in definition.args:
            return {"ids": [self.an_id(None) for _ in range(self.draw(st.integers(0, 6)))]}
        return {"customerId": self.an_id("Customer")} if "customerId" in definition.args else {}

    def page(self, entity: str) -> dict[str, Any]:
        given: dict[str, Any] = {}
        size = self.draw(st.sampled_from((None, 0, 1, 2, 3, 7, 20, 60)))
        if size is not None:
            given["last" if self.draw(st.booleans()) else "first"] = size
        rows = self.oracle.seen(entity)
        if rows and entity != "Rejection":
            for end in ("after", "before"):
                if self.draw(st.integers(0, 4)) == 0:
                    given[end] = At(entity, self.draw(st.sampled_from(rows))["id"])
        return given

    def an_id(self, entity: str | None) -> str:
        """An id of one of ours, of the other organisation's or of nobody's."""
        kind = entity or self.draw(st.sampled_from(KINDS))
        theirs = self.draw(st.integers(0, 5)) == 0
        rows = (self.foreign if theirs else self.oracle.rows)[kind]
        known = st.sampled_from(rows).map(lambda row: encode(kind, row["id"])) if rows else st.nothing()
        strange = st.sampled_from((encode(kind, uuid.UUID(int=1)), "", "cus_", "x", "cus_" + "0" * 31, "ö"))
        other = st.sampled_from(self.oracle.rows["User"]).map(lambda row: encode("User", row["id"]))
        return self.draw(known if self.draw(st.integers(0, 5)) and rows else strange | other)

    def a_day(self) -> date:
        near = st.integers(-400, 400).map(lambda days: self.day + timedelta(days=days))
        odd = st.sampled_from((date(2024, 2, 29), date(2023, 12, 31), date(2024, 1, 1), self.day, date(2024, 3, 30)))
        return self.draw(near | odd | st.dates(date(1900, 1, 1), date(2200, 1, 1)))

    def order(self, entity: str) -> list[Mapping[str, Any]]:
        return [self.sort_key(f"{entity}Order") for _ in range(self.draw(st.integers(0, 3)))]

    def sort_key(self, type_name: str) -> Mapping[str, Any]:
        choices = TYPES[type_name].fields
        name = self.draw(st.sampled_from(sorted(choices)))
        kind = get_named_type(choices[name].type)
        return {name: self.draw(st.sampled_from(("ASC", "DESC"))) if is_enum_type(kind) else self.sort_key(kind.name)}

    # ------------------------------------------------------------------ filters

    def filter(self, entity: str, type_name: str, depth: int) -> dict[str, Any]:
        """One or two conditions, nested now and then."""
        choices: dict[str, Any] = TYPES[type_name].fields
        nested = {"and", "or", "not"} | {name for name in choices if target_of(entity, name)}
        names = [name for name in choices if depth > 0 or name not in nested]
        chosen = self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        return {name: self.condition(entity, name, get_named_type(choices[name].type).name, depth) for name in chosen}

    def condition(self, entity: str, name: str, type_name: str, depth: int) -> Any:
        if name in ("and", "or"):
            return [self.filter(entity, type_name, depth - 1) for _ in range(self.draw(st.integers(1, 2)))]
        if name == "not":
            return self.filter(entity, type_name, depth - 1)
        if name == "isNull":
            return self.draw(st.booleans())
        if name == "kpi":
            return {"eq": self.draw(st.sampled_from(("ACTIVE", "PROSPECT")))}
        target = target_of(entity, name)
        if target and type_name.endswith("sFilter") and type_name.removesuffix("sFilter") == target:
            quantifiers = self.draw(st.lists(st.sampled_from(("some", "none")), min_size=1, max_size=2, unique=True))
            return {how: self.filter_or_none(target, depth - 1) for how in quantifiers}
        if target:
            return self.filter(target, type_name, depth - 1)
        return self.comparison(entity, name, type_name)

    def filter_or_none(self, entity: str, depth: int) -> dict[str, Any]:
        return self.filter(entity, f"{entity}Filter", depth) if self.draw(st.booleans()) else {}

    def comparison(self, entity: str, name: str, type_name: str) -> dict[str, Any]:
        operators: dict[str, Any] = TYPES[type_name].fields
        chosen = self.draw(st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=2, unique=True))
        return {operator: self.operand(entity, name, operator, operators[operator].type) for operator in chosen}

    def operand(self, entity: str, name: str, operator: str, kind: Any) -> Any:
        if operator == "isNull":
            return self.draw(st.booleans())
        if is_list_type(kind):
            return [self.operand(entity, name, "eq", kind.of_type) for _ in range(self.draw(st.integers(1, 3)))]
        rows = self.oracle.rows.get(entity, ())
        known = [value for row in rows if (value := self.oracle.value(entity, row, name)) is not None]
        strange = self.strange(get_named_type(kind))
        if not known or self.draw(st.integers(0, 3)) == 0:
            return self.draw(strange)
        value = self.draw(st.sampled_from(known))
        return self.piece(value, operator) if operator in ("contains", "startsWith") else value

    def piece(self, value: str, operator: str) -> str:
        """A part of a text, as somebody might type it."""
        start = 0 if operator == "startsWith" else self.draw(st.integers(0, len(value)))
        part = value[start : start + self.draw(st.integers(0, 6))]
        return self.draw(st.sampled_from((str, str.upper, str.lower, folded)))(part)

    def strange(self, kind: Any) -> st.SearchStrategy[Any]:
        if is_enum_type(kind):
            return st.sampled_from(sorted(kind.values))
        return {
            "String": st.sampled_from((*TEXTS, "", "%", "_", "\\", "'", "å", "A")),
            "ID": st.builds(lambda: self.an_id(None)),
            "Int": st.integers(-(2**31), 2**31 - 1) | st.integers(0, 25),
            "Decimal": st.sampled_from(
                [Decimal(text) for text in ("0", "-1", "2.67", "2.670", "1e3", "99999999999999999999.9")]
            ),
            "Date": st.builds(self.a_day),
            "DateTime": st.sampled_from(MOMENTS).map(lambda moment: moment + timedelta(microseconds=1)),
            "Boolean": st.booleans(),
            "CountryCode": st.sampled_from(("FI", "fi", "XX", "")),
            "CurrencyCode": st.sampled_from(("EUR", "SEK", "XXX")),
        }[kind.name]


def target_of(entity: str, name: str) -> str | None:
    """What a link leads to, or a list is of."""
    return (TO_ONE.get((entity, name)) or TO_MANY.get((entity, name)) or (None,))[0]


@dataclass(frozen=True)
class Comparison:
    """A place for an operand in a filter: the path to it, and which operator of which field that is."""

    path: tuple[str, ...]
    entity: str
    field: str
    operator: str
    kind: Any


def comparisons(entity: str, depth: int, path: tuple[str, ...] = ()) -> Iterator[Comparison]:
    """Every operator of every field that the entity is filtered by, through as many links as `depth`."""
    for name, definition in TYPES[f"{entity}Filter"].fields.items():
        kind = get_named_type(definition.type)
        target = target_of(entity, name)
        if name == "isNull":
            yield Comparison((*path, name), entity, name, name, kind)
        elif target is None and name not in ("and", "or", "not"):
            for operator, operand in kind.fields.items():
                yield Comparison((*path, name, operator), entity, name, operator, operand.type)
        elif target and depth:
            for how in ((how,) for how in kind.fields) if (entity, name) in TO_MANY else ((),):
                yield from comparisons(target, depth - 1, (*path, name, *how))


def sort_paths(type_name: str) -> Iterator[tuple[str, ...]]:
    """Every sort key, as the path to it."""
    for name, definition in TYPES[type_name].fields.items():
        kind = get_named_type(definition.type)
        yield from ((name,),) if is_enum_type(kind) else ((name, *below) for below in sort_paths(kind.name))


def nested(path: Sequence[str], value: Any) -> Any:
    """The value at the end of the path."""
    for step in reversed(path):
        value = {step: value}
    return value


def lists_in(asks: Sequence[Ask]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Entity and order of every page that is asked for."""
    for ask in asks:
        if ask.type.endswith("Connection"):
            yield ask.type.removesuffix("Connection"), tuple(ask.arguments.get("orderBy") or ())
        yield from lists_in(ask.fields)


def everything(type_name: str, depth: int) -> tuple[Ask, ...]:
    """All fields of a type, and of what it leads to as far as `depth`."""
    asks = []
    for name, definition in fields_of(type_name).items():
        kind = get_named_type(definition.type)
        further = depth - is_entity(kind.name)
        if further >= 0 and "cursor" not in name.lower():
            below = everything(kind.name, further) if is_composite_type(kind) else ()
            if below or not is_composite_type(kind):
                asks.append(Ask(name, name, type_name, kind.name, {}, below))
    return tuple(asks)


# ---------------------------------------------------------------------- writing


PLAIN = 11
"""Drawn over and over, it leads past all the other ways to write something."""


def written(asks: Sequence[Ask]) -> tuple[str, dict[str, Any]]:
    """A query in the same plain way each time, and its variables."""
    writer = Writer(lambda strategy: PLAIN)
    return writer.document(asks), writer.variables


@dataclass
class Writer:
    """Writes a query in one of the many ways that GraphQL has for it."""

    draw: Draw
    places: dict[str, tuple[str, str, uuid.UUID]] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)

    def document(self, asks: Sequence[Ask]) -> str:
        selection = self.selection(asks, "Query")
        variables = f"({', '.join(self.declared)})" if self.declared else ""
        return "\n".join([f"query Random{variables} {selection}", *self.fragments])

    def once_in(self, often: int) -> bool:
        return self.draw(st.integers(0, often - 1)) == often - 1

    def selection(self, asks: Sequence[Ask], type_name: str) -> str:
        parts = [part for ask in asks for part in self.parts(ask, type_name)]
        if self.once_in(8):
            parts.append(
                self.draw(
                    st.sampled_from(("no: __typename @skip(if: true)", "... @include(if: false) { no: __typename }"))
                )
            )
        return "{ " + " ".join(parts) + " }"

    def parts(self, ask: Ask, type_name: str) -> list[str]:
        """The field as it is, wrapped, or in two halves."""
        arguments, half = self.arguments(ask), len(ask.fields) // 2
        belows = [ask.fields[:half], ask.fields[half:]] if half and self.once_in(8) else [ask.fields]
        texts = [self.field(ask, arguments, below) for below in belows]
        return [self.wrapped(text, ask.on, needed=ask.on != type_name) for text in texts]

    def field(self, ask: Ask, arguments: str, below: Sequence[Ask]) -> str:
        name = ask.name if ask.key == ask.name else f"{ask.key}: {ask.name}"
        return f"{name}{arguments}{self.directive()}" + (f" {self.selection(below, ask.type)}" if below else "")

    def wrapped(self, text: str, on: str, *, needed: bool) -> str:
        match self.draw(st.integers(0, 11)):
            case 0:
                return f"... on {on}{self.directive()} {{ {text} }}"
            case 1 if not needed:
                return f"...{self.directive()} {{ {text} }}"
            case 2:
                name = f"F{len(self.fragments)}"
                self.fragments.append(f"fragment {name} on {on} {{ {text} }}")
                return f"...{name}{self.directive()}"
            case _:
                return f"... on {on} {{ {text} }}" if needed else text

    def directive(self) -> str:
        """One that changes nothing."""
        if not self.once_in(10):
            return ""
        name, wanted = self.draw(st.sampled_from((("include", True), ("skip", False))))
        return f" @{name}(if: {self.value(wanted, GraphQLNonNull(TYPES['Boolean']), always=self.once_in(2))})"

    def arguments(self, ask: Ask) -> str:
        if not ask.arguments:
            return ""
        known = TYPES[ask.on].fields[ask.name].args
        given = [(name, self.plain(ask, value), known[name].type) for name, value in ask.arguments.items()]
        return f"({', '.join(f'{name}: {self.value(value, kind)}' for name, value, kind in given)})"

    def plain(self, ask: Ask, value: Any) -> Any:
        if not isinstance(value, At):
            return value
        place = f"<cursor {len(self.places)}>"
        self.places[place] = value.entity, repr(tuple(ask.arguments.get("orderBy") or ())), value.row_id
        return place

    def value(self, value: Any, kind: Any, *, always: bool = False, never: bool = False) -> str:
        """A literal, or a variable: with a value, or with a default that is the value."""
        if never or not (always or self.once_in(6)):
            return self.literal(value, kind, never=never)
        name = f"v{len(self.declared)}"
        if self.once_in(3):
            nullable = kind.of_type if is_non_null_type(kind) else kind
            self.declared.append(f"${name}: {nullable} = {self.constant(value, kind)}")
            return f"${name}"
        default = f" = {self.constant(value, kind)}" if self.once_in(4) and not is_non_null_type(kind) else ""
        self.declared.append(f"${name}: {kind}{default}")
        self.variables[name] = jsonable(value)
        return f"${name}"

    def constant(self, value: Any, kind: Any) -> str:
        return type(self)(self.draw).literal(value, kind, never=True)

    def literal(self, value: Any, kind: Any, *, never: bool = False) -> str:
        kind = kind.of_type if is_non_null_type(kind) else kind
        if isinstance(kind, GraphQLList) and isinstance(value, list):
            items = [self.value(item, kind.of_type, never=never) for item in value]
            alone = len(items) == 1 and value != [None] and not items[0].startswith("$") and self.once_in(4)
            return items[0] if alone else f"[{', '.join(items)}]"
        if isinstance(kind, GraphQLInputObjectType):
            never = never or kind.name.endswith("Order")  # a choice of keys takes no variable that may be null
            members = [
                f"{name}: {self.value(item, kind.fields[name].type, never=never)}" for name, item in value.items()
            ]
            return "{" + ", ".join(members) + "}"
        if is_enum_type(kind):
            return str(value)
        if isinstance(value, Decimal) and self.once_in(2):
            return f"{value:f}"
        return json.dumps(jsonable(value), ensure_ascii=self.once_in(2))


def jsonable(value: Any) -> Any:
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    if isinstance(value, Mapping):
        return {name: jsonable(item) for name, item in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | uuid.UUID) else value


def order_text(order: Sequence[Mapping[str, Any]]) -> str:
    """Sort keys as GraphQL."""

    def one(key: Mapping[str, Any]) -> str:
        path, direction = unrolled(key)
        return "".join(f"{{{name}: " for name in path) + direction + "}" * len(path)

    return f"[{', '.join(map(one, order))}]"
