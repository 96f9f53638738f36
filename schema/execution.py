"""How an operation is run: finished JSON goes into the response as it is."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import is_
from typing import Any

import orjson
from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.pyutils import Path
from strawberry.schema.schema import (
    StrawberryGraphQLCoreExecutionContext,
    _OperationContextAwareGraphQLResolveInfo,
)

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

    def complete_value(self, return_type: GraphQLOutputType, *rest: Any) -> Any:
        """Finished JSON as a fragment of the response; what is shared once; anything else field by field."""
        result = rest[3]
        if isinstance(result, Completed):
            return orjson.Fragment(result.json)
        if isinstance(result, Shared):
            complete: Any = super().complete_value
            return result.answer(rest[1], lambda value: complete(return_type, *rest[:3], value, *rest[4:]))
        return super().complete_value(return_type, *rest)
