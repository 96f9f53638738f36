"""National registers as a client sees them: which there are, and the companies that they find."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import orjson
import strawberry

from db import models
from plugins import contract
from plugins.discovery import Registry as Discovery
from resolvers import registry_search
from resolvers.reading import read
from resolvers.registry_listing import ListedRegistry, as_listed, list_registries
from resolvers.registry_record import stored_number
from resolvers.registry_search import Found, FoundCompany, find_company, search_registry
from resolvers.selection import All, AnyOf, Compare, Field, Listing, Operand
from resolvers.vat_check import check_vat_number
from schema.context import Info
from schema.customer import Address, Customer
from schema.enums import CompanyStatus, RegistryMatch, RegistryState, VatValidity
from schema.execution import Completed
from schema.problems import Problem
from schema.reading import in_time, selected
from schema.scalars import CountryCode
from schema.stored import field_with, told

Hidden = strawberry.Private[Any]
Key = tuple[str, str]
"""Country and business id of a company."""


@strawberry.type(description="A national register of companies that can be asked, or why not.")
class Registry:
    """A national register of companies."""

    id: str = told("Unique and stable, such as `fi-ytj`.")
    name: str = told("What people there call it.")
    aliases: list[str] = told("Other names under which people know it.")
    countries: list[CountryCode] = told("Whose companies it has; empty for one of the whole world.")
    locales: list[str] = told("Languages in which it has labels.")
    plugin: str = told("The plugin that it comes from.")
    plugin_version: str | None = told("Version of that plugin's package.")
    searches_by_name: bool = told("Whether it can be searched by name.")
    looks_up_by_id: bool = told("Whether it can be asked for its own numbers.")
    looks_up_by_vat: bool = told("Whether it can be asked for VAT numbers.")
    gives_contact_details: bool = told("Whether it may have telephone numbers, e-mail or web addresses.")
    state: RegistryState = told("Whether it can be asked.")
    message: str | None = told("Why it cannot be asked.")
    licence: str | None = told("Under which terms its data may be used.")
    attribution: str | None = told("What to say where its data are shown.")
    homepage: str | None = told("Where people read about it.")

    @classmethod
    def of(cls, listed: ListedRegistry) -> Registry:
        """A register in a client's words."""
        info = listed.info
        return cls(
            id=info.id,
            name=info.name,
            aliases=list(info.aliases),
            countries=[CountryCode(country) for country in info.countries],
            locales=list(info.locales),
            plugin=listed.plugin,
            plugin_version=listed.version,
            searches_by_name=info.searches_by_name,
            looks_up_by_id=True,
            looks_up_by_vat=info.looks_up_by_vat,
            gives_contact_details=info.gives_contact_details,
            state=listed.state,
            message=listed.message,
            licence=info.licence,
            attribution=info.attribution,
            homepage=info.homepage,
        )


@strawberry.type(description="The main line of business, as a register classifies it.")
class IndustryCode:
    """The main line of business."""

    scheme: str = told("The classification with its version, such as `TOL2008`.")
    code: str = told("The code as it is written there.")
    label: str | None = told("What it is called.")


@strawberry.type(description="A company as a register has it.")
class RegistryCompany:
    """A company as a register has it."""

    registry: Registry = told("Where it comes from.")
    country: CountryCode = told("Country of the register.")
    business_id: str = told("The register's number, as it is kept for a customer.")
    vat_number: str | None = told("Its VAT number, where the register says that it has one.")
    name: str = told("The legal name.")
    legal_form: str | None = told("What kind of company it is.")
    status: CompanyStatus = told("How it stands.")
    status_text: str | None = told("The register's own words for that.")
    industry: IndustryCode | None = told("The main line of business.")
    addresses: list[Address] = told("Its addresses.")
    phone: str | None = told("Its telephone number.")
    email: str | None = told("Its e-mail address.")
    website: str | None = told("Its web address.")
    registered_on: date | None = told("When it was registered.")
    dissolved_on: date | None = told("When it was deleted or ceased.")
    part_of: str | None = told("Number of the company that this is a branch or sub-unit of.")
    is_natural_person: bool = told("Whether it is a person in business under his own name.")
    marketing_blocked: bool = told("Whether the register says that it must not be sent marketing.")
    is_complete: bool = told("False for a row of a search, which is thin: `registryCompany` has the rest.")
    fetched_at: datetime = told("When the register said so.")

    @classmethod
    def of(cls, hit: contract.CompanyHit, registry: Registry, fetched_at: datetime) -> RegistryCompany:
        """A row of a search, or a whole record."""
        whole = hit if isinstance(hit, contract.Company) else None
        return cls(
            registry=registry,
            country=CountryCode(hit.country),
            business_id=hit.business_id,
            vat_number=hit.vat_number,
            name=hit.name,
            legal_form=hit.legal_form,
            status=models.CompanyStatus(hit.status),
            status_text=hit.status_text,
            industry=_industry(hit.industry),
            addresses=[_address(each) for each in hit.addresses],
            phone=whole.phone if whole else None,
            email=whole.email if whole else None,
            website=whole.website if whole else None,
            registered_on=whole.registered_on if whole else None,
            dissolved_on=whole.dissolved_on if whole else None,
            part_of=hit.part_of,
            is_natural_person=hit.is_natural_person,
            marketing_blocked=whole is not None and whole.marketing_blocked,
            is_complete=whole is not None,
            fetched_at=fetched_at,
        )


