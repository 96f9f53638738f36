"""Subscriptions tell what moves as soon as it is committed, by whomever, and nothing else."""

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db.connection import Database
from db.models import Access, ChangeKind
from resolvers.administration import update_organization
from resolvers.customer import delete_customer, restore_customer, update_customer
from resolvers.doctor import repair
from resolvers.kpis import today
from resolvers.live import BURST, Event, Live, NoLongerKnown, next_day
from resolvers.references import Ref
from resolvers.viewer import hash_of
from tests.builders import a_case, a_customer, a_viewer, an_id, an_invoice, euros, ref
from tests.clients import a_token
from tests.processes import serving
from tests.sockets import Ended, subscribed
from tests.waiting import PATIENCE, until

STRIP = """subscription {
  kpis { asOf billingThisMonth { value { amount } } activeCustomers { value } prospectsInPipeline { value } }
}"""
CUSTOMERS = "subscription($ids: [ID!]) { customerChanged(ids: $ids) { kind customerId customer { name } } }"
RENAME = "mutation($id: ID!, $name: String!) { updateCustomer(id: $id, set: {name: $name}) { customer { name } } }"


@pytest.fixture
async def address(database_url):
    async with serving(database_url) as (_, address):
        yield address


@pytest.fixture
async def headers(sessions, viewer):
    return await a_token(sessions, viewer)


LISTENERS = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'kartotek listening' AND datname = current_database()"
)


def figures(strip: Any) -> tuple[str, int, int]:
    kpis = strip["kpis"]
    billing = kpis["billingThisMonth"]["value"]["amount"]
    return billing, kpis["activeCustomers"]["value"], kpis["prospectsInPipeline"]["value"]


async def bill(sessions, viewer, customer, amount="100.00", number="1"):
    async with sessions.begin() as session:
        day = today(viewer.timezone)
        status = Ref("name", "Sent")
        await an_invoice(session, viewer, customer, status=status, number=number, date=day, amount=euros(amount))


@pytest.fixture
async def customer(sessions, viewer):
    async with sessions.begin() as session:
        return await a_customer(session, viewer, name="Before")


async def rename(sessions, viewer, key, name):
    async with sessions.begin() as session:
        assert not (await update_customer(session, viewer, an_id("Customer", key), {"name": name})).problems


# ---------------------------------------------------------------------- the strip


async def test_the_strip_comes_now_and_again_when_a_figure_has_moved(address, headers, sessions, viewer, customer):
    async with subscribed(address, headers, STRIP) as subscription:
        assert figures(await subscription.next()) == ("0.00", 0, 0)
        async with sessions.begin() as session:
            await a_case(session, viewer, customer)
        assert figures(await subscription.next()) == ("0.00", 1, 1)
        await bill(sessions, viewer, customer)
        assert figures(await subscription.next()) == ("100.00", 1, 0)


async def test_nothing_comes_when_no_figure_has_moved(address, headers, sessions, viewer, customer):
    async with subscribed(address, headers, STRIP) as subscription:
        await subscription.next()
        await rename(sessions, viewer, customer, "After")
        async with sessions.begin() as session:
            await a_case(session, viewer, customer, is_open=False)
            await an_invoice(session, viewer, customer, status=Ref("name", "Draft"))
        async with sessions() as session:
            await a_case(session, viewer, customer)
            await session.rollback()
        assert await subscription.silence()
        await bill(sessions, viewer, customer)
        assert figures(await subscription.next()) == ("100.00", 0, 0)


async def test_a_burst_is_told_at_once(address, headers, sessions, viewer, customer):
    async with subscribed(address, headers, STRIP) as subscription:
        await subscription.next()
        for number in range(1, 31):
            await bill(sessions, viewer, customer, "1.00", str(number))
        messages = [figures(await subscription.next())]
        while messages[-1][0] != "30.00":
            messages.append(figures(await subscription.next()))
        assert len(messages) < 30


async def test_it_is_told_by_every_server_whoever_has_changed_it(database_url, headers, sessions, viewer, customer):
    async with serving(database_url) as (_, one), serving(database_url) as (_, other):
        asked = {"query": RENAME, "variables": {"id": an_id("Customer", customer), "name": "After"}}
        async with (
            subscribed(one, headers, CUSTOMERS) as near,
            subscribed(other, headers, CUSTOMERS) as far,
            subscribed(other, headers, STRIP) as strip,
            httpx.AsyncClient() as client,
        ):
            await strip.next()
            await client.post(one, json=asked, headers=headers)
            assert await near.next() == await far.next()
            await bill(sessions, viewer, customer)
            assert figures(await strip.next()) == ("100.00", 0, 0)


