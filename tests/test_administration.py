"""Units, roles, users, statuses, tokens and the organisation: nobody hands out rights above their own."""

import asyncio
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import models
from db.connection import reads_of
from db.models import Access, ProblemCode, SalesCategory, TokenScope
from resolvers import ids
from resolvers.administration import (
    update_organization,
    upsert_invoice_statuses,
    upsert_roles,
    upsert_sales_statuses,
    upsert_units,
    upsert_users,
)
from resolvers.founding import init_organization
from resolvers.references import Ref
from resolvers.token import create_token, revoke_token
from resolvers.upsert import Rows
from resolvers.viewer import find_viewer_by_email, find_viewer_by_token
from tests.builders import (
    NOTHING,
    a_customer,
    a_unit,
    a_viewer,
    an_id,
    an_invoice,
    an_organization,
    ref,
    stored,
    the_only,
    the_viewer,
    trail_of,
)

C = ProblemCode
EVERYTHING: dict[str, Any] = {**dict.fromkeys(NOTHING, Access.ALL), "import_data": True, "administer": True}
LITTLE: dict[str, Any] = {**NOTHING, "import_data": False, "administer": True}


def where(result):
    return [(problem.code, problem.path) for problem in result.problems]


async def test_only_administrators_administer(session):
    admin = await an_organization(session)
    viewer = await a_viewer(session, admin, import_data=True)
    for function in (upsert_units, upsert_roles, upsert_users, upsert_sales_statuses, upsert_invoice_statuses):
        assert where(await function(session, viewer, [])) == [(C.FORBIDDEN, ())]
    assert where(await update_organization(session, viewer, {"name": "Mine"})) == [(C.FORBIDDEN, ())]
    reader = replace(admin, scope=TokenScope.READ)
    assert where(await upsert_units(session, reader, [{"name": "A"}])) == [(C.FORBIDDEN, ())]


async def test_the_organisation_changes_but_for_its_currency(session):
    admin = await an_organization(session, name="Before")
    outcome = await update_organization(session, admin, {"name": "After", "timezone": "Europe/Oslo", "locale": "nb_no"})
    assert outcome.key == admin.organization_id
    row = await stored(session, models.Organization, admin.organization_id)
    assert (row.name, row.timezone, row.locale) == ("After", "Europe/Oslo", "nb-NO")
    trail = await trail_of(session, admin.organization_id)
    assert [change.field for change in trail] == [None, "name", "timezone", "locale"]
    wrong = {"name": "", "country": "XX", "timezone": "Mars", "locale": "xx-YY"}
    paths = [("set", name) for name in wrong]
    assert where(await update_organization(session, admin, wrong)) == [(C.INVALID, path) for path in paths]
    outcome = await update_organization(session, admin, {"currency": "SEK"})
    assert where(outcome) == [(C.INVALID, ("set", "currency"))]
    await an_organization(session, name="Taken")
    (problem,) = (await update_organization(session, admin, {"name": "TAKEN"})).problems
    assert (problem.code, problem.path, problem.entity) == (C.DUPLICATE, ("set", "name"), None)


async def test_units_of_one_call_may_be_each_others_parents(session):
    admin = await an_organization(session)
    rows: Rows = [{"name": "Team", "parent": Ref("name", "HOUSE")}, {"name": "House"}]
    team, house = (await upsert_units(session, admin, rows)).ids
    assert (await stored(session, models.Unit, team)).parent_id == house
    (created,) = await trail_of(session, team)
    assert created.new == {"name": "Team", "parent": an_id("Unit", house)}
    result = await upsert_units(session, admin, [{"name": "A", "parent": Ref("name", "Nowhere")}])
    assert where(result) == [(C.NOT_FOUND, ("input", "0", "parent"))]


async def test_a_unit_is_never_below_itself(session):
    admin = await an_organization(session)
    rows: Rows = [{"name": "A"}, {"name": "B", "parent": Ref("name", "A")}, {"name": "C", "parent": Ref("name", "B")}]
    await upsert_units(session, admin, rows)
    result = await upsert_units(session, admin, [{"name": "A", "parent": Ref("name", "C")}])
    assert where(result) == [(C.INVALID, ("input", "0", "parent"))]
    result = await upsert_units(session, admin, [{"name": "New", "parent": Ref("name", "New")}])
    assert where(result) == [(C.INVALID, ("input", "0", "parent"))]
    turned: Rows = [{"name": "A", "parent": Ref("name", "C")}, {"name": "B", "parent": None}]
    assert not (await upsert_units(session, admin, turned)).problems


