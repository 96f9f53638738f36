"""Customers beside their records in national registers: what differs."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import Database
from db.models import AddressKind, RegistryField
from plugins.contract import CompanyStatus
from resolvers import ids
from resolvers.forms import ADDRESSES, plain_label
from resolvers.industry_codes import find_industry
from resolvers.problems import Problem, Refused
from resolvers.registries import Registries
from resolvers.registry_linked import find_record, read_customer
from resolvers.registry_record import Record, Values, name_of, read_record
from resolvers.viewer import Viewer


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field of a customer and what its register has instead, as people read them."""

    field: RegistryField
    current: str | None
    registry: str | None


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between a customer and its record, or why that cannot be told."""

    fields: Iterable[FieldDiff] = ()
    status: CompanyStatus | None = None
    problems: Iterable[Problem] = ()


class Told(NamedTuple):
    """A value to compare, and how it is told to people."""

    value: Any
    label: str | None


NOTHING = Told(None, None)
Side = Mapping[RegistryField, Told]


async def compare_customer(database: Database, registries: Registries, viewer: Viewer, id_text: str) -> Diff:
    """The fields in which a customer is not as its register has it; problems have the path `("customerId",)`.

    What a register does not have is no difference, unless it once came from there and was not edited since.
    """
    try:
        customer = await read_customer(database.reads, viewer, id_text, "customerId")
        record = await find_record(registries, viewer, customer, "customerId")
    except Refused as refusal:
        return Diff(problems=refusal.problems)
    async with database.sessions() as session:
        says = await _registry_side(session, viewer, record)
    return Diff(list(_differences(customer, says)), record.company.status)


def _differences(customer: Values, says: Side) -> Iterable[FieldDiff]:
    came_from_there = (customer["registry_link"] or {}).get("fields", ())
    has = _customer_side(customer, {address["kind"] for address in says[RegistryField.ADDRESSES].value or ()})
    for field in RegistryField:
        if says[field].value != has[field].value and (says[field] != NOTHING or field in came_from_there):
            yield FieldDiff(field, has[field].label, says[field].label)


def _customer_side(customer: Values, kinds: Collection[str]) -> Side:
    """Addresses are compared where the register has any of their kind, and all of them where it has none."""
    industry = customer["industry"]
    addresses = [address for address in customer["addresses"] if not kinds or address["kind"] in kinds]
    return {
        **_plain_side(customer),
        RegistryField.ADDRESSES: _addresses(addresses),
        RegistryField.INDUSTRY: Told(industry["id"], industry["name"]) if industry else NOTHING,
    }


async def _registry_side(session: AsyncSession, viewer: Viewer, record: Record) -> Side:
    values, code = read_record(record.company), record.company.industry
    industry = NOTHING
    if code is not None:
        fitting = await find_industry(session, viewer, code)
        label = f"{code.label} ({code.code})" if code.label else code.code
        industry = Told(ids.encode("Industry", fitting["id"]) if fitting else code.code, label)
    return {
        **_plain_side(values),
        RegistryField.ADDRESSES: _addresses(values.get("addresses", ())),
        RegistryField.INDUSTRY: industry,
    }


def _plain_side(values: Values) -> Side:
    plain = {field: values.get(name_of(field)) for field in RegistryField}
    return {field: Told(value, plain_label(value)) for field, value in plain.items()}


def _addresses(addresses: Iterable[Values]) -> Told:
    listed = [{**address, "kind": AddressKind(address["kind"])} for address in addresses]
    return Told(listed, ADDRESSES.label({"addresses": listed}, {})) if listed else NOTHING
