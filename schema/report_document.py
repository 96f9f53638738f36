"""What a document says as a report, looked at without running it: its one list, the columns, the variables.

Whatever keeps it from being one is a problem with its line and column. The same walk tells the columns of a run, where
directives may leave some of them out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    parse,
    print_ast,
    validate,
    value_from_ast_untyped,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values
from graphql.validation import NoDeprecatedCustomRule

from resolvers.paging import BadArgument
from resolvers.problems import Problem, report_invalid
from resolvers.tabulation import Column, Kind, Path, headings
from schema.conditions import check_operands
from schema.labels import label_of
from schema.selection import CONNECTION, MOST_LEVELS, MOST_TOKENS, page_of

MOST_COLUMNS = 500
LONGEST = 100_000
"""Characters of a document."""
MOST_ERRORS = 20
MOST_STEPS = 50_000
"""Fragments make a short document long; so many fields are looked at, some of them more than once."""
NOTHING_GIVEN = VariableValues({}, {})
KINDS = {
    "Int": Kind.INTEGER,
    "Decimal": Kind.DECIMAL,
    "Float": Kind.NUMBER,
    "Boolean": Kind.BOOLEAN,
    "Date": Kind.DATE,
    "DateTime": Kind.MOMENT,
    "JSON": Kind.JSON,
}
EVERY_COUNTRY = "*"

Details = list[FieldDetails]


@dataclass(frozen=True, slots=True)
class Variable:
    """What a run may set."""

    name: str
    type: str
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Table:
    """The one list of a query, as a table."""

    path: Path
    """Where its nodes are in the answer."""
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says as a report."""

    problems: tuple[Problem, ...] = ()
    """Why it cannot be one; nothing else is known then."""
    warnings: tuple[Problem, ...] = ()
    """What it uses that will go."""
    table: Table | None = None
    variables: tuple[Variable, ...] = ()


@lru_cache(maxsize=500)
def parsed(text: str) -> DocumentNode:
    """The document of a text; GraphQLError where it is none."""
    return parse(text, max_tokens=MOST_TOKENS)


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    """The only operation of a document that has one."""
    [operation] = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return operation


