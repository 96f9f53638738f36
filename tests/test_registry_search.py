"""Companies in national registers over GraphQL: one text box, the best first, and the customer that one has already."""

from importlib.metadata import EntryPoint
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db.models import Access
from plugins.contract import CompanyHit, CompanyStatus
from plugins.discovery import discover
from resolvers.registries import Registries, RegistryOptions
from resolvers.registry_search import country_of_vat, ranked
from schema.context import Context
from tests.builders import a_contact, a_customer, a_viewer, an_id, an_organization
from tests.clients import data_of
from tests.recorded import needs_recordings, recorded, recording

PLUGINS = {"fi": "finland", "no": "norway", "gb": "united_kingdom", "se": "sweden", "ee": "estonia", "gleif": "gleif"}
POINTS = [EntryPoint(name, f"plugins.{module}", "kartotek.registries") for name, module in PLUGINS.items()]

SEARCH = """query($text: String!, $country: CountryCode, $first: Int, $registryId: String, $locale: String) {
  found: registrySearch(text: $text, country: $country, first: $first, registryId: $registryId, locale: $locale) {
    registry { id } matchedBy hasMore problems { code message path retryAfter }
    hits {
      company { businessId name vatNumber country status isComplete industry { scheme code label } registry { id } }
      customer { id name contacts { totalCount } }
    }
  }
}"""
COMPANY = """query($country: CountryCode!, $businessId: String!) {
  found: registryCompany(country: $country, businessId: $businessId) {
    company { name legalForm website registeredOn addresses { kind street city } isComplete fetchedAt }
    customer { id } problems { code path }
  }
}"""


