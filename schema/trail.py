"""The audit trail and mass updates, as a client sees them."""

import strawberry
from strawberry import auto

from db import models
from schema.customer import Customer
from schema.organization import User
from schema.problems import Problem
from schema.scalars import JSON
from schema.stored import Connection, Node, listed, stored, told


@stored(models.Change)
class Change(Node):
    """One row of the audit trail."""

    kind: auto
    entity_type: auto
    entity_id: strawberry.ID = told("Id of what was changed.")
    entity_label: auto
    field: auto
    old: JSON | None = told("The value before.")
    new: JSON | None = told("The value after.")
    old_label: auto
    new_label: auto
    at: auto
    by: User | None = told("Who did it; null for what the system did by itself.")
    operation: "BulkOperation | None" = told("The mass update it was part of.")


@stored(models.Rejection)
class Rejection:
    """A customer that a mass update could not change, and why."""

    customer_id: strawberry.ID = told("The id as it was given.")
    customer: Customer | None = told("The customer, where the viewer may see it.")
    problem: Problem = told("Why it was not changed.")


@stored(models.BulkOperation)
class BulkOperation(Node):
    """A mass update, a merge or the undoing of one."""

    status: auto
    matched: auto
    changed: auto
    unchanged: auto
    rejected: auto
    skipped: auto
    changes: Connection[Change] = listed("What it changed, newest first.")
    rejections: Connection[Rejection] = listed("What it could not change.")
    by: User = told("Who did it.")
    at: auto
    undone_by: "BulkOperation | None" = told("The operation that took it back.")
    undoes: "BulkOperation | None" = told("The operation that it took back.")
