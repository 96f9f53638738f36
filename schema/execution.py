"""How an operation is run: finished JSON goes into the response as it is."""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.pyutils import Path
from strawberry.schema.schema import (
    StrawberryGraphQLCoreExecutionContext,
    _OperationContextAwareGraphQLResolveInfo,
)


@dataclass(frozen=True, slots=True)
class Completed:
    """What a resolver of stored things returns: the JSON of its whole selection."""

    json: str


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
        """Finished JSON as a fragment of the response; anything else field by field."""
        result = rest[3]
        if isinstance(result, Completed):
            return orjson.Fragment(result.json)
        return super().complete_value(return_type, *rest)
