"""What a registry plugin and Kartotek promise each other.

A plugin is a Python package with an entry point in the group `kartotek.registries`. The entry point names a module that
says which version of this contract it was written for (`KARTOTEK_CONTRACT = 1`) and implements one hook,
`kartotek_registries`, which hands over adapters. An adapter says what its registry is (`RegistryInfo`), recognises the
registry's numbers, and has two methods that talk to it: `search` and `lookup`. They answer frozen values or raise one
of the outcomes below. Time-outs, retries, limits and caching are not theirs: Kartotek puts them around every adapter.

Partners import all of this from `kartotek`. Nothing here knows Kartotek's database or GraphQL.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from plugins.client import RegistryClient

CONTRACT_VERSION = 1
"""Grows when a plugin that was written before would no longer work. What is only added does not change it."""

PROJECT = "kartotek"
ENTRY_POINTS = "kartotek.registries"
"""The group of entry points in which plugins are found."""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks the plugin's implementation of `kartotek_registries`."""
hookspec = pluggy.HookspecMarker(PROJECT)


class Hooks:
    """The hooks that a plugin implements."""

    @hookspec
    def kartotek_registries(self, locale: str) -> Sequence["RegistryAdapter"]:  # type: ignore[empty-body]
        """The adapters that the plugin has for people who read `locale`, a BCP 47 tag such as `sv-FI`.

        Called once for each locale and without side effects: no network, no files. A registry that answers in several
        languages takes the one that fits best and its own where none does.
        """


# ---------------------------------------------------------------- outcomes


class RegistryError(Exception):
    """A registry has no record to give; the text says why, to people."""


class AskOtherwise(RegistryError):
    """The registry has answered; the same question gets the same answer."""


class NotFound(AskOtherwise):
    """There is no company with this number."""


class Gone(AskOtherwise):
    """The record was removed for legal reasons: whatever is kept of it is to be deleted, and nothing imported."""


class RejectedInput(AskOtherwise):
    """The registry does not take this text, for instance because it is too short; say what it would take."""


class AskLater(RegistryError):
    """The registry could not be asked; the same question may be answered later."""


class Unavailable(AskLater):
    """It is down, too slow, or says what cannot be understood."""


class RateLimited(AskLater):
    """It was asked too often."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which it may be asked again, where it says so."""


class NeedsKey(RegistryError):
    """The registry wants a key (or other secret) that is not set, or does not take the one that is."""


# ---------------------------------------------------------------- values


class CompanyStatus(enum.StrEnum):
    """How a company stands in its register; the first that fits, from below, where several do."""

    ACTIVE = "ACTIVE"
    """Registered, and nothing of what follows."""
    RESTRUCTURING = "RESTRUCTURING"
    """Its debts are being rearranged by a court; business goes on."""
    LIQUIDATION = "LIQUIDATION"
    """It is being wound up, of its own will or by force."""
    BANKRUPT = "BANKRUPT"
    """Bankruptcy proceedings are open."""
    DISSOLVED = "DISSOLVED"
    """It was deleted from the register or has ceased."""
    NOT_YET_REGISTERED = "NOT_YET_REGISTERED"
    """It has a number but is not registered yet."""
    UNKNOWN = "UNKNOWN"
    """The register does not say, or says something that is not known here."""


class AddressKind(enum.StrEnum):
    """What an address is used for."""

    VISITING = "VISITING"
    """Where the company is: its registered or visiting address."""
    POSTAL = "POSTAL"
    """Where its post goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of a company; leave out one of which nothing is known."""

    kind: AddressKind
    """What it is used for."""
    street: str | None = None
    """Street and number, or a box; lines joined by comma. Never the name of a person (`c/o`)."""
    post_code: str | None = None
    """Postal code as it is written on letters."""
    city: str | None = None
    """Town of the post office, in the language of the reader where the register has several."""
    region: str | None = None
    """County, state or province."""
    country: str | None = None
    """ISO 3166-1 alpha-2, where the register says; None means the register's own country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndustryCode:
    """The main line of business, as the register classifies it."""

    scheme: str
    """The classification with its version, such as `TOL2008`, `SN2025`, `NACE2.1`: codes of another one differ."""
    code: str
    """The code as it is usually written there."""
    label: str | None = None
    """What it is called, in the language of the reader where the register has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyHit:
    """A row of a search: what is needed to choose a company. Say only what the register says."""

    country: str
    """Country of the register, ISO 3166-1 alpha-2."""
    business_id: str
    """The register's number, as text and in the register's own spelling, zeros in front included."""
    name: str
    """The current legal name, as registered."""
    status: CompanyStatus = CompanyStatus.UNKNOWN
    """How it stands."""
    status_text: str | None = None
    """The register's own words for it."""
    legal_form: str | None = None
    """What kind of company it is, in words."""
    vat_number: str | None = None
    """With its prefix and without separators, where the register gives it or says that the company has one. A number
    that is only worked out of the business id must not be here unless the register says it is registered for VAT."""
    industry: IndustryCode | None = None
    """The main line of business."""
    addresses: tuple[Address, ...] = ()
    """Visiting address first."""
    part_of: str | None = None
    """Number of the company that this is a branch or sub-unit of."""
    is_natural_person: bool = False
    """Whether it is a person in business under his own name: protected, and imported only when asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company(CompanyHit):
    """A whole record. Officers, owners and accountants are persons and never a part of it."""

    phone: str | None = None
    """The company's own telephone number, as the register has it."""
    email: str | None = None
    """The company's own e-mail address."""
    website: str | None = None
    """Its web address, with or without scheme. Drop what is none: people file telephone numbers here."""
    registered_on: date | None = None
    """When it was entered in the register."""
    dissolved_on: date | None = None
    """When it was deleted or ceased."""
    marketing_blocked: bool = False
    """Whether the register says that it must not be sent marketing."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search by name found, in the registry's own order; Kartotek puts the best first."""

    hits: Sequence[CompanyHit] = ()
    """At most as many as were asked for."""
    has_more: bool = False
    """Whether the registry knows more than these."""


