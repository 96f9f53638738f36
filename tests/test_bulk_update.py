"""Mass updates: whom they mean, what they change and leave alone, and what is said of those they cannot change."""

import asyncio
from typing import Any

import pytest

from db.models import Access
from kartotek.demo_data import swedish_business_id
from resolvers import ids
from resolvers.bulk_update import Named, bulk_update_customers
from resolvers.customer import delete_customer, update_customer
from resolvers.references import Ref
from resolvers.upsert import upsert_customers
from tests.builders import (
    a_contact,
    a_customer,
    a_viewer,
    an_id,
    an_industry,
    an_invoice,
    an_organization,
    ref,
    trail_of,
)
from tests.mass_updates import ALL, COUNTS, counts, matching, operations, row, some, undo, update, write
from tests.worlds import answered, told


async def alone(database, viewer, id_text, **values):
    async with database.sessions.begin() as session:
        assert not (await update_customer(session, viewer, id_text, values)).problems


async def test_many_are_set_at_once(database, viewer):
    first, second, third = await some(database, viewer, {}, {}, {"language": "sv"})
    answer = await update(database, viewer, {"ids": [first, third]}, language="fi", isActive=False)
    assert answer["problems"] == []
    assert counts(answer["operation"]) == (2, 2, 0, 0, 0)
    assert answer["operation"]["status"] == "APPLIED"
    assert answer["operation"]["by"] == {"email": "admin@example.com"}
    assert [(await row(database, each)).language for each in (first, second, third)] == ["fi", None, "fi"]
    assert [(await row(database, each)).version for each in (first, second, third)] == [2, 1, 2]


async def test_a_row_that_has_the_value_is_left_alone(database, viewer):
    there, other = await some(database, viewer, {"language": "fi"}, {})
    before = await row(database, there)
    answer = await update(database, viewer, {"ids": [there, other]}, language="fi")
    assert counts(answer["operation"]) == (2, 1, 1, 0, 0)
    assert await row(database, there) == before
    assert [change["entityId"] for change in answer["operation"]["changes"]["nodes"]] == [other]


async def test_the_trail_is_that_of_single_updates(database, viewer):
    async with database.sessions.begin() as session:
        retail = await an_industry(session, viewer, name="Retail")
        await an_industry(session, viewer, name="Wholesale")
    values: dict[str, Any] = {"industry": ref("Industry", retail), "owner": Ref("email", "admin@example.com")}
    pair = await some(database, viewer, values, values)
    news: dict[str, Any] = {
        "industry": Ref("name", "wholesale"),
        "owner": None,
        "country": "SE",
        "language": "sv",
        "is_active": False,
        "marketing_allowed": False,
    }
    async with database.sessions.begin() as session:
        await update_customer(session, viewer, pair[0], news)
    given: dict[str, Any] = {"industry": {"name": "wholesale"}, "owner": None, "country": "SE", "language": "sv"}
    answer = await update(database, viewer, {"ids": pair[1:]}, **given, isActive=False, marketingAllowed=False)
    assert answer["operation"]["changed"] == 1
    trails = []
    async with database.sessions() as session:
        for each in pair:
            rows = await trail_of(session, ids.find_key("Customer", each))
            trails.append(
                {
                    (change.kind, change.field, change.old, change.new, change.old_label, change.new_label)
                    for change in rows
                    if change.kind == "UPDATED"
                }
            )
    assert len(trails[0]) == len(news)
    assert trails[0] == trails[1]


async def test_an_id_counts_once(database, viewer):
    (one,) = await some(database, viewer, {})
    answer = await update(
        database, viewer, {"ids": [one, "nonsense", one, "nonsense"]}, policy="REJECT_ROWS", language="fi"
    )
    assert counts(answer["operation"]) == (2, 1, 0, 1, 0)
    assert [problem["path"] for problem in answer["problems"]] == [["target", "ids", "1"]]


