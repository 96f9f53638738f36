"""The endpoints over HTTP: who gets in, and what strangers and broken requests are told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from db import models
from db.connection import Sessions
from db.models import Access, Token, TokenScope, User, table_of
from db.models.base import now
from kartotek.settings import Settings
from resolvers.administration import upsert_roles, upsert_units, upsert_users
from resolvers.references import Ref
from resolvers.viewer import Viewer
from schema.api import schema
from tests.builders import NOTHING, a_customer, a_unit, a_viewer, an_id, an_organization, ref, stored
from tests.clients import a_token, client_on

WHO = {"query": "{ viewer { organization { name } user { email } } }"}


@pytest.fixture
async def open_client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async for client in client_on(Settings(database_url=database_url, open_introspection=True)):
        yield client


@pytest.fixture
async def viewer(sessions: Sessions) -> Viewer:
    async with sessions.begin() as session:
        return await an_organization(session, name="Acme Oy", admin_email="anna@acme.example")


async def test_a_token_opens_its_organisation(client, sessions, viewer):
    answer = await client.post("/graphql", json=WHO, headers=await a_token(sessions, viewer))
    expected = {"viewer": {"organization": {"name": "Acme Oy"}, "user": {"email": "anna@acme.example"}}}
    assert (answer.status_code, answer.json()) == (200, {"data": expected})


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer nonsense", "Bearer kartotek_AAAA", "Basic YTpi", "Bearer ä"]
)
async def test_without_a_good_token_there_is_no_data(client, open_client, viewer, header):
    headers = {} if header is None else {"Authorization": header.encode()}
    for asked in (client, open_client):
        answer = await asked.post("/graphql", json=WHO, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Acme" not in answer.text
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_secret_with_one_letter_changed_is_refused(client, sessions, viewer):
    headers = await a_token(sessions, viewer)
    last = headers["Authorization"][-1]
    headers["Authorization"] = headers["Authorization"][:-1] + ("A" if last != "A" else "B")
    assert (await client.post("/graphql", json=WHO, headers=headers)).status_code == 401


async def test_an_expired_token_is_refused(client, sessions, viewer):
    headers = await a_token(sessions, viewer, expires_at=now() + timedelta(seconds=0.2))
    assert (await client.post("/graphql", json=WHO, headers=headers)).status_code == 200
    await asyncio.sleep(0.3)
    assert (await client.post("/graphql", json=WHO, headers=headers)).status_code == 401


async def test_a_user_who_may_no_longer_sign_in_is_refused_at_once(client, sessions, viewer):
    headers = await a_token(sessions, viewer)
    async with sessions.begin() as session:
        await session.execute(sa.update(table_of(User)).values(is_active=False))
    assert (await client.post("/graphql", json=WHO, headers=headers)).status_code == 401


async def test_rights_changed_a_moment_ago_hold_for_the_next_request(client, sessions, viewer):
    """The role's, the user's role, the user's unit, and what is below that: read anew each time."""
    level = {**dict.fromkeys(NOTHING, Access.UNIT), "import_data": False, "administer": False}
    async with sessions.begin() as session:
        for name, above in (("House", None), ("North", "House"), ("South", None)):
            await a_unit(session, viewer, name=name, parent=above)
        limited = await a_viewer(session, viewer, email="b@example.com", unit=Ref("name", "House"), **level)
        role = (await stored(session, models.User, limited.user_id)).role_id
        owner = await a_viewer(session, viewer, email="c@example.com", unit=Ref("name", "North"))
        await a_customer(session, viewer, owner=ref("User", owner.user_id))
    headers = await a_token(sessions, limited)
    document = {"query": "{ customers { totalCount } viewer { permissions { readCustomers } } }"}

    async def seen() -> tuple[int, str]:
        data = (await client.post("/graphql", json=document, headers=headers)).json()["data"]
        return data["customers"]["totalCount"], data["viewer"]["permissions"]["readCustomers"]

    async def changed(function: Any, **values: Any) -> None:
        async with sessions.begin() as session:
            assert not (await function(session, viewer, [values])).problems

    me = {"email": "b@example.com", "name": "b", "role": ref("Role", role)}
    assert await seen() == (1, "UNIT")
    await changed(upsert_units, name="North", parent="South")
    assert await seen() == (0, "UNIT")
    await changed(upsert_users, **me, unit="South")
    assert await seen() == (1, "UNIT")
    await changed(upsert_users, **me, unit="House")
    assert await seen() == (0, "UNIT")
    await changed(upsert_roles, id=an_id("Role", role), name="Other", **{**level, "read_customers": Access.ALL})
    assert await seen() == (1, "ALL")
    await changed(upsert_users, **{**me, "role": "Administrator", "unit": None})
    assert await seen() == (1, "ALL")
    await changed(upsert_roles, id=an_id("Role", role), name="Other", **{**level, "read_customers": Access.NONE})
    await changed(upsert_users, **me)
    assert await seen() == (0, "NONE")