async def test_nobody_hands_out_rights_above_their_own(session):
    admin = await an_organization(session)
    limited = await a_viewer(session, admin, **{**LITTLE, "read_customers": Access.UNIT})
    greater = {**LITTLE, "name": "Greater", "read_customers": Access.ALL, "import_data": True}
    result = await upsert_roles(session, limited, [greater])
    assert where(result) == [
        (C.FORBIDDEN, ("input", "0", "readCustomers")),
        (C.FORBIDDEN, ("input", "0", "importData")),
    ]
    assert not (await upsert_roles(session, limited, [{**greater, **LITTLE}])).problems
    user = {"email": "new@example.com", "name": "New", "role": Ref("name", "Administrator")}
    assert where(await upsert_users(session, limited, [user])) == [(C.FORBIDDEN, ("input", "0", "role"))]
    # Not for themselves either.
    own = {"id": ids.encode("User", limited.user_id), "email": "new@example.com", "name": "Me", "role": "administrator"}
    assert where(await upsert_users(session, limited, [own])) == [(C.FORBIDDEN, ("input", "0", "role"))]


async def test_nobody_changes_who_has_more_rights(session):
    admin = await an_organization(session)
    limited = await a_viewer(session, admin, **LITTLE)
    weaker = {**NOTHING, "import_data": False, "administer": False, "name": "Administrator"}
    assert where(await upsert_roles(session, limited, [weaker])) == [(C.FORBIDDEN, ("input", "0"))]
    user = {"email": "admin@example.com", "name": "Me now", "role": "Administrator"}
    assert where(await upsert_users(session, limited, [user])) == [(C.FORBIDDEN, ("input", "0"))]
    result = await upsert_users(session, limited, [{**user, "name": "admin"}])
    assert result.unchanged == 1
    result = await upsert_roles(session, limited, [{"name": "Administrator", **EVERYTHING}])
    assert result.unchanged == 1


async def test_the_last_active_administrator_stays(session):
    admin = await an_organization(session)
    me = {"email": "admin@example.com", "name": "admin", "role": "Administrator"}
    result = await upsert_users(session, admin, [{**me, "is_active": False}])
    assert where(result) == [(C.CONFLICT, ("input", "0", "isActive"))]
    result = await upsert_users(session, admin, [{**me, "role": "Sales"}])
    assert where(result) == [(C.CONFLICT, ("input", "0", "role"))]
    result = await upsert_roles(session, admin, [{"name": "Administrator", **EVERYTHING, "administer": False}])
    assert where(result) == [(C.CONFLICT, ("input", "0", "administer"))]
    other = {"email": "other@example.com", "name": "Other", "role": "Administrator"}
    result = await upsert_users(session, admin, [other, {**me, "is_active": False}])
    assert not result.problems
    assert where(await upsert_units(session, admin, [{"name": "A"}])) == [(C.FORBIDDEN, ())]


async def test_two_administrators_cannot_demote_each_other_at_once(sessions):
    async with sessions.begin() as session:
        admin = await an_organization(session)
        other = {"email": "other@example.com", "name": "Other", "role": "Administrator"}
        the_only(await upsert_users(session, admin, [other]))
        second = await find_viewer_by_email(session, admin.organization_id, "other@example.com")

    async def demote(viewer, email):
        async with sessions.begin() as session:
            return await upsert_users(session, viewer, [{"email": email, "name": "X", "role": "Sales"}])

    results = await asyncio.gather(demote(admin, "other@example.com"), demote(second, "admin@example.com"))
    assert sorted(len(result.problems) for result in results) == [0, 1]