async def test_ids_that_cannot_be_changed_are_listed_with_their_place(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
        stranger = await an_organization(session, name="Other")
    own = ref("User", clerk.user_id)
    fine, foreign, internal, gone = await some(
        database, viewer, {"owner": own}, {}, {"owner": own, "is_internal": True}, {"owner": own}
    )
    (elsewhere,) = await some(database, stranger, {})
    async with database.sessions.begin() as session:
        await delete_customer(session, viewer, gone)
    given = ["cus_x\0", fine, foreign, internal, gone, elsewhere]
    answer = await update(database, clerk, {"ids": given}, policy="REJECT_ROWS", language="fi")
    assert [(problem["code"], problem["path"][-1]) for problem in answer["problems"]] == [
        ("NOT_FOUND", "0"),
        ("FORBIDDEN", "2"),
        ("CONFLICT", "3"),
        ("NOT_FOUND", "4"),
        ("NOT_FOUND", "5"),
    ]
    rejections = answer["operation"]["rejections"]
    assert rejections["totalCount"] == 5
    assert [each["customerId"] for each in rejections["nodes"]] == ["cus_x�", foreign, internal, gone, elsewhere]
    assert [each["customer"] for each in rejections["nodes"]] == [None, {"id": foreign}, {"id": internal}, None, None]
    assert [each["problem"] for each in rejections["nodes"]] == answer["problems"]
    assert counts(answer["operation"]) == (6, 1, 0, 5, 0)
    assert (await row(database, fine)).language == "fi"


async def test_one_rejection_stops_all_unless_rows_are_rejected(database, viewer):
    one, internal = await some(database, viewer, {}, {"is_internal": True})
    before = await row(database, one)
    answer = await update(database, viewer, {"ids": [one, internal]}, language="fi")
    assert counts(answer["operation"]) == (2, 0, 0, 1, 0)
    assert answer["operation"]["status"] == "REJECTED"
    assert answer["operation"]["changes"]["totalCount"] == 0
    assert await row(database, one) == before
    kept = await told(database, viewer, f'{{ bulkOperation(id: "{answer["operation"]["id"]}") {{ status {COUNTS} }} }}')
    assert counts(kept["bulkOperation"]) == (2, 0, 0, 1, 0)


async def test_those_matching_are_changed_but_for_internal_ones(database, viewer):
    one, internal, other = await some(database, viewer, {}, {"is_internal": True}, {"is_active": False})
    answer = await update(database, viewer, matching(2, filter=ALL), language="fi")
    assert counts(answer["operation"]) == (2, 1, 0, 0, 1)
    assert [(await row(database, each)).language for each in (one, internal, other)] == ["fi", None, None]


async def test_those_matching_that_may_not_be_changed_are_rejected(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
    own, other = await some(database, viewer, {"owner": ref("User", clerk.user_id)}, {})
    answer = await update(database, clerk, matching(2, filter=ALL), policy="REJECT_ROWS", language="fi")
    assert counts(answer["operation"]) == (2, 1, 0, 1, 0)
    (problem,) = answer["problems"]
    assert (problem["code"], problem["path"]) == ("FORBIDDEN", ["target", "matching"])
    assert [each["customerId"] for each in answer["operation"]["rejections"]["nodes"]] == [other]
    assert (await row(database, own)).language == "fi"


async def test_what_is_not_seen_is_not_meant(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.OWN, edit_customers=Access.ALL)
    _, own = await some(database, viewer, {}, {"owner": ref("User", clerk.user_id)})
    answer = await update(database, clerk, matching(1, filter=ALL), language="fi")
    assert [change["entityId"] for change in answer["operation"]["changes"]["nodes"]] == [own]


async def test_the_excluded_are_left_out_and_not_expected(database, viewer):
    one, other = await some(database, viewer, {}, {})
    target = matching(1, filter=ALL, excludeIds=[other, "nonsense", other])
    answer = await update(database, viewer, target, language="fi")
    assert counts(answer["operation"]) == (1, 1, 0, 0, 0)
    assert (await row(database, one)).language == "fi"


async def test_words_say_whom_and_how_many(database, viewer):
    names = ("Ålands Bank", "Bank of Åland", "Nokia", "Ålands Museum")
    first, second, other, museum = await some(database, viewer, *[{"name": name} for name in names])
    await alone(database, viewer, museum, is_active=False)
    for search, condition, whom in (
        ("aland", None, [first, second, museum]),
        ("aland BANK", None, [first, second]),
        ("aland", ALL, [first, second]),
        ("bank", {"name": {"startsWith": "ålands"}}, [first]),
    ):
        asked = {"search": search, **({"filter": condition} if condition else {})}
        count = "query($s: String, $f: CustomerFilter) { customers(search: $s, filter: $f) { totalCount } }"
        total = await told(database, viewer, count, {"s": search, "f": condition} if condition else {"s": search})
        expected = total["customers"]["totalCount"]
        answer = await update(database, viewer, matching(expected, **asked), dry=True, language="fi")
        assert sorted(change["entityId"] for change in answer["operation"]["changes"]["nodes"]) == sorted(whom)
        answer = await update(
            database, viewer, matching(expected - 1, **asked, excludeIds=[first, other]), language="fi"
        )
        assert answer["problems"] == []
        await undo(database, viewer, answer["operation"])


async def test_misspellings_are_not_guessed(database, viewer):
    (one,) = await some(database, viewer, {"name": "Kivikoski"})
    found = await told(database, viewer, '{ customers(search: "kivikosky") { totalCount } }')
    assert found["customers"]["totalCount"] == 1
    answer = await update(database, viewer, matching(1, search="kivikosky"), language="fi")
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [
        ("STALE", ["target", "matching", "expectedCount"])
    ]
    answer = await update(database, viewer, matching(0, search="kivikosky"), language="fi")
    assert counts(answer["operation"]) == (0, 0, 0, 0, 0)
    assert (await row(database, one)).version == 1


async def test_what_is_hidden_says_nothing_of_whom(database, viewer):
    """Nobody can find out by a mass update which customers have invoices that they may not see."""
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.ALL)
        billed, other = [await a_customer(session, viewer) for _ in range(2)]
        await an_invoice(session, viewer, billed)
    some_invoice: dict[str, Any] = {"invoices": {"some": {}}}
    for who, expected in ((clerk, 0), (viewer, 1)):
        answer = await update(database, who, matching(expected, filter=some_invoice), language="fi")
        assert counts(answer["operation"])[:2] == (expected, expected)
    answer = await update(database, clerk, matching(2, filter={"not": some_invoice}), language="sv")
    assert {change["entityId"] for change in answer["operation"]["changes"]["nodes"]} == {
        an_id("Customer", key) for key in (billed, other)
    }


async def test_another_number_than_expected_changes_nothing(database, viewer):
    (one,) = await some(database, viewer, {})
    before = await row(database, one)
    answer = await update(database, viewer, matching(2, filter=ALL), policy="REJECT_ROWS", language="fi")
    (problem,) = answer["problems"]
    assert (problem["code"], problem["path"]) == ("STALE", ["target", "matching", "expectedCount"])
    assert "1 customers match, you expected 2" in problem["message"]
    assert answer["operation"] is None
    assert await row(database, one) == before
    assert await operations(database) == 0


async def test_the_customers_behind_a_figure_can_be_changed(database, viewer):
    await some(database, viewer, {})
    answer = await update(database, viewer, matching(0, filter={"kpi": {"eq": "ACTIVE"}}), language="fi")
    assert counts(answer["operation"]) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ({"ids": []}, ["target", "ids"]),
        (matching(1), ["target", "matching"]),
        (matching(1, filter=None, search=None), ["target", "matching"]),
        (matching(1, search=" -!"), ["target", "matching", "search"]),
        (matching(1, filter={}), ["target", "matching", "filter"]),
        (matching(1, filter={"name": None}), ["target", "matching", "filter", "name"]),
        (matching(1, filter={"name": {}}), ["target", "matching", "filter", "name"]),
        (matching(1, filter={"name": {"eq": None}}), ["target", "matching", "filter", "name", "eq"]),
        (matching(1, filter={"and": [{"not": None}]}), ["target", "matching", "filter", "and", "0", "not"]),
    ],
)
async def test_a_target_that_leaves_open_whom_is_refused(database, viewer, target, path):
    (one,) = await some(database, viewer, {})
    before = await row(database, one)
    answer = await update(database, viewer, target, language="fi")
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [("INVALID", path)]
    assert answer["operation"] is None
    assert await row(database, one) == before


