"""What a report builder needs: which fields there are, the document of those that are chosen, and its first rows."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import strawberry
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    print_ast,
)
from graphql.utilities import validate_input_value, value_to_literal

from resolvers import reading, table
from resolvers.cells import Arrays
from resolvers.paging import LARGEST_SIZE, BadArgument, page_size
from resolvers.problems import Problem, invalid, not_found
from resolvers.report import find_report
from resolvers.statement import values_in
from resolvers.table import Part
from schema.context import Info
from schema.enums import described
from schema.execution import Completed
from schema.labels import label_of
from schema.problems import Problem as ToldProblem
from schema.reading import in_time
from schema.report import ReportColumn
from schema.report_document import read_document, stored
from schema.report_health import core_of
from schema.report_run import Broken, NotRun, Run, prepare
from schema.scalars import JSON
from schema.selection import CONNECTION
from schema.stored import PageInfo, argument, field_with, told

MOST_PATHS = 500


class ReportRootValues(enum.StrEnum):
    """Which list a report is about."""

    CUSTOMERS = "CUSTOMERS"
    CONTACTS = "CONTACTS"
    CASES = "CASES"
    INVOICES = "INVOICES"


ReportRoot = described(
    ReportRootValues,
    CUSTOMERS="One row for each customer, or for each row of a list that hangs on it.",
    CONTACTS="Contact persons likewise.",
    CASES="Cases likewise.",
    INVOICES="Invoices likewise.",
)


@strawberry.type(description="A field that a report may have as a column.")
class ReportField:
    """A field that a report may have as a column."""

    path: str = told("Where it is below the list's node, names joined by dots; `composeReport` takes it.")
    label: str = told("What people call it, in the client's language.")
    type: str = told("Type of its values, as the schema calls it.")
    description: str | None = told("What it is.")
    is_list: bool = told("Whether it is in a list within the list, so that it multiplies the rows.")


@strawberry.type(description="A document that was put together.")
class ComposedReport:
    """A document that was put together."""

    document: str | None = told("The document, for `reportRows` and `saveReport`; null where there are problems.")
    problems: list[ToldProblem] = told("Why it could not be put together.")


@strawberry.type(description="Some rows of a report.")
class ReportRows:
    """Some rows of a report."""

    columns: list[ReportColumn] = told("What the values of a row are, in order.")
    rows: list[list[JSON | None]] = told("The values of each row.")
    page_info: PageInfo = told("Where these rows stand among all.")
    problems: list[ToldProblem] = told("Why there are no rows.")


# ---------------------------------------------------------------- which fields there are


def list_fields(schema: GraphQLSchema, root: str, language: str) -> list[ReportField]:
    """Every field below a node of the root's list; no type comes twice on the way to one."""
    node = _node_of(_root(schema, root))
    return list(_fields(node, _Way(types=(node.name,)), language))


def _root(schema: GraphQLSchema, root: str) -> GraphQLField:
    query: Any = schema.query_type
    definition: GraphQLField = query.fields[root.lower()]
    return definition


def _node_of(connection: GraphQLField) -> GraphQLObjectType:
    page: Any = get_named_type(connection.type)
    node: GraphQLObjectType = get_named_type(page.fields["nodes"].type)
    return node


@dataclass(frozen=True)
class _Way:
    """The way from the list's node to a field."""

    path: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    is_list: bool = False

    def on(self, name: str, label: str, kind: str, *, is_list: bool = False) -> "_Way":
        return _Way((*self.path, name), (*self.labels, label), (*self.types, kind), self.is_list or is_list)


def _fields(kind: GraphQLObjectType, way: _Way, language: str) -> Iterator[ReportField]:
    for name, definition in kind.fields.items():
        below: Any = get_named_type(definition.type)
        label = label_of(name, language)
        if is_leaf_type(below):
            yield _field(definition, way.on(name, label, below.name))
        elif below.name.endswith(CONNECTION):
            yield from _of_connection(definition, way.on(name, label, below.name), language)
        elif is_object_type(below) and below.name not in way.types:
            many = is_list_type(get_nullable_type(definition.type))
            yield from _fields(below, way.on(name, label, below.name, is_list=many), language)


def _of_connection(definition: GraphQLField, way: _Way, language: str) -> Iterator[ReportField]:
    count: Any = get_named_type(definition.type)
    yield _field(count.fields["totalCount"], way.on("totalCount", label_of("totalCount", language), "Int"))
    node = _node_of(definition)
    if node.name not in way.types:
        below = _Way((*way.path, "nodes"), way.labels, (*way.types, node.name), is_list=True)
        yield from _fields(node, below, language)