async def test_each_watcher_is_told_what_is_within_the_own_rights(address, sessions, viewer):
    rights: Any = dict.fromkeys(("read_customers", "read_cases", "read_invoices"), Access.OWN)
    async with sessions.begin() as session:
        sellers = [await a_viewer(session, viewer, **rights) for _ in range(2)]
        keys = [await a_customer(session, viewer, owner=ref("User", seller.user_id)) for seller in sellers]
    tokens = [await a_token(sessions, seller) for seller in sellers]
    async with (
        subscribed(address, tokens[0], STRIP) as first,
        subscribed(address, tokens[1], STRIP) as second,
        subscribed(address, await a_token(sessions, viewer), STRIP) as everything,
    ):
        for each in (first, second, everything):
            assert figures(await each.next()) == ("0.00", 0, 0)
        await bill(sessions, viewer, keys[0], "5.00")
        assert figures(await first.next()) == figures(await everything.next()) == ("5.00", 0, 0)
        assert await second.silence()
        async with sessions.begin() as session:
            to_second = {"owner": ref("User", sellers[1].user_id)}
            await update_customer(session, viewer, an_id("Customer", keys[0]), to_second)
        assert figures(await second.next()) == ("5.00", 0, 0)
        assert figures(await first.next()) == ("0.00", 0, 0)
        assert await everything.silence()


async def test_all_who_come_at_once_are_told(address, sessions, viewer):
    async def first(place: int) -> Any:
        await asyncio.sleep(place / 100)
        async with subscribed(address, await a_token(sessions, viewer), STRIP) as subscription:
            return figures(await subscription.next())

    assert set(await asyncio.gather(*map(first, range(60)))) == {("0.00", 0, 0)}


async def test_those_who_see_the_same_are_each_told_what_they_asked_for(address, headers, sessions, viewer, customer):
    query = """subscription($day: Boolean = false) {
      kpis { asOf @include(if: $day) activeCustomers { value label customers { nodes { name } } } }
    }"""
    without_list = query.replace("customers { nodes { name } }", "")
    async with (
        subscribed(address, headers, query) as plain,
        subscribed(address, headers, without_list, day=True) as with_day,
        subscribed(address, headers, without_list) as without_day,
        subscribed(address, headers, without_list, languages="sv") as swedish,
    ):
        for expected in ([], [{"name": "Before"}]):
            number = {"value": len(expected)}
            label = {"label": "Aktiiviset asiakkaat"}
            active = {**number, **label, "customers": {"nodes": expected}}
            assert await plain.next() == {"kpis": {"activeCustomers": active}}
            with_date = await with_day.next()
            assert with_date["kpis"].pop("asOf") == str(today(viewer.timezone))
            assert with_date == await without_day.next() == {"kpis": {"activeCustomers": {**number, **label}}}
            assert await swedish.next() == {"kpis": {"activeCustomers": {**number, "label": "Aktiva kunder"}}}
            async with sessions.begin() as session:
                await a_case(session, viewer, customer)


async def test_what_moves_the_figures_of_some_only_is_told(address, sessions, viewer, customer):
    async with sessions.begin() as session:
        seller = await a_viewer(session, viewer, read_customers=Access.ALL, read_cases=Access.OWN)
        await a_case(session, viewer, customer)
        own = ref("User", seller.user_id)
        await a_case(session, viewer, customer, owner=own, sales_status=Ref("name", "Lost"), is_open=True)
    async with subscribed(address, await a_token(sessions, seller), STRIP) as subscription:
        assert figures(await subscription.next()) == ("0.00", 1, 0)
        async with sessions.begin() as session:
            await session.execute(sa.text("UPDATE sales_statuses SET category = 'IN_PROGRESS' WHERE name = 'Lost'"))
        assert figures(await subscription.next()) == ("0.00", 1, 1)


async def test_what_is_repaired_is_told(address, headers, sessions, viewer, customer):
    async with subscribed(address, headers, STRIP) as subscription:
        await subscription.next()
        await bill(sessions, viewer, customer)
        assert figures(await subscription.next()) == ("100.00", 0, 0)
        async with sessions.begin() as session:
            await session.execute(sa.text("UPDATE kpi_sums SET amount = 7, amounts = '{7}'"))
            await a_case(session, viewer, customer)
        assert figures(await subscription.next()) == ("7.00", 1, 0)
        await repair(sessions, viewer.organization_id)
        assert figures(await subscription.next()) == ("100.00", 1, 0)