@pytest.mark.parametrize(
    ("declared", "written", "variables", "path"),
    [
        ("$s: String", "filter: {name: {eq: $s}}", {}, ["filter", "name", "eq"]),
        ("$s: String", "filter: {name: {eq: $s}}", {"s": None}, ["filter", "name", "eq"]),
        ("$n: StringFilter", "filter: {name: $n}", {}, ["filter", "name"]),
        ("$n: StringFilter", "filter: {or: [{name: $n}]}", {}, ["filter", "or", "0", "name"]),
        ("$n: StringFilter", "filter: {name: $n}", {"n": {"eq": None}}, ["filter", "name", "eq"]),
        ("$f: CustomerFilter", "filter: $f", {}, []),
        ("$f: CustomerFilter", "filter: $f", {"f": None}, []),
        ("$f: CustomerFilter", "filter: $f", {"f": {"not": {}}}, ["filter", "not"]),
    ],
)
async def test_variables_that_are_not_given_are_refused_at_any_depth(
    database, viewer, declared, written, variables, path
):
    (one,) = await some(database, viewer, {})
    before = await row(database, one)
    document = f"""mutation({declared}) {{
      answer: bulkUpdateCustomers(target: {{matching: {{expectedCount: 1, {written}}}}}, set: {{language: "fi"}}) {{
        problems {{ code path }}
    }} }}"""
    answer = (await told(database, viewer, document, variables))["answer"]
    assert answer["problems"] == [{"code": "INVALID", "path": ["target", "matching", *path]}]
    assert await row(database, one) == before


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({}, "INVALID", ["set"]),
        ({"country": None}, "INVALID", ["set", "country"]),
        ({"country": "XX"}, "INVALID", ["set", "country"]),
        ({"isActive": None}, "INVALID", ["set", "isActive"]),
        ({"industry": {"name": "None such"}}, "NOT_FOUND", ["set", "industry"]),
    ],
)
async def test_a_value_that_cannot_be_is_refused_once(database, viewer, values, code, path):
    pair = await some(database, viewer, {}, {})
    answer = await update(database, viewer, {"ids": pair}, policy="REJECT_ROWS", **values)
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [(code, path)]
    assert answer["operation"] is None


