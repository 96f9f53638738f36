"""The root fields that stay open and tell of changes as they are committed."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError

from resolvers.ids import encode, find_key
from resolvers.live import Moment, NoLongerKnown
from resolvers.selection import by_key
from resolvers.viewer import hash_of
from schema.context import Info, NotAuthenticated
from schema.customer import Customer
from schema.enums import ChangeKind
from schema.execution import Shared
from schema.kpis import Kpis, Manner
from schema.reading import read_one
from schema.stored import field_with, told

MOST_WATCHED = 1000

Ids = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description=f"Of these customers, {MOST_WATCHED:,} at most; by default of all there are."),
]


async def _customer(root: Any, info: Info) -> Any:
    return await read_one(info, by_key(root.key))


@strawberry.type(description="Something was done to a customer.")
class CustomerEvent:
    """Something was done to a customer."""

    key: strawberry.Private[Any]
    kind: ChangeKind = told("What was done; DELETED also where one of `ids` went out of the viewer's sight.")
    customer_id: strawberry.ID = told("Id of the customer.")
    customer: Customer | None = field_with({}, "The customer as it is now; null once deleted.", _customer)


def _token_hash(info: Info) -> bytes:
    if info.context.token is None:
        raise NotAuthenticated
    return hash_of(info.context.token)


def _shared(manner: Manner, moment: Moment) -> Any:
    """The strip as it is told to all who see the same and hear it in the same manner."""
    if manner not in moment.shared:
        moment.shared[manner] = Shared(Kpis.of(manner, moment.strip))
    return moment.shared[manner]


@strawberry.type(description="What stays open and tells of changes.")
class Subscription:
    """What stays open and tells of changes."""

    @strawberry.subscription(
        description="The figures a company watches: now, and again within a second of any change that moves one."
    )
    async def kpis(self, info: Info) -> AsyncIterator[Kpis]:
        """The KPI strip."""
        context = info.context
        async with aclosing(context.live.strips(_token_hash(info), context.viewer)) as strips:
            try:
                async for viewer, moment in strips:
                    context.known_viewer = viewer
                    yield _shared(Manner.of(info), moment)
            except NoLongerKnown:
                raise NotAuthenticated from None

    @strawberry.subscription(
        description="What is done to customers that the viewer may see, within a second; at once where done in a burst."
    )
    async def customer_changed(self, info: Info, ids: Ids = strawberry.UNSET) -> AsyncIterator[CustomerEvent]:
        """Changes of customers."""
        context = info.context
        given = ids if isinstance(ids, list) else None
        if given is not None and len(given) > MOST_WATCHED:
            raise GraphQLError(f"customerChanged: there may be {MOST_WATCHED:,} ids at most.")
        keys = None if given is None else [key for each in given if (key := find_key("Customer", each))]
        async with aclosing(context.live.customers(_token_hash(info), context.viewer, keys)) as events:
            try:
                async for viewer, event in events:
                    context.known_viewer = viewer
                    id_text = strawberry.ID(encode("Customer", event.customer_id))
                    yield CustomerEvent(key=event.customer_id, kind=event.kind, customer_id=id_text)
            except NoLongerKnown:
                raise NotAuthenticated from None
