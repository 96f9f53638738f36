"""What mutations answer: what was written, as it is now, and the problems for which something was not."""

from typing import Any, Self

import strawberry

from resolvers import ids
from resolvers.deletion import DeletionResult
from resolvers.selection import by_key
from resolvers.token import NewToken
from resolvers.upsert import UpsertResult
from resolvers.writing import Outcome
from schema.context import Info
from schema.customer import Contact, Customer
from schema.organization import Organization, Token
from schema.problems import Problem
from schema.reading import read_one
from schema.report import Report
from schema.stored import field_with, told
from schema.trail import BulkOperation

Hidden = strawberry.Private[Any]


async def _as_it_is_now(root: Any, info: Info) -> Any:
    return root.key and await read_one(info, by_key(root.key))


def _problems(problems: Any) -> list[Problem]:
    return [Problem.of(problem) for problem in problems]


def written(description: str) -> Any:
    """A field that reads what was written."""
    return field_with({}, description, _as_it_is_now)


def _why_not() -> Any:
    return told("Why something was not done; empty when all went well.")


@strawberry.type
class Written:
    """One thing that was written, or the reasons why it was not."""

    key: Hidden
    problems: list[Problem] = _why_not()

    @classmethod
    def of(cls, outcome: Outcome | NewToken, **more: Any) -> Self:
        """The outcome in a client's words."""
        return cls(key=outcome.key, problems=_problems(outcome.problems), **more)


@strawberry.type(description="A customer that was written.")
class CustomerPayload(Written):
    """A customer that was written."""

    customer: Customer | None = written("The customer as it is now; null where nothing was done.")


async def _operation(root: Any, info: Info) -> Any:
    return root.operation_key and await read_one(info, by_key(root.operation_key))


@strawberry.type(description="What became of merging two customers.")
class MergePayload(Written):
    """What became of merging two customers."""

    operation_key: Hidden
    customer: Customer | None = written("The customer that stays, as it is now; null where nothing was done.")
    operation: BulkOperation | None = field_with(
        {}, "The merge as an operation, by which it can be undone.", _operation
    )


@strawberry.type(description="A contact person that was written.")
class ContactPayload(Written):
    """A contact person that was written."""

    contact: Contact | None = written("The contact as it is now; null where nothing was done.")


@strawberry.type(description="A report that was saved.")
class ReportPayload(Written):
    """A report that was saved."""

    report: Report | None = written("The report as it is now; null where nothing was done.")


@strawberry.type(description="The organisation, after a change.")
class OrganizationPayload(Written):
    """The organisation, after a change."""

    organization: Organization | None = written("The organisation as it is now; null where nothing was done.")


@strawberry.type(description="A new token.")
class TokenPayload(Written):
    """A new token."""

    token: Token | None = written("What is known of the token from now on.")
    secret: str | None = told("What to send as `Authorization: Bearer …`; shown this once.")


@strawberry.type(description="Something that was deleted.")
class DeletePayload:
    """Something that was deleted."""

    deleted_id: strawberry.ID | None = told("Its id; null where nothing was done.")
    problems: list[Problem] = _why_not()

    @classmethod
    def of(cls, outcome: Outcome, entity: str) -> "DeletePayload":
        """The outcome in a client's words."""
        deleted = strawberry.ID(ids.encode(entity, outcome.key)) if outcome.key else None
        return cls(deleted_id=deleted, problems=_problems(outcome.problems))


@strawberry.type(description="Several things that were deleted: all of them or none.")
class DeleteManyPayload:
    """Several things that were deleted."""

    deleted_ids: list[strawberry.ID] = told("Their ids, in the order asked; empty where nothing was done.")
    problems: list[Problem] = _why_not()

    @classmethod
    def of(cls, result: DeletionResult, entity: str) -> "DeleteManyPayload":
        """The result in a client's words."""
        deleted = [strawberry.ID(ids.encode(entity, key)) for key in result.keys]
        return cls(deleted_ids=deleted, problems=_problems(result.problems))


@strawberry.type(description="What became of the rows that were sent in.")
class UpsertPayload:
    """What became of the rows that were sent in."""

    created: int = told("How many are new.")
    updated: int = told("How many were there and have changed.")
    unchanged: int = told("How many were there just so.")
    rejected: int = told("How many could not be taken.")
    ids: list[strawberry.ID | None] = told("Ids in the order of the input; null for rows that are not there.")
    problems: list[Problem] = told("Why rows could not be taken; 1,000 at most.")

    @classmethod
    def of(cls, result: UpsertResult, entity: str) -> "UpsertPayload":
        """The result in a client's words."""
        return cls(
            created=result.created,
            updated=result.updated,
            unchanged=result.unchanged,
            rejected=result.rejected,
            ids=[strawberry.ID(ids.encode(entity, key)) if key else None for key in result.ids],
            problems=_problems(result.problems),
        )