def _industry(code: contract.IndustryCode | None) -> IndustryCode | None:
    return IndustryCode(scheme=code.scheme, code=code.code, label=code.label) if code else None


def _address(address: contract.Address) -> Address:
    made: Any = Address
    return made(  # type: ignore[no-any-return]
        kind=models.AddressKind(address.kind),
        street=address.street,
        post_code=address.post_code,
        city=address.city,
        region=address.region,
        country=address.country and CountryCode(address.country),
    )


# ---------------------------------------------------------------- the customer that one has already


class Known:
    """The customers that the viewer has among some companies: one statement for all, made when they are asked for."""

    def __init__(self, companies: Sequence[contract.CompanyHit]) -> None:
        self._keys = {
            (company.country, company.business_id): (company.country, stored_number(company) or company.business_id)
            for company in companies
        }
        self._read: dict[Any, asyncio.Task[Mapping[Key, Completed]]] = {}

    async def find(self, info: Info, company: RegistryCompany) -> Completed | None:
        """What was selected of the customer with the company's number, where the viewer sees one."""
        name = info.path.key
        if name not in self._read:
            self._read[name] = asyncio.ensure_future(self._find_all(info))
        with in_time():
            found = await self._read[name]
        return found.get(self._keys[company.country, company.business_id])

    async def _find_all(self, info: Info) -> Mapping[Key, Completed]:
        # No client can want anything under the names of these two: a name of GraphQL begins with a letter.
        key = (Field("0", "country"), Field("1", "business_id"))
        query = Listing("Customer", (*selected(info).fields(), *key), self._condition(), most=len(self._keys))
        json = await read(info.context.database.reads, info.context.viewer, query)
        rows: list[dict[str, Any]] = orjson.loads(json or "[]")
        return {(row.pop("0"), row.pop("1")): Completed(orjson.dumps(row).decode()) for row in rows}

    def _condition(self) -> AnyOf:
        by_country: dict[str, list[str]] = {}
        for country, business_id in sorted(set(self._keys.values())):
            by_country.setdefault(country, []).append(business_id)
        return AnyOf(
            tuple(
                All((Compare("country", "eq", Operand(country)), Compare("business_id", "in", Operand(numbers))))
                for country, numbers in by_country.items()
            )
        )


async def _customer_of(root: Any, info: Info) -> Any:
    return await root.known.find(info, root.company) if root.company else None


def _own_customer() -> Any:
    return field_with({}, "The customer that one has already with this number, where the viewer sees it.", _customer_of)


@strawberry.type(description="A company that was found, and whether one has it already.")
class RegistryHit:
    """A company that was found."""

    known: Hidden
    company: RegistryCompany = told("The company.")
    customer: Customer | None = _own_customer()


@strawberry.type(description="What a register has for a text.")
class RegistrySearch:
    """What a register has for a text."""

    registry: Registry | None = told("Which register was asked.")
    matched_by: RegistryMatch | None = told("As what the text was taken.")
    hits: list[RegistryHit] = told("The companies, the best match first.")
    has_more: bool = told("Whether the register knows more.")
    problems: list[Problem] = told("Why there is no answer; an empty list of hits without problems is one.")


@strawberry.type(description="The record of a company, or why there is none.")
class RegistryCompanyResult:
    """The record of a company."""

    known: Hidden
    company: RegistryCompany | None = told("The company; null where there is none.")
    customer: Customer | None = _own_customer()
    problems: list[Problem] = told("Why there is none.")