def _field(definition: GraphQLField, way: _Way) -> ReportField:
    return ReportField(
        path=".".join(way.path),
        label=" / ".join(way.labels),
        type=str(definition.type),
        description=definition.description,
        is_list=way.is_list,
    )


# ---------------------------------------------------------------- putting a document together


@dataclass
class _Branch:
    """What is selected of an object."""

    below: dict[str, "_Branch"] = field(default_factory=dict)

    def grow(self, path: Sequence[str]) -> None:
        if path:
            self.below.setdefault(path[0], _Branch()).grow(path[1:])

    def selection(self) -> SelectionSetNode | None:
        fields = tuple(_field_node(name, below.selection()) for name, below in self.below.items())
        return SelectionSetNode(selections=fields) if fields else None


def _field_node(name: str, below: SelectionSetNode | None, arguments: Sequence[ArgumentNode] = ()) -> FieldNode:
    return FieldNode(name=NameNode(value=name), arguments=tuple(arguments), directives=(), selection_set=below)


def compose(
    schema: GraphQLSchema, root: str, paths: Sequence[str], filter_: Any, order_by: Any
) -> tuple[str | None, Sequence[Problem]]:
    """The document that lists these paths of the root, filtered and ordered; or why there is none.

    Paths of problems begin with the argument: `("paths", "3")`, `("filter", "name", "eq")`.
    """
    definition = _root(schema, root)
    problems = [*_bad_paths(_node_of(definition), paths)]
    arguments = []
    for name, value in (("filter", filter_), ("orderBy", order_by)):
        if value is not None:
            kind = definition.args[name].type
            problems.extend(_bad_values(value, kind, name))
            arguments.append(ArgumentNode(name=NameNode(value=name), value=value_to_literal(value, kind)))  # type: ignore[arg-type]
    if problems:
        return None, problems
    document = print_ast(_document(root, paths, arguments))
    if not (found := read_document(schema, document, "en").problems):
        return document, []
    alone = ((each.name.value, print_ast(_document(root, paths[:1], [each]))) for each in arguments)
    to_blame = next((name for name, text in alone if read_document(schema, text, "en").problems), "paths")
    return None, [problem.at(to_blame) for problem in found]


def _bad_paths(node: GraphQLObjectType, paths: Sequence[str]) -> Iterator[Problem]:
    if not paths:
        yield invalid("Choose one field at least.", "paths")
    if len(paths) > MOST_PATHS:
        yield invalid(f"{len(paths)} fields are more than {MOST_PATHS}; choose fewer.", "paths")
    for place, path in enumerate(paths):
        if not _leads_to_a_leaf(node, path.split(".")):
            message = f"There is no field {path} with a value: `reportFields` lists them."
            yield invalid(message, "paths", str(place))


def _leads_to_a_leaf(kind: Any, path: Sequence[str]) -> bool:
    for name in path:
        definition = kind.fields.get(name) if is_object_type(kind) else None
        if definition is None:
            return False
        kind = get_named_type(definition.type)
    return is_leaf_type(kind)


def _bad_values(value: Any, kind: Any, name: str) -> Sequence[Problem]:
    found: list[Problem] = []

    def note(error: GraphQLError, path: Sequence[str | int]) -> None:
        found.append(invalid(error.message, name, *map(str, path)))

    validate_input_value(value, kind, note)
    return found


def _document(root: str, paths: Sequence[str], arguments: Sequence[ArgumentNode]) -> DocumentNode:
    rows = _Branch()
    for path in paths:
        rows.grow(path.split("."))
    nodes = SelectionSetNode(selections=(_field_node("nodes", rows.selection()),))
    listed = SelectionSetNode(selections=(_field_node(root.lower(), nodes, arguments),))
    query = OperationDefinitionNode(
        operation=OperationType.QUERY,
        name=NameNode(value=root.capitalize()),
        variable_definitions=(),
        directives=(),
        selection_set=listed,
    )
    return DocumentNode(definitions=(query,))


# ---------------------------------------------------------------- the first rows


async def _report_fields(root: Any, info: Info, **given: Any) -> Any:
    return list_fields(core_of(info.schema), given["root_"].value, info.context.language)


