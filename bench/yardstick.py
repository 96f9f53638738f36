"""The yardstick: the same answers through ordinary per-field execution and data loaders.

Written as Strawberry's and SQLAlchemy's documentation teach it, with what makes it fast: plain values need no resolver,
the links of a level are one batch, the first rows of many lists come by one window query, counts are made only when
asked for, parser and validation are cached.
"""

from __future__ import annotations

import datetime
import enum
import json
import uuid
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
import strawberry
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from bench.loaders import Context, Page, Sessions
from bench.queries import Query as Operation
from db import models
from resolvers.ids import encode, find_key
from resolvers.viewer import Viewer
from schema.scalars import SCALARS, CountryCode

T = TypeVar("T")
Info = strawberry.Info[Context, None]


@strawberry.type
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    """A row of a list, with its place in it."""

    node: T
    cursor: str


@strawberry.type
class Connection(Generic[T]):
    """A page of a list."""

    nodes: list[T]
    page_info: PageInfo
    page: strawberry.Private[Page]

    @classmethod
    def of(cls, page: Page, made: Callable[[Any], T]) -> Connection[T]:
        """The page, with its rows as they are made."""
        end = str(page.rows[-1].id) if page.rows else None
        info = PageInfo(has_next_page=page.goes_on, end_cursor=end)
        return cls(nodes=[made(row) for row in page.rows], page_info=info, page=page)

    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        """The rows with their cursors."""
        return [Edge(node=node, cursor=str(row.id)) for node, row in zip(self.nodes, self.page.rows, strict=True)]

    @strawberry.field
    async def total_count(self) -> int:
        """How many rows the whole list has."""
        return await self.page.count()


@strawberry.type
class Industry:
    """A line of business."""

    id: strawberry.ID
    name: str
    code: str | None

    @classmethod
    def of(cls, row: models.Industry) -> Industry:
        """The type made of a row."""
        return cls(id=strawberry.ID(encode("Industry", row.id)), name=row.name, code=row.code)


@strawberry.type
class Unit:
    """A team or department."""

    id: strawberry.ID
    name: str

    @classmethod
    def of(cls, row: models.Unit) -> Unit:
        """The type made of a row."""
        return cls(id=strawberry.ID(encode("Unit", row.id)), name=row.name)


@strawberry.type
class User:
    """A person who works with the registry."""

    id: strawberry.ID
    name: str
    email: str
    unit_id: strawberry.Private[uuid.UUID | None]

    @classmethod
    def of(cls, row: models.User) -> User:
        """The type made of a row."""
        return cls(id=strawberry.ID(encode("User", row.id)), name=row.name, email=row.email, unit_id=row.unit_id)

    @strawberry.field
    async def unit(self, info: Info) -> Unit | None:
        """Where the person works."""
        row = await info.context.find(models.Unit, self.unit_id)
        return row and Unit.of(row)


@strawberry.type
class Contact:
    """A contact person at a customer."""

    id: strawberry.ID
    name: str
    email: str | None
    phone: str | None

    @classmethod
    def of(cls, row: models.Contact) -> Contact:
        """The type made of a row."""
        return cls(id=strawberry.ID(encode("Contact", row.id)), name=row.name, email=row.email, phone=row.phone)


@strawberry.type
class Invoice:
    """An invoice."""

    id: strawberry.ID
    number: str | None
    date: datetime.date | None
    customer_id: strawberry.Private[uuid.UUID]

    @classmethod
    def of(cls, row: models.Invoice) -> Invoice:
        """The type made of a row."""
        return cls(
            id=strawberry.ID(encode("Invoice", row.id)),
            number=row.number,
            date=row.date,
            customer_id=row.customer_id,
        )

    @strawberry.field
    async def customer(self, info: Info) -> Customer | None:
        """Who pays."""
        row = await info.context.find(models.Customer, self.customer_id)
        return row and Customer.of(row)


@strawberry.type
class Case:
    """A sales case."""

    id: strawberry.ID
    name: str
    key: strawberry.Private[uuid.UUID]

    @classmethod
    def of(cls, row: models.Case) -> Case:
        """The type made of a row."""
        return cls(id=strawberry.ID(encode("Case", row.id)), name=row.name, key=row.id)

    @strawberry.field
    async def invoices(self, info: Info, first: int = 50) -> Connection[Invoice]:
        """Its invoices."""
        return Connection.of(await info.context.page_of(models.Invoice, "case_id", self.key, first), Invoice.of)


