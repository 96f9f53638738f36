"""Reports as files: five formats, all rows, of the runner's own rights; and what a client may say about the file."""

import csv
import gzip
import io
import zlib
from datetime import date

import openpyxl
import pytest

from db.models import Access
from tests.builders import a_contact, a_customer, a_viewer, an_invoice, euros, ref
from tests.clients import a_token
from tests.report_files import READERS, plain

FORMATS = sorted(READERS)
SAVE = """
mutation ($input: ReportInput!) {
  saveReport(input: $input) { report { id version columns { path label type } } problems { message line column } }
}
"""
NAMES = ("=HYPERLINK(\"http://evil.example\")", "+46 Bolag", "-1", "@SUM(A1)", "\tTab", "'quoted'", "Semi;colon, comma",
         'Say "no"', "Two\nlines", "0123", "1e5", "Åbo – Öljy", "TRUE", "2026-01-02", " trailing ")  # fmt: skip
DAY = date(2026, 1, 31)
EVERYTHING = """
query Everything($most: Int) {
  customers(first: $most, orderBy: [{ number: ASC }]) {
    totalCount
    nodes {
      number name notes isActive createdAt owner { name }
      contacts(orderBy: [{ createdAt: ASC }]) { totalCount nodes { firstName email } }
    }
  }
}
"""
INVOICES = """
{
  invoices {
    nodes { number date amount { amount currency } homeAmount { amount currency } customer { name number } }
  }
}
"""


@pytest.fixture
def admin(viewer):
    return viewer


@pytest.fixture
async def seller(sessions, admin):
    async with sessions.begin() as session:
        own = Access.OWN
        return await a_viewer(session, admin, email="seller@example.com", read_customers=own, read_invoices=own)


@pytest.fixture
async def rows(sessions, admin, seller):
    """Customers of both, with odd names, with contacts and without, and with invoices."""
    async with sessions.begin() as session:
        for place, name in enumerate(NAMES):
            owner = ref("User", (seller if place % 2 else admin).user_id)
            key = await a_customer(session, admin, name=name, owner=owner, notes=NAMES[-place])
            for number in range(place % 3):
                await a_contact(session, admin, key, first_name=f"{name.strip()[:20]} {number}", email=None)
            amount = "-12.50" if place % 4 == 1 else f"1{place}.{place:02}"
            await an_invoice(session, admin, key, number=str(place + 1), amount=euros(amount), date=DAY)


@pytest.fixture
def headers(sessions):
    async def headers(viewer):
        return await a_token(sessions, viewer)

    return headers


@pytest.fixture
def save(client, headers):
    async def save(viewer, document, name="report", **values):
        given = {"name": name, "title": "A report: of [everything]", "document": document, **values}
        answer = await client.post(
            "/graphql", json={"query": SAVE, "variables": {"input": given}}, headers=await headers(viewer)
        )
        saved = answer.json()["data"]["saveReport"]
        assert saved["problems"] == []
        return saved["report"]

    return save


@pytest.fixture
def get(client, headers):
    async def get(viewer, address, **more):
        return await client.get(f"/reports/{address}", headers=await headers(viewer) | more)

    return get


@pytest.fixture
def ask(client, headers):
    async def ask(viewer, document):
        answer = await client.post("/graphql", json={"query": document}, headers=await headers(viewer))
        assert "errors" not in answer.json()
        return answer.json()["data"]

    return ask


def customers_made_flat(data):
    """The rows of EVERYTHING, by hand."""
    for node in data["customers"]["nodes"]:
        own = [node[name] for name in ("number", "name", "notes", "isActive", "createdAt")]
        own += [node["owner"]["name"], node["contacts"]["totalCount"]]
        contacts = node["contacts"]["nodes"] or [{"firstName": None, "email": None}]
        yield from ([*own, each["firstName"], each["email"]] for each in contacts)