async def test_the_secret_is_not_kept(client, sessions, viewer):
    headers = await a_token(sessions, viewer)
    async with sessions() as session:
        kept = (await session.execute(sa.select(table_of(Token)))).one()
    assert headers["Authorization"].removeprefix("Bearer ").encode() not in bytes(kept.secret_hash)
    assert len(kept.secret_hash) == 32


async def test_a_token_for_reading_cannot_write(client, sessions, viewer):
    headers = await a_token(sessions, viewer, scope=TokenScope.READ)
    document = 'mutation { createCustomer(input: {name: "X"}) { customer { id } problems { code path } } }'
    answer = (await client.post("/graphql", json={"query": document}, headers=headers)).json()
    assert answer["data"]["createCustomer"] == {"customer": None, "problems": [{"code": "FORBIDDEN", "path": []}]}


async def test_the_use_of_a_token_is_noted(client, sessions, viewer):
    headers = await a_token(sessions, viewer)
    document = {"query": "{ tokens { lastUsedAt } }"}
    answer = (await client.post("/graphql", json=document, headers=headers)).json()
    assert answer["data"]["tokens"][0]["lastUsedAt"] is not None


async def test_strangers_see_the_schema_only_where_it_is_open(client, open_client):
    introspection = {"query": "{ __schema { queryType { name } } }"}
    assert (await client.post("/graphql", json=introspection)).status_code == 401
    assert (await client.get("/schema.graphql")).status_code == 401
    assert (await client.get("/graphql", headers={"Accept": "text/html"})).status_code == 401
    assert (await open_client.post("/graphql", json=introspection)).json()["data"]
    assert (await open_client.get("/schema.graphql")).text == schema.as_str()
    assert "<html" in (await open_client.get("/graphql", headers={"Accept": "text/html"})).text


async def test_a_token_sees_the_schema(client, sessions, viewer):
    headers = await a_token(sessions, viewer)
    assert (await client.get("/schema.graphql", headers=headers)).text == schema.as_str()


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"query": "{ viewer", "variables": {}}', b'{"x": NaN}'])
async def test_what_cannot_be_read_is_told_as_json(client, sessions, viewer, body):
    headers = {**await a_token(sessions, viewer), "Content-Type": "application/json"}
    answer = await client.post("/graphql", content=body, headers=headers)
    assert answer.status_code in (200, 400)
    assert answer.json()["errors"][0]["message"]


async def test_health_and_readiness(client):
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ok"}


async def test_a_database_that_is_not_migrated_is_not_ready(server):
    async for client in client_on(Settings(database_url=server)):
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "kartotek migrate" in answer.json()["reason"]


async def test_a_database_that_is_away_is_not_ready_but_alive(server):
    away = sa.make_url(server).set(database="nowhere").render_as_string(hide_password=False)
    async for client in client_on(Settings(database_url=away)):
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
