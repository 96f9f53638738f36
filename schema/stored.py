"""How the GraphQL types of stored entities are declared: a list of what may be seen of a model.

This is the only place that knows Strawberry's pydantic support. Type, nullability and description of a column come from
its model; whatever a client reads of a stored entity is answered by one statement, so these fields have no resolvers.
"""

import decimal
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.experimental import pydantic
from strawberry.types.field import StrawberryField

from schema.scalars import CurrencyCode

T = TypeVar("T")
FIXED: dict[str, Any] = {"root": strawberry.Parent[Any], "info": strawberry.Info}  # type: ignore[misc]


@strawberry.interface(description="Whatever has an id by which it can be found again.")
class Node:
    """What all stored entities with an id have in common."""

    id: strawberry.ID = strawberry.field(description="Opaque and tagged with the type; unique everywhere.")


def stored(model: Any) -> Callable[[type[T]], type[T]]:
    """Make the class the GraphQL type of a stored entity; its docstring becomes the description."""

    def declare(cls: type[T]) -> type[T]:
        order = ["id", *cls.__annotations__]
        # Of a field that the model has too, Strawberry takes the model's description, even where it has none.
        descriptions = {name: said.description for name, said in vars(cls).items() if isinstance(said, StrawberryField)}
        made: Any = pydantic.type(model=model, description=inspect.getdoc(cls))(cls)
        for field in made.__strawberry_definition__.fields:
            field.description = descriptions.get(field.python_name, field.description)
            _look_up_later(field, cls)
        made.__strawberry_definition__.fields.sort(key=lambda field: order.index(field.python_name))
        return made  # type: ignore[no-any-return]

    return declare


def _look_up_later(field: StrawberryField, cls: type[Any]) -> None:
    """Strawberry's pydantic support resolves types before those further down in the module are declared: again."""
    annotation = cls.__annotations__.get(field.python_name)
    if isinstance(annotation, str):
        field.type_annotation = StrawberryAnnotation(annotation, namespace=vars(sys.modules[cls.__module__]))


def told(description: str, **options: Any) -> Any:
    """A field, or an argument's default, with its description."""
    return strawberry.field(description=description, **options)


def argument(annotation: Any, description: str) -> Any:
    """The annotation of an argument, with its description."""
    return Annotated[annotation, strawberry.argument(description=description)]


First = Annotated[int | None, strawberry.argument(description="So many from the start: 50 by default, 1,000 at most.")]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="So many from the end, instead of `first`.")]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]


SEARCH = (
    "Words in any order, each the beginning of one that is there; accents and case do not matter. "
    "Without `orderBy` the best match comes first; where nothing has the words, like names are found."
)


def paging(filter: Any = None, order: Any = None, *, search: bool = False) -> dict[str, Any]:
    """The arguments of a connection, by name, with their annotations."""
    arguments: dict[str, Any] = {"first": First, "after": After, "last": Last, "before": Before}
    if filter is not None:
        arguments["filter"] = Annotated[filter | None, strawberry.argument(description="Only what meets this.")]
    if order is not None:
        described = strawberry.argument(description="Sort keys, the most important first; the id settles ties.")
        arguments["order_by"] = Annotated[list[order] | None, described]
    if search:
        arguments["search"] = Annotated[str | None, strawberry.argument(description=SEARCH)]
    return arguments


def field_with(
    arguments: dict[str, Any],
    description: str,
    resolve: Callable[..., Any],
    *,
    defaults: dict[str, Any] | None = None,
    required: tuple[str, ...] = (),
) -> Any:
    """A field with these arguments, null by default unless it is said; `resolve` gets root, info and them by name."""

    async def resolver(**given: Any) -> Any:
        return await resolve(**given)

    def parameter(name: str, annotation: Any) -> inspect.Parameter:
        default = inspect.Parameter.empty if name in (*FIXED, *required) else (defaults or {}).get(name)
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)

    annotations = {**FIXED, **arguments}
    resolver.__signature__ = inspect.Signature([parameter(*item) for item in annotations.items()])  # type: ignore[attr-defined]
    resolver.__annotations__ = annotations
    return strawberry.field(resolver=resolver, description=description)


async def _never(**given: Any) -> Any:
    raise AssertionError("a field of a stored entity is part of the statement that reads the entity")


def listed(description: str, filter: Any = None, order: Any = None) -> Any:
    """A connection that hangs on a stored entity."""
    return field_with(paging(filter, order), description, _never)


def worked_out(description: str, **arguments: Any) -> Any:
    """A field of a stored entity that takes arguments."""
    return field_with(arguments, description, _never)


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool = told("Whether there is more after this page.")
    has_previous_page: bool = told("Whether there is more before this page.")
    start_cursor: str | None = told("Cursor of the first edge; null where there is none.")
    end_cursor: str | None = told("Cursor of the last edge; null where there is none.")


@strawberry.type(description="A row of a list, with its place in it.")
class Edge(Generic[T]):
    """A row of a list, with its place in it."""

    node: T = told("The row.")
    cursor: str = told("Its place: give it to `after` or `before`.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """A page of a list."""

    edges: list[Edge[T]] = told("The rows of this page with their cursors.")
    nodes: list[T] = told("The rows of this page.")
    page_info: PageInfo = told("Where the page stands in the list.")
    total_count: int = told("How many rows the whole list has; counted only when asked for.")


@strawberry.type(description="An amount in a currency.")
class Money:
    """An amount in a currency."""

    amount: decimal.Decimal = told("The amount, with its exact digits.")
    currency: CurrencyCode = told("Its currency.")