async def test_more_ids_than_a_call_takes_are_refused(database, viewer):
    answer = await update(database, viewer, {"ids": [f"x{n}" for n in range(100_001)]}, language="fi")
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [("TOO_MANY", ["target", "ids"])]


async def test_more_excluded_than_a_call_takes_are_refused(database, viewer):
    target = matching(1, filter=ALL, excludeIds=[f"x{n}" for n in range(100_001)])
    answer = await update(database, viewer, target, language="fi")
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [
        ("TOO_MANY", ["target", "matching", "excludeIds"])
    ]


async def test_more_rejections_than_problems_are_all_listed_in_their_order(database, viewer):
    (one,) = await some(database, viewer, {})
    given = [*(f"x{n}" for n in range(1_100)), one]
    answer = await update(database, viewer, {"ids": given}, policy="REJECT_ROWS", language="fi")
    assert counts(answer["operation"]) == (1_101, 1, 0, 1_100, 0)
    assert [problem["path"][-1] for problem in answer["problems"]] == [str(n) for n in range(1_000)]
    document = """query($id: ID!, $before: String) { bulkOperation(id: $id) {
      rejections(last: 400, before: $before) { totalCount nodes { customerId }
        pageInfo { startCursor hasPreviousPage } } } }"""
    found: list[str] = []
    before, more = None, True
    while more:
        asked = {"id": answer["operation"]["id"], "before": before}
        page = (await told(database, viewer, document, asked))["bulkOperation"]["rejections"]
        assert page["totalCount"] == 1_100
        found = [node["customerId"] for node in page["nodes"]] + found
        before, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
    assert found == given[:-1]


