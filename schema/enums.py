"""The enumerations of the stored entities, with a description for each value."""

import enum
from inspect import getdoc
from typing import Any

import strawberry

from db import models
from plugins.vies import VatValidity as VatValidityValues
from resolvers.registry_listing import RegistryState as RegistryStateValues
from resolvers.registry_search import RegistryMatch as RegistryMatchValues


def described(values: type[enum.StrEnum], **descriptions: str) -> Any:
    """Make the enumeration a GraphQL one; its docstring is the description, and each value has one."""
    made = strawberry.enum(values, name=values.__name__.removesuffix("Values"), description=getdoc(values))
    for value in made.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = descriptions[value.name]
    return made


Access = described(
    models.Access,
    NONE="Nothing at all.",
    OWN="What belongs to the viewer.",
    UNIT="What belongs to people of the viewer's unit and of the units below it.",
    ALL="Everything in the organisation.",
)
TokenScope = described(models.TokenScope, READ="Queries only.", FULL="Everything that its user may do.")
AddressKind = described(
    models.AddressKind,
    VISITING="Where people go.",
    POSTAL="Where letters go.",
    BILLING="Where invoices go.",
)
SalesCategory = described(
    models.SalesCategory, IN_PROGRESS="Not decided yet.", WON="The customer said yes.", LOST="The customer said no."
)
CostKind = described(
    models.CostKind,
    WORK="Hours of one's own people.",
    TRAVEL="Journeys, stays and daily allowances.",
    PRODUCT="Goods and licences bought in.",
    OTHER="Anything else.",
)
ChangeKind = described(
    models.ChangeKind,
    CREATED="It was made.",
    UPDATED="A field got another value.",
    DELETED="It was deleted.",
    RESTORED="It was brought back after it had been deleted.",
    EXPORTED="It was read out to a file.",
)
BulkStatus = described(
    models.BulkStatus,
    PREVIEW="Nothing has changed: this is what would.",
    APPLIED="Done.",
    REJECTED="Nothing has changed, because something was wrong.",
    UNDONE="Done, and taken back since.",
)
ProblemCode = described(
    models.ProblemCode,
    INVALID="A value cannot be right.",
    NOT_FOUND="What is referred to does not exist, as far as the viewer may know.",
    FORBIDDEN="The viewer sees it but may not do this.",
    CONFLICT="Other rows stand in the way.",
    DUPLICATE="Something with this number or key is there already.",
    STALE="Somebody else changed it in the meantime: read it again.",
    TOO_MANY="More than can be taken at once.",
    IDEMPOTENCY_REUSED="The idempotency key was used for something else.",
    REPORT_INVALID="The document cannot be a report.",
    REGISTRY_UNKNOWN="There is no such register.",
    REGISTRY_UNSUPPORTED="The register cannot do this.",
    REGISTRY_UNAVAILABLE="The register does not answer; try again later.",
    REGISTRY_RATE_LIMITED="The register asks to be left alone for a while.",
    REGISTRY_NEEDS_KEY="The register wants a key, and none is set.",
    REGISTRY_GONE="The register has removed the company.",
)
CompanyStatus = described(
    models.CompanyStatus,
    ACTIVE="In business.",
    RESTRUCTURING="Under restructuring proceedings.",
    LIQUIDATION="Being wound up.",
    BANKRUPT="In bankruptcy.",
    DISSOLVED="No longer there.",
    NOT_YET_REGISTERED="Notified, and not registered yet.",
    UNKNOWN="The register does not tell, or in words that are not known here.",
)
RegistryField = described(
    models.RegistryField,
    NAME="The name.",
    BUSINESS_ID="The business id.",
    VAT_NUMBER="The VAT number.",
    ADDRESSES="The addresses.",
    PHONE="The telephone number.",
    EMAIL="The e-mail address.",
    WEBSITE="The web site.",
    INDUSTRY="The industry.",
    MARKETING_ALLOWED="Whether marketing may be sent.",
)
Visibility = described(
    models.Visibility, PRIVATE="Its owner and administrators.", SHARED="Everybody in the organisation."
)
ReportStatus = described(
    models.ReportStatus,
    VALID="It fits the schema.",
    DEPRECATED="It fits, and uses something that will go.",
    BROKEN="It no longer fits; its problems say where.",
)


class SortDirectionValues(enum.StrEnum):
    """Which way a list is ordered; missing values come last in both."""

    ASC = "ASC"
    DESC = "DESC"


class CustomerGroupValues(enum.StrEnum):
    """The customers behind the two counts of the KPI strip."""

    ACTIVE = "ACTIVE"
    PROSPECT = "PROSPECT"


SortDirection = described(SortDirectionValues, ASC="Smallest first.", DESC="Largest first.")
CustomerGroup = described(
    CustomerGroupValues, ACTIVE="Active customers: work is going on.", PROSPECT="Prospects in the pipeline."
)
RegistryState = described(
    RegistryStateValues,
    READY="It can be asked.",
    NEEDS_KEY="It wants a key that the operator has not set.",
    DISABLED="The operator has switched it off.",
    FAILED="Its plugin cannot be used; the message says why.",
)
RegistryMatch = described(
    RegistryMatchValues,
    NAME="It was searched for as a name.",
    BUSINESS_ID="It was looked up as the register's own number.",
    VAT_NUMBER="It was looked up as a VAT number.",
)
VatValidity = described(
    VatValidityValues,
    VALID="It is valid for trade within the Union.",
    NOT_VALID="The member state says that it is not valid.",
    COULD_NOT_TELL="There was no answer; nothing follows from that.",
)
