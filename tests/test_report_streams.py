"""Reports as streams, on servers of their own: one moment, all or nothing, and never more than may be."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import sqlalchemy as sa

from db.connection import Database
from resolvers.bulk_update import Named, bulk_update_customers
from resolvers.cells import Texts
from resolvers.export import Limits
from resolvers.report import save_report
from schema.api import schema
from schema.context import Context
from schema.report_file import exporting, wish
from schema.report_health import core_of, findings
from tests.builders import a_contact, a_customer, an_id, an_organization
from tests.clients import a_token
from tests.processes import serving
from tests.report_files import READERS
from tests.sockets import Ended, subscribed
from tests.waiting import PATIENCE, until

DOCUMENT = "{ customers { nodes { number name language notes contacts { nodes { lastName } } } } }"
TYPES = ("Int!", "String!", "String!", "String", "String!")
LONG = 4_000
"""So many customers make a file that is far from sent when a client has read its beginning."""
MANY = """
INSERT INTO customers SELECT (jsonb_populate_record(c, jsonb_build_object(
    'id', gen_random_uuid(), 'number', 1000 + n, 'name', 'Customer ' || n, 'notes', repeat('x', 9000)))).*
FROM customers c, generate_series(1, :count) AS n WHERE c.number = 1
"""
COPYING = """
FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'COPY (%' AND state = 'active' AND pid <> pg_backend_pid()
"""


async def saved(database: Database, viewer: Any, name: str = "everybody", document: str = DOCUMENT) -> None:
    async with database.sessions.begin() as session:
        found = findings(core_of(schema), document, viewer.locale)
        outcome = await save_report(session, viewer, {"name": name, "title": name, "document": document}, found)
    assert not outcome.problems


@pytest.fixture
async def few(database, viewer):
    """A report of a few rows."""
    await saved(database, viewer)
    async with database.sessions.begin() as session:
        for place in range(6):
            key = await a_customer(session, viewer, name=f"Customer {place}")
            for _ in range(place % 3):
                await a_contact(session, viewer, key)


@pytest.fixture
async def many(database, viewer):
    """A report of many."""
    await saved(database, viewer)
    async with database.sessions.begin() as session:
        await a_customer(session, viewer, name="The first")
        await session.execute(sa.text(MANY), {"count": LONG})


async def copying(database: Database) -> int:
    """How many files are being read from the database."""
    async with database.sessions() as session:
        return await session.scalar(sa.text(f"SELECT count(*) {COPYING}")) or 0


async def nothing_copying(database: Database) -> bool:
    return await copying(database) == 0


async def cut_off(database: Database) -> bool:
    """Take their connections from the files that are being read; whether there were any."""
    async with database.sessions() as session:
        return bool((await session.execute(sa.text(f"SELECT pg_terminate_backend(pid) {COPYING}"))).all())


async def exports(database: Database) -> list[Any]:
    """What the trail tells of files."""
    async with database.sessions() as session:
        return list(await session.scalars(sa.text("SELECT new FROM changes WHERE kind = 'EXPORTED' ORDER BY id")))


@asynccontextmanager
async def downloading(address: str, headers: Any, form: str = "csv", name: str = "everybody") -> AsyncIterator[Any]:
    """An answer whose file has not been read yet."""
    url = address.replace("/graphql", f"/reports/{name}.{form}")
    async with (
        httpx.AsyncClient(timeout=PATIENCE, headers={**headers, "Accept-Encoding": "identity"}) as client,
        client.stream("GET", url) as answer,
    ):
        yield answer


async def downloaded(address: str, headers: Any, form: str = "csv") -> httpx.Response:
    async with downloading(address, headers, form) as answer:
        await answer.aread()
        return answer


@pytest.mark.usefixtures("many")
async def test_a_file_comes_while_it_is_read(sessions, database, database_url, viewer):
    headers = await a_token(sessions, viewer)
    async with serving(database_url) as (_, address), downloading(address, headers) as answer:
        parts = answer.aiter_raw()
        await anext(parts)
        assert await copying(database) == 1
        lines = (await anext(parts)).count(b"\n") + sum([part.count(b"\n") async for part in parts])
    assert LONG - 100 < lines <= LONG + 2
    assert (await exports(database))[0]["rows"] == LONG + 1


@pytest.mark.usefixtures("many")
async def test_a_client_that_goes_away_stops_the_query(sessions, database, database_url, viewer):
    headers = await a_token(sessions, viewer)
    async with serving(database_url) as (_, address):
        async with downloading(address, headers) as answer:
            parts = answer.aiter_raw()
            await anext(parts)
            assert await copying(database) == 1
        await until(lambda: nothing_copying(database))


async def reading(database: Database) -> int:
    """How many transactions read on and on."""
    statement = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
    """
    async with database.sessions() as session:
        return await session.scalar(sa.text(statement)) or 0


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
@pytest.mark.usefixtures("many")
async def test_a_client_that_goes_away_stops_the_writing(sessions, database, database_url, viewer, form):
    headers = await a_token(sessions, viewer)
    async with serving(database_url) as (_, address):
        asked = asyncio.create_task(downloaded(address, headers, form))
        await until(lambda: reading(database))
        asked.cancel()

        async def is_over() -> bool:
            return await reading(database) == 0

        await until(is_over)
        assert await exports(database) == []
        assert (await downloaded(address, headers, form)).status_code == 200


