"""Denmark: CVR by way of cvrapi.dk, a service of others, since CVR's own is only for those who have applied for it."""

import re
from collections.abc import Sequence
from datetime import date

import httpx
from stdnum.dk import cvr
from stdnum.util import clean

from plugins.client import RegistryClient, raise_for_outcome, read_json, retry_after
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    IndustryCode,
    NeedsKey,
    NotFound,
    Number,
    NumberKind,
    RateLimited,
    RegistryAdapter,
    RegistryInfo,
    RejectedInput,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.record import Record, street

KARTOTEK_CONTRACT = 1

# Codes of CVR for persons in business; their word for it, should codes change.
PERSONS = {"10", "15"}
PERSONS_IN_WORDS = ("enkeltmandsvirksomhed", "personligt ejet")

# CVR itself has moved to DB25; the one recorded answer has codes of DB07, and no answer says which it has.
SCHEME = "DB07"

NUMBER = re.compile(r"(DK)?(\d{8})", re.ASCII)
DAY = re.compile(r"(\d{2})/(\d{2}) ?- ?(\d{4})", re.ASCII)


class CvrApi(RegistryAdapter):
    """The one company that cvrapi.dk thinks fits best.

    Some fifty questions a day and address are free. It wants to know who asks, and how to reach them: operators set
    the secret `contact` to their own company, name and telephone number or e-mail; without one Kartotek gives its own
    name, which may be refused.
    """

    info = RegistryInfo(
        id="dk-cvrapi",
        name="CVR",
        aliases=("cvrapi.dk", "Det Centrale Virksomhedsregister"),
        countries=("DK",),
        locales=("da",),
        base_url="https://cvrapi.dk/api",
        looks_up_by_vat=True,
        gives_contact_details=True,
        optional_secrets=("contact",),
        calls_at_once=1,
        attribution="CVR, cvrapi.dk",
        homepage="https://cvrapi.dk",
    )

    def read_number(self, text: str) -> Number | None:
        """Eight digits in any grouping; as a VAT number with `DK` in front."""
        found = NUMBER.fullmatch(clean("".join(text.split()), "-./:,").upper())
        if found is None or not cvr.is_valid(found[2]):
            return None
        return Number(found[2], NumberKind.VAT_NUMBER if found[1] else NumberKind.BUSINESS_ID)

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """One hit at most; whether there are more is never said."""
        try:
            company = _company(await self._ask(client, name=name))
        except NotFound:
            return SearchResult()
        return SearchResult((company,))

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The company with the number; one with another is none."""
        company = _company(await self._ask(client, vat=business_id))
        if company.business_id != business_id:
            raise NotFound(f"CVR has no company with the number {business_id}.")
        return company

    async def _ask(self, client: RegistryClient, **params: str) -> Record:
        asker = " - ".join(filter(None, (client.secrets.get("contact"), client.headers["User-Agent"])))
        headers = {"User-Agent": asker.encode()}
        response = await client.call("GET", "", params={"country": "dk", **params}, headers=headers)
        _raise_for_error(response)
        return Record(read_json(response))


def _raise_for_error(response: httpx.Response) -> None:
    """Raise what the member `error` stands for; only of NOT_FOUND is it known which status it comes with."""
    error = _error(response)
    if error == "NOT_FOUND":
        raise NotFound("CVR has no such company.")
    if error == "QUOTA_EXCEEDED":
        raise RateLimited("The free questions to cvrapi.dk are used up for today.", retry_after(response))
    if error in ("BANNED", "INVALID_UA"):
        how = "set the secret contact to a company, a name and how to reach it"
        raise NeedsKey(f"cvrapi.dk does not answer whoever asks like this ({error}): {how}.")
    if error == "INVALID_VAT":
        raise RejectedInput("cvrapi.dk does not take this for a CVR number.")
    if error == "INTERNAL_ERROR":
        raise Unavailable("cvrapi.dk does not work at the moment.")
    raise_for_outcome(response)
    if error:
        raise Unavailable(f"cvrapi.dk answered an error that is not known here ({error[:40]}).")


def _error(response: httpx.Response) -> str | None:
    try:
        return Record(read_json(response)).text("error")
    except Unavailable:
        return None


def _company(record: Record) -> Company:
    """A company without owners, who are persons. The number is the VAT number too: the service calls it `vat`."""
    business_id, name = record.text("vat"), record.text("name")
    if business_id is None or name is None:
        raise Unavailable("cvrapi.dk answered something else than a company.")
    business_id = business_id.zfill(8)
    status, status_text = _status(record)
    form = record.text("companydesc")
    return Company(
        country="DK",
        business_id=business_id,
        name=name,
        status=status,
        status_text=status_text,
        legal_form=form,
        vat_number=f"DK{business_id}",
        industry=_industry(record),
        addresses=_addresses(record),
        is_natural_person=record.text("companycode") in PERSONS or (form or "").lower().startswith(PERSONS_IN_WORDS),
        phone=record.text("phone"),
        email=record.text("email"),
        registered_on=_day(record.text("startdate")),
        dissolved_on=_day(record.text("enddate")),
        marketing_blocked=record.flag("protected"),
    )


def _status(record: Record) -> tuple[CompanyStatus, str | None]:
    """No list says what `creditstatus` may be: a company that has one is not known to be active."""
    if record.text("enddate"):
        return CompanyStatus.DISSOLVED, "Ophørt"
    if record.flag("creditbankrupt"):
        return CompanyStatus.BANKRUPT, "Under konkurs"
    if credit := record.text("creditstatus"):
        return CompanyStatus.UNKNOWN, credit
    return CompanyStatus.ACTIVE, None


def _industry(record: Record) -> IndustryCode | None:
    """A number, so that zeros in front are lost."""
    code = record.text("industrycode")
    return IndustryCode(scheme=SCHEME, code=code.zfill(6), label=record.text("industrydesc")) if code else None


def _addresses(record: Record) -> tuple[Address, ...]:
    """Its `addressco` is left out: it may name a person. `cityname` is a village within the post town."""
    lines, city = street((record.text("address"), record.text("cityname"))), record.text("city")
    if not (lines or city):
        return ()
    return (Address(kind=AddressKind.VISITING, street=lines, post_code=_post_code(record), city=city),)


def _post_code(record: Record) -> str | None:
    code = record.text("zipcode")
    return code.zfill(4) if code and code.isdecimal() else code


def _day(text: str | None) -> date | None:
    """A day such as `01/10 - 2008`."""
    found = DAY.fullmatch(text or "")
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """CVR, whose labels are Danish for everybody."""
    return [CvrApi()]
