"""Saving reports: what is accepted, what is refused and where, whose the names are, what becomes of old versions."""

import asyncio

import pytest

from db.models import Access
from schema.context import Context
from tests.builders import a_viewer
from tests.clients import data_of

SAVE = """
mutation ($input: ReportInput!, $id: ID, $expectedVersion: Int) {
  saveReport(input: $input, id: $id, expectedVersion: $expectedVersion) {
    report {
      id name title description document visibility version owner { email }
      columns { path label type } variables { name type required default } health { status problems { message } }
    }
    problems { code message path line column entityId }
  }
}
"""
NAMES = "{ customers { nodes { name } } }"
WIDE = (
    "{ customers { nodes { " + " ".join(f"c{place}: owner {{ ...F }}" for place in range(6)) + " } } } "
    "fragment F on User { " + " ".join(f"d{place}: name" for place in range(100)) + " }"
)


@pytest.fixture
def admin(viewer):
    return viewer


@pytest.fixture
async def seller(sessions, admin):
    async with sessions.begin() as session:
        return await a_viewer(session, admin, read_customers=Access.OWN)


@pytest.fixture
def save(database, registries):
    async def save(viewer, document=NAMES, name="names", *, id_=None, version=None, **values):
        given = {"name": name, "title": "Names", "document": document, **values}
        context = Context(database, viewer, registries)
        data = await data_of(context, SAVE, input=given, id=id_, expectedVersion=version)
        return data["saveReport"]

    return save


@pytest.fixture
def ask(database):
    async def ask(viewer, document, **variables):
        return await data_of(Context(database, viewer), document, **variables)

    return ask


async def test_a_report_knows_its_columns_and_variables(save, admin):
    document = """
    query Spring($industry: String!, $most: Int = 7, $day: Date = "2026-03-01", $skip: Boolean = false) {
      customers(first: $most, filter: { industry: { name: { eq: $industry } } }) {
        totalCount
        nodes {
          number
          company: name
          owner { name unit { name } }
          billing(from: $day) { amount currency }
          contacts(filter: { isActive: { eq: true } }) { totalCount nodes { name email @skip(if: $skip) } }
        }
      }
    }
    """
    saved = await save(admin, document, "spring")
    assert saved["problems"] == []
    report = saved["report"]
    assert report["document"] == document
    assert report["health"] == {"status": "VALID", "problems": []}
    assert [(each["path"], each["label"], each["type"]) for each in report["columns"]] == [
        ("number", "Numero", "Int!"),
        ("company", "company", "String!"),
        ("owner.name", "Vastuuhenkilö / Nimi", "String!"),
        ("owner.unit.name", "Vastuuhenkilö / Yksikkö / Nimi", "String!"),
        ("billing.amount", "Summa", "Decimal!"),
        ("billing.currency", "Valuutta", "CurrencyCode!"),
        ("contacts.totalCount", "Määrä", "Int!"),
        ("contacts.nodes.name", "Yhteyshenkilöt / Nimi", "String!"),
        ("contacts.nodes.email", "Sähköposti", "String"),
    ]
    assert report["variables"] == [
        {"name": "industry", "type": "String!", "required": True, "default": None},
        {"name": "most", "type": "Int", "required": False, "default": 7},
        {"name": "day", "type": "Date", "required": False, "default": "2026-03-01"},
        {"name": "skip", "type": "Boolean", "required": False, "default": False},
    ]


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        ("{ customers { nodes { name }", (1, 29), "Syntax Error"),
        ("{ customers { nodes {\n nam } } }", (2, 2), "Did you mean 'name'"),
        ('mutation { deleteCustomer(id: "x") { deletedId } }', (1, 1), "only reads"),
        ("subscription { kpis { asOf } }", (1, 1), "only reads"),
        ("query A { units { name } }\nquery B { units { name } }", (2, 1), "one query; here are 2"),
        ("fragment F on Customer { name }", (1, 1), "never used"),
        ("{ __schema { types { name } } }", (1, 3), "not about the schema"),
        ('{ a: __type(name: "X") { fields { name } } }', (1, 3), "not about the schema"),
        ("{ customers { totalCount } }", (1, 1), "no list"),
        ("{ viewer { user { name } } }", (1, 1), "no list"),
        ("{ units { name } roles { name } }", (1, 18), "one list"),
        ("{ customers { nodes { name } edges { node { name } } } }", (1, 30), "one list"),
        (
            "{ customers { nodes { contacts { nodes { name } } addresses { city } } } }",
            (1, 51),
            "multiply the rows of contacts",
        ),
        (
            "{ contacts { nodes { customer { cases { nodes { name } } invoices { nodes { number } } } } } }",
            (1, 58),
            "multiply",
        ),
        ("{ customers { nodes { contacts { nodes { name } pageInfo { hasNextPage } } } } }", (1, 49), "no pages"),
        ("{ customers { nodes { contacts { edges { cursor node { name } } } } } }", (1, 42), "no pages"),
        ("{ customers(first: 1001) { nodes { name } } }", (1, 3), "between 0 and 1000"),
        ("{ customers { nodes { contacts(first: -1) { nodes { name } } } } }", (1, 23), "between 0 and 1000"),
        ("{ customers(first: 1, last: 1) { nodes { name } } }", (1, 3), "either first or last"),
        ("{ customers(filter: {}) { nodes { name } } }", (1, 3), "empty"),
        ("query ($_n: Int) { customers(first: $_n) { nodes { name } } }", (1, 8), "underscore"),
        ('{ nodes(ids: ["x"]) { id } }', (1, 3), "several types"),
        ('{ node(id: "x") { ... on Customer { contacts { nodes { name } } } } }', (1, 3), "several types"),
        ('{ registrySearch(text: "x", registryId: "se-gone") { hits { company { name } } } }', (1, 41), "se-gone"),
        ("query ($unused: Int) { units { name } }", (1, 8), "never used"),
        ('{ reportRows(name: "report") { columns { path } } }', (1, 3), "cannot run reports"),
        ("{ units { " + "parent { " * 25 + "name" + " }" * 27, (1, 227), "25 levels"),
        (WIDE, (1, 3), "600 columns is too wide"),
    ],
)
async def test_what_is_no_report_is_told_with_its_place(save, ask, admin, document, place, words):
    refused = await save(admin, document)
    assert refused["report"] is None
    problem = refused["problems"][0]
    assert (problem["code"], problem["path"]) == ("REPORT_INVALID", ["input", "document"])
    assert words in problem["message"]
    assert (problem["line"], problem["column"]) == place
    assert (await ask(admin, "{ reports { totalCount } }"))["reports"]["totalCount"] == 0