async def test_another_time_zone_is_another_day(address, headers, sessions, viewer):
    async with subscribed(address, headers, STRIP) as subscription:
        seen = {(await subscription.next())["kpis"]["asOf"]}
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart
            async with sessions.begin() as session:
                await session.execute(sa.text("UPDATE organizations SET timezone = :zone"), {"zone": zone})
            if str(today(zone)) not in seen:
                seen.add((await subscription.next())["kpis"]["asOf"])
        assert {str(today(zone)) for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago")} <= seen


ZONES = st.sampled_from(
    ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Helsinki", "America/Havana", "Asia/Kolkata"]
)


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9998), ZONES)
def test_a_day_ends_at_its_last_moment(now, timezone):
    end = next_day(timezone, now)

    def day(at: datetime) -> date:
        return at.astimezone(ZoneInfo(timezone)).date()

    assert day(end - timedelta(milliseconds=1)) == day(now)
    assert day(end + timedelta(milliseconds=1)) == day(now) + timedelta(days=1)


# ---------------------------------------------------------------------- customers


async def test_what_is_done_to_customers_is_told(address, headers, sessions, viewer):
    async with subscribed(address, headers, CUSTOMERS) as subscription:
        assert await subscription.silence(0.5)
        async with sessions.begin() as session:
            key = await a_customer(session, viewer, name="Before")
        id_text = an_id("Customer", key)

        async def told():
            event = (await subscription.next())["customerChanged"]
            assert event["customerId"] == id_text
            return event["kind"], event["customer"] and event["customer"]["name"]

        assert await told() == ("CREATED", "Before")
        await rename(sessions, viewer, key, "After")
        assert await told() == ("UPDATED", "After")
        async with sessions.begin() as session:
            await delete_customer(session, viewer, id_text)
        assert await told() == ("DELETED", None)
        async with sessions.begin() as session:
            await restore_customer(session, viewer, id_text)
        assert await told() == ("RESTORED", "After")


async def test_only_what_is_asked_for_is_told_and_a_burst_once(address, headers, sessions, viewer, customer):
    async with sessions.begin() as session:
        other = await a_customer(session, viewer)
    ids = [an_id("Customer", customer)]
    async with subscribed(address, headers, CUSTOMERS, ids=ids) as subscription:
        assert await subscription.silence(0.5)
        await rename(sessions, viewer, other, "Other")
        async with sessions.begin() as session:
            for name in ("One", "Two", "Three"):
                await update_customer(session, viewer, ids[0], {"name": name})
        event = {"kind": "UPDATED", "customerId": ids[0], "customer": {"name": "Three"}}
        assert await subscription.next() == {"customerChanged": event}
        assert await subscription.silence(0.5)


async def test_a_thousand_changed_at_once_are_all_told(address, headers, sessions, viewer):
    async with sessions.begin() as session:
        keys = {an_id("Customer", await a_customer(session, viewer)) for _ in range(450)}
    async with subscribed(address, headers, CUSTOMERS) as subscription:
        assert await subscription.silence(0.5)
        async with sessions.begin() as session:
            await session.execute(sa.text("UPDATE customers SET language = 'sv', version = version + 1"))
        events = [(await subscription.next())["customerChanged"] for _ in keys]
        assert {event["customerId"] for event in events} == keys
        assert {event["kind"] for event in events} == {"UPDATED"}


async def test_what_is_out_of_sight_is_not_told_and_what_goes_there_is_gone(address, sessions, viewer):
    async with sessions.begin() as session:
        seller = await a_viewer(session, viewer, read_customers=Access.OWN)
        mine, others = [
            await a_customer(session, viewer, name="One", owner=ref("User", who.user_id)) for who in (seller, viewer)
        ]
    ids = [an_id("Customer", key) for key in (mine, others)]
    async with subscribed(address, await a_token(sessions, seller), CUSTOMERS, ids=ids) as subscription:
        assert await subscription.silence(0.5)
        await rename(sessions, viewer, others, "Secret")
        assert await subscription.silence(0.5)
        async with sessions.begin() as session:
            await update_customer(session, viewer, ids[0], {"owner": ref("User", viewer.user_id)})
        gone = {"kind": "DELETED", "customerId": ids[0], "customer": None}
        assert await subscription.next() == {"customerChanged": gone}


