"""From what a client wrote to a plain selection: fragments, directives, arguments and variables are gone after this."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    IntValueNode,
    get_argument_values,
    get_named_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, collect_subfields
from strawberry.schema.schema_converter import GraphQLCoreConverter

from resolvers import paging
from resolvers.ids import decode
from resolvers.paging import BadArgument
from resolvers.selection import (
    ALL_ROWS,
    EVERYTHING,
    All,
    Arguments,
    Condition,
    Connection,
    Field,
    Fields,
    Listing,
    One,
    Operand,
    Page,
    Query,
    Some,
    Sort,
    TypeName,
    nodes_asked,
)
from schema.conditions import NO_ROW, check_operands, condition, order
from schema.execution import Executor, ResolveInfo

CONNECTION = "Connection"


MOST_TOKENS = 5_000
"""Of a document: far more than any sensible one has."""
MOST_FIELDS = 5_000
MOST_LEVELS = 25
MOST_NODES = 500_000


class TooMuch(GraphQLError):
    """The query asks for more than one answer should hold."""

    def __init__(self, message: str, node: FieldNode) -> None:
        super().__init__(message, nodes=[node], extensions={"code": "TOO_MUCH"})


class Budget:
    """What the selection of one root field may still grow by: fragments make a short document long."""

    def __init__(self) -> None:
        self._fields = MOST_FIELDS

    def spend(self, fields: int, level: int, node: FieldNode) -> None:
        """Count fields at a level; TooMuch where it is too many or too deep."""
        self._fields -= fields
        if self._fields < 0:
            raise TooMuch(f"The query selects more than {MOST_FIELDS:,} fields; ask in several turns.", node)
        if level > MOST_LEVELS:
            raise TooMuch(
                f"The query is more than {MOST_LEVELS} levels deep; ask for what is far down by its id.", node
            )


class Selected:
    """One field as a client selected it, with what is below it."""

    def __init__(
        self,
        executor: Executor,
        definition: GraphQLField,
        details: list[FieldDetails],
        budget: Budget,
        level: int = 1,
    ) -> None:
        self._executor = executor
        self._definition = definition
        self._details = details
        self._budget = budget
        self._level = level

    @classmethod
    def of(cls, info: ResolveInfo) -> "Selected":
        """The field that is being resolved."""
        definition = info.parent_type.fields[info.field_name]
        details = [FieldDetails(node, None) for node in info.field_nodes]
        return cls(info.executor, definition, details, Budget())

    @property
    def node(self) -> FieldNode:
        """Where the client wrote it."""
        return self._details[0].node

    @property
    def variables(self) -> Mapping[str, Any]:
        """The values of the operation's variables, without those that were not given."""
        return self._executor.variable_values.coerced

    @property
    def type(self) -> GraphQLObjectType:
        """The type of what it answers."""
        return get_named_type(self._definition.type)  # type: ignore[return-value]

    def schema_types(self) -> Mapping[str, GraphQLObjectType]:
        """The types of the schema by name."""
        return self._executor.schema.type_map  # type: ignore[return-value]

    def arguments(self) -> dict[str, Any]:
        """Its arguments by the names that clients use, with variables and defaults filled in."""
        if not self._definition.args:
            return {}
        fragment_variables = self._details[0].fragment_variable_values
        variables = self._executor.variable_values
        check_operands(self.node, variables.coerced)
        return get_argument_values(self._definition, self.node, variables, fragment_variables)

    def fields(self, concrete: GraphQLObjectType | None = None) -> Fields:
        """What is wanted of the object it answers (of this type, where it may be one of several)."""
        parent = concrete or self.type
        collected = collect_subfields(
            self._executor.schema,
            self._executor.fragments,
            self._executor.variable_values,
            self._executor.operation,
            parent,
            self._details,
        )
        self._budget.spend(len(collected.grouped_field_set), self._level, self.node)
        return tuple(self._field(parent, key, details) for key, details in collected.grouped_field_set.items())

    def _field(self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Field | TypeName:
        name = details[0].node.name.value
        if name == "__typename":
            return TypeName(key, parent.name)
        definition = parent.fields[name]
        below = Selected(self._executor, definition, details, self._budget, self._level + 1)
        if not is_object_type(get_named_type(definition.type)):
            return Field(key, python_name(definition))
        return Field(key, python_name(definition), below.asked(), below.fields())

    def asked(self) -> Page | Arguments | None:
        """The part of a list, or the arguments of a worked-out value."""
        if self.type.name.endswith(CONNECTION):
            return self.page()
        given = self.arguments()
        return Arguments(tuple((name, Operand(value)) for name, value in given.items() if value is not None))

    def page(self, within: Condition = EVERYTHING) -> Page:
        """The part of the list that its arguments ask for, of the rows that are `within`."""
        entity = self.type.name.removesuffix(CONNECTION)
        try:
            given = self.arguments()
            if self._executor.tabulation and not is_cut(self.node):
                return replace(page_of(entity, {**given, "first": None, "last": None}, within), size=ALL_ROWS)
            return page_of(entity, given, within)
        except BadArgument as error:
            raise _located(error, self.node) from None


def page_of(entity: str, given: Mapping[str, Any], within: Condition = EVERYTHING) -> Page:
    """The part of a list that a field's arguments ask for, of the rows that are `within`; BadArgument."""
    wanted = condition(entity, given["filter"], "filter") if given.get("filter") is not None else EVERYTHING
    where = wanted if within == EVERYTHING else All((within, wanted))
    return paging.page(entity, given, where=where, order=order(given.get("orderBy") or ()))


def is_cut(node: FieldNode) -> bool:
    """Whether the document itself says how many rows a list has; a variable does not, nor null."""
    sizes = (each.value for each in node.arguments or () if each.name.value in ("first", "last"))
    return any(isinstance(value, IntValueNode) for value in sizes)


def _located(error: BadArgument, node: FieldNode) -> GraphQLError:
    extensions = {"code": "BAD_ARGUMENT", "argument": list(error.path)}
    return GraphQLError(f"{node.name.value}: {error}", nodes=[node], extensions=extensions)


def python_name(definition: GraphQLField) -> str:
    """The field's name in the code."""
    name: str = definition.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].python_name
    return name


