"""Answers in five languages: the client's, or else the organisation's."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from hypothesis import given
from hypothesis import strategies as st

import schema
import tests.profiles  # noqa: F401
from db.models import Access
from schema.wording import LANGUAGES, SOURCE, accepted_languages, catalogue, language_for
from tests.builders import a_viewer, an_organization
from tests.clients import a_token

CODE = Path(schema.__file__).parent
IN_CODE = {message for _, _, message, _, _ in extract_from_dir(CODE, keywords={"N_": None}, comment_tags=())}
LABELS = "{ kpis { marginThisYear { label formula reason } prospectsInPipeline { label formula } } }"
PROSPECTS = {
    "en": "Prospects in pipeline",
    "fi": "Prospektit myyntiputkessa",
    "sv": "Prospekt i pipelinen",
    "nb": "Kundeemner i pipelinen",
    "da": "Kundeemner i pipelinen",
}


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {SOURCE}))
def test_all_words_are_in_every_language(language):
    known = {message.id: message for message in catalogue(language) if message.id}
    assert set(known) == IN_CODE
    for message in known.values():
        assert message.string, f"{message.id} has no {language}"
        assert not message.fuzzy
        assert [each for each in "−=;()" if message.id.count(each) != str(message.string).count(each)] == []


async def told(client, sessions, viewer, **headers):
    token = await a_token(sessions, viewer)
    answer = await client.post("/graphql", json={"query": LABELS}, headers={**token, **headers})
    return answer.json()["data"]["kpis"]


@pytest.mark.parametrize(
    ("locale", "language"),
    [("en", "en"), ("fi", "fi"), ("sv", "sv"), ("nb-NO", "nb"), ("da-DK", "da"), ("de", "en"), ("no", "nb")],
)
async def test_words_are_in_the_organisations_language(client, sessions, locale, language):
    async with sessions.begin() as session:
        viewer = await an_organization(session, locale=locale)
    strip = await told(client, sessions, viewer)
    assert strip["prospectsInPipeline"]["label"] == PROSPECTS[language]
    assert strip["marginThisYear"]["reason"] is None


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("sv", "sv"),
        ("SV-FI;q=0.8, en-GB;q=0.9", "en"),
        ("de, da;q=0.5, *;q=0.1", "da"),
        ("nn, sv;q=0.9", "nb"),
        ("no-NO", "nb"),
        ("fi;q=0, de", "fi"),  # none of these is spoken, so the organisation's
        ("", "fi"),
        ("sv;q=very, ;;,=, nb;q=0.1", "nb"),
    ],
)
async def test_the_client_may_want_another_one(client, sessions, viewer, header, language):
    strip = await told(client, sessions, viewer, **{"Accept-Language": header})
    assert strip["prospectsInPipeline"]["label"] == PROSPECTS[language]


async def test_the_reason_is_told_in_the_same_language(client, sessions, viewer):
    async with sessions.begin() as session:
        seller = await a_viewer(session, viewer, read_invoices=Access.OWN)
    strip = await told(client, sessions, seller, **{"Accept-Language": "sv"})
    assert strip["marginThisYear"]["reason"] == "Marginalen kräver rätt att se alla fakturor och alla kostnader."


TAGS = st.sampled_from(["fi", "sv-FI", "EN-gb", "nb", "zh-Hant-TW", "*"])


@given(st.lists(st.tuples(TAGS, st.integers(0, 1000)), max_size=8))
def test_tags_come_by_their_quality_and_in_the_order_given(wanted):
    header = ", ".join(f"{tag};q={quality / 1000:g}" for tag, quality in wanted)
    qualities = sorted({quality for _, quality in wanted if quality}, reverse=True)
    assert accepted_languages(header) == [tag for q in qualities for tag, quality in wanted if quality == q]


@given(st.text())
def test_no_header_is_too_odd(header):
    assert language_for(header, "fi") in LANGUAGES
