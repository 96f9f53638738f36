"""How an operation is run: finished JSON goes into the response as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any

import orjson
from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema import (
    StrawberryGraphQLCoreExecutionContext,
    _OperationContextAwareGraphQLResolveInfo,
)

from resolvers.selection import Query

MOST_SHARED = 100
"""How many different selections of a value are answered once for all."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a resolver of stored things returns: the JSON of its whole selection."""

    json: str


class Shared:
    """A value that many subscribers have in common: what one of them is answered is the answer to all who ask alike.

    Not shared is what has to be waited for, such as a list, which may be another one for each.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self._answers: list[tuple[list[FieldNode], Any, Any]] = []

    def answer(self, info: GraphQLResolveInfo[Any], complete: Callable[[Any], Any]) -> Any:
        """The completed value for this selection, by whoever was asked first."""
        for nodes, variables, known in self._answers:
            # Documents are parsed once, so the same text has the same nodes.
            is_alike = len(nodes) == len(info.field_nodes) and all(map(is_, nodes, info.field_nodes))
            if is_alike and variables == info.variable_values:
                return known
        completed = complete(self.value)
        if isinstance(completed, dict) and len(self._answers) < MOST_SHARED:
            self._answers.append((info.field_nodes, info.variable_values, completed))
        return completed


class Tabulation:
    """One list of an answer that is wanted as a table: nothing but what leads to it is resolved.

    Where the list is one of stored rows, its query is caught in place of being answered, so that it can be read row by
    row; any other is answered in the ordinary way, with all of its rows.
    """

    def __init__(self, path: tuple[str, ...]) -> None:
        self._path = path
        self.query: Query | None = None
        self.rest: tuple[str, ...] = ()
        """Response names from what the caught query answers to the list's nodes."""

    def catch(self, path: Sequence[str | int], query: Query) -> bool:
        """Keep the query where its field is on the way to the list."""
        if tuple(path) != self._path[: len(path)]:
            return False
        self.query, self.rest = query, self._path[len(path) :]
        return True

    def leading(self, path: Path | None, fields: GroupedFieldSet) -> GroupedFieldSet:
        """Those of the fields at this place that lead to the list, or are below it."""
        here = path.as_list() if path else []
        if len(here) >= len(self._path) or tuple(here) != self._path[: len(here)]:
            return fields
        return {key: details for key, details in fields.items() if key == self._path[len(here)]}


class ResolveInfo(_OperationContextAwareGraphQLResolveInfo):
    """Strawberry's resolve info with the executor, which knows variables and fragments in full."""

    executor: "Executor"


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Takes completed values as they are; runs everything else in the ordinary way."""

    def build_resolve_info(
        self, field_def: GraphQLField, field_nodes: list[FieldNode], parent_type: GraphQLObjectType, path: Path
    ) -> GraphQLResolveInfo[Any]:
        """The resolve info of a field, with this executor in it."""
        plain: Any = super().build_resolve_info(field_def, field_nodes, parent_type, path)
        info: Any = ResolveInfo(*plain)
        info.executor = self
        return info  # type: ignore[no-any-return]

    @property
    def tabulation(self) -> Tabulation | None:
        """The list that is wanted as a table, if that is what it is all about."""
        return getattr(self.context_value, "tabulation", None)

    def execute_fields(
        self, parent_type: GraphQLObjectType, source_value: Any, path: Path | None, grouped: GroupedFieldSet, *rest: Any
    ) -> Any:
        """The fields of an object; where a table is wanted, those that lead to it."""
        wanted = self.tabulation.leading(path, grouped) if self.tabulation else grouped
        return super().execute_fields(parent_type, source_value, path, wanted, *rest)

    def complete_value(self, return_type: GraphQLOutputType, *rest: Any) -> Any:
        """Finished JSON as a fragment of the response; what is shared once; anything else field by field."""
        result = rest[3]
        if isinstance(result, Completed):
            return orjson.Fragment(result.json)
        if isinstance(result, Shared):
            complete: Any = super().complete_value
            return result.answer(rest[1], lambda value: complete(return_type, *rest[:3], value, *rest[4:]))
        return super().complete_value(return_type, *rest)