class Web:
    """Stands in for all registers; counts the calls of each."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.down: set[str] = set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        self.calls.append(host)
        if host in self.down:
            return httpx.Response(503)
        if host == "avoindata.prh.fi":
            return self._finland(request)
        return httpx.Response(404)

    def _finland(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if params.get("businessId") == "2900100-7":
            return recorded("fi", "one")
        return recorded("fi", "several" if params.get("name") == "nordsken" else "none")


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
async def registries(sessions, web):
    opened = Registries(
        sessions,
        lambda locale: discover(locale, entry_points=POINTS),
        RegistryOptions(),
        transport=httpx.MockTransport(web),
    )
    yield opened
    await opened.aclose()


@pytest.fixture
def ask(database, viewer, registries):
    """Asks as the viewer, or as somebody else."""

    async def asked(document: str, by: Any = None, **variables: Any) -> Any:
        return await data_of(Context(database, by or viewer, registries), document, **variables)

    return asked


async def searched(ask, text: str, **variables: Any) -> Any:
    return (await ask(SEARCH, text=text, **variables))["found"]


def names(found: Any) -> list[str]:
    return [hit["company"]["name"] for hit in found["hits"]]


async def test_a_word_of_the_name_finds_companies_the_best_first(ask):
    found = await searched(ask, "nordsken")
    assert names(found) == ["Nordsken Oy", "Nordsken Frakt Oy", "Vanha Nordsken Oy"]
    assert (found["registry"]["id"], found["matchedBy"], found["hasMore"]) == ("fi-ytj", "NAME", False)
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2900100-7", "BUSINESS_ID"),
        ("29001007", "BUSINESS_ID"),
        ("FI29001007", "VAT_NUMBER"),
        (" fi 2900100-7 ", "VAT_NUMBER"),
    ],
)
async def test_a_number_in_any_spelling_is_looked_up(ask, web, text, kind):
    found = await searched(ask, text)
    assert (names(found), found["matchedBy"]) == (["Nordsken Oy"], kind)
    assert found["hits"][0]["company"]["vatNumber"] == "FI29001007"
    assert found["hits"][0]["company"]["isComplete"]


async def test_a_number_that_nobody_has_finds_nothing_and_is_no_problem(ask):
    found = await searched(ask, "2900101-5")
    assert (found["hits"], found["problems"], found["matchedBy"]) == ([], [], "BUSINESS_ID")


async def test_hits_have_the_customer_that_one_has_already(ask, database, viewer, web):
    async with database.sessions.begin() as session:
        key = await a_customer(session, viewer, name="Ours", business_id="FI29001007")
        await a_contact(session, viewer, key)
        await a_customer(session, viewer, name="Elsewhere", business_id="2900102-3", country="AX")
        blind = await a_viewer(session, viewer, read_customers=Access.OWN)
        stranger = await an_organization(session, name="Other")
    found = await searched(ask, "nordsken")
    ours = {"id": an_id("Customer", key), "name": "Ours", "contacts": {"totalCount": 1}}
    assert [hit["customer"] for hit in found["hits"]] == [ours, None, None]
    for other in (blind, stranger):
        found = await searched(ask, "nordsken", by=other)
        assert [hit["customer"] for hit in found["hits"]] == [None, None, None]
    assert len(web.calls) == 1


async def test_the_customer_may_be_asked_for_under_several_names(ask, database, viewer):
    async with database.sessions.begin() as session:
        await a_customer(session, viewer, name="Ours", business_id="2900100-7")
    document = (
        """{ registrySearch(text: "nordsken") { hits { a: customer { name } b: customer { number __typename } } } }"""
    )
    first = (await ask(document))["registrySearch"]["hits"][0]
    assert first == {"a": {"name": "Ours"}, "b": {"number": 1, "__typename": "Customer"}}


async def test_the_whole_record_of_a_number(ask):
    found = (await ask(COMPANY, country="FI", businessId="FI-2900100-7"))["found"]
    company = found["company"]
    assert (company["name"], company["legalForm"], company["website"]) == (
        "Nordsken Oy",
        "Osakeyhtiö",
        "www.nordsken.example",
    )
    assert company["addresses"][0] == {"kind": "VISITING", "street": "Satamakatu 4 A 12", "city": "TURKU"}
    assert (company["registeredOn"], company["isComplete"], found["problems"]) == ("2018-01-08", True, [])


@pytest.mark.parametrize(("number", "code"), [("2900101-5", "NOT_FOUND"), ("2900100-8", "INVALID"), ("", "INVALID")])
async def test_what_is_no_number_or_nobodys_is_a_problem_of_a_look_up(ask, number, code):
    found = (await ask(COMPANY, country="FI", businessId=number))["found"]
    assert (found["company"], found["problems"]) == (None, [{"code": code, "path": ["businessId"]}])


async def test_a_vat_number_of_another_country_is_looked_up_there(ask, database):
    async with database.sessions.begin() as session:
        norwegian = await an_organization(session, name="Norsk", country="NO", currency="NOK", locale="nb")
    found = await searched(ask, "FI29001007", by=norwegian)
    assert (names(found), found["registry"]["id"]) == (["Nordsken Oy"], "fi-ytj")


async def test_labels_are_in_the_language_that_is_asked_for(ask):
    labels = [
        (await searched(ask, "2900100-7", **asked))["hits"][0]["company"]["industry"]["label"]
        for asked in ({}, {"locale": "sv"}, {"locale": "en-GB"})
    ]
    assert labels == ["Tieliikenteen tavarankuljetus", "Vägtransport av gods", "Freight transport by road"]


@pytest.mark.parametrize(
    ("asked", "code", "path"),
    [
        ({"text": " - "}, "INVALID", ["text"]),
        ({"text": "x", "first": 0}, "INVALID", ["first"]),
        ({"text": "x", "first": 101}, "INVALID", ["first"]),
        ({"text": "x", "registryId": "fi-old"}, "REGISTRY_UNKNOWN", ["registryId"]),
        ({"text": "x", "country": "NO", "registryId": "fi-ytj"}, "REGISTRY_UNKNOWN", ["registryId"]),
        ({"text": "acme", "country": "GB"}, "REGISTRY_NEEDS_KEY", []),
        ({"text": "acme", "country": "EE", "registryId": "ee-ariregister"}, "NOT_FOUND", ["text"]),
        ({"text": "EE100931558"}, "REGISTRY_UNSUPPORTED", ["text"]),
    ],
)
async def test_what_cannot_be_asked_says_why(ask, asked, code, path):
    found = await searched(ask, **asked)
    assert [(problem["code"], problem["path"]) for problem in found["problems"]] == [(code, path)]
    assert found["hits"] == []


async def test_a_register_that_is_down_is_a_problem_and_the_rest_is_answered(ask, web):
    web.down.add("avoindata.prh.fi")
    document = """{
      viewer { organization { country } }
      registrySearch(text: "nordsken") { problems { code path } }
      customers { totalCount }
    }"""
    answer = await ask(document)
    assert answer["registrySearch"]["problems"] == [{"code": "REGISTRY_UNAVAILABLE", "path": ["text"]}]
    assert (answer["viewer"]["organization"]["country"], answer["customers"]["totalCount"]) == ("FI", 0)


async def test_all_registers_are_listed_with_their_state(ask):
    document = '{ registries { id aliases countries state message plugin } fi: registries(country: "FI") { id } }'
    answer = await ask(document)
    states = {each["id"]: each["state"] for each in answer["registries"]}
    assert states == {
        "fi-ytj": "READY", "no-brreg": "READY", "gb-companies-house": "NEEDS_KEY", "se-bolagsverket": "NEEDS_KEY",
        "ee-ariregister": "READY", "gleif": "READY",
    }  # fmt: skip
    assert "Bizweb" in next(each["aliases"] for each in answer["registries"] if each["id"] == "no-brreg")
    assert [each["id"] for each in answer["fi"]] == ["fi-ytj", "gleif"]


async def from_recordings(request: httpx.Request) -> httpx.Response:
    """What the registers of Finland and Norway answered when they were asked for Nokia and Equinor."""
    if request.url.host == "avoindata.prh.fi":
        return recording("fi", "lookup-by-id" if "businessId" in request.url.params else "search-by-name-assembled")
    if request.url.path.endswith("/enheter/923609016"):
        return recording("no", "lookup-by-id")
    if request.url.path.endswith("/enheter") and request.url.params["navn"] == "equinor":
        unit = orjson.loads(recording("no", "lookup-by-id").content)
        return httpx.Response(200, json={"_embedded": {"enheter": [unit]}, "page": {"totalElements": 1}})
    return recording("no", "underenheter-search-empty")


NOKIA = ("Nokia Oyj", "0112038-9", "FI01120389")
EQUINOR = ("EQUINOR ASA", "923609016", "NO923609016MVA")


@needs_recordings
@pytest.mark.parametrize(
    ("country", "text", "company"),
    [("FI", text, NOKIA) for text in ("nokia", "0112038-9", "01120389", "FI01120389", " fi 0112038-9 ")]
    + [("NO", text, EQUINOR) for text in ("equinor", "923609016", "NO923609016MVA", "923 609 016")],
)
async def test_a_well_known_company_comes_first_in_any_spelling(sessions, database, viewer, country, text, company):
    registries = Registries(
        sessions, lambda locale: discover(locale, entry_points=POINTS), transport=httpx.MockTransport(from_recordings)
    )
    found = await data_of(Context(database, viewer, registries), SEARCH, text=text, country=country)
    await registries.aclose()
    first = found["found"]["hits"][0]["company"]
    assert (first["name"], first["businessId"], first["vatNumber"]) == company


# ---------------------------------------------------------------------- without a database


def hit(name: str, **more: Any) -> CompanyHit:
    return CompanyHit(country="FI", business_id=name, name=name, **more)


def test_who_is_called_just_so_comes_first_then_who_begins_so():
    hits = [
        hit("Suomen Kone ja Laite Oy"),
        hit("Koneisto Oy"),
        hit("KONE Oyj", status=CompanyStatus.ACTIVE),
        hit("Kone Hissit Oy"),
        hit("Kone Oy", status=CompanyStatus.DISSOLVED),
    ]
    found = [each.name for each in ranked(hits, "kone")]
    assert found == ["KONE Oyj", "Kone Oy", "Kone Hissit Oy", "Koneisto Oy", "Suomen Kone ja Laite Oy"]


@given(st.permutations(["Åkerlund AB", "Akerlund Norden AB", "Norden Åkerlund AB", "Norden AB"]))
def test_accents_case_legal_forms_and_the_register_s_order_do_not_matter(order):
    assert [each.name for each in ranked([hit(name) for name in order], "AKERLUND ab")] == [
        "Åkerlund AB",
        "Akerlund Norden AB",
        "Norden Åkerlund AB",
        "Norden AB",
    ]


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("FI 0112038-9", "FI"),
        ("EL094259216", "GR"),
        ("NO923609016MVA", "NO"),
        ("nokia", None),
        ("FI01120380", None),
        ("", None),
    ],
)
def test_a_vat_number_tells_whose_it_is(text, country):
    assert country_of_vat(text) == country