def invoices_made_flat(data):
    for node in data["invoices"]["nodes"]:
        money = [node[part][half] for part in ("amount", "homeAmount") for half in ("amount", "currency")]
        customer = node["customer"] or {"name": None, "number": None}
        yield [node["number"], node["date"], *money, customer["name"], customer["number"]]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("document", "flat"),
    [(EVERYTHING, customers_made_flat), (INVOICES, invoices_made_flat)],
    ids=["customers", "invoices"],
)
@pytest.mark.usefixtures("rows")
async def test_a_shared_report_gives_each_their_own_rows(save, get, ask, admin, seller, form, document, flat):
    saved = await save(admin, document, visibility="SHARED")
    types = [column["type"] for column in saved["columns"]]
    counts = []
    for viewer in (admin, seller):
        answer = await get(viewer, f"report.{form}")
        assert answer.status_code == 200, answer.text
        found = READERS[form](answer.content, types)
        told = [list(row) for row in flat(await ask(viewer, document))]
        assert [[plain(value) for value in row] for row in found] == [[plain(value) for value in row] for row in told]
        counts.append(len(found))
    assert counts[0] > counts[1] > 0


@pytest.mark.usefixtures("rows")
async def test_formulas_are_texts_and_numbers_are_numbers(save, get, admin):
    await save(admin, INVOICES)
    text = (await get(admin, "report.csv")).text
    assert '"\'=HYPERLINK(""http://evil.example"")"' in text
    assert ",'+46 Bolag," in text
    assert ",-12.50,EUR," in text
    sheet = openpyxl.load_workbook(io.BytesIO((await get(admin, "report.xlsx")).content)).active
    cells = {cell.value: cell for row in sheet.iter_rows(min_row=2) for cell in row}
    assert cells[-12.5].data_type == "n"
    assert cells[NAMES[0]].data_type == "s"
    assert cells[NAMES[0]].quotePrefix
    assert not any(cell.data_type == "f" for cell in cells.values())
    assert sheet.title == "A report  of  everything"


@pytest.mark.usefixtures("rows")
async def test_variables_never_cut_a_file_and_numbers_do(save, get, admin):
    await save(admin, EVERYTHING)
    whole = (await get(admin, "report.ndjson")).text.splitlines()
    assert (await get(admin, "report.ndjson?most=2")).text.splitlines() == whole
    await save(admin, "{ customers(first: 3) { nodes { number contacts(last: 1) { nodes { firstName } } } } }")
    assert len((await get(admin, "report.ndjson")).text.splitlines()) == 3


@pytest.mark.parametrize("form", FORMATS)
async def test_nothing_is_a_file_too(save, get, admin, form):
    saved = await save(admin, INVOICES)
    answer = await get(admin, f"report.{form}")
    assert answer.status_code == 200
    assert [row for row in READERS[form](answer.content, [each["type"] for each in saved["columns"]]) if any(row)] == []


@pytest.mark.usefixtures("rows")
async def test_headings_are_aliases_or_labels_in_a_language(save, get, admin):
    await save(admin, "{ customers { nodes { code: number name isActive owner { name } } } }")
    assert (await get(admin, "report.csv")).text.splitlines()[0] == "code,Nimi,Aktiivinen,Vastuuhenkilö / Nimi"
    assert (await get(admin, "report.csv?_labels=en")).text.splitlines()[0] == "code,Name,Active,Owner / Name"
    first = (await get(admin, "report.ndjson")).text.splitlines()[0]
    assert first.startswith('{"code":1,"name":')
    assert '"owner.name":' in first
    labelled = (await get(admin, "report.ndjson?_labels=sv")).text.splitlines()[0]
    assert labelled.startswith('{"code":1,"Namn":')


@pytest.mark.usefixtures("rows")
async def test_a_file_for_excel_has_the_locales_signs(save, get, admin):
    await save(admin, "{ invoices { nodes { number amount { amount } customer { name createdAt } } } }")
    content = (await get(admin, "report.csv?_excel=1")).content
    assert content.startswith(b"\xef\xbb\xbf")
    heading, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    assert heading == ["Numero", "Summa", "Nimi", "Luotu"]
    amounts = [line[1] for line in lines]
    assert "-12,50" in amounts
    assert not any("." in amount for amount in amounts)
    assert all(len(line[3]) == len("2026-01-02 03:04:05") for line in lines)