@strawberry.type
class Customer:
    """A company (or person) in the registry."""

    id: strawberry.ID
    number: int
    name: str
    business_id: str | None
    country: CountryCode
    email: str | None
    key: strawberry.Private[uuid.UUID]
    industry_id: strawberry.Private[uuid.UUID | None]
    owner_id: strawberry.Private[uuid.UUID | None]

    @classmethod
    def of(cls, row: models.Customer) -> Customer:
        """The type made of a row."""
        return cls(
            id=strawberry.ID(encode("Customer", row.id)),
            number=row.number,
            name=row.name,
            business_id=row.business_id,
            country=CountryCode(row.country),
            email=row.email,
            key=row.id,
            industry_id=row.industry_id,
            owner_id=row.owner_id,
        )

    @strawberry.field
    async def industry(self, info: Info) -> Industry | None:
        """The line of business."""
        row = await info.context.find(models.Industry, self.industry_id)
        return row and Industry.of(row)

    @strawberry.field
    async def owner(self, info: Info) -> User | None:
        """Who looks after the customer."""
        row = await info.context.find(models.User, self.owner_id)
        return row and User.of(row)

    @strawberry.field
    async def contacts(self, info: Info, first: int = 50) -> Connection[Contact]:
        """The people to talk to."""
        return Connection.of(await info.context.page_of(models.Contact, "customer_id", self.key, first), Contact.of)

    @strawberry.field
    async def cases(self, info: Info, first: int = 50) -> Connection[Case]:
        """Its sales cases."""
        return Connection.of(await info.context.page_of(models.Case, "customer_id", self.key, first), Case.of)


@strawberry.input
class StringFilter:
    """Compares a text."""

    contains: str


@strawberry.input
class CountryCodeFilter:
    """Compares a country."""

    eq: CountryCode


@strawberry.input
class BooleanFilter:
    """Compares a yes or no."""

    eq: bool


@strawberry.input
class CustomerFilter:
    """Which customers."""

    name: StringFilter | None = None
    country: CountryCodeFilter | None = None
    is_active: BooleanFilter | None = None

    def conditions(self) -> list[Any]:
        """The filter as SQL."""
        customer: Any = models.Customer
        found = []
        if self.name:
            fold = sa.func.kartotek_fold
            found.append(sa.func.strpos(fold(customer.name), fold(self.name.contains)) > 0)
        if self.country:
            found.append(customer.country == self.country.eq)
        if self.is_active:
            found.append(customer.is_active == self.is_active.eq)
        return found


@strawberry.enum
class SortDirection(enum.Enum):
    """Which end comes first."""

    ASC = "ASC"
    DESC = "DESC"


@strawberry.input
class CustomerOrder:
    """What customers are ordered by."""

    name: SortDirection

    def key(self) -> Any:
        """The sort key as SQL."""
        name = sa.collate(sa.func.lower(models.Customer.name), "C")
        return name.desc() if self.name is SortDirection.DESC else name


@strawberry.type
class Query:
    """Everything that is measured."""

    @strawberry.field
    async def customer(self, info: Info, id: strawberry.ID) -> Customer | None:
        """A customer."""
        row = await info.context.find(models.Customer, find_key("Customer", id))
        return row and Customer.of(row)

    @strawberry.field
    async def customers(
        self,
        info: Info,
        first: int = 50,
        filter: CustomerFilter | None = None,
        order_by: list[CustomerOrder] | None = None,
    ) -> Connection[Customer]:
        """The customers."""
        where = filter.conditions() if filter else ()
        order = [one.key() for one in order_by or ()]
        return Connection.of(await info.context.page(models.Customer, first, where, order), Customer.of)


schema = strawberry.Schema(
    Query,
    extensions=[lambda: ParserCache(maxsize=1000), lambda: ValidationCache(maxsize=1000)],
    config=StrawberryConfig(scalar_map=SCALARS),
)


async def answer(sessions: Sessions, viewer: Viewer, operation: Operation) -> bytes:
    """The encoded answer to an operation."""
    context = Context(sessions, viewer.organization_id)
    result = await schema.execute(operation.document, dict(operation.variables), context)
    if result.errors:
        raise result.errors[0]
    return json.dumps({"data": result.data}).encode()