async def test_a_role_that_edits_nothing_is_refused(database, viewer):
    async with database.sessions.begin() as session:
        reader = await a_viewer(session, viewer, read_customers=Access.ALL)
    pair = await some(database, viewer, {}, {})
    answer = await update(database, reader, {"ids": pair}, language="fi")
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [("FORBIDDEN", [])]


async def test_a_country_where_the_business_id_is_taken_is_rejected(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.OWN, edit_customers=Access.OWN)
    own = ref("User", clerk.user_id)
    _, twin, seen, first, second, free = await some(
        database,
        viewer,
        {"country": "SE", "business_id": "5560125790"},
        {"owner": own, "country": "DE", "business_id": "5560125790"},
        {"owner": own, "country": "SE", "business_id": "5560360793"},
        {"owner": own, "country": "DE", "business_id": "5560360793"},
        {"owner": own, "country": "HU", "business_id": "5560160680"},
        {"owner": own, "country": "DE", "business_id": "5560160680"},
    )
    given = {"ids": [free, twin, first, second]}
    answer = await update(database, clerk, given, policy="REJECT_ROWS", country="SE")
    assert [(each["code"], each["path"][-1], each["entityId"]) for each in answer["problems"]] == [
        ("DUPLICATE", "1", None),
        ("DUPLICATE", "2", seen),
        ("DUPLICATE", "3", None),
    ]
    assert counts(answer["operation"]) == (4, 1, 0, 3, 0)
    assert [(await row(database, each)).country for each in (free, twin, first, second)] == ["SE", "DE", "DE", "HU"]


async def test_a_business_id_that_is_none_of_the_new_country_is_rejected(database, viewer):
    _, wrong, respelt, _, there = made = await some(
        database,
        viewer,
        {"country": "US", "business_id": "5560160680"},
        {"country": "FI", "business_id": "0112038-9"},
        {"country": "US", "business_id": "556012-5790"},
        {"country": "FI"},
        {"country": "SE"},
    )
    await write(database, there, business_id="from before")
    answer = await update(database, viewer, {"ids": made}, policy="REJECT_ROWS", country="SE")
    assert [(each["code"], each["path"]) for each in answer["problems"]] == [
        ("INVALID", ["target", "ids", "1"]),
        ("INVALID", ["target", "ids", "2"]),
    ]
    assert answer["problems"][0]["message"] == (
        "Business id “0112038-9” cannot stay as it is in SE; change this customer by itself."
    )
    assert [each["customerId"] for each in answer["operation"]["rejections"]["nodes"]] == [wrong, respelt]
    assert counts(answer["operation"]) == (5, 2, 1, 2, 0)
    assert [(await row(database, each)).country for each in made] == ["SE", "FI", "US", "SE", "SE"]
    assert {change["field"] for change in answer["operation"]["changes"]["nodes"]} == {"country"}


async def test_one_such_business_id_stops_all_unless_rows_are_rejected(database, viewer):
    made = await some(database, viewer, {"country": "US", "business_id": "5560160680"}, {"business_id": "0112038-9"})
    before = [await row(database, each) for each in made]
    answer = await update(database, viewer, {"ids": made}, country="SE", language="sv")
    assert (answer["operation"]["status"], counts(answer["operation"])) == ("REJECTED", (2, 0, 0, 1, 0))
    assert [each["path"] for each in answer["problems"]] == [["target", "ids", "1"]]
    assert [await row(database, each) for each in made] == before
    answer = await update(database, viewer, {"ids": made}, language="sv")
    assert counts(answer["operation"]) == (2, 2, 0, 0, 0)