@pytest.mark.parametrize(
    "document",
    [
        "query { ...A } fragment A on Query { units { ...B } } fragment B on Unit { name }",
        "{ kpis { activeCustomers { value customers { nodes { name } } } } }",
        "{ kpis { history { billing { amount } } } }",
        '{ customer(id: "x") { name contacts { nodes { name } } } }',
        "{ customers(first: 5) { nodes { cases { nodes { invoices { nodes { number } } costs { totalCount } } } } } }",
        '{ registrySearch(text: "x") { hits { company { name addresses { city } } } } }',
        "{ customers { nodes { __typename contacts { totalCount } cases { totalCount } } } }",
        "{ __typename customers { __typename nodes { contacts { __typename edges { __typename node { name } } } } } }",
        '{ customers(search: "nord") { edges { cursor node { name } } pageInfo { hasNextPage } totalCount } }',
    ],
)
async def test_what_has_one_list_is_a_report(save, admin, document):
    assert (await save(admin, document))["problems"] == []


@pytest.mark.parametrize(
    "name", ["", "Names", "open invoices", "-a", "a-", "a--b", "ä", "a/b", "a.b", "a_b", "x" * 101]
)
async def test_a_name_stands_in_addresses(save, admin, name):
    [problem] = (await save(admin, name=name))["problems"]
    assert (problem["code"], problem["path"]) == ("INVALID", ["input", "name"])


async def test_saving_again_is_a_new_version_and_the_trail_keeps_the_old_one(save, ask, admin):
    first = (await save(admin))["report"]
    second = (await save(admin, "{ customers { nodes { name number } } }"))["report"]
    assert (second["id"], second["version"]) == (first["id"], 2)
    assert [each["path"] for each in second["columns"]] == ["name", "number"]
    trail = "query ($id: ID!) { changes(filter: { entityId: { eq: $id } }) { nodes { kind field old new } } }"
    changes = (await ask(admin, trail, id=first["id"]))["changes"]["nodes"]
    assert [(each["kind"], each["field"]) for each in changes] == [("UPDATED", "document"), ("CREATED", None)]
    assert changes[0]["old"] == NAMES


async def test_saving_what_is_there_changes_nothing(save, admin):
    assert (await save(admin))["report"]["version"] == 1
    assert (await save(admin))["report"]["version"] == 1


