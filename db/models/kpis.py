"""What the figures of the KPI strip are read from: sums by month and owner, and how each customer stands.

Both are kept by triggers (see the migration) in the transactions that write the rows they are made of; the command
`kartotek doctor` works them out anew and compares.
"""

import enum
import uuid
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from db.models.base import MONEY, Organized, choice, index, refers_to

NOBODY = uuid.UUID(int=0)
"""Stands where a sum has no owner: an index finds it as it finds any other."""

NO_DAY = date(1, 1, 1)
"""The day of what has none: numbers of customers are as of now."""


class Figure(enum.StrEnum):
    """What is summed up."""

    BILLING = "BILLING"
    """Home amounts of counted invoices."""
    COST = "COST"
    """Home amounts of costs that are not on internal cases; in share ALL only."""
    ACTIVE = "ACTIVE"
    """Active customers."""
    PROSPECT = "PROSPECT"
    """Prospects in pipeline."""


class Share(enum.StrEnum):
    """Whose it is.

    Those whose rights reach some owners see CUSTOMER + CASE of these, less BOTH where both owners are among these: each
    invoice once, though it may be theirs through its customer and its case.
    """

    ALL = "ALL"
    """Everybody's; the owner is NOBODY."""
    CUSTOMER = "CUSTOMER"
    """The customer's owner's."""
    CASE = "CASE"
    """The case's owner's, where that is not the customer's."""
    BOTH = "BOTH"
    """The customer's owner's, with the case's owner beside, where these are two."""


class KpiSum(Organized, table=True):
    """An addition to a figure of a month; what the figure is, is the sum of its additions.

    Who writes only adds rows, so that nobody waits for the sum of another; now and then fresh ones are gathered.
    """

    __tablename__ = "kpi_sums"
    # There is no foreign key to the organisation: the rows that are summed up have it.
    __table_args__ = (
        index("kpi_sums", "figure", "share", "owner_id", "other_owner_id", "month", suffix="figure_share"),
        index("kpi_sums", "is_fresh", suffix="fresh", postgresql_where=sa.text("is_fresh")),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=sa.BigInteger, sa_column_args=[sa.Identity(always=True)]
    )
    figure: Figure = Field(sa_type=choice(Figure))
    share: Share = Field(sa_type=choice(Share))
    owner_id: uuid.UUID
    other_owner_id: uuid.UUID
    month: date
    amount: Decimal = Field(sa_type=MONEY)
    days: list[int] = Field(sa_type=ARRAY(sa.SmallInteger()))
    amounts: list[Decimal] = Field(sa_type=ARRAY(MONEY))
    is_fresh: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})


class CustomerStanding(Organized, table=True):
    """What makes a customer active or a prospect, counted."""

    __tablename__ = "customer_standings"
    # Room for another version of each row, since none of its columns has an index.
    __table_args__ = (
        refers_to("customers", "customer_id", ondelete="CASCADE"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    customer_id: uuid.UUID = Field(primary_key=True)
    owner_id: uuid.UUID | None = Field(default=None)
    is_counted: bool
    is_billed: bool
    open_cases: int
    pursued_cases: int
    won_cases: int
    is_active: bool = Field(
        nullable=False,
        sa_type=sa.Boolean,
        sa_column_args=[sa.Computed("is_counted AND open_cases > 0", persisted=True)],
    )
    is_prospect: bool = Field(
        nullable=False,
        sa_type=sa.Boolean,
        sa_column_args=[
            sa.Computed(
                "is_counted AND NOT is_billed AND pursued_cases > 0 AND won_cases = 0",
                persisted=True,
            )
        ],
    )
