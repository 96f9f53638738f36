"""The KPI strip, as a client sees it: each figure with its formula in words and the rows it was made of."""

import asyncio
import enum
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError

from resolvers import kpis
from resolvers.selection import Member
from schema.context import Info
from schema.customer import Customer
from schema.enums import described
from schema.filters import CustomerFilter
from schema.orders import CustomerOrder
from schema.reading import in_time, read_page
from schema.sales import Cost, Invoice
from schema.scalars import CurrencyCode
from schema.stored import Connection, Money, field_with, paging, told
from schema.wording import N_, translated


class BillingMonthValues(enum.StrEnum):
    """Which month's invoices."""

    THIS = "THIS"
    PREVIOUS = "PREVIOUS"


BillingMonth = described(BillingMonthValues, THIS="The month around `asOf`.", PREVIOUS="The whole month before.")
Hidden = strawberry.Private[Any]


@dataclass(frozen=True)
class Words:
    """What a figure is called and how it is worked out, in English."""

    label: str
    formula: str

    def said(self, manner: "Manner") -> "Words":
        """Both in the client's language."""
        return Words(manner.say(self.label), manner.say(self.formula))


@dataclass(frozen=True)
class Manner:
    """How figures are told: in which currency, of which days, in which language."""

    currency: CurrencyCode
    timezone: str
    language: str

    @classmethod
    def of(cls, info: Info) -> "Manner":
        """That of the organisation, in the client's language."""
        viewer = info.context.viewer
        return cls(CurrencyCode(viewer.currency), viewer.timezone, info.context.language)

    def say(self, text: str) -> str:
        """The text in the client's language."""
        return translated(text, self.language)

    def money(self, amount: Decimal) -> Money:
        """The amount in the organisation's currency."""
        return Money(amount=amount, currency=self.currency)

    def money_or_none(self, amount: Decimal | None) -> Money | None:
        """The same, where there is an amount."""
        return None if amount is None else self.money(amount)


MARGIN = Words(
    N_("Margin this year"),
    N_(
        "Billing of the year (invoices sent and numbered, dated in the year, net of VAT) "
        "− total cost (costs dated in the year, except on internal cases)"
    ),
)
BILLING = Words(
    N_("Billing this month"),
    N_(
        "Invoices sent and numbered, dated in the month, net of VAT; "
        "change = this month − the whole previous month, in per cent of the previous month"
    ),
)
ACTIVE = Words(N_("Active customers"), N_("Customers, not internal, with at least one open case that is not internal"))
PROSPECTS = Words(
    N_("Prospects in pipeline"),
    N_(
        "Customers, not internal, with at least one open case in progress that is not internal, "
        "no case won and no billing ever"
    ),
)
NOT_ALL_SEEN = N_("Margin needs the right to see all invoices and all costs.")


async def _counted(root: Any, info: Info, **_: Any) -> Any:
    return await read_page(info, kpis.counted_within(root.figure.period))


async def _invoices_of_month(root: Any, info: Info, month: BillingMonthValues | None, **_: Any) -> Any:
    period = (
        root.figure.period if month is not BillingMonthValues.PREVIOUS else kpis.month_before(root.figure.period.first)
    )
    return await read_page(info, kpis.counted_within(period))


async def _customers(root: Any, info: Info, **_: Any) -> Any:
    return await read_page(info, root.group)


@strawberry.type(description="Billing of the year less its cost.")
class MarginKpi:
    """Billing of the year less its cost."""

    figure: Hidden
    label: str = told("Heading.")
    formula: str = told("How it is worked out, in words.")
    from_: date = told("First day of the year.", name="from")
    to: date = told("Last day of the year.")
    value: Money | None = told("Billing less total cost; null, with a reason, where the cost may not be seen in full.")
    billing: Money = told("Counted invoices of the year that the viewer may see.")
    total_cost: Money | None = told("Costs dated in the year, except those on internal cases.")
    reason: str | None = told("Why there is no value.")
    invoices: Connection[Invoice] = field_with(paging(), "The invoices in the billing.", _counted)
    costs: Connection[Cost] = field_with(paging(), "The costs in the total.", _counted)

    @classmethod
    def of(cls, manner: Manner, figure: kpis.Margin) -> "MarginKpi":
        """The figure in the organisation's currency."""
        words = MARGIN.said(manner)
        return cls(
            figure=figure,
            label=words.label,
            formula=words.formula,
            from_=figure.period.first,
            to=figure.period.last,
            value=manner.money_or_none(figure.value),
            billing=manner.money(figure.billing),
            total_cost=manner.money_or_none(figure.total_cost),
            reason=manner.say(NOT_ALL_SEEN) if figure.total_cost is None else None,
        )