async def _compose_report(root: Any, info: Info, **given: Any) -> Any:
    composed = compose(core_of(info.schema), given["root_"].value, given["paths"], given["filter_"], given["order_by"])
    document, problems = composed
    return ComposedReport(document=document, problems=[ToldProblem.of(each) for each in problems])


async def _report_rows(root: Any, info: Info, **given: Any) -> Any:
    document = given["document"]
    if (given["name"] is None) == (document is None):
        raise GraphQLError("reportRows: Give either a name or a document.")
    if document is None:
        report = await find_report(info.context.database, info.context.viewer, given["name"])
        if report is None:
            return _no_rows(not_found(f"There is no report {given['name']} that you may see.", "name"))
        document = report.document
    variables = given["variables"] or {}
    if not isinstance(variables, dict):
        raise GraphQLError("reportRows: variables are an object, their values by name.")
    try:
        run = await prepare(info.schema, document, variables, info.context, info.context.language)
        return await _rows(info, run, given["first"], given["after"])
    except Broken as broken:
        return _no_rows(*broken.problems)
    except NotRun as failed:
        return _no_rows(*(_of_run(error) for error in failed.errors))
    except BadArgument as error:
        extensions = {"code": "BAD_ARGUMENT", "argument": list(error.path)}
        raise GraphQLError(f"reportRows: {error}", extensions=extensions) from None


def _of_run(error: GraphQLError) -> Problem:
    place = error.locations[0] if error.locations else None
    return replace(invalid(error.message, "variables"), line=place and place.line, column=place and place.column)


async def _rows(info: Info, run: Run, first: int | None, after: str | None) -> ReportRows:
    viewer, size = info.context.viewer, page_size(first)
    part = Part(size + 1, None if after is None else table.position(run.source, after))
    prepared = table.plan(run.source, part, Arrays(), viewer.permissions)
    with in_time():
        binds = {**values_in((run.source, part)), **viewer.binds}
        found = await reading.fetch(info.context.database.reads, prepared, binds)
    shown = found[:size]
    return ReportRows(
        columns=[ReportColumn(**each) for each in stored(run.columns)],
        rows=Completed(f"[{','.join(row[0] for row in shown)}]"),  # type: ignore[arg-type]
        page_info=PageInfo(
            has_next_page=len(found) > size,
            has_previous_page=after is not None,
            start_cursor=shown[0][1] if shown else None,
            end_cursor=shown[-1][1] if shown else None,
        ),
        problems=[],
    )


def _no_rows(*problems: Problem) -> ReportRows:
    nowhere = PageInfo(has_next_page=False, has_previous_page=False, start_cursor=None, end_cursor=None)
    return ReportRows(columns=[], rows=[], page_info=nowhere, problems=[ToldProblem.of(each) for each in problems])


def _renamed(annotation: Any, name: str, description: str) -> Any:
    return Annotated[annotation, strawberry.argument(name=name, description=description)]


REPORT_FIELDS: Any = field_with(
    {"root_": _renamed(ReportRoot, "root", "The list that the report is about.")},
    "The fields that a report about this list may have as columns, for a report builder. No type comes twice on the "
    "way to a field; a document may go further.",
    _report_fields,
    required=("root_",),
)
COMPOSE_REPORT: Any = field_with(
    {
        "root_": _renamed(ReportRoot, "root", "The list that the report is about."),
        "paths": argument(list[str], f"Its columns, as `reportFields` has them; {MOST_PATHS} at most."),
        "filter_": _renamed(JSON | None, "filter", "Only what meets this: a filter of the list, as JSON."),
        "order_by": argument(JSON | None, "Sort keys of the list, as JSON."),
    },
    "The document that makes a table of these fields, for `reportRows` and `saveReport`: nobody needs to write GraphQL "
    "for a report.",
    _compose_report,
    required=("root_", "paths"),
)
REPORT_ROWS: Any = field_with(
    {
        "name": argument(str | None, "A saved report, one's own first, then a shared one; or else:"),
        "document": argument(str | None, "a document that is not saved yet."),
        "variables": argument(JSON | None, "Values of its variables, as JSON."),
        "first": argument(int | None, f"So many rows: 50 by default, {LARGEST_SIZE:,} at most."),
        "after": argument(str | None, "Only what comes after this cursor."),
    },
    "The rows of a report as a flat table, some at a time: a preview. Files with all rows: `GET /reports/NAME.csv`.",
    _report_rows,
)