async def test_somebody_elses_version_is_stale(save, admin):
    saved = (await save(admin))["report"]
    await save(admin, title="Other")
    [problem] = (await save(admin, title="Third", version=1))["problems"]
    assert (problem["code"], problem["path"]) == ("STALE", ["expectedVersion"])
    [problem] = (await save(admin, title="Third", id_=saved["id"], version=7))["problems"]
    assert problem["code"] == "STALE"
    assert (await save(admin, title="Third", version=2))["report"]["version"] == 3


async def test_a_version_of_nothing_is_not_there(save, admin):
    [problem] = (await save(admin, version=1))["problems"]
    assert (problem["code"], problem["path"]) == ("NOT_FOUND", ["input", "name"])


async def test_ones_own_report_comes_before_a_shared_one_of_the_name(save, ask, admin, seller):
    shared = (await save(admin, visibility="SHARED"))["report"]
    by_name = '{ report(name: "names") { id } }'
    assert (await ask(seller, by_name))["report"]["id"] == shared["id"]
    own = (await save(seller))["report"]
    assert own["id"] != shared["id"]
    assert (await ask(seller, by_name))["report"]["id"] == own["id"]
    assert (await ask(admin, by_name))["report"]["id"] == shared["id"]


async def test_shared_reports_differ_in_their_names(save, admin, seller):
    shared = (await save(admin, visibility="SHARED"))["report"]
    [problem] = (await save(seller, visibility="SHARED"))["problems"]
    assert (problem["code"], problem["path"], problem["entityId"]) == ("DUPLICATE", ["input", "name"], shared["id"])
    own = (await save(seller))["report"]
    [problem] = (await save(seller, id_=own["id"], visibility="SHARED"))["problems"]
    assert problem["code"] == "DUPLICATE"


async def test_ones_own_reports_differ_in_their_names(save, admin):
    first = (await save(admin, name="first"))["report"]
    second = (await save(admin, name="second"))["report"]
    [problem] = (await save(admin, name="first", id_=second["id"]))["problems"]
    assert (problem["code"], problem["entityId"]) == ("DUPLICATE", first["id"])


async def test_others_see_shared_reports_and_change_none(save, ask, admin, seller):
    private = (await save(admin, name="private"))["report"]
    shared = (await save(admin, name="shared", visibility="SHARED"))["report"]
    seen = (await ask(seller, "{ reports { nodes { name } } }"))["reports"]["nodes"]
    assert seen == [{"name": "shared"}]
    delete = "mutation ($id: ID!) { deleteReport(id: $id) { deletedId problems { code path } } }"
    for report, code in ((private, "NOT_FOUND"), (shared, "FORBIDDEN")):
        [problem] = (await save(seller, name=report["name"], title="Mine", id_=report["id"]))["problems"]
        assert (problem["code"], problem["path"]) == (code, ["id"])
        gone = (await ask(seller, delete, id=report["id"]))["deleteReport"]
        assert gone == {"deletedId": None, "problems": [{"code": code, "path": ["id"]}]}


async def test_administrators_look_after_everybodys_reports(save, ask, admin, seller):
    report = (await save(seller))["report"]
    changed = (await save(admin, title="Better", id_=report["id"]))["report"]
    assert (changed["title"], changed["owner"]) == ("Better", report["owner"])
    delete = "mutation ($id: ID!) { deleteReport(id: $id) { deletedId } }"
    assert (await ask(admin, delete, id=report["id"]))["deleteReport"]["deletedId"] == report["id"]
    assert (await ask(seller, "{ reports { totalCount } }"))["reports"]["totalCount"] == 0


async def test_two_who_save_at_once_make_one_report(save, ask, admin):
    saved = await asyncio.gather(*(save(admin, title=f"Title {place}") for place in range(5)))
    assert [each["problems"] for each in saved] == [[]] * 5
    assert len({each["report"]["id"] for each in saved}) == 1
    assert (await ask(admin, "{ reports { totalCount } }"))["reports"]["totalCount"] == 1


async def test_a_fragment_that_grows_and_grows_is_refused_soon(save, admin):
    twice = "cases {{ nodes {{ x: customer {{ ...F{0} }} y: customer {{ ...F{0} }} }} }}"
    fragments = " ".join(f"fragment F{place} on Customer {{ {twice.format(place + 1)} }}" for place in range(30))
    document = f"{{ customers {{ nodes {{ ...F0 }} }} }} {fragments} fragment F30 on Customer {{ name }}"
    [problem] = (await save(admin, document))["problems"]
    assert problem["code"] == "REPORT_INVALID"
