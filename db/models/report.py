"""Saved reports: a query document under a name."""

import enum
import uuid
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from db.models.base import JSON, Versioned, check, choice, in_organization, index, refers_to


class Visibility(enum.StrEnum):
    """Who finds a report."""

    PRIVATE = "PRIVATE"
    SHARED = "SHARED"


class ReportStatus(enum.StrEnum):
    """Whether a report still fits the schema."""

    VALID = "VALID"
    DEPRECATED = "DEPRECATED"
    BROKEN = "BROKEN"


class ReportFields(SQLModel):
    name: str = Field(min_length=1, max_length=100, description="Short name that it is run by.")
    title: str = Field(min_length=1, max_length=200, description="Heading for people.")
    description: str | None = Field(default=None, max_length=2_000, description="What it is for.")
    document: str = Field(max_length=100_000, description="One query operation, as the client chose it.")
    visibility: Visibility = Field(default=Visibility.PRIVATE, sa_type=choice(Visibility), description="Who finds it.")


class Report(ReportFields, Versioned, table=True):
    """A named, saved field selection."""

    __tablename__ = "reports"
    __table_args__ = (
        in_organization(),
        refers_to("users", "owner_id"),
        check("version", "version > 0"),
        index("reports", "owner_id", "name", suffix="owner_id_name_key", unique=True),
        index(
            "reports",
            "name",
            suffix="shared_name_key",
            unique=True,
            postgresql_where=sa.text("visibility = 'SHARED'"),
        ),
        index("reports", "lower(name)", "id"),
        index("reports", "lower(title)", "id"),
        index("reports", "updated_at", "id"),
    )

    owner_id: uuid.UUID
    columns: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    variables: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    health_status: ReportStatus = Field(default=ReportStatus.VALID, sa_type=choice(ReportStatus))
    health_problems: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    checked_for: str = Field(default="", max_length=64)
    """Which schema it was last looked at with."""
