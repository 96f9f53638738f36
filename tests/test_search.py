"""Customers and contacts are found by words: by prefix, in any order and spelling, the best match first."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import assume, given, note
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db.connection import connected
from db.models import Access, Customer
from resolvers.contact import delete_contact, update_contact
from resolvers.customer import delete_customer, restore_customer, update_customer
from resolvers.ids import encode
from resolvers.search import LIKE_ENOUGH, likeness
from tests.asking import ROOT_FIELDS, Asking, Writer, oracles
from tests.builders import a_contact, a_customer, a_viewer, an_id, an_organization, ref
from tests.conftest import cloned
from tests.oracle import Oracle, folded
from tests.rows import TEXTS
from tests.worlds import WORLDS, answered, inhabited, told

CUSTOMERS = (
    "query ($search: String, $filter: CustomerFilter, $by: [CustomerOrder!]) "
    "{ list: customers(search: $search, filter: $filter, orderBy: $by) { nodes { name } totalCount } }"
)
CONTACTS = "query ($search: String) { list: contacts(search: $search) { nodes { name } totalCount } }"


async def names(database, viewer, search, document=CUSTOMERS, **more):
    """Whom a search finds, in order; the count must agree."""
    found = (await told(database, viewer, document, {"search": search, **more}))["list"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["name"] for node in found["nodes"]]


# ---------------------------------------------------------------------- what is found, and in which order


class Town:
    """An organisation with a few customers, and somebody who asks."""

    def __init__(self, database, viewer) -> None:
        self.database = database
        self.viewer = viewer

    async def find(self, search, **more):
        return await names(self.database, self.viewer, search, **more)


PEOPLE: dict[str, list[dict[str, Any]]] = {
    "Ålandsbanken Abp": [{"first_name": "Mårten", "last_name": "Öberg"}],
    "Bank of Åland": [],
    "Nokia Oyj": [
        {
            "first_name": "Aino",
            "last_name": "Virtanen",
            "email": "aino.virtanen@nokia.example",
            "phone": "+358401234567",
            "mobile": "+46701234599",
        }
    ],
    "Kauppahuone Nokia Oy": [],
    "Virtanen & Pojat Ky": [],
    "Norsk Hydro ASA": [],
    "Sähkö-Jussi": [],
}
KEYS: dict[str, dict[str, Any]] = {
    "Nokia Oyj": {"business_id": "0112038-9", "vat_number": "FI01120389", "email": "Info@Nokia.example"},
    "Norsk Hydro ASA": {"business_id": "923609016", "country": "NO"},
    "Ålandsbanken Abp": {"number": 4711},
    "Bank of Åland": {"vat_number": "FI29001015"},
}


@pytest.fixture(scope="module")
async def town(server, template):
    async for url in cloned(server, template):
        async with connected(url) as database:
            async with database.sessions.begin() as session:
                viewer = await an_organization(session)
                for name, people in PEOPLE.items():
                    customer = await a_customer(session, viewer, name=name, **KEYS.get(name, {}))
                    for person in people:
                        await a_contact(session, viewer, customer, **person)
            yield Town(database, viewer)


@pytest.mark.parametrize("text", ["alandsbanken", "ÅLANDSBANKEN", "Ålands", "abp åland", "  ålandsbanken,abp! "])
async def test_words_are_found_by_their_beginnings_in_any_order_without_accents_and_case(town, text):
    assert await town.find(text) == ["Ålandsbanken Abp"]


async def test_each_of_the_words_must_be_there(town):
    assert await town.find("oy") == ["Kauppahuone Nokia Oy", "Nokia Oyj"]
    assert await town.find("oy kauppa") == ["Kauppahuone Nokia Oy"]
    assert await town.find("nokia hydro") == []


async def test_a_hyphen_parts_words_and_joins_none(town):
    assert await town.find("jussi") == ["Sähkö-Jussi"]
    assert await town.find("sahko-ju") == ["Sähkö-Jussi"]


async def test_what_begins_with_the_text_comes_first_then_names_with_the_words_then_the_rest(town):
    assert await town.find("nokia") == ["Nokia Oyj", "Kauppahuone Nokia Oy"]
    assert await town.find("aland") == ["Ålandsbanken Abp", "Bank of Åland"]
    assert await town.find("virtanen") == ["Virtanen & Pojat Ky", "Nokia Oyj"]


@pytest.mark.parametrize(
    "text",
    ["0112038-9", "01120389", "FI01120389", "fi 0112038-9", "FI-01120389", "0112038", "fi0112", "info@nokia.example"],
)
async def test_numbers_and_addresses_are_found_in_any_spelling(town, text):
    assert (await town.find(text))[0] == "Nokia Oyj"


async def test_a_number_is_found_in_groups_and_by_the_vat_number_alone(town):
    assert await town.find("923 609 016") == ["Norsk Hydro ASA"]
    assert await town.find("923 609") == ["Norsk Hydro ASA"]
    assert await town.find("NO 923609016") == ["Norsk Hydro ASA"]
    assert await town.find("2900101-5") == ["Bank of Åland"]


async def test_a_key_that_is_the_whole_text_comes_before_names(town):
    assert (await town.find("4711"))[0] == "Ålandsbanken Abp"


async def test_a_customer_is_found_by_its_contacts_names_together_with_its_own(town):
    assert await town.find("oberg") == ["Ålandsbanken Abp"]
    assert await town.find("aino nokia") == ["Nokia Oyj"]


@pytest.mark.parametrize(
    "text",
    [
        "virt",
        "Virtanen, Aino",
        "aino.virtanen@nokia.example",
        "nokia",
        "+358 40 1234567",
        "040 123 4567",
        "+46 70 123 45 99",
        "070-1234599",
    ],
)
async def test_a_contact_is_found_by_names_address_and_telephone(town, text):
    assert await town.find(text, document=CONTACTS) == ["Aino Virtanen"]


@pytest.mark.parametrize("text", ["Alandsbankn", "Ålandsbamken", "Alandbsanken", "Aalndsbankken", "kauppahoune"])
async def test_one_or_two_slips_are_forgiven_where_nothing_has_the_words(town, text):
    assert (await town.find(text))[0] in {"Ålandsbanken Abp", "Kauppahuone Nokia Oy"}


async def test_a_short_word_with_a_slip_is_found(town):
    assert await town.find("nokai") == ["Kauppahuone Nokia Oy", "Nokia Oyj"]
    assert (await town.find("virtnaen", document=CONTACTS)) == ["Aino Virtanen"]


async def test_nothing_is_like_a_text_that_has_matches(town):
    assert await town.find("bank") == ["Bank of Åland"]


async def test_nothing_like_it_is_nothing(town):
    assert await town.find("xyzzy quux") == []


async def test_an_order_that_is_given_is_the_only_one(town):
    assert await town.find("nokia", by=[{"name": "ASC"}]) == ["Kauppahuone Nokia Oy", "Nokia Oyj"]
    assert await town.find("nokia", by=[{"name": "DESC"}]) == ["Nokia Oyj", "Kauppahuone Nokia Oy"]


async def test_a_filter_holds_beside_the_words_and_for_what_is_alike(town):
    only = {"country": {"eq": "NO"}}
    assert await town.find("no", filter=only) == ["Norsk Hydro ASA"]
    assert await town.find("norks", filter=only) == ["Norsk Hydro ASA"]
    assert await town.find("nokia", filter=only) == []


async def test_words_beyond_the_filter_do_not_keep_likeness_away(town):
    found = await town.find("virtane", filter={"name": {"neq": "Virtanen & Pojat Ky"}})
    assert found == ["Nokia Oyj"]
    assert await town.find("hydro", filter={"name": {"startsWith": "Nokia"}}) == []


async def test_no_search_is_every_customer(town):
    for nothing in ({}, {"search": None}):
        found = (await told(town.database, town.viewer, CUSTOMERS, nothing))["list"]
        assert found["totalCount"] == len(PEOPLE)


@pytest.mark.parametrize("text", ["", "   ", "-!?", "&|", "x" * 201, "a\0b"])
async def test_a_text_without_anything_to_look_for_is_refused(town, text):
    for document in (CUSTOMERS, CONTACTS):
        (error,) = (await answered(town.database, town.viewer, document, {"search": text}))["errors"]
        assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": ["search"]}


@pytest.mark.parametrize("text", ["nokia' & !oy", "nokia:*", "oy | nokia", "oy <-> nokia", "nok\\ia oy", "oy*", "o%y_"])
async def test_signs_with_a_meaning_to_the_database_are_no_words(town, text):
    assert "errors" not in await answered(town.database, town.viewer, CUSTOMERS, {"search": text})


@pytest.mark.parametrize(
    "text", ["²", "日本", "x" * 200, "ﷺ" * 200, "\U0001d538" * 200, "ß", "ͅ a", "a" + "\u0301" * 150]
)
async def test_a_text_of_strange_letters_is_answered(town, text):
    assert "errors" not in await answered(town.database, town.viewer, CUSTOMERS, {"search": text})


async def test_a_cursor_of_another_order_is_refused(town):
    page = "{ edges { cursor } } }"
    data = await told(town.database, town.viewer, f'{{ list: customers(search: "oy") {page}')
    cursor = data["list"]["edges"][0]["cursor"]
    for arguments in (f'after: "{cursor}"', f'search: "oy", orderBy: [{{name: ASC}}], after: "{cursor}"'):
        (error,) = (await answered(town.database, town.viewer, f"{{ list: customers({arguments}) {page}"))["errors"]
        assert error["extensions"]["argument"] == ["after"]


# ---------------------------------------------------------------------- what changes


@pytest.fixture
async def world(database_url):
    async with connected(database_url) as database:
        async with database.sessions.begin() as session:
            viewer = await an_organization(session)
        yield Town(database, viewer)


async def test_a_customer_is_found_by_its_new_name_and_numbers_and_not_by_the_old(world):
    async with world.database.sessions.begin() as session:
        key = await a_customer(session, world.viewer, name="Vanha Oy", business_id="0112038-9")
    values = {"name": "Uusi Oy", "business_id": "1572860-0", "email": "post@uusi.example"}
    async with world.database.sessions.begin() as session:
        assert not (await update_customer(session, world.viewer, an_id("Customer", key), values)).problems
    for text in ("uusi", "15728600", "post@uusi.example"):
        assert await world.find(text) == ["Uusi Oy"]
    for text in ("vanha", "0112038-9"):
        assert await world.find(text) == []


@pytest.mark.parametrize("operator", ["contains", "startsWith"])
async def test_a_part_of_a_name_finds_the_name_that_is_there_now(world, operator):
    async def there(part):
        found = await told(world.database, world.viewer, CUSTOMERS, {"filter": {"name": {operator: part}}})
        return [node["name"] for node in found["list"]["nodes"]]

    async with world.database.sessions.begin() as session:
        key = await a_customer(session, world.viewer, name="100% Ääni_Oy")
    assert await there("100% aani_") == ["100% Ääni_Oy"]
    async with world.database.sessions.begin() as session:
        assert not (await update_customer(session, world.viewer, an_id("Customer", key), {"name": "Öljy"})).problems
    assert await there("100%") == await there("_") == await there("%") == []
    assert await there("olj") == await there("Ö") == await there("") == ["Öljy"]


async def test_a_deleted_customer_is_not_found_until_it_is_restored(world):
    async with world.database.sessions.begin() as session:
        key = await a_customer(session, world.viewer, name="Katoava Oy")
        await delete_customer(session, world.viewer, an_id("Customer", key))
    assert await world.find("katoava") == await world.find("katoavva") == []
    async with world.database.sessions.begin() as session:
        await restore_customer(session, world.viewer, an_id("Customer", key))
    assert await world.find("katoava") == ["Katoava Oy"]


async def test_contacts_names_follow_them(world):
    async with world.database.sessions.begin() as session:
        first = await a_customer(session, world.viewer, name="Ensimmäinen")
        second = await a_customer(session, world.viewer, name="Toinen")
        person = an_id("Contact", await a_contact(session, world.viewer, first, last_name="Korhonen"))
    assert await world.find("korhonen") == ["Ensimmäinen"]
    for values, text, found in (
        ({"last_name": "Mäkelä"}, "makela", ["Ensimmäinen"]),
        ({}, "korhonen", []),
        ({"customer": ref("Customer", second)}, "makela", ["Toinen"]),
    ):
        async with world.database.sessions.begin() as session:
            assert not (await update_contact(session, world.viewer, person, values)).problems
        assert await world.find(text) == found
    async with world.database.sessions.begin() as session:
        await delete_contact(session, world.viewer, person)
    assert await world.find("makela") == []
    assert await world.find("makela", document=CONTACTS) == []


# ---------------------------------------------------------------------- who finds what


async def test_what_is_not_seen_is_not_found_and_keeps_no_likeness_away(world):
    async with world.database.sessions.begin() as session:
        other = await an_organization(session, admin_email="other@example.com")
        await a_customer(session, other, name="Salainen Oy")
        own_only = await a_viewer(session, world.viewer, read_customers=Access.OWN)
        hidden = await a_customer(session, world.viewer, name="Salainen Ab")
        await a_contact(session, world.viewer, hidden, last_name="Piilonen")
        own = await a_customer(session, world.viewer, name="Salaine Ky", owner=ref("User", own_only.user_id))
        await a_contact(session, world.viewer, own, last_name="Piilone")
    assert await names(world.database, other, "salainen") == ["Salainen Oy"]
    assert await names(world.database, world.viewer, "salainen") == ["Salainen Ab"]
    assert await names(world.database, own_only, "salaine") == ["Salaine Ky"]
    assert await names(world.database, own_only, "salainen") == ["Salaine Ky"]
    assert await names(world.database, own_only, "piilo") == ["Salaine Ky"]
    assert await names(world.database, own_only, "piilo", CONTACTS) == ["Piilone"]
    assert await names(world.database, own_only, "piilonen", CONTACTS) == ["Piilone"]
    assert await names(world.database, other, "piilo") == []


# ---------------------------------------------------------------------- any words in any rows


def words(text: str | None) -> list[str]:
    """The words of a text, without accents and case."""
    return re.findall(r"[^\W_]+", folded(text or ""))


def squashed(text: str | None) -> str:
    return "".join(words(text))


def spellings(text: str | None) -> set[str]:
    """A number as one word, with and without the country in front."""
    whole = squashed(text)
    return {whole, whole[2:]} if re.match("[a-z]{2}[0-9]{6}", whole) else {whole} - {""}


def telephone(text: str | None) -> set[str]:
    digits = re.sub("[^0-9]", "", text or "")
    return {digits, *(trunk + digits[start:] for start in (1, 2, 3) for trunk in ("", "0") if digits[start:])} - {""}


class Searched:
    """A second way to search, slow and obvious: what of these rows a text finds, and in which order."""

    def __init__(self, oracle: Oracle, entity: str) -> None:
        self.oracle = oracle
        self.entity = entity

    def name(self, row):
        return folded(self.oracle.value(self.entity, row, "name"))

    def keys(self, row):
        if self.entity == "Contact":
            return telephone(row["phone"]) | telephone(row["mobile"]) | {squashed(row["email"])} - {""}
        plain = {squashed(row["business_id"]), squashed(row["email"]), str(row["number"])} - {""}
        return plain | spellings(row["vat_number"])

    def other_words(self, row):
        """Parts of keys, and the names of the contacts."""
        if self.entity == "Contact":
            return words(row["email"])
        people = [
            self.oracle.value("Contact", contact, "name")
            for contact in self.oracle.rows["Contact"]
            if contact["customer_id"] == row["id"] and contact["deleted_at"] is None
        ]
        texts = (row["business_id"], row["email"], *people)
        return [word for text in texts for word in words(text)]

    def rank(self, row, text):
        """How good a match it is; None for none."""
        keys, wanted = self.keys(row), spellings(text)
        begins_key = any(key.startswith(one) for key in keys for one in wanted) if has_digit(text) else keys & wanted
        there = [*words(self.name(row)), *self.other_words(row)]
        begins_words = all(begin([word], [*there, *keys] if has_digit(word) else there) for word in words(text))
        if not begins_words and not begins_key:
            return None
        if keys & wanted:
            return 0
        if self.name(row).startswith(folded(text.strip(" "))):
            return 1
        return 2 if begin(words(text), words(self.name(row))) else 3

    def found(self, text, kept, order):
        """Those of the rows that have the words; the best first, where no order is given."""
        ranks = {row["id"]: self.rank(row, text) for row in kept}
        found = [row for row in kept if ranks[row["id"]] is not None]
        if order:
            return self.oracle.ordered(self.entity, found, order)
        return sorted(found, key=lambda row: (ranks[row["id"]], self.name(row), row["id"]))


def has_digit(text):
    return any(char in "0123456789" for char in text)


def begin(given, there):
    return all(any(word.startswith(start) for word in there) for start in given)


@st.composite
def searches(draw: Any) -> Any:
    """Somebody looks for pieces of what is there, in other letters, with a filter and an order now and then."""
    world, oracle = draw(oracles(WORLDS))
    entity = draw(st.sampled_from(("Customer", "Contact")))
    columns = ("name", "email", "phone", "mobile") if entity == "Contact" else TEXT_COLUMNS
    texts = [str(oracle.value(entity, row, column) or "") for row in oracle.rows[entity] for column in columns]
    texts += [oracle.value("Contact", row, "name") for row in oracle.rows["Contact"]]
    pieces = [
        text[: draw(st.integers(1, len(text)))] if draw(st.booleans()) else text
        for text in draw(st.lists(st.sampled_from([*filter(None, texts), *TEXTS]), min_size=1, max_size=2))
    ]
    recased = draw(st.sampled_from((str.lower, str.upper, folded, str)))
    text = draw(st.sampled_from((" ", ", ", "-"))).join(map(recased, pieces))
    assume(words(text) and any(letter.isalnum() for letter in text))
    asking = Asking(draw, oracle, world.foreign, world.today)
    given = {"search": text}
    if draw(st.booleans()):
        given["filter"] = asking.filter(entity, f"{entity}Filter", 1)
    if draw(st.booleans()):
        given["orderBy"] = asking.order(entity)
    root = {"Customer": "customers", "Contact": "contacts"}[entity]
    field = Writer(draw)
    arguments = ROOT_FIELDS[root].args
    literals = ", ".join(f"{name}: {field.constant(value, arguments[name].type)}" for name, value in given.items())
    document = (
        "query Search($first: Int, $after: String, $last: Int, $before: String) { list: "
        f"{root}(first: $first, after: $after, last: $last, before: $before, {literals})"
        "{ nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"
    )
    return oracle, entity, given, document, draw(st.integers(1, 9)), draw(st.booleans())


TEXT_COLUMNS = ("name", "number", "business_id", "vat_number", "email")
MOST_PAGES = 100


async def read_through(database, viewer, document, size, *, backward):
    """All pages of a list: ids in its order, and how many there are said to be."""
    variables: dict[str, Any] = {"last" if backward else "first": size}
    read: list[str] = []
    for _ in range(MOST_PAGES):
        page = (await told(database, viewer, document, variables))["list"]
        info, ids = page["pageInfo"], [row["id"] for row in page["nodes"]]
        assert info["hasNextPage" if backward else "hasPreviousPage"] == bool(read)
        read = ids + read if backward else read + ids
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return read, page["totalCount"]
        assert len(ids) == size
        variables |= {"before": info["startCursor"]} if backward else {"after": info["endCursor"]}
    pytest.fail("the list has no end")


@pytest.fixture(scope="module")
async def worlds(server, template):
    async with inhabited(server, template) as database:
        yield database


@given(search=searches())
async def test_the_pages_of_a_search_are_together_what_the_oracle_finds(worlds, search):
    oracle, entity, asked, document, size, backward = search
    note(document)
    kept = [row for row in oracle.seen(entity) if "filter" not in asked or oracle.holds(entity, row, asked["filter"])]
    by_words = Searched(oracle, entity).found(asked["search"], kept, asked.get("orderBy"))
    read, total = await read_through(worlds, oracle.viewer, document, size, backward=backward)
    assert total == len(read) == len(set(read))
    if by_words:
        assert read == [encode(entity, row["id"]) for row in by_words]
    else:  # what is alike is for PostgreSQL to say, but it is among these, and in the same order at once
        assert set(read) <= {encode(entity, row["id"]) for row in kept}
        assert read == (await read_through(worlds, oracle.viewer, document, 1000, backward=False))[0]


# ---------------------------------------------------------------------- words that very many rows have


class Many:
    """More customers than are put in order at once: somebody who sees all, somebody with a few, somebody with none."""

    def __init__(self, database, rows, viewers) -> None:
        self.database = database
        self.rows = rows
        self.viewers = viewers

    def seen_by(self, who):
        owner = self.viewers[who].user_id
        return [row for row in self.rows if who == "all" or row["owner_id"] == owner]


def many_rows(organization_id, owner_id):
    """Names that come twice, a few that begin otherwise, one address for all."""
    names = [f"Kauppa {number % 1300:04} Oy" for number in range(2600)] + [f"Oyster Bar {n}" for n in range(30)]
    return [
        {
            "organization_id": organization_id,
            "number": number,
            "name": name,
            "country": "FI",
            "email": "info@kauppa.example",
            "owner_id": owner_id if number % 10 == 0 else None,
        }
        for number, name in enumerate(names, start=1)
    ]


@pytest.fixture(scope="module")
async def many(server, template):
    async for url in cloned(server, template):
        async with connected(url) as database:
            async with database.sessions.begin() as session:
                everyone = await an_organization(session)
                few, none = [await a_viewer(session, everyone, read_customers=Access.OWN) for _ in range(2)]
                made = [Customer(**row) for row in many_rows(everyone.organization_id, few.user_id)]
                rows = [customer.model_dump() for customer in made]
                session.add_all(made)
            yield Many(database, rows, {"all": everyone, "few": few, "none": none})


RANKS = {
    "oy": lambda name: 1 if name.startswith("Oy") else 2,
    "kauppa": lambda name: 1 if name.startswith("Kauppa") else 3,
    "oy kauppa": lambda name: 3 if name.startswith("Oyster") else 2,
    "info": lambda name: 3,
    "bar oy": lambda name: 2 if name.startswith("Oyster") else None,
}


def expected_of_many(rows, text, order):
    rank = RANKS[text]
    found = [row for row in rows if rank(row["name"]) is not None]
    if order:
        return sorted(found, key=lambda row: row["number"], reverse=True)
    return sorted(found, key=lambda row: (rank(row["name"]), row["name"].lower(), row["id"]))


@pytest.mark.parametrize("who", ["all", "few", "none"])
@pytest.mark.parametrize("order", ["", ", orderBy: [{ number: DESC }]"])
@pytest.mark.parametrize("text", RANKS)
async def test_common_words_are_read_through_as_rare_ones_are(many, text, order, who):
    document = (
        "query Search($first: Int, $after: String, $last: Int, $before: String) { list: customers("
        f'search: "{text}", first: $first, after: $after, last: $last, before: $before{order}) '
        "{ nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"
    )
    expected = [encode("Customer", row["id"]) for row in expected_of_many(many.seen_by(who), text, order)]
    for backward in (False, True):
        read = await read_through(many.database, many.viewers[who], document, 1000, backward=backward)
        assert read == (expected, len(expected))


async def test_a_slip_is_forgiven_to_those_only_who_see_nothing_with_the_words(many):
    for who in ("all", "few", "none"):
        bars = [row["name"] for row in many.seen_by(who) if row["name"].startswith("Oyster")]
        assert await names(many.database, many.viewers[who], "oysterr") == sorted(bars)


async def test_a_filter_that_leaves_few_of_very_many_holds(many):
    found = await names(many.database, many.viewers["all"], "kauppa", filter={"name": {"startsWith": "Oyster Bar 1"}})
    assert found == sorted(f"Oyster Bar {number}" for number in (1, *range(10, 20)))


@st.composite
def slips(draw: Any) -> tuple[str, str]:
    """A word, and the same with a letter too few, too many or wrong."""
    word = draw(st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=12))
    place, letter = draw(st.integers(1, len(word) - 2)), draw(st.sampled_from("qzx"))
    rest = draw(st.sampled_from((word[place:], word[place + 1 :])))
    return word, word[:place] + draw(st.sampled_from((letter, ""))) + rest


@given(pair=slips())
async def test_a_slip_in_a_word_does_not_hide_a_name(worlds, pair):
    word, slip = pair
    assume(slip != word and not word.startswith(slip))
    async with worlds.sessions() as session:
        alike = await session.scalar(sa.select(likeness(sa.literal(f"{word} oy"), sa.literal(slip)) >= LIKE_ENOUGH))
    assert alike
