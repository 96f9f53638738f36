"""What customers and contacts are found by: their names and words, folded (no accents, no capitals).

The rows are kept by triggers (see the migration), so that no way of writing can forget them; they are apart from what
they belong to, so that a mass update need not write their large indexes anew.

Words of names are there a second time with `=` in front. Keys (numbers and e-mail addresses, without anything between
their letters and digits) have `#` in front.
"""

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field

from db.models.base import Organized, index, metadata, refers_to

for extension in ("btree_gin", "pg_trgm"):
    sa.event.listen(metadata, "before_create", sa.DDL(f"CREATE EXTENSION IF NOT EXISTS {extension}"))  # type: ignore[no-untyped-call]


def _found_by(table: str, key: str) -> tuple[sa.Index, ...]:
    return (
        index(table, "name", key),
        index(table, "words", postgresql_using="gin"),
        index(table, "name gin_trgm_ops", suffix="name_trigrams", postgresql_using="gin"),
    )


class CustomerSearch(Organized, table=True):
    """What a customer is found by: its own words and those of its contacts."""

    __tablename__ = "customer_search"
    __table_args__ = (
        refers_to("customers", "customer_id", ondelete="CASCADE"),
        *_found_by("customer_search", "customer_id"),
    )

    name: str = Field(sa_type=sa.Text(collation="C"))
    own: Any = Field(nullable=False, sa_type=TSVECTOR)
    people: Any = Field(nullable=False, sa_type=TSVECTOR)
    words: Any = Field(nullable=False, sa_type=TSVECTOR, sa_column_args=[sa.Computed("own || people", persisted=True)])
    customer_id: uuid.UUID = Field(primary_key=True)


class ContactSearch(Organized, table=True):
    """What a contact is found by."""

    __tablename__ = "contact_search"
    __table_args__ = (
        refers_to("contacts", "contact_id", ondelete="CASCADE"),
        *_found_by("contact_search", "contact_id"),
    )

    name: str = Field(sa_type=sa.Text(collation="C"))
    words: Any = Field(nullable=False, sa_type=TSVECTOR)
    contact_id: uuid.UUID = Field(primary_key=True)