@pytest.mark.usefixtures("rows")
async def test_a_file_has_a_name_and_a_type(save, get, admin):
    await save(admin, INVOICES)
    answer = await get(admin, "report.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == "attachment; filename=\"report.csv\"; filename*=UTF-8''report.csv"
    named = (await get(admin, 'report.xlsx?_filename=M%C3%A4rz%2F"1"')).headers["content-disposition"]
    assert named == "attachment; filename=\"M_rz__1_.xlsx\"; filename*=UTF-8''M%C3%A4rz%2F%221%22.xlsx"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.usefixtures("rows")
async def test_what_a_client_has_is_not_sent_again(sessions, save, get, admin, form):
    await save(admin, EVERYTHING)
    tag = (await get(admin, f"report.{form}")).headers["etag"]
    again = await get(admin, f"report.{form}", **{"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    async with sessions.begin() as session:
        await a_customer(session, admin, name="New")
    assert (await get(admin, f"report.{form}", **{"If-None-Match": tag})).status_code == 200


@pytest.mark.usefixtures("rows")
async def test_texts_are_compressed_where_the_client_takes_it(save, client, headers, admin):
    await save(admin, EVERYTHING)
    token = await headers(admin)
    plain_text = await client.get("/reports/report.csv", headers=token | {"Accept-Encoding": "identity"})
    async with client.stream("GET", "/reports/report.csv", headers=token | {"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain_text.content
    assert zlib.crc32(plain_text.content)
    sheet = await client.get("/reports/report.xlsx", headers=token | {"Accept-Encoding": "gzip"})
    assert "content-encoding" not in sheet.headers


async def test_strangers_and_missing_reports(save, client, get, admin, seller):
    await save(admin, INVOICES)
    stranger = await client.get("/reports/report.csv")
    assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, "Bearer")
    wrong = await client.get("/reports/report.csv", headers={"Authorization": "Bearer kartotek_x"})
    assert wrong.status_code == 401
    for address in ("other.csv", "report.csv", "report.pdf", "%00.csv"):
        missing = await get(seller, address)
        assert missing.status_code == 404
        assert missing.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?mots=1", "no variable mots; those it has: most, day, ids, filter, flag, bill"),
        ("?most=x", "Int cannot represent"),
        ("?most=1&most=2", "single Int"),
        ("?day=2026-13-01", "A date is needed"),
        ("?filter=%7B", "JSON is needed"),
        ("?flag=yes", "Boolean cannot represent"),
        ("?_format=csv", "no option _format"),
        ("?_labels=xx", "_labels is xx"),
        ("?_excel=2", "_excel is 2"),
        ("?ids=%00", "no text"),
        ("?flag=false&bill=false", "nothing for a column"),
    ],
)
async def test_wrong_variables_and_options_are_told(save, get, admin, query, words):
    document = """
    query (
      $most: Int, $day: Date, $ids: [ID!], $filter: IndustryFilter, $flag: Boolean = true, $bill: Boolean = true
    ) {
      customers(first: $most, filter: { id: { in: $ids }, industry: $filter }) {
        nodes { name @include(if: $flag) billing(from: $day) @include(if: $bill) { amount } }
      }
    }
    """
    await save(admin, document)
    answer = await get(admin, f"report.csv{query}")
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert words in error["message"]
    assert error["extensions"]["code"] == "BAD_ARGUMENT"


@pytest.mark.usefixtures("rows")
async def test_variables_are_read_by_their_types(save, get, ask, admin):
    document = """
    query ($ids: [ID!]!, $filter: UserFilter!, $flag: Boolean!, $not: StringFilter!) {
      customers(filter: { id: { in: $ids }, owner: $filter, name: $not }) { nodes { number name @include(if: $flag) } }
    }
    """
    await save(admin, document)
    nodes = (await ask(admin, "{ customers { nodes { id name owner { name } } } }"))["customers"]["nodes"]
    asked = "&".join(f"ids={each['id']}" for each in nodes[:4])
    filters = 'filter={"name": {"eq": "seller"}}&not={"neq": "x"}'
    lines = (await get(admin, f"report.csv?{asked}&{filters}&flag=false")).text.splitlines()
    assert lines[0] == "Numero"
    assert len(lines) == 1 + sum(each["owner"]["name"] == "seller" for each in nodes[:4]) > 1
    as_json = f'ids=["{nodes[0]["id"]}"]&{filters.replace("seller", nodes[0]["owner"]["name"])}&flag=TRUE'
    assert len((await get(admin, f"report.csv?{as_json}")).text.splitlines()[0].split(",")) == 2


@pytest.mark.usefixtures("rows")
async def test_each_file_is_in_the_trail_of_those_who_may_know(save, get, ask, admin, seller):
    report = await save(admin, EVERYTHING, visibility="SHARED")
    await get(seller, "report.csv?most=2")
    await get(admin, "report.xlsx")
    exports = "{ changes(filter: { kind: { eq: EXPORTED } }) { nodes { entityId entityType new by { email } } } }"
    told = (await ask(admin, exports))["changes"]["nodes"]
    assert [(each["by"]["email"], each["new"]["format"], each["entityId"]) for each in told] == [
        ("admin@example.com", "xlsx", report["id"]),
        ("seller@example.com", "csv", report["id"]),
    ]
    lines = (await get(seller, "report.ndjson")).text.splitlines()
    assert told[1]["new"] == {"version": 1, "format": "csv", "rows": len(lines), "variables": {"most": 2}}
    assert {each["by"]["email"] for each in (await ask(seller, exports))["changes"]["nodes"]} == {"seller@example.com"}


@pytest.mark.parametrize(
    "document",
    [
        "{ units { name } }",
        "{ kpis { history(months: 3) { billing { amount } } } }",
        "{ kpis { activeCustomers { customers { nodes { name } } } } }",
        '{ report(name: "report") { columns { label type } } }',
    ],
)
async def test_short_lists_make_files_too(save, get, admin, document):
    await save(admin, document)
    answer = await get(admin, "report.csv")
    assert answer.status_code == 200, answer.text
    assert (await get(admin, "report.xlsx")).status_code == 200


@pytest.mark.usefixtures("rows")
async def test_names_of_types_are_columns_wherever_they_are_asked_for(save, get, admin):
    below = "contacts { __typename totalCount edges { __typename node { __typename firstName } } }"
    await save(admin, f"{{ customers(first: 2) {{ __typename nodes {{ __typename {below} }} }} }}")
    lines = (await get(admin, "report.csv?_labels=en")).text.splitlines()
    assert lines[1:] == [
        "Customer,ContactConnection,0,,,",
        "Customer,ContactConnection,1,ContactEdge,Contact,'+46 Bolag 0",
    ]
    assert (await get(admin, "report.xlsx")).status_code == 200


async def test_a_row_of_nothing_is_a_row(sessions, save, get, admin):
    async with sessions.begin() as session:
        for _ in range(3):
            await a_customer(session, admin)
    await save(admin, "{ customers { nodes { email } } }")
    assert list(csv.reader(io.StringIO((await get(admin, "report.csv")).text))) == [["Sähköposti"], [""], [""], [""]]


@pytest.mark.parametrize("title", ["a\x01b", "a\uffffb", "😀" * 40, "'quoted'", "History", "[]:*?/"])
@pytest.mark.usefixtures("rows")
async def test_whatever_the_title_the_workbook_opens(save, get, admin, title):
    await save(admin, INVOICES, title=title)
    sheet = openpyxl.load_workbook(io.BytesIO((await get(admin, "report.xlsx")).content)).active
    assert sheet is not None
    assert 0 < len(sheet.title.encode("utf-16-le")) <= 62


async def test_a_text_that_no_cell_holds_is_told(sessions, save, get, admin):
    async with sessions.begin() as session:
        for _ in range(2):
            await a_customer(session, admin, name="x" * 200, notes="x" * 20_000)
    await save(admin, "{ customers { nodes { name notes addresses { street } } } }")
    assert (await get(admin, "report.xlsx")).status_code == 200


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_only_get_is_answered(save, client, headers, admin, form):
    await save(admin, INVOICES)
    token = await headers(admin)
    assert (await client.head(f"/reports/report.{form}", headers=token)).status_code == 405
    assert (await client.post(f"/reports/report.{form}", headers=token)).status_code == 405