class NotAReport(Exception):
    """The document cannot be one; at `node`."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.node = node


def read_document(schema: GraphQLSchema, text: str, language: str, registers: frozenset[str] | None = None) -> Reading:
    """What the document says, with labels in the language; `registers` are the ids and countries of those there are."""
    if len(text) > LONGEST:
        return Reading((report_invalid(f"The document has {len(text):,} characters; at most {LONGEST:,} fit."),))
    return _read_text(schema, text, language, registers)


@lru_cache(maxsize=500)
def _read_text(schema: GraphQLSchema, text: str, language: str, registers: frozenset[str] | None) -> Reading:
    try:
        document = parsed(text)
    except GraphQLError as error:
        return Reading((_told(error),))
    if errors := validate(schema, document, max_errors=MOST_ERRORS):
        return Reading(tuple(map(_told, errors)))
    try:
        return _read(schema, document, language, registers)
    except NotAReport as error:
        return Reading((_told(GraphQLError(str(error), error.node)),))


def _told(error: GraphQLError) -> Problem:
    place = error.locations[0] if error.locations else None
    return report_invalid(error.message, *((place.line, place.column) if place else ()))


def _read(schema: GraphQLSchema, document: DocumentNode, language: str, registers: frozenset[str] | None) -> Reading:
    operation = _operation(document)
    variables = tuple(map(_variable, operation.variable_definitions or ()))
    table = table_of(schema, visit(document, _WithoutConditions()), NOTHING_GIVEN, language)
    if registers is not None:
        visit(document, _KnownRegisters(registers))
    deprecated = validate(schema, document, [NoDeprecatedCustomRule], max_errors=MOST_ERRORS)
    return Reading((), tuple(map(_told, deprecated)), table, variables)


def _operation(document: DocumentNode) -> OperationDefinitionNode:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1:
        message = f"A report is one query; here are {len(operations)}. Save each under a name of its own."
        raise NotAReport(message, operations[-1] if operations else document)
    [operation] = operations
    if operation.operation is not OperationType.QUERY:
        raise NotAReport(f"A report only reads: make a query of this {operation.operation.value}.", operation)
    return operation


def _variable(definition: VariableDefinitionNode) -> Variable:
    name, default = definition.variable.name.value, definition.default_value
    if name.startswith("_"):
        message = f"${name} begins with an underscore, as options of a file do: call it ${name.lstrip('_') or 'value'}."
        raise NotAReport(message, definition)
    required = print_ast(definition.type).endswith("!") and default is None
    return Variable(name, print_ast(definition.type), required, default and value_from_ast_untyped(default))


class _WithoutConditions(Visitor):
    """Takes away the directives that a variable decides on: a report may have all of its columns."""

    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        given = (argument.value for argument in node.arguments or ())
        return REMOVE if any(isinstance(value, VariableNode) for value in given) else None


class _KnownRegisters(Visitor):
    """NotAReport where the document names a register or country that no plugin answers for."""

    def __init__(self, known: frozenset[str]) -> None:
        super().__init__()
        self._known = known

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        for argument in (node.arguments or ()) if node.name.value in ("registrySearch", "registryCompany") else ():
            if isinstance(argument.value, StringValueNode):
                self._check(argument.name.value, argument.value)

    def _check(self, argument: str, named: StringValueNode) -> None:
        known = named.value in self._known or (argument == "country" and EVERY_COUNTRY in self._known)
        if argument in ("country", "registryId") and not known:
            what = "country" if argument == "country" else "register"
            raise NotAReport(f"No plugin answers for the {what} {named.value}: `kartotek plugins` lists them.", named)


# ---------------------------------------------------------------- the list and its columns


def table_of(schema: GraphQLSchema, document: DocumentNode, variables: VariableValues, language: str) -> Table:
    """The one list of a valid query; NotAReport where there is none, or more than one.

    Columns are in the order of selection, their labels in the language.
    """
    return _Tabulator(schema, document, variables, language).table()


@dataclass(frozen=True, slots=True)
class _Selected:
    """A field as it is selected, by the name that it is answered under."""

    key: str
    definition: GraphQLField
    details: Details
    level: int

    @property
    def node(self) -> FieldNode:
        return self.details[0].node

    @property
    def type(self) -> Any:
        return get_named_type(self.definition.type)

    @property
    def is_leaf(self) -> bool:
        return is_leaf_type(self.type)

    @property
    def is_connection(self) -> bool:
        return bool(self.type.name.endswith(CONNECTION))

    @property
    def is_list(self) -> bool:
        return is_list_type(get_nullable_type(self.definition.type))


class _Tabulator:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: VariableValues, language: str) -> None:
        definitions = document.definitions
        self._schema, self._variables, self._language = schema, variables, language
        self._steps = 0
        self._operation = operation_of(document)
        self._fragments = {
            node.name.value: FragmentDetails(node) for node in definitions if isinstance(node, FragmentDefinitionNode)
        }

    def table(self) -> Table:
        found = list(self._lists(self._root(), ()))
        if not found:
            raise NotAReport(
                "There is no list to make a table of: select one, such as `customers { nodes { name } }`.",
                self._operation,
            )
        if len(found) > 1:
            raise NotAReport("A report has one list; this is another one. Save it as a report of its own.", found[1][1])
        path, node, below = found[0]
        columns = tuple(self._columns(below, (), ()))
        if not columns:
            raise NotAReport("There is nothing for a column: select a field that has a value.", node)
        if len(columns) > MOST_COLUMNS:
            raise NotAReport(f"A table of {len(columns):,} columns is too wide: select {MOST_COLUMNS} at most.", node)
        return Table(path, columns)

    def _root(self) -> Iterator[_Selected]:
        query = self._schema.query_type
        assert query is not None
        collected = collect_fields(self._schema, self._fragments, self._variables, query, self._operation)
        for key, details in collected.grouped_field_set.items():
            name = details[0].node.name.value
            if name in ("__schema", "__type"):
                raise NotAReport("A report is about data, not about the schema: take this out.", details[0].node)
            if name == "reportRows":
                raise NotAReport("A report cannot run reports: take this out.", details[0].node)
            if name != "__typename":
                yield _Selected(key, query.fields[name], details, level=1)

    def _below(self, field: _Selected) -> list[_Selected]:
        kind = field.type
        if is_abstract_type(kind):
            message = f"{field.node.name.value} may be of several types: select the field of one, such as `customer`."
            raise NotAReport(message, field.node)
        if field.level > MOST_LEVELS:
            raise NotAReport(f"The query is more than {MOST_LEVELS} levels deep.", field.node)
        self._check_arguments(field)
        collected = collect_subfields(
            self._schema, self._fragments, self._variables, self._operation, kind, field.details
        )
        self._steps += len(collected.grouped_field_set)
        if self._steps > MOST_STEPS:
            raise NotAReport("The query selects too many fields for a table.", field.node)
        below = field.level + 1
        return [self._selected(kind, key, details, below) for key, details in collected.grouped_field_set.items()]

    def _selected(self, parent: GraphQLObjectType, key: str, details: Details, level: int) -> _Selected:
        name = details[0].node.name.value
        definition = self._schema.get_field(parent, name)
        assert definition is not None
        return _Selected(key, definition, details, level)

    def _lists(self, fields: Iterable[_Selected], path: Path) -> Iterator[tuple[Path, FieldNode, list[_Selected]]]:
        """Each outermost list: where its nodes are, where it is written, and what is selected of a node."""
        for field in fields:
            if not field.is_leaf:
                here = (*path, field.key)
                yield from self._rows(field, here) if self._has_rows(field) else self._lists(self._below(field), here)

    def _has_rows(self, field: _Selected) -> bool:
        return not field.is_leaf and (field.is_list or field.is_connection)

    def _rows(self, field: _Selected, path: Path) -> Iterator[tuple[Path, FieldNode, list[_Selected]]]:
        below = self._below(field)
        if not field.is_connection:
            yield path, field.node, below
            return
        # Where it is one too many, it is the whole field, or the second of its own `nodes` and `edges`.
        places = chain([field.node], repeat(None))
        for part in below:
            if part.node.name.value == "nodes":
                yield (*path, part.key), next(places) or part.node, self._below(part)
            elif part.node.name.value == "edges":
                for node in self._below(part):
                    if node.node.name.value == "node":
                        yield (*path, part.key, node.key), next(places) or part.node, self._below(node)

    # -------------------------------------------------------------- columns

    def _columns(self, fields: Iterable[_Selected], path: Path, labels: Path) -> Iterator[Column]:
        beside: _Selected | None = None
        for field in fields:
            where = (*path, field.key), (*labels, self._label(field))
            if field.is_leaf:
                yield self._column(field, *where)
                continue
            lists = self._count_lists(field)
            if lists and beside is not None:
                message = (
                    f"{field.node.name.value} would multiply the rows of {beside.node.name.value}: "
                    "keep one of the lists, or ask for the `totalCount` of the other."
                )
                raise NotAReport(message, field.node)
            beside = field if lists else beside
            yield from self._of_rows(field, *where) if self._has_rows(field) else self._of_object(field, *where)

    def _of_object(self, field: _Selected, path: Path, labels: Path) -> Iterator[Column]:
        for column in self._columns(self._below(field), path, labels):
            is_half = field.type.name == "Money" and len(column.path) == len(path) + 1
            yield replace(column, of_money=True) if is_half else column

    def _of_rows(self, field: _Selected, path: Path, labels: Path) -> Iterator[Column]:
        below = self._below(field)
        if not field.is_connection:
            yield from self._columns(below, path, labels)
            return
        for part in below:
            here = (*path, part.key)
            match part.node.name.value:
                case "nodes":
                    yield from self._columns(self._below(part), here, labels)
                case "edges":
                    yield from self._of_edges(part, here, labels)
                case "pageInfo":
                    raise NotAReport("A report has all rows and no pages: take pageInfo out.", part.node)
                case _:
                    yield self._column(part, here, (*labels, self._label(part)))

    def _of_edges(self, edges: _Selected, path: Path, labels: Path) -> Iterator[Column]:
        for part in self._below(edges):
            name = part.node.name.value
            if name == "cursor":
                raise NotAReport("A report has all rows and no pages: take the cursor out.", part.node)
            if name == "node":
                yield from self._columns(self._below(part), (*path, part.key), labels)
            else:
                yield self._column(part, (*path, part.key), (*labels, self._label(part)))

    def _count_lists(self, field: _Selected) -> int:
        """How many lists there are side by side, in the field or in what it leads to; NotAReport where two."""
        lists = list(self._lists([field], ()))
        if len(lists) > 1:
            first, second = (node.name.value for _, node, _ in lists[:2])
            message = f"{second} would multiply the rows of {first}: keep one of the lists, or count the other."
            raise NotAReport(message, lists[1][1])
        return len(lists)

    def _column(self, field: _Selected, path: Path, labels: Path) -> Column:
        kind = Kind.JSON if field.is_list else KINDS.get(field.type.name, Kind.TEXT)
        return Column(path, labels, str(field.definition.type), kind)

    def _label(self, field: _Selected) -> str:
        alias = field.node.alias
        return alias.value if alias else label_of(field.node.name.value, self._language)

    # -------------------------------------------------------------- arguments

    def _check_arguments(self, field: _Selected) -> None:
        """NotAReport where what the document itself says of a page cannot be right."""
        if not field.is_connection or self._variables is not NOTHING_GIVEN:
            return
        fixed = [each for each in (field.node.arguments or ()) if not _has_variable(each)]
        names = {each.name.value for each in fixed}
        if any(each.name.value == "orderBy" for each in field.node.arguments or ()) and "orderBy" not in names:
            fixed = [each for each in fixed if each.name.value not in ("after", "before")]
        node = FieldNode(name=field.node.name, arguments=tuple(fixed), directives=(), loc=field.node.loc)
        try:
            check_operands(node, {})
            page_of(
                field.type.name.removesuffix(CONNECTION), get_argument_values(field.definition, node, self._variables)
            )
        except BadArgument as error:
            hint = " Without it, a report has all rows." if error.path[:1] in (("first",), ("last",)) else ""
            raise NotAReport(f"{field.node.name.value}: {error}{hint}", field.node) from None
        except GraphQLError as error:
            raise NotAReport(error.message, (error.nodes or [field.node])[0]) from None


def _has_variable(node: Node) -> bool:
    found: list[Node] = []

    class Finder(Visitor):
        def enter_variable(self, variable: VariableNode, *_: Any) -> None:
            found.append(variable)

    visit(node, Finder())
    return bool(found)


def stored(columns: Sequence[Column]) -> list[Mapping[str, Any]]:
    """The columns as they are kept with a report."""
    return [
        {"path": column.name, "label": heading, "type": column.type}
        for column, heading in zip(columns, headings(columns), strict=True)
    ]
