"""From a report's document, with the variables of a run, to the table that it stands for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLSchema, get_variable_values
from graphql.execution.values import VariableValues
from strawberry.schema import BaseSchema

from resolvers.problems import Problem
from resolvers.report import ReportFailed
from resolvers.selection import Operand
from resolvers.table import Given, Source, Stored
from resolvers.tabulation import Column, Path
from schema.context import Context
from schema.execution import Tabulation
from schema.report_document import NotAReport, operation_of, parsed, read_document, table_of


class Broken(ReportFailed):
    """The document does not fit the schema (any more)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class NotRun(ReportFailed):
    """The run failed before it had any rows: the variables are wrong, or what the document asks for."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Run:
    """What a run reads."""

    source: Source
    columns: tuple[Column, ...]


def check_fits(schema: GraphQLSchema, document: str, language: str) -> None:
    """Broken where the document does not fit the schema; nothing else may be read out of it then."""
    if problems := read_document(schema, document, language).problems:
        raise Broken(problems)


async def prepare(
    schema: BaseSchema, document: str, variables: Mapping[str, Any], context: Context, language: str
) -> Run:
    """The table of a document for whoever asks, with labels in the language.

    Its list has all rows, but where the document itself has a number for `first` or `last`. Raises Broken and NotRun.
    """
    core: Any = schema._schema  # type: ignore[attr-defined]
    check_fits(core, document, language)
    read = parsed(document)
    values = get_variable_values(core, operation_of(read).variable_definitions or (), dict(variables))
    if not isinstance(values, VariableValues):
        raise NotRun(values)
    try:
        table = table_of(core, read, values, language)
    except NotAReport as error:  # which its directives make of it for these variables
        raise NotRun([GraphQLError(str(error), error.node)]) from error
    tabulation = Tabulation(table.path)
    # It only reads, so the extensions that look at documents as they come in have nothing to say.
    result: Any = await schema.execute(
        document, variable_values=dict(variables), context_value=replace(context, tabulation=tabulation)
    )
    if result.errors:
        raise NotRun(result.errors)
    if tabulation.query is not None:
        return Run(Stored(tabulation.query, tabulation.rest), table.columns)
    answer = orjson.loads(orjson.dumps(result.data))
    rows = [list(row) for node in _nodes(answer, table.path) for row in _rows(node, table.columns)]
    return Run(Given(Operand(orjson.dumps(rows).decode()), len(table.columns)), table.columns)


def _nodes(answer: Any, path: Path) -> Sequence[Any]:
    """What is in the list at the end of the path; nothing where the way there ends in null."""
    for place, key in enumerate(path):
        if isinstance(answer, list):
            return [node for each in answer for node in _nodes(each, path[place:])]
        if answer is None:
            return []
        answer = answer[key]
    nodes = answer if isinstance(answer, list) else [answer]
    return [node for node in nodes if node is not None]


def _rows(node: Any, columns: Sequence[Column]) -> Iterator[Sequence[Any]]:
    """The rows that a node makes: more than one where there is a list in it, as a left join has it."""
    path = _find_list(node, columns)
    if path is None:
        yield [_value(node, column.path) for column in columns]
        return
    for item in _value(node, path) or [None]:
        yield from _rows(_with(node, path, item), columns)


def _find_list(node: Any, columns: Sequence[Column]) -> Path | None:
    above = (column.path[:place] for column in columns for place in range(1, len(column.path)))
    return next((path for path in above if isinstance(_value(node, path), list)), None)


def _value(node: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node


def _with(node: Any, path: Path, item: Any) -> Any:
    return {**node, path[0]: _with(node[path[0]], path[1:], item)} if path else item
