"""Saved reports, as a client sees them."""

import strawberry
from strawberry import auto

from db import models
from schema.enums import ReportStatus
from schema.organization import User
from schema.problems import Problem
from schema.scalars import JSON
from schema.stored import Node, stored, told


@strawberry.type(description="A column of a report.")
class ReportColumn:
    """A column of a report."""

    path: str = told("Response names from the list's node, joined by dots.")
    label: str = told("Its heading.")
    type: str = told("Type of its values, as the schema calls it.")


@strawberry.type(description="A variable of a report.")
class ReportVariable:
    """A variable of a report."""

    name: str = told("Its name, without the dollar sign.")
    type: str = told("Its type, as the document declares it.")
    required: bool = told("Whether a run must give it.")
    default: JSON | None = told("What it is when a run does not give it.")


@strawberry.type(description="Whether a report still fits the schema.")
class ReportHealth:
    """Whether a report still fits the schema."""

    status: ReportStatus = told("Whether it can be run.")
    problems: list[Problem] = told("What is wrong, and where in the document.")


@stored(models.Report)
class Report(Node):
    """A query document under a name: a field selection that anybody can run again."""

    name: auto
    title: auto
    description: auto
    document: auto
    columns: list[ReportColumn] = told("What it lists, in order.")
    variables: list[ReportVariable] = told("What a run may set.")
    visibility: auto
    owner: User = told("Who saved it.")
    health: ReportHealth = told("Whether it still fits the schema.")
    version: auto
    created_at: auto
    updated_at: auto