async def test_such_business_ids_among_those_matching_are_rejected_and_previewed(database, viewer):
    wrong, right, internal = await some(
        database,
        viewer,
        {"business_id": "0112038-9"},
        {"country": "US", "business_id": "5560160680"},
        {"business_id": "2900100-7", "is_internal": True},
    )
    target = matching(3, filter=ALL)
    preview = await update(database, viewer, target, policy="REJECT_ROWS", dry=True, country="SE")
    assert (await row(database, right)).country == "US"
    answer = await update(database, viewer, target, policy="REJECT_ROWS", country="SE")
    for each in (preview, answer):
        assert counts(each["operation"]) == (3, 1, 0, 1, 1)
        assert [(problem["code"], problem["path"]) for problem in each["problems"]] == [
            ("INVALID", ["target", "matching"])
        ]
        assert [node["customerId"] for node in each["operation"]["rejections"]["nodes"]] == [wrong]
    assert [(await row(database, each)).country for each in (wrong, right, internal)] == ["FI", "SE", "FI"]


async def test_who_may_not_be_changed_is_told_nothing_of_the_business_id(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
    made = await some(
        database,
        viewer,
        {"business_id": "0112038-9"},
        {"business_id": "2900100-7", "is_internal": True, "owner": ref("User", clerk.user_id)},
    )
    answer = await update(database, clerk, {"ids": made}, policy="REJECT_ROWS", country="SE")
    assert [each["code"] for each in answer["problems"]] == ["FORBIDDEN", "CONFLICT"]


async def test_a_thousand_business_ids_are_each_looked_at(database, viewer):
    numbers = [number for serial in range(1500) if (number := swedish_business_id(serial))][:1200]
    rows = [{"name": f"C{n}", "country": "US", "business_id": number} for n, number in enumerate(numbers)]
    rows[7] |= {"business_id": "5560160681"}
    rows[1100] |= {"business_id": "5560160682"}
    async with database.sessions.begin() as session:
        await upsert_customers(session, viewer, rows)
    answer = await update(database, viewer, matching(1200, filter=ALL), policy="REJECT_ROWS", country="SE")
    assert counts(answer["operation"]) == (1200, 1198, 0, 2, 0)


async def test_the_business_id_that_counts_is_the_one_that_was_written_last(database, viewer):
    came, gone = made = await some(
        database,
        viewer,
        {"country": "US", "business_id": "0112038-9"},
        {"country": "US", "business_id": "5560160680"},
    )
    async with database.sessions.begin() as session:
        await update_customer(session, viewer, came, {"business_id": "5560125790"})
        await update_customer(session, viewer, gone, {"business_id": "0112038-9"})
        waiting = asyncio.create_task(update(database, viewer, {"ids": made}, policy="REJECT_ROWS", country="SE"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    assert [each["path"] for each in (await waiting)["problems"]] == [["target", "ids", "1"]]
    assert [(await row(database, each)).country for each in made] == ["SE", "US"]


async def test_no_business_id_comes_to_a_country_where_it_cannot_be_however_many_write(database, viewer):
    numbers = [number for serial in range(50) if (number := swedish_business_id(serial))][:30]
    made = await some(database, viewer, *[{"country": "US", "business_id": number} for number in numbers])

    async def alone(id_text: str, number: str) -> None:
        async with database.sessions.begin() as session:
            await update_customer(session, viewer, id_text, {"business_id": number})

    await asyncio.gather(
        *(alone(each, f"X{place}") for place, each in enumerate(made[:10])),
        update(database, viewer, {"ids": made}, policy="REJECT_ROWS", country="SE"),
        update(database, viewer, {"ids": made[::-1]}, policy="REJECT_ROWS", country="SE", language="sv"),
        *(alone(each, f"X{place}") for place, each in enumerate(made[10:20], start=10)),
    )
    for place, each in enumerate(made):
        found = await row(database, each)
        assert (found.country, found.business_id) in {("SE", numbers[place]), ("US", f"X{place}")}


async def test_a_preview_is_the_act_and_changes_nothing(database, viewer):
    first, internal, second = await some(database, viewer, {}, {"is_internal": True}, {"language": "fi"})
    before = [await row(database, each) for each in (first, internal, second)]
    target = {"ids": [first, internal, "nonsense", second]}
    preview = await update(database, viewer, target, policy="REJECT_ROWS", dry=True, language="fi", isActive=False)
    assert preview["operation"]["status"] == "PREVIEW"
    assert [await row(database, each) for each in (first, internal, second)] == before
    assert await operations(database) == 0
    assert await told(database, viewer, f'{{ bulkOperation(id: "{preview["operation"]["id"]}") {{ id }} }}') == {
        "bulkOperation": None
    }
    act = await update(database, viewer, target, policy="REJECT_ROWS", language="fi", isActive=False)
    assert counts(act["operation"]) == counts(preview["operation"]) == (4, 2, 0, 2, 0)
    assert act["problems"] == preview["problems"]

    def plain(operation):
        changes = operation["changes"]["nodes"]
        return sorted(tuple(map(str, (change | {"id": None}).values())) for change in changes)

    assert plain(act["operation"]) == plain(preview["operation"])


async def test_the_changes_of_a_preview_are_paged_by_asking_again(database, viewer):
    made = await some(database, viewer, *[{} for _ in range(7)])
    document = """mutation($target: CustomerTarget!, $after: String) {
      bulkUpdateCustomers(target: $target, set: {isActive: false, language: "fi"}, dryRun: true) {
        ...Changes
      }
    }
    fragment Changes on BulkUpdatePayload {
      some: operation { changes(first: 4, after: $after) {
        totalCount nodes { id entityId field } pageInfo { endCursor hasNextPage } } }
      operation { matched }
    }"""
    found: list[tuple[str, str]] = []
    after = None
    while True:
        answer = await told(database, viewer, document, {"target": {"ids": made}, "after": after})
        assert answer["bulkUpdateCustomers"]["operation"] == {"matched": 7}
        page = answer["bulkUpdateCustomers"]["some"]["changes"]
        assert page["totalCount"] == 14
        found += [(change["entityId"], change["field"]) for change in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert sorted(found) == sorted((each, field) for each in made for field in ("isActive", "language"))


async def test_previews_at_the_same_time_are_each_answered(database, viewer):
    made = await some(database, viewer, *[{} for _ in range(5)])
    answers = await asyncio.gather(
        *(update(database, viewer, {"ids": made[place:]}, dry=True, language="fi") for place in range(5))
    )
    assert [answer["operation"]["changed"] for answer in answers] == [5, 4, 3, 2, 1]
    assert [(await row(database, each)).version for each in made] == [1] * 5


async def test_an_answer_that_would_be_too_large_is_refused_before_anything_changes(database, viewer):
    (one,) = await some(database, viewer, {})
    before = await row(database, one)
    document = """mutation($ids: [ID!]!) { bulkUpdateCustomers(target: {ids: $ids}, set: {language: "fi"}) {
      operation { changes(first: 1000) { nodes { operation { rejections(first: 1000) { totalCount } } } } }
    } }"""
    answer = await answered(database, viewer, document, {"ids": [one]})
    assert answer["errors"][0]["extensions"]["code"] == "TOO_MUCH"
    assert await row(database, one) == before
    assert await operations(database) == 0


async def test_updates_at_the_same_time_are_all_kept(database, viewer):
    made = await some(database, viewer, *[{} for _ in range(30)])

    async def alone(id_text: str) -> None:
        async with database.sessions.begin() as session:
            outcome = await update_customer(session, viewer, id_text, {"notes": "seen"})
            assert not outcome.problems

    await asyncio.gather(
        update(database, viewer, {"ids": made}, language="fi"),
        update(database, viewer, {"ids": made[::-1]}, isActive=False),
        *(alone(each) for each in made[::3]),
    )
    for place, each in enumerate(made):
        found = await row(database, each)
        alone_too = place % 3 == 0
        assert (found.language, found.is_active, found.notes) == ("fi", False, "seen" if alone_too else None)
        assert found.version == 3 + alone_too


async def test_the_old_value_is_the_one_that_was_overwritten(database, viewer):
    (one,) = await some(database, viewer, {})
    async with database.sessions.begin() as session:
        await update_customer(session, viewer, one, {"language": "sv"})
        waiting = asyncio.create_task(update(database, viewer, {"ids": [one]}, language="fi"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    (change,) = (await waiting)["operation"]["changes"]["nodes"]
    assert (change["old"], change["new"]) == ("sv", "fi")
    assert (await row(database, one)).version == 3


async def test_readers_do_not_wait(database, viewer):
    (one,) = await some(database, viewer, {})
    news: dict[str, Any] = {"language": "fi"}
    async with database.sessions.begin() as session:
        await bulk_update_customers(session, viewer, Named([one]), news)
        document = "{ customers { nodes { language version } totalCount } changes { totalCount } }"
        found = await asyncio.wait_for(told(database, viewer, document), 5)
        assert found["customers"] == {"nodes": [{"language": None, "version": 1}], "totalCount": 1}
    assert (await row(database, one)).language == "fi"


async def test_operations_of_others_are_for_administrators(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.ALL)
    made = await some(database, viewer, {})
    answer = await update(database, clerk, {"ids": made}, language="fi")
    document = f'{{ bulkOperation(id: "{answer["operation"]["id"]}") {{ changed }} }}'
    assert await told(database, viewer, document) == {"bulkOperation": {"changed": 1}}
    answer = await update(database, viewer, {"ids": made}, language="sv")
    document = f'{{ bulkOperation(id: "{answer["operation"]["id"]}") {{ changed }} }}'
    assert await told(database, clerk, document) == {"bulkOperation": None}


async def test_contacts_can_say_whom(database, viewer):
    one, _ = await some(database, viewer, {}, {})
    async with database.sessions.begin() as session:
        key = ids.find_key("Customer", one)
        assert key
        await a_contact(session, viewer, key, last_name="Korhonen")
    target = matching(1, filter={"contacts": {"some": {"lastName": {"eq": "Korhonen"}}}})
    answer = await update(database, viewer, target, language="fi")
    assert [change["entityId"] for change in answer["operation"]["changes"]["nodes"]] == [one]


async def test_who_gives_customers_away_is_told_what_changed(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.OWN, edit_customers=Access.OWN)
    (own,) = await some(database, viewer, {"owner": ref("User", clerk.user_id)})
    owner = {"email": "admin@example.com"}
    preview = (await update(database, clerk, {"ids": [own]}, dry=True, owner=owner))["operation"]
    done = (await update(database, clerk, {"ids": [own]}, owner=owner))["operation"]
    for operation in (preview, done):
        told_of = [(each["entityId"], each["field"]) for each in operation["changes"]["nodes"]]
        assert (operation["changed"], told_of) == (1, [(own, "owner")])
    later = (await update(database, viewer, {"ids": [own]}, language="sv"))["operation"]
    document = f'{{ changes(filter: {{ entityId: {{ eq: "{own}" }} }}) {{ nodes {{ field operation {{ id }} }} }} }}'
    seen = (await told(database, clerk, document))["changes"]["nodes"]
    assert later["changed"] == 1
    assert seen == [{"field": "owner", "operation": {"id": done["id"]}}]
