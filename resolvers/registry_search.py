"""Finding companies in national registers: by one word of the name or by a number, in any common spelling."""

import enum
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.util import clean, get_cc_module

from db.models import ProblemCode
from plugins.contract import (
    AskLater,
    Company,
    CompanyHit,
    CompanyStatus,
    Gone,
    NeedsKey,
    NotFound,
    Number,
    NumberKind,
    RateLimited,
    RegistryError,
    RejectedInput,
)
from plugins.discovery import Registry
from resolvers.legal_forms import core_words
from resolvers.problems import Problem, Refused, invalid, not_found
from resolvers.registries import MOST_HITS, Fetched, Registries
from resolvers.validation import shown
from resolvers.viewer import Viewer

FIRST = 20


class RegistryMatch(enum.StrEnum):
    """As what a text was taken."""

    NAME = "NAME"
    BUSINESS_ID = "BUSINESS_ID"
    VAT_NUMBER = "VAT_NUMBER"


@dataclass(frozen=True)
class Found:
    """What a register has for a text, or why not."""

    registry: Registry | None = None
    matched_by: RegistryMatch | None = None
    hits: Sequence[CompanyHit] = ()
    has_more: bool = False
    fetched_at: datetime | None = None
    problems: Sequence[Problem] = ()


@dataclass(frozen=True)
class FoundCompany:
    """The record of a number, or why there is none."""

    registry: Registry | None = None
    company: Company | None = None
    fetched_at: datetime | None = None
    problems: Sequence[Problem] = ()


async def search_registry(
    registries: Registries,
    viewer: Viewer,
    text: str,
    *,
    country: str | None = None,
    registry_id: str | None = None,
    locale: str | None = None,
    first: int = FIRST,
) -> Found:
    """Companies with this number or a name like this, the best first; the text itself tells which it is.

    Without a country it is that of a VAT number with another one's prefix, else the organisation's. What goes wrong is
    a problem with the path `("text",)`, `("country",)`, `("registryId",)` or `("first",)`.
    """
    wanted, locale = text.strip(), locale or viewer.locale
    found = Found()
    try:
        if not any(letter.isalnum() for letter in wanted):
            raise Refused(invalid("There is nothing to look for: give a name or a number.", "text"))
        if not 0 < first <= MOST_HITS:
            raise Refused(invalid(f"first must be between 1 and {MOST_HITS}.", "first"))
        country = country or country_of_vat(wanted) or viewer.country
        registry = choose(registries, country, registry_id, locale)
        found = replace(found, registry=registry)
        question = _Question(registries, registry, country, locale, viewer)
        number = registry.adapter.for_country(country).read_number(wanted)
        if number is not None:
            return await _by_number(question, number)
        return await _by_name(question, wanted, first)
    except Refused as refusal:
        return replace(found, problems=refusal.problems)


@dataclass(frozen=True)
class _Question:
    """Whom to ask, about companies of which country, and in which language."""

    registries: Registries
    registry: Registry
    country: str
    locale: str
    viewer: Viewer

    async def lookup(self, business_id: str, *, anew: bool = False) -> Fetched:
        return await self.registries.lookup(self.registry, self.country, business_id, self.locale, anew=anew)

    async def search(self, name: str) -> Fetched:
        typist = self.viewer.user_id
        return await self.registries.search(self.registry, self.country, name, self.locale, typist=typist)


async def find_company(
    registries: Registries,
    viewer: Viewer,
    country: str,
    business_id: str,
    *,
    registry_id: str | None = None,
    locale: str | None = None,
    anew: bool = False,
) -> FoundCompany:
    """The record of a number, in any common spelling; the path of problems is `("businessId",)`, or as for a search.

    A record that is kept may be a day old, unless it is asked for `anew`.
    """
    locale = locale or viewer.locale
    found = FoundCompany()
    try:
        registry = choose(registries, country, registry_id, locale)
        found = replace(found, registry=registry)
        number = registry.adapter.for_country(country).read_number(business_id)
        if number is None:
            message = f"{shown(business_id)} is no number of {registry.info.name}: look at its digits again."
            raise Refused(invalid(message, "businessId"))
        question = _Question(registries, registry, country, locale, viewer)
        fetched = await _asked(question.lookup(number.business_id, anew=anew), "businessId")
        return replace(found, company=fetched.value, fetched_at=fetched.fetched_at)
    except Refused as refusal:
        return replace(found, problems=refusal.problems)