class NumberKind(enum.StrEnum):
    """What kind of number a text is."""

    BUSINESS_ID = "BUSINESS_ID"
    VAT_NUMBER = "VAT_NUMBER"


@dataclass(frozen=True, slots=True)
class Number:
    """A text that is a number by which the registry can look up."""

    business_id: str
    """In the registry's own spelling."""
    kind: NumberKind = NumberKind.BUSINESS_ID
    """As what the text was written."""


# ---------------------------------------------------------------- adapters


@dataclass(frozen=True, kw_only=True)
class RegistryInfo:
    """What a registry is and what an adapter can do."""

    id: str
    """Unique and stable, country first: `fi-ytj`. It is stored with whatever is imported."""
    name: str
    """What people there call it."""
    countries: tuple[str, ...]
    """Whose companies it has, ISO 3166-1 alpha-2; `()` for one that answers for every country without its own."""
    base_url: str
    """Where it answers, path included, no slash at the end. Nothing else is ever called but `token_url`."""
    token_url: str | None = None
    """Where it hands out OAuth 2.0 tokens for client credentials, if it wants those: see `RegistryClient.bearer`."""
    aliases: tuple[str, ...] = ()
    """Other names under which people know it."""
    locales: tuple[str, ...] = ()
    """Languages in which it has labels, BCP 47."""
    searches_by_name: bool = True
    """Whether `search` works."""
    looks_up_by_vat: bool = False
    """Whether `read_number` makes business ids of VAT numbers."""
    gives_contact_details: bool = False
    """Whether records may have a telephone number, e-mail or web address."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets without which it does not answer: `("key",)` is set as `KARTOTEK_REGISTRY_<CC>_KEY`."""
    optional_secrets: tuple[str, ...] = ()
    """Names of those that it can do without, set the same way; in `RegistryClient.secrets` where they are."""
    calls_per_second: float = 1.0
    """How often all servers together may call it."""
    calls_at_once: int = 2
    """How many calls of all servers together may be under way."""
    licence: str | None = None
    """Under which terms its data may be used."""
    attribution: str | None = None
    """What to say where its data are shown, if the licence wants it."""
    homepage: str | None = None
    """Where people read about it."""


class RegistryAdapter(ABC):
    """One registry. Adapters keep no state: what they need comes with the client."""

    info: RegistryInfo
    """What the registry is."""

    def for_country(self, country: str) -> "RegistryAdapter":
        """The adapter for companies of one country; a registry of the whole world answers for each of them anew."""
        return self

    @abstractmethod
    def read_number(self, text: str) -> Number | None:
        """The number in a text in any common spelling; None where it is none of this registry's, check digits included.

        It decides whether a text is looked up or searched for, so it must not take names for numbers.
        """

    async def search(self, client: "RegistryClient", name: str, limit: int) -> SearchResult:
        """Companies whose names have something of `name`, `limit` at most; none at all is an empty result.

        Raises RejectedInput where the registry does not search for such a text, and AskLater.
        """
        raise RejectedInput(f"{self.info.name} cannot be searched by name; give a number.")

    @abstractmethod
    async def lookup(self, client: "RegistryClient", business_id: str) -> Company:
        """The whole record of a number that `read_number` gave. Raises NotFound, Gone, AskLater and NeedsKey."""


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a plugin, or one of its adapters, is not used."""

    plugin: str
    """Name of the entry point."""
    message: str
    """What is wrong and what would be right, for the operator and the plugin's author."""
    registry_id: str | None = None
    """Which adapter, where it is about one."""
    countries: tuple[str, ...] = field(default=())
    """Whose companies cannot be looked up for it, as far as is known."""