async def test_users_sign_in_with_an_address_in_lower_case(session):
    admin = await an_organization(session)
    row = {"email": " Aino@Example.COM", "name": "Aino", "role": "sales"}
    key = the_only(await upsert_users(session, admin, [row]))
    assert (await stored(session, models.User, key)).email == "aino@example.com"
    assert (await upsert_users(session, admin, [{**row, "email": "AINO@example.com"}])).unchanged == 1
    for email in ("aino", "@example.com", "a b@example.com", ""):
        result = await upsert_users(session, admin, [{**row, "email": email}])
        assert where(result) == [(C.INVALID, ("input", "0", "email"))]
    result = await upsert_users(session, admin, [{**row, "role": "Nobody"}])
    assert where(result) == [(C.NOT_FOUND, ("input", "0", "role"))]


async def test_a_status_becomes_numbered_only_once_its_invoices_are(session):
    admin = await an_organization(session)
    customer = await a_customer(session, admin)
    await an_invoice(session, admin, customer, external_id="i")
    draft = {"name": "draft", "numbered": True, "sent": False, "paid": False}
    result = await upsert_invoice_statuses(session, admin, [draft])
    assert where(result) == [(C.CONFLICT, ("input", "0", "numbered"))]
    key = await an_invoice(session, admin, customer, external_id="i", number="1")
    assert not (await upsert_invoice_statuses(session, admin, [{**draft, "sent": True}])).problems
    assert (await stored(session, models.Invoice, key)).status_sent


async def test_sales_statuses_have_a_probability(session):
    admin = await an_organization(session)
    row = {"name": "Maybe", "category": SalesCategory.IN_PROGRESS, "probability": 101}
    result = await upsert_sales_statuses(session, admin, [row])
    assert where(result) == [(C.INVALID, ("input", "0", "probability"))]
    assert result.problems[0].message == "Probability is 101; it must be at most 100."


async def test_a_token_works_until_it_is_revoked(session):
    admin = await an_organization(session)
    made = await create_token(session, admin, {"name": "ci", "scope": TokenScope.READ})
    viewer = await the_viewer(session, made.secret)
    assert (viewer.user_id, viewer.scope) == (admin.user_id, TokenScope.READ)
    assert str(made.secret) not in repr(made)
    (created,) = await trail_of(session, made.key)
    assert created.new == {"name": "ci", "scope": "READ", "user": ids.encode("User", admin.user_id)}
    assert (await create_token(session, viewer, {"name": "more"})).problems[0].code is C.FORBIDDEN
    assert (await revoke_token(session, admin, an_id("Token", made.key))).key == made.key
    assert await find_viewer_by_token(await reads_of(session), str(made.secret)) is None
    gone = (await trail_of(session, made.key))[-1]
    assert gone.old == created.new
    assert where(await revoke_token(session, admin, an_id("Token", made.key))) == [(C.NOT_FOUND, ("id",))]


async def test_a_token_that_has_expired_already_is_refused(session):
    admin = await an_organization(session)
    for moment in (datetime.now(UTC) - timedelta(seconds=1), datetime.now() + timedelta(days=1)):  # noqa: DTZ005
        made = await create_token(session, admin, {"name": "ci", "expires_at": moment})
        assert where(made) == [(C.INVALID, ("input", "expiresAt"))]
    assert (await create_token(session, admin, {"name": "ci", "expires_at": datetime.now(UTC) + timedelta(1)})).secret
    assert where(await create_token(session, admin, {"name": " "})) == [(C.INVALID, ("input", "name"))]


async def test_tokens_for_others_are_for_administrators_and_lesser_users(session):
    admin = await an_organization(session)
    limited = await a_viewer(session, admin, **LITTLE)
    plain = await a_viewer(session, admin, email="plain@example.com")
    for maker, user in ((limited, admin), (plain, limited)):
        made = await create_token(session, maker, {"name": "ci", "user": ref("User", user.user_id)})
        assert where(made) == [(C.FORBIDDEN, ("input", "user"))]
    made = await create_token(session, limited, {"name": "ci", "user": Ref("email", "Plain@example.com")})
    assert (await the_viewer(session, made.secret)).user_id == plain.user_id
    token = an_id("Token", made.key)
    of_admin = an_id("Token", (await create_token(session, admin, {"name": "x"})).key)
    assert where(await revoke_token(session, limited, of_admin)) == [(C.FORBIDDEN, ("id",))]
    assert where(await revoke_token(session, plain, of_admin)) == [(C.NOT_FOUND, ("id",))]
    assert not (await revoke_token(session, limited, token)).problems


