"""The audit trail: what changed, by whom, in which operation; and answers already given."""

import enum
import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from db.models.base import JSON, TIMESTAMP, Entity, Organized, check, choice, in_organization, index, now, refers_to


class ProblemCode(enum.StrEnum):
    """What kind of problem it is; a program decides by this."""

    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    CONFLICT = "CONFLICT"
    DUPLICATE = "DUPLICATE"
    STALE = "STALE"
    TOO_MANY = "TOO_MANY"
    IDEMPOTENCY_REUSED = "IDEMPOTENCY_REUSED"
    REPORT_INVALID = "REPORT_INVALID"
    REGISTRY_UNKNOWN = "REGISTRY_UNKNOWN"
    REGISTRY_UNSUPPORTED = "REGISTRY_UNSUPPORTED"
    REGISTRY_UNAVAILABLE = "REGISTRY_UNAVAILABLE"
    REGISTRY_RATE_LIMITED = "REGISTRY_RATE_LIMITED"
    REGISTRY_NEEDS_KEY = "REGISTRY_NEEDS_KEY"
    REGISTRY_GONE = "REGISTRY_GONE"


class BulkStatus(enum.StrEnum):
    """What has become of a mass update."""

    PREVIEW = "PREVIEW"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    UNDONE = "UNDONE"


class BulkOperationFields(SQLModel):
    status: BulkStatus = Field(sa_type=choice(BulkStatus), description="What has become of it.")
    matched: int = Field(default=0, description="How many customers were meant.")
    changed: int = Field(default=0, description="How many were changed.")
    unchanged: int = Field(default=0, description="How many had the values already.")
    rejected: int = Field(default=0, description="How many could not be changed.")
    skipped: int = Field(default=0, description="How many of those matching are internal and were left alone.")
    at: datetime = Field(default_factory=now, sa_type=TIMESTAMP, description="When it was done.")


class BulkOperation(BulkOperationFields, Entity, table=True):
    """A mass update, merge or undo: one act with many changes."""

    __tablename__ = "bulk_operations"
    __table_args__ = (
        in_organization(),
        refers_to("users", "by_id"),
        refers_to("bulk_operations", "undoes_id"),
        check("counts", "matched >= 0 AND changed >= 0 AND unchanged >= 0 AND rejected >= 0 AND skipped >= 0"),
        index("bulk_operations", "by_id", "id"),
        index("bulk_operations", "undoes_id", "id"),
    )

    by_id: uuid.UUID
    undoes_id: uuid.UUID | None = Field(default=None)


class Rejection(Entity, table=True):
    """A customer that a mass update could not change, and why.

    `customer_ref` is the id as the client gave it, `entity_ref` that of what is in the way.
    """

    __tablename__ = "rejections"
    __table_args__ = (
        in_organization(),
        refers_to("bulk_operations", "operation_id", ondelete="CASCADE"),
        refers_to("customers", "customer_id"),
        index("rejections", "operation_id", "id"),
        index("rejections", "customer_id", "id"),
    )

    operation_id: uuid.UUID
    customer_ref: str
    customer_id: uuid.UUID | None = Field(default=None)
    code: ProblemCode = Field(sa_type=choice(ProblemCode))
    message: str
    path: list[str] = Field(sa_type=ARRAY(sa.Text()))
    entity_ref: str | None = Field(default=None)


class ChangeKind(enum.StrEnum):
    """What was done."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    RESTORED = "RESTORED"
    EXPORTED = "EXPORTED"


class ChangeFields(SQLModel):
    kind: ChangeKind = Field(sa_type=choice(ChangeKind), description="What was done.")
    entity_type: str = Field(max_length=40, description="Type of what was changed, such as `Customer`.")
    entity_label: str = Field(max_length=300, description="What a person called it then.")
    field: str | None = Field(
        default=None, max_length=60, description="Which field; null where the thing as a whole came, went or was read."
    )
    old_label: str | None = Field(default=None, description="What a person read before.")
    new_label: str | None = Field(default=None, description="What a person reads after: `Retail` for an industry's id.")
    at: datetime = Field(default_factory=now, sa_type=TIMESTAMP, description="When.")


class Change(ChangeFields, Entity, table=True):
    """One row of the audit trail."""

    __tablename__ = "changes"
    __table_args__ = (
        # Not to the organisation, too: whoever did it says that it is there, and a mass update would ask for each row.
        refers_to("users", "by_id"),
        refers_to("bulk_operations", "operation_id"),
        index("changes", "entity_id", "id"),
        index("changes", "by_id", "id"),
        index("changes", "operation_id", "id"),
    )

    entity_id: uuid.UUID
    old: Any = Field(default=None, nullable=True, sa_type=JSON)
    new: Any = Field(default=None, nullable=True, sa_type=JSON)
    by_id: uuid.UUID | None = Field(default=None)
    operation_id: uuid.UUID | None = Field(default=None)


class IdempotencyKey(Organized, table=True):
    """An answer already given to a key: the same question gets it again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        in_organization(),
        refers_to("users", "user_id", ondelete="CASCADE"),
        refers_to("bulk_operations", "operation_id"),
        index("idempotency_keys", "created_at"),
    )

    user_id: uuid.UUID = Field(primary_key=True)
    mutation: str = Field(primary_key=True, max_length=60)
    key: str = Field(primary_key=True, max_length=200)
    request_hash: bytes
    operation_id: uuid.UUID | None = Field(default=None)
    answer: Any = Field(default=None, nullable=True, sa_type=JSON)
    created_at: datetime = Field(default_factory=now, sa_type=TIMESTAMP)
