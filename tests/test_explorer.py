"""The explorer in a real browser: it needs nobody but the server, and its panel does all that reports are for."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from db.models import Access
from kartotek.settings import Settings
from tests.browsers import browsing, editor, execute, needs_explorer, press, sign_in, write
from tests.builders import a_customer, a_viewer
from tests.clients import a_token, client_on
from tests.processes import serving

NAMES = "query Names { customers(orderBy: [{ name: ASC }]) { nodes { name language } } }"
IN_LANGUAGE = "query($language: String!) { customers(filter: { language: { eq: $language } }) { nodes { name } } }"


@pytest.fixture
async def address(database_url):
    async with serving(database_url, KARTOTEK_OPEN_INTROSPECTION="true") as (_, address):
        yield address


@pytest.fixture
async def headers(sessions, viewer):
    async with sessions.begin() as session:
        for name in ("Ahven Oy", "Åström & Co", "Örn; Ab"):
            await a_customer(session, viewer, name=name, language="sv")
    return await a_token(sessions, viewer)


@pytest.fixture
async def explorer(address, headers):
    async with browsing(address) as (page, complaints):
        await sign_in(page, headers)
        yield page
        assert not complaints


async def save(page, name, title):
    panel = page.get_by_role("region", name="Reports")
    await panel.get_by_label("Name").fill(name)
    await panel.get_by_label("Title").fill(title)
    await press(page, "Save")


async def save_current_document(page, name, title):
    await press(page, "Show Reports")
    await press(page, "Save the current document")
    await save(page, name, title)
    await expect(page.get_by_text("Saved.")).to_be_visible()


async def downloaded(page, name):
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    file = await download.value
    assert file.suggested_filename == name
    return Path(await file.path())


async def test_queries_and_subscriptions_run_with_the_token_of_the_headers_tab(explorer):
    await write(explorer, "Operation Editor", NAMES)
    await execute(explorer, "Names")
    await expect(editor(explorer, "Result Window")).to_contain_text("Ahven")

    await write(explorer, "Operation Editor", "subscription Strip { kpis { activeCustomers { value } } }")
    await execute(explorer, "Strip")
    await expect(editor(explorer, "Result Window")).to_contain_text("activeCustomers")


async def test_a_report_is_saved_opened_run_downloaded_changed_and_deleted(explorer):
    await write(explorer, "Operation Editor", NAMES)
    await save_current_document(explorer, "all-names", "All names")

    await press(explorer, "All reports")
    await write(explorer, "Operation Editor", "{ viewer { user { name } } }")
    await press(explorer, "Open all-names")
    await expect(editor(explorer, "Operation Editor")).to_contain_text("customers(orderBy")

    await press(explorer, "Run")
    await expect(explorer.get_by_role("columnheader")).to_have_text(["Name", "Language"])
    await expect(explorer.get_by_role("cell")).to_have_text(["Ahven Oy", "sv", "Åström & Co", "sv", "Örn; Ab", "sv"])

    await explorer.get_by_label("Headings").select_option("en")
    text = (await downloaded(explorer, "all-names.csv")).read_text(encoding="utf-8")
    assert text.splitlines() == ["Name,Language", "Ahven Oy,sv", "Åström & Co,sv", "Örn; Ab,sv"]
    for format_, start in (("xlsx", b"PK"), ("parquet", b"PAR1"), ("json", b"["), ("ndjson", b"{")):
        await explorer.get_by_label("Format").select_option(format_)
        assert (await downloaded(explorer, f"all-names.{format_}")).read_bytes().startswith(start)

    await explorer.get_by_label("Title", exact=True).fill("Every name")
    await press(explorer, "Save")
    await expect(explorer.get_by_role("heading", name="Every name")).to_be_visible()
    explorer.on("dialog", lambda dialog: dialog.accept())
    await press(explorer, "Delete all-names")
    await expect(explorer.get_by_text("There are none yet.")).to_be_visible()


async def test_variables_go_with_rows_and_files_and_all_rows_can_be_seen(explorer, sessions, viewer):
    async with sessions.begin() as session:
        for _ in range(60):
            await a_customer(session, viewer, language="fi")
    await write(explorer, "Operation Editor", IN_LANGUAGE)
    await save_current_document(explorer, "in-language", "In a language")
    await press(explorer, "Download")
    await expect(explorer.get_by_role("alert").filter(has_text="$language")).to_be_visible()

    await press(explorer, "Variables")
    await write(explorer, "Variables", '{"language": "fi", "unused": 1}')
    await press(explorer, "Run")
    await expect(explorer.get_by_role("row")).to_have_count(1 + 50)
    await press(explorer, "More rows")
    await expect(explorer.get_by_role("row")).to_have_count(1 + 60)
    await expect(explorer.get_by_role("button", name="More rows")).to_be_hidden()
    text = (await downloaded(explorer, "in-language.csv")).read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1 + 60


async def test_what_is_no_report_is_told_with_its_place(explorer):
    await write(explorer, "Operation Editor", "{ customers { nodes { name nonsense } } }")
    await press(explorer, "Show Reports")
    await press(explorer, "Save the current document")
    await save(explorer, "wrong", "Wrong")
    problem = explorer.get_by_role("alert").filter(has_text="nonsense")
    await expect(problem).to_contain_text("Line 1, column 28: ")
    await expect(explorer.get_by_text("Saved.")).to_be_hidden()

    await write(explorer, "Operation Editor", NAMES)
    await press(explorer, "Save")
    await expect(explorer.get_by_text("Saved.")).to_be_visible()
    await expect(problem).to_be_hidden()


async def test_somebody_elses_report_is_seen_and_not_deleted(explorer, sessions, viewer):
    await write(explorer, "Operation Editor", NAMES)
    await press(explorer, "Show Reports")
    await press(explorer, "Save the current document")
    await explorer.get_by_label("Who finds it").select_option("SHARED")
    await save(explorer, "all-names", "All names")
    await expect(explorer.get_by_text("Saved.")).to_be_visible()
    await press(explorer, "All reports")
    await expect(explorer.get_by_role("button", name="Open all-names")).to_contain_text("yours, shared")

    async with sessions.begin() as session:
        seller = await a_viewer(session, viewer, read_customers=Access.OWN)
    await sign_in(explorer, await a_token(sessions, seller))
    await expect(explorer.get_by_role("button", name="Open all-names")).not_to_contain_text("yours")
    await press(explorer, "Open all-names")
    await expect(explorer.get_by_role("button", name="Save", exact=True)).to_be_visible()
    await expect(explorer.get_by_role("button", name="Delete all-names")).to_be_hidden()
    await press(explorer, "Run")
    await expect(explorer.get_by_text("There are no rows.")).to_be_visible()


async def test_who_is_not_known_is_told_so(address):
    async with browsing(address) as (page, _):
        await press(page, "Show Reports")
        await expect(page.get_by_role("alert").filter(has_text=re.compile("token"))).to_be_visible()


async def test_its_files_are_kept_and_its_page_is_not(database_url):
    needs_explorer()
    async for client in client_on(Settings(database_url=database_url, open_introspection=True)):
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        assert page.headers["cache-control"] == "no-cache"
        assert "script-src 'self';" in page.headers["content-security-policy"]
        [script] = re.findall(r'src="(explorer/.*?)"', page.text)
        assert "immutable" in (await client.get(f"/{script}")).headers["cache-control"]
        assert (await client.get("/explorer/nothing.js")).status_code == 404
