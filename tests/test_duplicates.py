"""Customers that may be there twice: by VAT number, or by a like name and something else in common."""

import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db.connection import connected, reads_of
from db.models import Access, AddressKind
from resolvers.customer import delete_customer
from resolvers.legal_forms import LONG, SHORT
from resolvers.reading import read
from resolvers.selection import Field, Listing, Member, Operand
from tests.builders import a_customer, a_viewer, an_id, an_organization, ref
from tests.conftest import cloned
from tests.mass_updates import some
from tests.worlds import answered, told

HERE = [{"kind": AddressKind.POSTAL, "city": "Espoo"}]


async def doubles(database, viewer, id_text: str) -> list[str]:
    """The names of the possible duplicates."""
    document = f'{{ found: possibleDuplicates(customerId: "{id_text}") {{ name }} }}'
    return [each["name"] for each in (await told(database, viewer, document))["found"]]


async def named(database, viewer, *each: str, **values: Any) -> list[str]:
    return await some(database, viewer, *({"name": name, **values} for name in each))


async def test_the_same_vat_number_is_enough(database, viewer):
    first, *_ = await some(
        database,
        viewer,
        {"name": "Aalto", "vat_number": "FI01120389"},
        {"name": "Something else", "vat_number": "FI 0112038-9"},
        {"name": "Third", "vat_number": "FI20774740"},
        {"name": "Fourth"},
    )
    assert await doubles(database, viewer, first) == ["Something else"]


async def test_no_vat_number_is_not_the_same_as_no_vat_number(database, viewer):
    first, _ = await named(database, viewer, "Aalto", "Something else")
    assert await doubles(database, viewer, first) == []


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Nordsken Oy", "Nordsken Ab"),
        ("Nordsken Oy", "NORDSKEN"),
        ("Åkerlund & Söner AB", "Akerlund & Soner Aktiebolag"),
        ("Kivikoski Kuljetus Oy", "Kuljetus Kivikosky Oy"),
        ("Hansen Transport A/S", "Hansen Transport ApS"),
        ("Dvořák s.r.o.", "Dvorak, sro"),
        ("ABC Osakeyhtiö", "ABC Oy"),
        ("Rossi S.p.A.", "Rossi S.r.l."),
        ("Nowak Sp. z o.o.", "Nowak"),
        ("Oy Ab", "Oy Ab"),
    ],
)
async def test_like_names_in_the_same_town_are_found(database, viewer, name, other):
    first, second = await named(database, viewer, name, other, addresses=HERE)
    await named(database, viewer, "Quite another one", addresses=HERE)
    assert await doubles(database, viewer, first) == [other]
    assert await doubles(database, viewer, second) == [name]


@pytest.mark.parametrize(
    ("name", "other"),
    [("Nordsken Oy", "Saimaan Puu Oy"), ("Aalto Oy", "Berg Oy"), ("Meyer GmbH", "Maier GmbH"), ("A Oy", "Oy B")],
)
async def test_legal_forms_alone_make_no_names_alike(database, viewer, name, other):
    first, _ = await named(database, viewer, name, other, addresses=HERE)
    assert await doubles(database, viewer, first) == []


async def test_a_like_name_needs_a_town_or_a_domain_in_common(database, viewer):
    towns = [
        [{"kind": kind, "city": city}]
        for kind, city in ((AddressKind.POSTAL, "Ähtäri"), (AddressKind.VISITING, "AHTARI"))
    ]
    first, *_ = await some(
        database,
        viewer,
        {"name": "Nordsken", "email": "info@nordsken.example", "addresses": towns[0]},
        {"name": "Nordsken Oy", "email": "x@NORDSKEN.example"},
        {"name": "Nordsken Ab", "email": "nordsken@example.com"},
        {"name": "Nordsken AS", "addresses": [*HERE, *towns[1]]},
        {"name": "Nordsken HB", "addresses": HERE},
        {"name": "Nordsken KB"},
    )
    assert await doubles(database, viewer, first) == ["Nordsken Oy", "Nordsken AS"]