def choose(registries: Registries, country: str, registry_id: str | None, locale: str) -> Registry:
    """The register that answers for a country, or the one that is named; raises Refused where there is none."""
    discovered = registries.discovered(locale)
    registry = discovered.find_registry(country)
    if registry_id is not None:
        named = [each for each in discovered.registries if each.info.id == registry_id]
        if not named or (named[0].info.countries and country not in named[0].info.countries):
            message = f"There is no register {shown(registry_id)} for {country}; `registries` has those that are there."
            raise Refused(Problem(ProblemCode.REGISTRY_UNKNOWN, message, ("registryId",)))
        registry = named[0]
    if registry is None:
        reasons = " ".join(each.message for each in discovered.list_problems(country))
        message = f"No register answers for {country}. {reasons}".strip()
        raise Refused(Problem(ProblemCode.REGISTRY_UNKNOWN, message, ("country",)))
    if missing := registries.options.missing_secrets(registry.info):
        message = f"{registry.info.name} needs its {' and '.join(missing)}, which the operator has not set."
        raise Refused(Problem(ProblemCode.REGISTRY_NEEDS_KEY, message))
    return registry


def country_of_vat(text: str) -> str | None:
    """Whose VAT number the text is, if it is one with a prefix."""
    number = clean(text, " -./:").upper()
    prefix = number[:2]
    if not (prefix.isascii() and prefix.isalpha()):
        return None
    try:
        if eu_vat.is_valid(number):
            return {"EL": "GR"}.get(prefix, prefix)
        module = get_cc_module(prefix.lower(), "vat") if prefix in _NEIGHBOURS else None
        return prefix if module and module.is_valid(number.removeprefix(prefix)) else None
    except ValidationError:
        return None


_NEIGHBOURS = ("GB", "NO", "CH")


async def _by_number(question: _Question, number: Number) -> Found:
    kind = RegistryMatch.VAT_NUMBER if number.kind is NumberKind.VAT_NUMBER else RegistryMatch.BUSINESS_ID
    found = Found(question.registry, kind)
    try:
        fetched = await question.lookup(number.business_id)
    except NotFound:
        return found
    except RegistryError as error:
        return replace(found, problems=[problem_of(error, "text")])
    return replace(found, hits=[fetched.value], fetched_at=fetched.fetched_at)


async def _by_name(question: _Question, name: str, first: int) -> Found:
    info = question.registry.info
    if country_of_vat(name) == question.country and not info.looks_up_by_vat:
        message = f"{info.name} cannot be asked for a VAT number; give the company's own number or its name."
        raise Refused(Problem(ProblemCode.REGISTRY_UNSUPPORTED, message, ("text",)))
    if not info.searches_by_name:
        message = f"{info.name} cannot be searched by name; give the company's number."
        raise Refused(Problem(ProblemCode.REGISTRY_UNSUPPORTED, message, ("text",)))
    fetched = await _asked(question.search(name), "text")
    hits = ranked(fetched.value.hits, name)
    has_more = fetched.value.has_more or len(hits) > first
    return Found(question.registry, RegistryMatch.NAME, hits[:first], has_more, fetched.fetched_at)


async def _asked(ask: Awaitable[Fetched], *path: str) -> Fetched:
    try:
        return await ask
    except RegistryError as error:
        raise Refused(problem_of(error, *path)) from error


_CODES: Sequence[tuple[type[RegistryError], ProblemCode]] = (
    (Gone, ProblemCode.REGISTRY_GONE),
    (RejectedInput, ProblemCode.INVALID),
    (NeedsKey, ProblemCode.REGISTRY_NEEDS_KEY),
    (RateLimited, ProblemCode.REGISTRY_RATE_LIMITED),
    (AskLater, ProblemCode.REGISTRY_UNAVAILABLE),
)


def problem_of(error: RegistryError, *path: str) -> Problem:
    """An outcome of the plugins' contract as a problem."""
    if isinstance(error, NotFound):
        return not_found(str(error), *path)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), ProblemCode.REGISTRY_UNAVAILABLE)
    wait = error.retry_after if isinstance(error, RateLimited) else None
    return Problem(code, str(error), path, retry_after=None if wait is None else max(1, round(wait)))


# ---------------------------------------------------------------- the best first


def ranked(hits: Sequence[CompanyHit], name: str) -> Sequence[CompanyHit]:
    """The hits in the order in which somebody who typed the name wants them: registers match loosely.

    Legal forms do not count. First who is called just so, then whose name begins so, then who has all of the words,
    whole ones before beginnings; companies in business before others, the register's own order last.
    """
    wanted = core_words(name)

    def distance(hit: CompanyHit) -> tuple[bool, ...]:
        out_of_business = hit.status is CompanyStatus.DISSOLVED
        return (*_distance(core_words(hit.name), wanted), out_of_business, hit.part_of is not None)

    return sorted(hits, key=distance)


def _distance(words: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[bool, ...]:
    return (
        words != wanted,
        words[: len(wanted)] != wanted,
        not " ".join(words).startswith(" ".join(wanted)),
        not set(wanted) <= set(words),
        not all(any(word.startswith(each) for word in words) for each in wanted),
    )
