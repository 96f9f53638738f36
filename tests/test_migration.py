"""Migrations: they make what the models say, and several servers may run them at once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import orjson
import pytest
import sqlalchemy as sa

from db import migration
from db.connection import engine_for
from db.models import metadata
from tests.conftest import cloned

CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, ordinal_position, data_type, character_maximum_length, is_nullable,
               column_default, generation_expression
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'""",
}


@pytest.fixture
async def empty_url(server: str) -> AsyncIterator[str]:
    async for url in cloned(server, "template0"):
        yield url


async def catalogue(url: str) -> dict[str, set[tuple[object, ...]]]:
    connection = await asyncpg.connect(url)
    try:
        return {name: {tuple(row) for row in await connection.fetch(query)} for name, query in CATALOGUE.items()}
    finally:
        await connection.close()


async def test_migrations_make_what_the_models_say(empty_url: str, database_url: str):
    engine = engine_for(empty_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    from_models, from_migrations = await catalogue(empty_url), await catalogue(database_url)
    for part in CATALOGUE:
        assert from_migrations[part] == from_models[part]


async def test_two_servers_may_migrate_at_once(empty_url: str):
    await asyncio.gather(*(migration.migrate(empty_url) for _ in range(3)))
    engine = engine_for(empty_url)
    assert await migration.is_current(engine)
    await engine.dispose()


async def test_migrating_again_changes_nothing(database_url: str):
    before = await catalogue(database_url)
    await migration.migrate(database_url)
    assert await catalogue(database_url) == before


async def test_an_empty_database_is_not_current(empty_url: str):
    engine = engine_for(empty_url)
    assert not await migration.is_current(engine)
    await engine.dispose()


LINKED = """
    INSERT INTO organizations (id, name, country, currency, timezone, locale, last_customer_number, created_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'Acme Oy', 'FI', 'EUR', 'UTC', 'en', 1, now());
    INSERT INTO customers (organization_id, id, number, name, phone, country, is_internal, is_active, marketing_allowed,
        version, created_at, updated_at)
    SELECT id, id, 1, 'Kelo Oy', '+35891', 'FI', false, true, true, 1, now(), now() FROM organizations;
    INSERT INTO addresses (organization_id, id, customer_id, position, kind, city)
    SELECT id, id, id, 0, 'POSTAL', 'Turku' FROM organizations;
    INSERT INTO registry_links (organization_id, customer_id, registry_id, business_id, status, fetched_at, fields)
    SELECT id, id, 'fi-ytj', '1', 'ACTIVE', now(), ARRAY['NAME', 'EMAIL', 'ADDRESSES'] FROM organizations;
"""


async def test_what_came_from_a_register_still_shows_after_the_update(empty_url: str):
    await migration.migrate(empty_url, to="0007")
    connection = await asyncpg.connect(empty_url)
    await connection.execute(LINKED)
    await migration.migrate(empty_url)
    kept = await connection.fetchval("SELECT taken_over FROM registry_links")
    await connection.close()
    assert orjson.loads(kept) == {"NAME": "Kelo Oy", "ADDRESSES": [{"kind": "POSTAL", "city": "Turku"}]}


OF_NOBODY = ("organizations", "registry_cache", "registry_gates", "registry_slots")
"""Public facts and limits on outgoing calls belong to no organisation."""


async def test_every_key_and_foreign_key_starts_with_the_organisation():
    organized = [table for table in metadata.sorted_tables if table.name not in OF_NOBODY]
    assert len(organized) > 15
    for table in organized:
        assert next(iter(table.primary_key.columns)).name == "organization_id", table.name
        for constraint in table.foreign_key_constraints:
            assert constraint.column_keys[0] == "organization_id", constraint.name
        for index in table.indexes:
            assert str(next(iter(index.expressions))) == "organization_id", index.name


async def test_a_missing_server_is_told_in_words(server: str):
    engine = engine_for(sa.make_url(server).set(database="nowhere").render_as_string(hide_password=False))
    with pytest.raises(sa.exc.DBAPIError, match="nowhere"):
        await migration.is_current(engine)
    await engine.dispose()
