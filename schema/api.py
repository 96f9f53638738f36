"""The whole schema, and how its operations are run."""

import logging

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors, MaxTokensLimiter, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.execution import Executor
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.selection import MOST_TOKENS
from schema.subscription import Subscription

CACHED_DOCUMENTS = 1_000

log = logging.getLogger("kartotek")


def _is_unexpected(error: GraphQLError) -> bool:
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError)


class Schema(strawberry.Schema):
    """Logs what was not expected with its traceback; what a client did wrong is the client's to see."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log the unexpected ones."""
        for error in filter(_is_unexpected, errors):
            log.error("unexpected error at %s", error.path, exc_info=error.original_error)


schema = Schema(
    Query,
    mutation=Mutation,
    subscription=Subscription,
    extensions=[
        lambda: MaxTokensLimiter(max_token_count=MOST_TOKENS),
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        lambda: MaskErrors(
            should_mask_error=_is_unexpected,
            error_message="Something went wrong on our side; it has been logged.",
        ),
    ],
    execution_context_class=Executor,
    config=StrawberryConfig(scalar_map=SCALARS),
)
