"""The page about the KPI strip says what the API says."""

from pathlib import Path

from docs.kpis import made

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_is_what_the_api_tells():
    written = made()
    assert (DOCS / "kpis.md").read_text() == written.page, "run `make docs` and look at the difference"
    assert (DOCS / "sparkline.svg").read_text() == written.picture, "run `make docs` and look at the difference"
