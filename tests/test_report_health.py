"""Whether saved reports still fit: after the schema has changed, after a plugin went, at start-up and by command."""

import pytest
import sqlalchemy as sa
from graphql import extend_schema, parse

from resolvers.report import save_report
from schema.api import schema
from schema.context import Context
from schema.report_health import check_reports, core_of, findings, registers_of
from tests.builders import an_id, an_organization
from tests.clients import a_token, data_of
from tests.processes import serving
from tests.test_commands import kartotek
from tests.waiting import until

NOW = core_of(schema)
WITH_FAX = extend_schema(NOW, parse("extend type Customer { faxNumber: String }"))
WITHOUT_WORD = extend_schema(
    NOW, parse('extend type Customer { word: String @deprecated(reason: "Use `name` in its place.") }')
)
FAX = "{\n  customers {\n    nodes { name faxNumber }\n  }\n}"
WORD = "{ customers { nodes { word } } }"
NAMES = "{ customers { nodes { name } } }"
IN_REGISTER = '{ registrySearch(text: "x", registryId: "xx-house") { hits { company { name } } } }'
HEALTH = """
query ($id: ID!) { report(id: $id) { version columns { path } health { status problems { message line column } } } }
"""


@pytest.fixture
def save(database):
    async def save(viewer, document, *, name="report", in_schema=NOW, registers=None):
        """As a version of this schema saved it."""
        async with database.sessions.begin() as session:
            found = findings(in_schema, document, viewer.locale, registers)
            values = {"name": name, "title": name, "document": document}
            outcome = await save_report(session, viewer, values, found)
        assert not outcome.problems
        return an_id("Report", outcome.key)

    return save


@pytest.fixture
def health(database):
    async def health(viewer, report):
        return (await data_of(Context(database, viewer), HEALTH, id=report))["report"]

    return health


async def test_a_field_that_goes_breaks_a_report_with_its_place(sessions, viewer, save, health):
    report = await save(viewer, FAX, in_schema=WITH_FAX)
    assert (await health(viewer, report))["health"] == {"status": "VALID", "problems": []}
    await check_reports(sessions, NOW, frozenset())
    broken = await health(viewer, report)
    assert broken["health"]["status"] == "BROKEN"
    [problem] = broken["health"]["problems"]
    assert (problem["line"], problem["column"]) == (3, 18)
    assert "'faxNumber'" in problem["message"]
    assert broken["columns"] == [{"path": "name"}, {"path": "faxNumber"}]
    assert broken["version"] == 1


async def test_a_field_that_comes_back_heals_it(sessions, viewer, save, health):
    report = await save(viewer, FAX, in_schema=WITH_FAX)
    await check_reports(sessions, NOW, frozenset())
    await check_reports(sessions, WITH_FAX, frozenset())
    assert (await health(viewer, report))["health"] == {"status": "VALID", "problems": []}


async def test_a_field_that_will_go_is_told_with_what_to_use(sessions, viewer, save, health):
    report = await save(viewer, WORD, in_schema=WITHOUT_WORD)
    found = (await health(viewer, report))["health"]
    assert found["status"] == "DEPRECATED"
    [problem] = found["problems"]
    assert "word" in problem["message"]
    assert "Use `name` in its place." in problem["message"]
    assert (problem["line"], problem["column"]) == (1, 23)


async def test_a_plugin_that_goes_breaks_the_reports_that_name_its_register(sessions, viewer, save, health):
    report = await save(viewer, IN_REGISTER, registers=frozenset({"xx-house"}))
    assert (await health(viewer, report))["health"]["status"] == "VALID"
    await check_reports(sessions, NOW, frozenset({"fi-ytj"}))
    found = (await health(viewer, report))["health"]
    assert found["status"] == "BROKEN"
    assert "xx-house" in found["problems"][0]["message"]
    assert (found["problems"][0]["line"], found["problems"][0]["column"]) == (1, 41)


async def test_a_register_that_is_there_is_known_by_its_id_and_country(registries):
    known = registers_of(registries)
    assert {"fi-test", "FI"} & known


async def test_only_what_was_not_looked_at_is_looked_at(sessions, viewer, save):
    await save(viewer, NAMES, registers=frozenset({"a"}))
    assert await check_reports(sessions, NOW, frozenset({"a"})) == []
    assert len(await check_reports(sessions, NOW, frozenset({"b"}))) == 1
    assert await check_reports(sessions, NOW, frozenset({"b"})) == []


async def test_a_broken_report_is_not_run(client, sessions, viewer, save):
    await save(viewer, FAX, in_schema=WITH_FAX)
    headers = await a_token(sessions, viewer)
    answer = await client.get("/reports/report.csv", headers=headers)
    assert answer.status_code == 409
    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], error["locations"]) == ("REPORT_INVALID", [{"line": 3, "column": 18}])
    answer = (await client.post("/graphql", json={"documentId": "report:report"}, headers=headers)).json()
    assert answer["errors"][0]["locations"] == [{"line": 3, "column": 18}]


async def test_a_variable_whose_type_is_gone_breaks_a_report(client, sessions, viewer, save):
    kinds = "input Kind { name: String } extend type Query { kinds(of: Kind): [Unit!]! }"
    document = "query ($kind: Kind) { kinds(of: $kind) { name } }"
    await save(viewer, document, in_schema=extend_schema(NOW, parse(kinds)))
    answer = await client.get("/reports/report.csv?kind={}", headers=await a_token(sessions, viewer))
    assert answer.status_code == 409
    assert "Kind" in answer.json()["errors"][0]["message"]


async def test_a_server_looks_at_reports_when_it_starts(database_url, database, viewer, save, health):
    report = await save(viewer, FAX, in_schema=WITH_FAX)

    async def is_broken():
        return (await health(viewer, report))["health"]["status"] == "BROKEN"

    async with serving(database_url):
        await until(is_broken)


async def test_the_command_names_broken_reports_and_their_owners(sessions, database_url, viewer, save):
    async with sessions.begin() as session:
        other = await an_organization(session, name="Other Oy", admin_email="other@example.com")
    await save(viewer, NAMES, name="fine")
    assert kartotek("reports", "check", url=database_url).returncode == 0
    await save(other, FAX, name="with-fax", in_schema=WITH_FAX)
    checked = kartotek("reports", "check", url=database_url)
    assert checked.returncode == 3
    assert "Other Oy: report with-fax of other@example.com is BROKEN" in checked.stdout
    assert "line 3, column 18" in checked.stdout
    assert "2 reports: 1 broken, 1 valid" in checked.stdout
    async with sessions() as session:  # it only asks
        assert set(await session.scalars(sa.text("SELECT health_status FROM reports"))) == {"VALID"}
    async with sessions() as session:
        name = await session.scalar(
            sa.text("SELECT name FROM organizations WHERE id = :id"), {"id": viewer.organization_id}
        )
    assert kartotek("reports", "check", "--organization", name, url=database_url).returncode == 0