@strawberry.type(description="Whether a VAT number is valid, as far as could be told.")
class VatCheck:
    """Whether a VAT number is valid."""

    vat_number: str = told("The number as it is kept: with its prefix and without separators.")
    validity: VatValidity = told("Whether it is valid.")
    name: str | None = told("Whose it is, where the member state discloses that.")
    checked_at: datetime = told("When the member state said so.")
    problems: list[Problem] = told("Why it could not be told.")


# ---------------------------------------------------------------- root fields


Text = Annotated[str, strawberry.argument(description="A name or a part of one, or a number in any common spelling.")]
Country = Annotated[CountryCode | None, strawberry.argument(description="Whose register; else the organisation's.")]
TheCountry = Annotated[CountryCode, strawberry.argument(description="Whose register.")]
RegistryId = Annotated[str | None, strawberry.argument(description="Which register, where a country has several.")]
Locale = Annotated[str | None, strawberry.argument(description="Language of labels; else the organisation's.")]
First = Annotated[int | None, strawberry.argument(description="How many hits at most: 20 unless said, up to 100.")]
Number = Annotated[str, strawberry.argument(description="Its number, in any common spelling.")]
OfCountry = Annotated[CountryCode | None, strawberry.argument(description="Only those that answer for this country.")]


async def _registries(root: Any, info: Info, country: str | None, locale: str | None) -> list[Registry]:
    registries = info.context.registries
    every = list_registries(registries.discovered(locale or info.context.viewer.locale), registries.options)
    return [Registry.of(each) for each in every if country in (None, *each.info.countries) or not each.info.countries]


def _registry(info: Info, found: Discovery) -> Registry:
    return Registry.of(as_listed(found, info.context.registries.options))


async def _search(root: Any, info: Info, text: str, first: int | None, **asked: Any) -> RegistrySearch:
    context = info.context
    found = await search_registry(
        context.registries, context.viewer, text, first=registry_search.FIRST if first is None else first, **asked
    )
    known = Known(found.hits)
    return RegistrySearch(
        registry=_registry(info, found.registry) if found.registry else None,
        matched_by=found.matched_by,
        hits=[RegistryHit(known=known, company=_told(info, hit, found)) for hit in found.hits],
        has_more=found.has_more,
        problems=[Problem.of(problem) for problem in found.problems],
    )


async def _company(root: Any, info: Info, country: str, business_id: str, **asked: Any) -> RegistryCompanyResult:
    context = info.context
    found = await find_company(context.registries, context.viewer, country, business_id, **asked)
    return RegistryCompanyResult(
        known=Known([found.company] if found.company else []),
        company=_told(info, found.company, found) if found.company else None,
        problems=[Problem.of(problem) for problem in found.problems],
    )


def _told(info: Info, hit: contract.CompanyHit, found: Found | FoundCompany) -> RegistryCompany:
    assert found.registry
    assert found.fetched_at
    return RegistryCompany.of(hit, _registry(info, found.registry), found.fetched_at)


async def _check_vat_number(root: Any, info: Info, vat_number: str, country: str | None) -> VatCheck:
    context = info.context
    found = await check_vat_number(context.registries, context.viewer, vat_number, country)
    return VatCheck(
        vat_number=found.vat_number,
        validity=found.validity,
        name=found.name,
        checked_at=found.checked_at,
        problems=[Problem.of(problem) for problem in found.problems],
    )


REGISTRIES = field_with(
    {"country": OfCountry, "locale": Locale}, "The national registers, also those that cannot be asked.", _registries
)
REGISTRY_SEARCH = field_with(
    {"text": Text, "country": Country, "registry_id": RegistryId, "locale": Locale, "first": First},
    "Companies in a national register, by one word of the name or by a number.",
    _search,
    required=("text",),
)
REGISTRY_COMPANY = field_with(
    {"country": TheCountry, "business_id": Number, "registry_id": RegistryId, "locale": Locale},
    "The whole record of a company in a national register.",
    _company,
    required=("country", "business_id"),
)
VatNumber = Annotated[str, strawberry.argument(description="The number, in any common spelling.")]
OfWhichCountry = Annotated[
    CountryCode | None, strawberry.argument(description="Whose it is if it has no prefix; else the organisation's.")
]
CHECK_VAT_NUMBER = field_with(
    {"vat_number": VatNumber, "country": OfWhichCountry},
    "Whether a VAT number of the European Union is valid, as VIES says.",
    _check_vat_number,
    required=("vat_number",),
)