async def test_no_token_for_who_may_not_sign_in(session):
    admin = await an_organization(session)
    row = {"email": "gone@example.com", "name": "Gone", "role": "Sales", "is_active": False}
    key = the_only(await upsert_users(session, admin, [row]))
    made = await create_token(session, admin, {"name": "ci", "user": ref("User", key)})
    assert where(made) == [(C.INVALID, ("input", "user"))]


async def test_a_new_organisation_has_what_it_needs(session):
    admin = await an_organization(session, country="no", currency="nok", locale="nb")
    assert asdict(admin.permissions) == EVERYTHING
    assert (admin.country, admin.currency) == ("NO", "NOK")
    (created,) = await trail_of(session, admin.user_id)
    assert (created.by_id, created.entity_label) == (None, "admin")
    (created,) = await trail_of(session, admin.organization_id)
    assert created.new["currency"] == "NOK"


@pytest.mark.parametrize("name", ["name", "country", "currency", "timezone", "locale", "admin_email"])
async def test_an_organisation_that_cannot_be_leaves_nothing(session, name):
    values = {
        "name": "A",
        "country": "FI",
        "currency": "EUR",
        "timezone": "Europe/Helsinki",
        "locale": "fi",
        "admin_email": "a@b.fi",
    }
    founded = await init_organization(session, **{**values, name: "?" if name != "name" else " "})
    assert where(founded) == [(C.INVALID, (name,))]
    assert founded.organization_id is None
    assert not (await init_organization(session, **values)).problems


async def test_two_organisations_cannot_have_one_name(session):
    await an_organization(session, name="Acme")
    values = {"country": "FI", "currency": "EUR", "timezone": "Europe/Helsinki", "locale": "fi"}
    founded = await init_organization(session, name="ACME", admin_email="a@b.fi", **values)
    assert where(founded) == [(C.DUPLICATE, ("name",))]


async def test_inviting_into_a_unit(session):
    admin = await an_organization(session)
    unit = await a_unit(session, admin)
    viewer = await a_viewer(session, admin, unit=ref("Unit", unit))
    assert viewer.units == (unit,)


# ---------------------------------------------------------------------- rights that reach as far as a unit

REGIONAL: dict[str, Any] = {**dict.fromkeys(NOTHING, Access.UNIT), "import_data": False, "administer": True}


@pytest.fixture
async def region(session):
    """An administrator of a unit, with one unit above it, one below and one beside."""
    admin = await an_organization(session)
    rows: Rows = [
        {"name": "House"},
        {"name": "North", "parent": Ref("name", "House")},
        {"name": "Team", "parent": Ref("name", "North")},
        {"name": "South", "parent": Ref("name", "House")},
    ]
    assert not (await upsert_units(session, admin, rows)).problems
    regional = await a_viewer(session, admin, unit=Ref("name", "North"), email="north@example.com", **REGIONAL)
    return admin, regional


def a_role(name: str, level: Access) -> dict[str, Any]:
    return {**dict.fromkeys(NOTHING, level), "import_data": False, "administer": False, "name": name}


async def test_nobody_moves_themselves_or_others_to_where_they_would_see_more(session, region):
    admin, regional = region
    assert not (await upsert_roles(session, admin, [a_role("Unit", Access.UNIT), a_role("None", Access.NONE)])).problems
    role = (await upsert_users(session, admin, [{"email": "a@b.fi", "name": "A", "role": "Unit", "unit": "Team"}])).ids
    assert role
    me = {"id": an_id("User", regional.user_id), "email": "north@example.com", "name": "Me"}
    own_role = (await stored(session, models.User, regional.user_id)).role_id
    for unit in ("House", "South"):
        result = await upsert_users(session, regional, [{**me, "role": ref("Role", own_role), "unit": unit}])
        assert where(result) == [(C.FORBIDDEN, ("input", "0", "unit"))]
        helper = {"email": "helper@example.com", "name": "Helper", "role": "Unit", "unit": unit}
        assert where(await upsert_users(session, regional, [helper])) == [(C.FORBIDDEN, ("input", "0", "unit"))]
        moved = {"email": "a@b.fi", "name": "A", "role": "Unit", "unit": unit}
        assert where(await upsert_users(session, regional, [moved])) == [(C.FORBIDDEN, ("input", "0", "unit"))]
    for unit in ("Team", "North"):
        helper = {"email": f"{unit}@example.com", "name": "Helper", "role": "Unit", "unit": unit}
        assert not (await upsert_users(session, regional, [helper])).problems


