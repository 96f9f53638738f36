"""The record of a customer in its national register: the one that it is linked to, else the one with its number."""

import orjson

from db.connection import Reads
from resolvers.ids import find_key
from resolvers.problems import Refused, invalid
from resolvers.provenance import ADDRESS
from resolvers.reading import read
from resolvers.references import Ref, unknown
from resolvers.registries import Registries
from resolvers.registry_record import Record, Values
from resolvers.registry_search import FoundCompany, find_company
from resolvers.selection import Field, Fields, One, by_key, plain_fields
from resolvers.viewer import Viewer

CUSTOMER_FIELDS: Fields = (
    *plain_fields("name", "business_id", "vat_number", "country", "phone", "email", "website", "marketing_allowed"),
    *plain_fields("viewer_can_edit"),
    Field("industry", "industry", fields=plain_fields("id", "name")),
    Field("addresses", "addresses", fields=plain_fields(*ADDRESS)),
    Field("registry_link", "registry_link", fields=plain_fields("registry_id", "business_id", "fields")),
)


async def read_customer(reads: Reads, viewer: Viewer, id_text: str, path: str) -> Values:
    """These fields of a customer that the viewer sees; raises Refused with this path: NOT_FOUND where there is none."""
    key = find_key("Customer", id_text)
    json = key and await read(reads, viewer, One("Customer", by_key(key), CUSTOMER_FIELDS))
    if not json:
        raise Refused(unknown("Customer", Ref("id", id_text), path))
    customer: Values = orjson.loads(json)
    return customer


async def find_record(registries: Registries, viewer: Viewer, customer: Values, path: str) -> Record:
    """The record of a customer, as `read_customer` gives it.

    Raises Refused with this path: INVALID where the customer has no number to look it up by, NOT_FOUND where there is
    no such company, and what keeps its register from answering.
    """
    country, registry_id, number = _whom_to_ask(registries, viewer, customer)
    if number is None:
        raise Refused(invalid("This customer has no business id or VAT number to look it up by; give it one.", path))
    found = await find_company(registries, viewer, country, number, registry_id=registry_id, anew=True)
    try:
        return record_of(found)
    except Refused as refusal:
        raise Refused(*(problem.at(path) for problem in refusal.problems)) from refusal


def record_of(found: FoundCompany) -> Record:
    """What was found as a record; raises Refused with the problems where there is none."""
    if not (found.registry and found.company and found.fetched_at):
        raise Refused(*found.problems)
    return Record(found.registry.info.id, found.company, found.fetched_at)


def _whom_to_ask(registries: Registries, viewer: Viewer, customer: Values) -> tuple[str, str | None, str | None]:
    """The country, the register if not the usual one, and the number."""
    country, link = customer["country"], customer["registry_link"]
    known = {each.info.id: each.info.countries for each in registries.discovered(viewer.locale).registries}
    if link and link["registry_id"] in known:
        countries = known[link["registry_id"]] or (country,)
        return (country if country in countries else countries[0]), link["registry_id"], link["business_id"]
    return country, None, customer["business_id"] or customer["vat_number"]