@pytest.mark.usefixtures("many")
async def test_half_a_file_never_looks_like_a_whole_one(sessions, database, database_url, viewer):
    headers = await a_token(sessions, viewer)
    async with serving(database_url) as (_, address), downloading(address, headers) as answer:
        parts = answer.aiter_raw()
        await anext(parts)
        assert await cut_off(database)
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            async for _ in parts:
                pass


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
@pytest.mark.usefixtures("many")
async def test_a_file_whose_rows_break_off_is_none(sessions, database, database_url, viewer, form):
    headers = await a_token(sessions, viewer)
    async with serving(database_url) as (_, address):
        asked = asyncio.create_task(downloaded(address, headers, form))
        await until(lambda: cut_off(database))
        answer = await asked
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert (await downloaded(address, headers, form)).status_code == 200


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.usefixtures("many")
async def test_where_only_the_end_of_the_connection_ends_a_file_it_has_a_length(sessions, database_url, viewer, form):
    token = (await a_token(sessions, viewer))["Authorization"]
    async with serving(database_url) as (_, address):
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET /reports/everybody.{form} HTTP/1.0\r\nAuthorization: {token}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    assert int(length.partition(b":")[2]) == len(body) > 100_000


@pytest.mark.usefixtures("many")
async def test_an_organisation_has_so_many_files_made_at_once(sessions, database, database_url, viewer):
    async with sessions.begin() as session:
        other = await an_organization(session, admin_email="other@example.com")
    await saved(database, other)
    headers, others = await a_token(sessions, viewer), await a_token(sessions, other)
    limits = {"KARTOTEK_EXPORTS": "1"}
    async with serving(database_url, **limits) as (_, address), serving(database_url, **limits) as (_, second):
        async with downloading(address, headers) as held:
            parts = held.aiter_raw()
            await anext(parts)
            for busy in (address, second):
                refused = await downloaded(busy, headers)
                assert (refused.status_code, refused.headers.get("retry-after")) == (429, "5")
                assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY"
                assert (await downloaded(busy, others)).status_code == 200
        await until(lambda: nothing_copying(database))
        assert (await downloaded(second, headers)).status_code == 200


@pytest.mark.usefixtures("few")
async def test_a_file_has_so_many_rows_at_most(sessions, database, database_url, viewer):
    headers = await a_token(sessions, viewer)
    async with serving(database_url, KARTOTEK_EXPORT_ROWS="7") as (_, address):
        for form in READERS:
            refused = await downloaded(address, headers, form)
            assert refused.status_code == 422
            assert "more than 7 rows" in refused.json()["errors"][0]["message"]
    assert await exports(database) == []
    async with serving(database_url, KARTOTEK_EXPORT_ROWS="8") as (_, address):
        for form in READERS:
            assert (await downloaded(address, headers, form)).status_code == 200
    assert [each["rows"] for each in await exports(database)] == [8] * len(READERS)


@pytest.mark.parametrize("failure", [OSError("The disk is full."), asyncio.CancelledError()], ids=["disk", "stop"])
@pytest.mark.usefixtures("few")
async def test_a_failure_with_the_last_rows_leaves_the_connection_as_it_was(database, viewer, failure):
    async def sink(part: bytes) -> None:
        await asyncio.sleep(0)
        raise failure

    context = Context(database, viewer)
    wished = await wish(schema, context, "everybody", "csv", variables=(), options={})
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(type(failure)):
            async with exporting(context, wished, Limits()) as export:
                await export.snapshot.copy(Texts(export.columns), sink)
        async with exporting(context, wished, Limits()) as export:
            assert await export.snapshot.rows() == 8


