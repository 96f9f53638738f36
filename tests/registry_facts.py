"""What the tests of registries compare: a company in one row, and the answers that were recorded from registries."""

from collections.abc import Callable

import httpx

from kartotek.testing import RegistryConformance
from plugins.contract import Address, CompanyHit
from resolvers.registration import business_id, vat_number
from tests.recorded import recording


class BundledConformance(RegistryConformance):
    """What partners are held to, and what holds for adapters of ours besides."""

    def test_numbers_are_spelt_as_they_are_stored(self):
        hits: list[CompanyHit] = [self.lookup(self.known)]
        if self.adapter.info.searches_by_name:
            hits.extend(self.search(self.finds).hits)
        for hit in hits:
            assert business_id(hit.business_id, hit.country) == hit.business_id
            assert hit.vat_number is None or vat_number(hit.vat_number, hit.country) == hit.vat_number


def facts(hit: CompanyHit) -> tuple[str, str, str | None, str, str | None, str | None]:
    """Name, number, VAT number, status, first address in one line, and industry."""
    address = written(hit.addresses[0]) if hit.addresses else None
    industry = f"{hit.industry.scheme} {hit.industry.code}" if hit.industry else None
    return hit.name, hit.business_id, hit.vat_number, hit.status.value, address, industry


def written(address: Address) -> str:
    """An address in one line, what is missing as `-`."""
    return " | ".join(part or "-" for part in (address.street, address.post_code, address.city, address.country))


def theirs(country: str, name: str, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    """A registry that has one recorded answer for everything."""
    return lambda request: recording(country, name, status)