async def test_who_listens_late_still_hears_what_went_out_of_sight(database, database_url, sessions, viewer):
    """All customers are looked at again between the moment when it goes and the one when that is listened to."""
    async with sessions.begin() as session:
        seller = await a_viewer(session, viewer, read_customers=Access.OWN)
        customer = await a_customer(session, viewer, owner=ref("User", seller.user_id))
    token = hash_of((await a_token(sessions, seller))["Authorization"].removeprefix("Bearer "))
    async with aclosing(Live(database_url, database.reads)) as live:
        events = live.customers(token, seller, [customer])
        first = asyncio.create_task(anext(events))
        await asyncio.sleep(3 * BURST)
        await rename(sessions, viewer, customer, "Heard")
        assert (await first)[1] == Event(ChangeKind.UPDATED, customer)
        async with sessions.begin() as session:
            given = {"owner": ref("User", viewer.user_id)}
            await update_customer(session, viewer, an_id("Customer", customer), given)
        await asyncio.sleep(3 * BURST)
        async with sessions.begin() as session:
            await update_organization(session, viewer, {"timezone": "Europe/Oslo"})
        await asyncio.sleep(3 * BURST)
        async with asyncio.timeout(PATIENCE):
            assert (await anext(events))[1] == Event(ChangeKind.DELETED, customer)
        await events.aclose()


async def test_too_many_ids_are_refused(address, headers):
    async with subscribed(address, headers, CUSTOMERS, ids=["cus_1"] * 1001) as subscription:
        with pytest.raises(Ended, match="1,000 ids at most"):
            await subscription.next()


# ---------------------------------------------------------------------- lost connections, lost rights


async def test_a_lost_connection_to_the_database_recovers_and_catches_up(address, headers, sessions, viewer, customer):
    ids = [an_id("Customer", customer)]
    async with (
        subscribed(address, headers, STRIP) as strip,
        subscribed(address, headers, CUSTOMERS, ids=ids) as some,
        subscribed(address, headers, CUSTOMERS) as everything,
    ):
        await strip.next()
        assert await some.silence(0.5)
        # All at once, so that the change is committed while nobody listens.
        async with sessions.begin() as session:
            (listener,) = (await session.scalars(sa.text(LISTENERS))).all()
            await session.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": listener})
            await session.execute(sa.text("UPDATE customers SET name = 'After', version = 2, updated_at = now()"))
            status = Ref("name", "Sent")
            day = today(viewer.timezone)
            await an_invoice(session, viewer, customer, status=status, number="1", date=day, amount=euros("7.00"))
        assert figures(await strip.next()) == ("7.00", 0, 0)
        event = {"kind": "UPDATED", "customerId": ids[0], "customer": {"name": "After"}}
        assert await some.next() == {"customerChanged": event}
        # Who watches all may be told of what was done shortly before, once more.
        while await everything.next() != {"customerChanged": event}:
            pass


async def test_what_nobody_understands_stops_nothing(address, headers, sessions, viewer, customer):
    async with subscribed(address, headers, STRIP) as subscription:
        await subscription.next()
        for message in ("", "nonsense", "figures nonsense", f"customers {viewer.organization_id} SOLD"):
            async with sessions.begin() as session:
                await session.execute(sa.text("SELECT pg_notify('kartotek', :message)"), {"message": message})
        zone = "UPDATE organizations SET timezone = :zone"
        async with sessions.begin() as session:
            await session.execute(sa.text(zone), {"zone": "Mars/Phobos"})
        await bill(sessions, viewer, customer)
        assert await subscription.silence()
        async with sessions.begin() as session:
            await session.execute(sa.text(zone), {"zone": viewer.timezone})
        assert figures(await subscription.next()) == ("100.00", 0, 0)


WAYS_OUT = {
    "a revoked token": "DELETE FROM tokens",
    "a token that has run out": "UPDATE tokens SET expires_at = now() - interval '1 second'",
    "a user who may not sign in": "UPDATE users SET is_active = false",
}