@strawberry.type(description="Billing of the month beside the month before.")
class BillingKpi:
    """Billing of the month beside the month before."""

    figure: Hidden
    label: str = told("Heading.")
    formula: str = told("How it is worked out, in words.")
    from_: date = told("First day of the month.", name="from")
    to: date = told("Last day of the month.")
    value: Money = told("Counted invoices of the month that the viewer may see.")
    previous: Money = told("The same for the whole month before.")
    previous_to_date: Money = told(
        "The same for the month before up to the same day (its last day where it is shorter)."
    )
    change: Money = told("Value less previous.")
    change_percent: Decimal | None = told("Change ÷ |previous| × 100, one decimal; null where previous is zero.")
    invoices: Connection[Invoice] = field_with(
        {
            "month": Annotated[BillingMonth | None, strawberry.argument(description="Which month's.")],
            **paging(),
        },
        "The invoices in the figure.",
        _invoices_of_month,
        defaults={"month": BillingMonthValues.THIS},
    )

    @classmethod
    def of(cls, manner: Manner, figure: kpis.Billing) -> "BillingKpi":
        """The figure in the organisation's currency."""
        words = BILLING.said(manner)
        return cls(
            figure=figure,
            label=words.label,
            formula=words.formula,
            from_=figure.period.first,
            to=figure.period.last,
            value=manner.money(figure.value),
            previous=manner.money(figure.previous),
            previous_to_date=manner.money(figure.previous_to_date),
            change=manner.money(figure.change),
            change_percent=figure.change_percent,
        )


@strawberry.type(description="A number of customers, as of now.")
class CustomerCountKpi:
    """A number of customers, as of now."""

    group: Hidden
    label: str = told("Heading.")
    formula: str = told("Which customers count, in words.")
    value: int = told("How many there are.")
    customers: Connection[Customer] = field_with(
        paging(CustomerFilter, CustomerOrder), "The customers that were counted.", _customers
    )

    @classmethod
    def of(cls, manner: Manner, words: Words, group: Member, value: int) -> "CustomerCountKpi":
        """The number of customers of the group."""
        said = words.said(manner)
        return cls(group=group, label=said.label, formula=said.formula, value=value)


@strawberry.type(description="Billing, cost and margin of a month.")
class KpiMonth:
    """Billing, cost and margin of a month."""

    from_: date = told("First day of the month.", name="from")
    to: date = told("Last day of the month.")
    billing: Money = told("Counted invoices of the month that the viewer may see.")
    total_cost: Money | None = told(
        "Costs dated in the month, except those on internal cases; null where they may not be seen in full."
    )
    margin: Money | None = told("Billing less total cost; null where the cost is.")

    @classmethod
    def of(cls, manner: Manner, month: kpis.Margin) -> "KpiMonth":
        """The month in the organisation's currency."""
        return cls(
            from_=month.period.first,
            to=month.period.last,
            billing=manner.money(month.billing),
            total_cost=manner.money_or_none(month.total_cost),
            margin=manner.money_or_none(month.value),
        )


Months = Annotated[
    int | None,
    strawberry.argument(description=f"How many whole months, up to and with the day's; {kpis.MOST_MONTHS} at most."),
]


@strawberry.type(description="The figures a company watches, each with what it was made of.")
class Kpis:
    """The figures a company watches."""

    histories: strawberry.Private[dict[int, asyncio.Future[list[kpis.Margin]]]]
    """Those that were asked for, by their number of months: the same for all who are told these figures."""
    as_of: date = told("The day whose month and year the figures are about.")
    timezone: str = told("The time zone in which days begin.")
    currency: CurrencyCode = told("The organisation's currency.")
    margin_this_year: MarginKpi = told("Billing of the year less its cost.")
    billing_this_month: BillingKpi = told("Billing of the month beside the month before.")
    active_customers: CustomerCountKpi = told("Customers with work going on.")
    prospects_in_pipeline: CustomerCountKpi = told(
        "Customers to be, with a case in progress and nothing won or billed yet."
    )

    @strawberry.field(description="Billing, cost and margin by month, oldest first: the line of a sparkline.")
    async def history(self, info: Info, months: Months = 12) -> list[KpiMonth]:
        """Whole months up to and with the day's."""
        context, most = info.context, kpis.most_months(self.as_of)
        if months is None or not 1 <= months <= most:
            raise GraphQLError(f"history: months must be from 1 to {most}.")
        if months not in self.histories:
            reading = kpis.read_history(context.database.reads, context.viewer, self.as_of, months)
            self.histories[months] = asyncio.ensure_future(reading)
        with in_time():
            # Others may wait for the same.
            found = await asyncio.shield(self.histories[months])
        return [KpiMonth.of(Manner.of(info), month) for month in found]

    @classmethod
    async def read(cls, info: Info, as_of: date | None) -> "Kpis":
        """The strip for a day; today in the organisation's time zone unless another is given."""
        context = info.context
        as_of = as_of or kpis.today(context.viewer.timezone)
        if as_of < kpis.EARLIEST:
            raise GraphQLError(f"kpis: asOf must be {kpis.EARLIEST} or later: figures look back at the month before.")
        with in_time():
            strip = await kpis.read_strip(context.database.reads, context.viewer, as_of)
        return cls.of(Manner.of(info), strip)

    @classmethod
    def of(cls, manner: Manner, strip: kpis.Strip) -> "Kpis":
        """The strip in the organisation's currency."""
        return cls(
            histories={},
            as_of=strip.as_of,
            timezone=manner.timezone,
            currency=manner.currency,
            margin_this_year=MarginKpi.of(manner, strip.margin_this_year),
            billing_this_month=BillingKpi.of(manner, strip.billing_this_month),
            active_customers=CustomerCountKpi.of(manner, ACTIVE, kpis.ACTIVE_CUSTOMERS, strip.active_customers),
            prospects_in_pipeline=CustomerCountKpi.of(manner, PROSPECTS, kpis.PROSPECTS, strip.prospects_in_pipeline),
        )
