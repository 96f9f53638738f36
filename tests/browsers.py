"""A real browser, and the explorer as somebody uses it."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import ConsoleMessage, Locator, Page, async_playwright, expect

from kartotek.explorer_page import explorer_page
from tests.waiting import PATIENCE

MILLISECONDS = PATIENCE * 1000


def missing(what: str) -> None:
    """Skip the test, save where all of it is to be run."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def needs_explorer() -> None:
    """Tests of it run where it was built."""
    if explorer_page() is None:
        missing("the explorer is not built: run `make explorer`")


@asynccontextmanager
async def browsing(address: str) -> AsyncIterator[tuple[Page, list[str]]]:
    """The explorer at an address, and what it has said went wrong or was asked of anybody else."""
    needs_explorer()
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("there is no chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(MILLISECONDS)
        expect.set_options(timeout=MILLISECONDS)
        complaints = listened_to(page, address.removesuffix("graphql"))
        try:
            await page.goto(address)
            await expect(editor(page, "Operation Editor")).to_contain_text("query Customers")
            yield page, complaints
        finally:
            await browser.close()


def listened_to(page: Page, home: str) -> list[str]:
    """A list that grows with what the page says that went wrong, and with what it asks of anybody else."""
    complaints: list[str] = []
    own = (home, home.replace("http", "ws", 1), "data:", f"blob:{home}")
    page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(own) else complaints.append(asked.url))
    page.on("websocket", lambda opened: None if opened.url.startswith(own) else complaints.append(opened.url))
    return complaints


def is_complaint(said: ConsoleMessage) -> bool:
    """Whether it tells of more than a refusal, which the panel shows."""
    return said.type in ("error", "warning") and "responded with a status of 400" not in said.text


def editor(page: Page, name: str) -> Locator:
    """One of the editors, by its name."""
    return page.get_by_role("region", name=name, exact=True).get_by_role("code")


async def write(page: Page, name: str, text: str) -> None:
    """Put a text of one line in the place of what is in an editor."""
    await editor(page, name).get_by_role("textbox").focus()
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.press("Delete")  # else a bracket is put around what is selected
    await page.keyboard.insert_text(text)
    await expect(editor(page, name).locator(".view-line")).to_have_text([text])


async def sign_in(page: Page, headers: Mapping[str, str]) -> None:
    """Put a token into the Headers tab."""
    await write(page, "Headers", json.dumps(headers))


async def press(page: Page, name: str) -> None:
    """Press the button of that name."""
    await page.get_by_role("button", name=name).first.click()


async def execute(page: Page, operation: str) -> None:
    """Execute the operation of that name, once the explorer has seen what it is."""
    await expect(page.get_by_role("tab", name=operation)).to_be_visible()
    await press(page, "Execute query")