@pytest.mark.parametrize("way", WAYS_OUT.values(), ids=WAYS_OUT)
@pytest.mark.parametrize("query", [STRIP, CUSTOMERS], ids=["kpis", "customerChanged"])
async def test_who_is_not_known_any_more_is_told_nothing_more(address, headers, sessions, viewer, customer, way, query):
    async with subscribed(address, headers, query) as subscription:
        if query is STRIP:
            await subscription.next()
        else:
            assert await subscription.silence(0.5)
        async with sessions.begin() as session:
            await session.execute(sa.text(way))
        await bill(sessions, viewer, customer)
        await rename(sessions, viewer, customer, "Secret")
        with pytest.raises(Ended, match="Who asks"):
            await subscription.next()


async def test_what_is_pending_is_not_told_to_who_is_not_known_any_more(database, database_url, viewer):
    token = await a_token(database.sessions, viewer)
    secret = token["Authorization"].removeprefix("Bearer ")
    async with aclosing(Live(database_url, database.reads)) as live:
        watched = live.customers(hash_of(secret), viewer, None)
        first = asyncio.create_task(anext(watched))
        await until(lambda: is_listened_to(database))
        async with database.sessions.begin() as session:
            for _ in range(5):
                await a_customer(session, viewer)
        assert (await first)[1].kind == "CREATED"
        async with database.sessions.begin() as session:
            await session.execute(sa.text("DELETE FROM tokens"))
        await asyncio.sleep(0.5)
        with pytest.raises(NoLongerKnown):
            await anext(watched)


async def is_listened_to(database: Database) -> bool:
    return bool(await database.reads.fetch(LISTENERS))


async def test_a_server_stops_though_somebody_watches(database_url, headers):
    async with serving(database_url) as (process, address), httpx.AsyncClient(timeout=PATIENCE) as client:
        accepting = {**headers, "Accept": "text/event-stream"}
        async with (
            subscribed(address, headers, STRIP) as subscription,
            client.stream("POST", address, json={"query": STRIP}, headers=accepting) as stream,
        ):
            await subscription.next()
            await anext(stream.aiter_lines())
            process.terminate()
            await asyncio.wait_for(process.wait(), PATIENCE)


async def test_less_rights_are_less_figures(address, headers, sessions, viewer, customer):
    await bill(sessions, viewer, customer)
    async with subscribed(address, headers, STRIP) as subscription:
        assert figures(await subscription.next()) == ("100.00", 0, 0)
        async with sessions.begin() as session:
            await session.execute(sa.text("UPDATE roles SET read_invoices = 'NONE'"))
        assert figures(await subscription.next()) == ("0.00", 0, 0)


async def test_the_same_comes_as_server_sent_events(address, headers, sessions, viewer, customer):
    accepting = {**headers, "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(timeout=PATIENCE) as client,
        client.stream("POST", address, json={"query": STRIP}, headers=accepting) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()

        async def told() -> Any:
            """The next event and its data."""
            event = data = ""
            async for line in lines:
                event = line.removeprefix("event: ") if line.startswith("event:") else event
                data = line.removeprefix("data: ") if line.startswith("data:") else data
                if not line and event:
                    return event, data and json.loads(data)
            return None

        event, first = await told()
        assert (event, figures(first["data"])) == ("next", ("0.00", 0, 0))
        await bill(sessions, viewer, customer)
        event, second = await told()
        assert (event, figures(second["data"])) == ("next", ("100.00", 0, 0))
        async with sessions.begin() as session:
            await session.execute(sa.text("DELETE FROM tokens"))
        event, last = await told()
        assert (event, last["errors"][0]["extensions"]["code"]) == ("next", "UNAUTHENTICATED")
        assert (await told())[0] == "complete"


async def test_nobody_gets_in_without_a_token(address, viewer):
    for headers in ({}, {"Authorization": "Bearer kartotek_wrong"}, {"Authorization": "nonsense"}):
        with pytest.raises(Ended, match="4403"):
            async with subscribed(address, headers, STRIP):
                pass


async def test_a_query_on_an_open_connection_needs_a_token_that_is_still_good(address, headers, sessions, viewer):
    async with subscribed(address, headers, "{ viewer { user { email } } }") as subscription:
        assert await subscription.next() == {"viewer": {"user": {"email": "admin@example.com"}}}
        async with sessions.begin() as session:
            await session.execute(sa.text("DELETE FROM tokens"))
        asked = '{"id": "2", "type": "subscribe", "payload": {"query": "{ viewer { user { email } } }"}}'
        await subscription.connection.send(asked)
        with pytest.raises(Ended, match="None"):
            await subscription.next()  # the first one is complete
        with pytest.raises(Ended, match="4403"):
            await subscription.next()