async def test_nobody_brings_customers_within_reach_by_moving_their_owner(session, region):
    admin, regional = region
    assert not (await upsert_roles(session, admin, [a_role("None", Access.NONE)])).problems
    away = {"email": "away@example.com", "name": "Away", "role": "None", "unit": "South"}
    owner = the_only(await upsert_users(session, admin, [away]))
    await a_customer(session, admin, owner=ref("User", owner))
    result = await upsert_users(session, regional, [{**away, "unit": "Team"}])
    assert where(result) == [(C.FORBIDDEN, ("input", "0", "unit"))]
    assert not (await upsert_users(session, regional, [{**away, "name": "Still away"}])).problems
    assert not (await upsert_users(session, admin, [{**away, "unit": "Team"}])).problems


async def test_nobody_changes_or_stands_for_who_reaches_elsewhere(session, region):
    admin, regional = region
    assert not (await upsert_roles(session, admin, [a_role("Own", Access.OWN)])).problems
    for unit, expected in (("South", C.FORBIDDEN), (None, C.FORBIDDEN), ("Team", None)):
        row = {"email": f"{unit}@example.com", "name": "X", "role": "Own", "unit": unit}
        key = the_only(await upsert_users(session, admin, [row]))
        changed = await upsert_users(session, regional, [{**row, "name": "Y"}])
        assert where(changed) == ([(expected, ("input", "0"))] if expected else [])
        made = await create_token(session, regional, {"name": "t", "user": ref("User", key)})
        assert where(made) == ([(expected, ("input", "user"))] if expected else [])
        theirs = an_id("Token", (await create_token(session, admin, {"name": "t", "user": ref("User", key)})).key)
        assert where(await revoke_token(session, regional, theirs)) == ([(expected, ("id",))] if expected else [])


async def test_nobody_widens_a_role_for_those_whom_they_do_not_reach(session, region):
    admin, regional = region
    assert not (await upsert_roles(session, admin, [a_role("Near", Access.OWN), a_role("Far", Access.OWN)])).problems
    rows: Rows = [
        {"email": f"{role}@example.com", "name": "X", "role": role, "unit": unit}
        for role, unit in (("Near", "Team"), ("Far", "South"))
    ]
    assert not (await upsert_users(session, admin, rows)).problems
    assert not (await upsert_roles(session, regional, [a_role("Near", Access.UNIT)])).problems
    assert where(await upsert_roles(session, regional, [a_role("Far", Access.UNIT)])) == [(C.FORBIDDEN, ("input", "0"))]
    assert not (await upsert_roles(session, regional, [a_role("Far", Access.NONE)])).problems
    assert not (await upsert_roles(session, admin, [a_role("Far", Access.UNIT)])).problems


async def test_nobody_moves_a_unit_that_they_do_not_reach(session, region):
    admin, regional = region
    result = await upsert_units(session, regional, [{"name": "South", "parent": "North"}])
    assert where(result) == [(C.FORBIDDEN, ("input", "0", "parent"))]
    assert where(await upsert_units(session, regional, [{"name": "House", "parent": None}])) == []
    result = await upsert_units(
        session, regional, [{"name": "New", "parent": "Team"}, {"name": "Team", "parent": "New"}]
    )
    assert where(result)  # below itself
    assert not (await upsert_units(session, regional, [{"name": "New", "parent": "North"}])).problems
    regional = await find_viewer_by_email(session, admin.organization_id, "north@example.com")
    assert regional
    assert not (await upsert_units(session, regional, [{"name": "Team", "parent": "New"}])).problems
    assert not (await upsert_units(session, admin, [{"name": "South", "parent": "North"}])).problems