def connection_query(selected: Selected, within: Condition = EVERYTHING) -> Connection:
    """The query behind a field that answers a page of a list."""
    return Connection(selected.type.name.removesuffix(CONNECTION), selected.page(within), selected.fields())


def listing_query(selected: Selected, within: Condition = EVERYTHING, most: int | None = None) -> Listing:
    """The query behind a field that answers a short list, of the rows that are `within`."""
    return Listing(selected.type.name, selected.fields(), within, most)


def one_query(selected: Selected, where: Condition, order: tuple[Sort, ...] = (), entity: str | None = None) -> One:
    """The query behind a field that answers one stored thing (of this entity, where it may be one of several)."""
    concrete = selected.schema_types()[entity or selected.type.name]
    return One(concrete.name, where, selected.fields(concrete), order)


def some_query(selected: Selected, ids: Sequence[str]) -> Some:
    """The query behind a field that answers rows of several entities by their ids."""
    found = [decode(text) or ("", NO_ROW) for text in ids]
    kinds = sorted({kind for kind, _ in found if kind})
    types = selected.schema_types()
    return Some(
        Operand([key for _, key in found]),
        Operand([kind for kind, _ in found]),
        tuple((kind, selected.fields(types[kind])) for kind in kinds),
    )


def check_size(query: Query, node: FieldNode) -> None:
    """TooMuch where the pages of the query multiply to more rows than one answer should hold."""
    asked = nodes_asked(query)
    if asked > MOST_NODES:
        raise TooMuch(f"{node.name.value} asks for up to {asked:,} rows, more than {MOST_NODES:,}; ask for less.", node)