async def test_the_oldest_come_first_and_the_fields_are_those_of_customers(database, viewer):
    first, *others = await named(database, viewer, *(f"Nordsken {letter}" for letter in "dcba"), addresses=HERE)
    document = f'{{ possibleDuplicates(customerId: "{first}") {{ id __typename contacts {{ totalCount }} }} }}'
    found = (await told(database, viewer, document))["possibleDuplicates"]
    assert found == [{"id": each, "__typename": "Customer", "contacts": {"totalCount": 0}} for each in others]


async def test_only_the_oldest_twenty_are_told(database, viewer):
    first, *_ = await named(
        database, viewer, *(f"Nordsken {letter}" for letter in string.ascii_letters[:25]), addresses=HERE
    )
    assert await doubles(database, viewer, first) == [f"Nordsken {letter}" for letter in string.ascii_letters[1:21]]


async def test_what_is_deleted_or_hidden_or_another_organisations_is_no_duplicate(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.OWN)
        stranger = await an_organization(session, name="Other")
    owner = ref("User", clerk.user_id)
    first, gone, own = await named(
        database, viewer, "Nordsken", "Nordsken Oy", "Nordsken Ab", addresses=HERE, owner=owner
    )
    (hidden,) = await named(database, viewer, "Nordsken AS", addresses=HERE)
    await named(database, stranger, "Nordsken HB", addresses=HERE)
    async with database.sessions.begin() as session:
        assert not (await delete_customer(session, viewer, gone)).problems
    assert await doubles(database, viewer, first) == ["Nordsken Ab", "Nordsken AS"]
    assert await doubles(database, clerk, first) == ["Nordsken Ab"]
    assert await doubles(database, clerk, own) == ["Nordsken"]
    for unseen in (hidden, gone, "nonsense", "", "cus_" + "0" * 32):
        assert await doubles(database, clerk, unseen) == []


async def test_twenty_times_whatever_hangs_on_them_is_too_much(database, viewer):
    (first,) = await named(database, viewer, "Nordsken")
    deep = "contacts(first: 1000) { nodes { customer { contacts(first: 1000) { nodes { id } } } } }"
    answer = await answered(database, viewer, f'{{ possibleDuplicates(customerId: "{first}") {{ {deep} }} }}')
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["TOO_MUCH"]


# ---------------------------------------------------------------------- whatever the form


@pytest.fixture(scope="module")
async def registry(server, template):
    """A database with an organisation, and its administrator."""
    async for url in cloned(server, template):
        async with connected(url) as database:
            async with database.sessions.begin() as session:
                viewer = await an_organization(session)
            yield database, viewer


def spelt(form: str) -> st.SearchStrategy[str]:
    """A short form in the ways that it is written: plain, in capitals, with points or strokes."""
    marks = st.sampled_from(("", ".", "/"))
    return st.builds(lambda mark, upper: mark.join(form.upper() if upper else form), marks, st.booleans())


FORMS = st.sampled_from(SHORT).flatmap(spelt) | st.sampled_from(LONG).map(str.title)


@given(one=FORMS, other=FORMS, is_last=st.booleans())
async def test_the_same_name_with_another_legal_form_is_found(registry, one, other, is_last):
    database, viewer = registry
    names = [f"Kivi {form}" if is_last else f"{form} Kivi" for form in (one, other)]
    async with database.sessions() as session:
        first, second = [await a_customer(session, viewer, name=name, addresses=HERE) for name in names]
        assert an_id("Customer", second) in await told_within(session, viewer, first)


async def told_within(session, viewer, key) -> list[str]:
    """The ids of the possible duplicates, as the session sees them."""
    group = Member("POSSIBLE_DUPLICATE", (Operand(key),))
    json = await read(await reads_of(session), viewer, Listing("Customer", (Field("id", "id"),), group))
    return [each["id"] for each in orjson.loads(json or "")]
