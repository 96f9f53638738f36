"""What the tests of registries compare: a company in one row, and the answers that were recorded from registries."""

from collections.abc import Callable

import httpx
import pytest

from plugins.contract import Address, CompanyHit
from tests.recorded import RECORDED

needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers here")


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
    content = (RECORDED / country / f"{name}.json").read_bytes()
    return lambda request: httpx.Response(status, content=content)
