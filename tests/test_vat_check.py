"""Checks of VAT numbers: valid, not valid, or nobody could tell, which is never taken for not valid."""

from typing import Any

import httpx
import pytest

from plugins.discovery import discover
from resolvers.registries import Registries
from schema.context import Context
from tests.clients import data_of

CHECK = """query($number: String!, $country: CountryCode) {
  found: checkVatNumber(vatNumber: $number, country: $country) { vatNumber validity name problems { code path } }
}"""
VALID = {"isValid": True, "userError": "VALID", "name": "NORDSKEN OY", "vatNumber": "29001007"}
NOT_VALID = {"isValid": False, "userError": "INVALID", "name": "---", "vatNumber": "29001007"}


class Vies:
    """Stands in for VIES."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.answer = httpx.Response(200, json=VALID)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path.partition("/rest-api")[2])
        return self.answer


@pytest.fixture
def vies() -> Vies:
    return Vies()


@pytest.fixture
async def check(database, viewer, vies):
    registries = Registries(
        database.sessions,
        lambda locale: discover(locale, entry_points=[]),
        transport=httpx.MockTransport(vies),
    )

    async def check(number: str, **variables: Any) -> Any:
        return (await data_of(Context(database, viewer, registries), CHECK, number=number, **variables))["found"]

    yield check
    await registries.aclose()


@pytest.mark.parametrize("number", ["FI29001007", "fi 2900100-7", "29001007"])
async def test_a_valid_number_in_any_spelling(check, vies, number):
    assert await check(number) == {
        "vatNumber": "FI29001007", "validity": "VALID", "name": "NORDSKEN OY", "problems": [],
    }  # fmt: skip
    assert vies.calls == ["/ms/FI/vat/29001007"]


async def test_what_the_member_state_denies_is_not_valid(check, vies):
    vies.answer = httpx.Response(200, json=NOT_VALID)
    found = await check("FI29001007")
    assert (found["validity"], found["name"], found["problems"]) == ("NOT_VALID", None, [])


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"isValid": False, "userError": "MS_UNAVAILABLE"}),
        httpx.Response(200, json={"actionSucceed": False, "errorWrappers": [{"error": "MS_MAX_CONCURRENT_REQ"}]}),
    ],
)
async def test_an_outage_is_never_taken_for_not_valid_and_is_not_kept(check, vies, answer):
    vies.answer = answer
    found = await check("FI29001007")
    assert found["validity"] == "COULD_NOT_TELL"
    assert found["problems"] == [{"code": "REGISTRY_UNAVAILABLE", "path": ["vatNumber"]}]
    vies.answer = httpx.Response(200, json=VALID)
    assert (await check("FI29001007"))["validity"] == "VALID"


async def test_an_answer_is_kept(check, vies):
    for _ in range(3):
        await check("FI29001007")
    assert len(vies.calls) == 1


@pytest.mark.parametrize(
    ("number", "code"), [("FI29001008", "INVALID"), ("NO923609016MVA", "REGISTRY_UNSUPPORTED"), ("", "INVALID")]
)
async def test_what_vies_cannot_know_is_not_asked(check, vies, number, code):
    found = await check(number)
    assert (found["validity"], found["problems"]) == ("COULD_NOT_TELL", [{"code": code, "path": ["vatNumber"]}])
    assert vies.calls == []


async def test_a_number_without_prefix_is_of_the_country_that_is_said(check, vies):
    await check("556016068001", country="SE")
    assert vies.calls == ["/ms/SE/vat/556016068001"]
