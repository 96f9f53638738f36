"""The table of a report equals its nested answer, leaf by leaf, whatever is selected and whoever asks."""

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from tests.reporting import expected, reports
from tests.worlds import WORLDS, differences, inhabited, told

ROWS = """
query ($document: String!, $variables: JSON, $first: Int, $after: String) {
  reportRows(document: $document, variables: $variables, first: $first, after: $after) {
    columns { path label type } rows pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    problems { code message line column }
  }
}
"""


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template) as database:
        yield database


async def rows_of(database, question, **page):
    document, variables = question.written({})
    note(document)
    note(repr(variables))
    note(repr(question.oracle.viewer))
    given = {"document": document, "variables": variables, **page}
    found = (await told(database, question.oracle.viewer, ROWS, given))["reportRows"]
    assert found["problems"] == []
    return found


@given(question=reports(WORLDS))
async def test_a_table_is_the_answer_made_flat(database, question):
    found = await rows_of(database, question, first=1000)
    table = expected(question.asks, question.oracle.query(question.asks))
    assert [column["path"] for column in found["columns"]] == table.paths
    assert not list(differences(found["rows"], table.rows[:1000]))
    assert found["pageInfo"]["hasNextPage"] == (len(table.rows) > 1000)


@given(question=reports(WORLDS), size=st.integers(1, 9))
async def test_pages_of_a_table_make_the_whole(database, question, size):
    whole = (await rows_of(database, question, first=50))["rows"]
    rows: list[object] = []
    after, goes_on = None, True
    while goes_on and len(rows) < len(whole):
        page = await rows_of(database, question, first=size, after=after)
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        assert len(page["rows"]) == size or not page["pageInfo"]["hasNextPage"]
        rows, after, goes_on = rows + page["rows"], page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert rows[:50] == whole