@pytest.mark.usefixtures("few")
async def test_a_file_takes_so_long_at_most(sessions, database, database_url, viewer):
    headers = await a_token(sessions, viewer)
    async with serving(database_url, KARTOTEK_EXPORT_TIMEOUT="0.5") as (_, address):
        async with sessions.begin() as session:
            await session.execute(sa.text("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE"))
            refused = await downloaded(address, headers)
        assert refused.status_code == 504
        assert refused.json()["errors"][0]["extensions"]["code"] == "TOOK_TOO_LONG"
        assert (await downloaded(address, headers)).status_code == 200


@pytest.mark.usefixtures("few")
async def test_files_are_of_one_moment_while_ten_people_write(sessions, database, database_url, viewer):
    """Each writer gives all customers a language of its own: no file has two, though it is read in several turns."""
    async with sessions.begin() as session:
        await session.execute(sa.text(MANY.replace("9000", "200")), {"count": 5_200})
        keys = (await session.scalars(sa.text("SELECT id FROM customers"))).all()
    target = Named([an_id("Customer", key) for key in keys])
    headers = await a_token(sessions, viewer)
    done = asyncio.Event()

    async def write(language: str) -> int:
        written = 0
        while not done.is_set():
            async with database.sessions.begin() as session:
                await bulk_update_customers(session, viewer, target, {"language": language})
            written += 1
        return written

    async with serving(database_url) as (_, address):
        languages = ("fi", "sv", "nb", "da", "de", "fr", "en", "et", "pl", "nl")
        writers = [asyncio.create_task(write(language)) for language in languages]
        try:
            seen = set()
            for form in sorted(READERS) * 3:
                content = (await downloaded(address, headers, form)).content
                rows = READERS[form](content, TYPES)
                assert len(rows) == 5_208
                assert len({row[2] for row in rows}) == 1
                seen.add(rows[0][2])
        finally:
            done.set()
            written = await asyncio.gather(*writers)
    assert len(seen) > 1
    assert all(written)


DOCUMENT_ID = "report:everybody"


@pytest.mark.usefixtures("few")
async def test_a_report_is_run_by_its_name_over_http(client, sessions, viewer):
    headers = await a_token(sessions, viewer)
    document = "query ($text: String!) { customers(filter: { name: { eq: $text } }) { nodes { name } } }"
    put = {"query": SAVE, "variables": {"input": {"name": "by-name", "title": "By name", "document": document}}}
    assert (await client.post("/graphql", json=put, headers=headers)).json()["data"]["saveReport"]["problems"] == []
    expected = {"data": {"customers": {"nodes": [{"name": "Customer 3"}]}}}
    asked = {"documentId": "report:by-name", "variables": {"text": "Customer 3"}}
    assert (await client.post("/graphql", json=asked, headers=headers)).json() == expected
    in_address = {"documentId": "report:by-name", "variables": json.dumps({"text": "Customer 3"})}
    assert (await client.get("/graphql", params=in_address, headers=headers)).json() == expected


@pytest.mark.usefixtures("few")
async def test_a_report_is_run_by_its_name_over_a_websocket(sessions, database_url, viewer):
    headers = await a_token(sessions, viewer)
    async with serving(database_url) as (_, address):
        async with subscribed(address, headers, DOCUMENT_ID, by="documentId") as answers:
            nodes = (await answers.next())["customers"]["nodes"]
            assert [node["name"] for node in nodes] == [f"Customer {place}" for place in range(6)]
            with pytest.raises(Ended):
                await answers.next()
        async with subscribed(address, headers, "report:other", by="documentId") as answers:
            with pytest.raises(Ended, match="no report other"):
                await answers.next()


SAVE = "mutation ($input: ReportInput!) { saveReport(input: $input) { problems { message } } }"


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"documentId": "report:other"}, 404, "no report other"),
        ({"documentId": "other"}, 400, "`report:`"),
        ({"documentId": 7}, 400, "`report:`"),
        ({"documentId": "report:everybody", "query": "{ units { name } }"}, 400, "not both"),
    ],
)
@pytest.mark.usefixtures("few")
async def test_what_no_document_is_saved_under_is_told(client, sessions, viewer, asked, status, words):
    headers = await a_token(sessions, viewer)
    answer = await client.post("/graphql", json=asked, headers=headers)
    assert answer.status_code == status
    assert words in answer.json()["errors"][0]["message"]


@pytest.mark.usefixtures("few")
async def test_strangers_run_no_reports(client):
    assert (await client.post("/graphql", json={"documentId": DOCUMENT_ID})).status_code == 401
