"""What is read equals what a second, slow and obvious implementation says, for random queries over random rows."""

import pytest
from hypothesis import given, note

import tests.profiles  # noqa: F401
from tests.asking import lists_in, questions
from tests.worlds import WORLDS, cursors_of, differences, inhabited, told


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template) as database:
        yield database


async def agrees(database, question):
    """Ask, and compare the whole answer."""
    oracle = question.oracle
    oracle.cursors = await cursors_of(database, oracle.viewer, lists_in(question.asks))
    document, variables = question.written(oracle.cursors)
    note(document)
    note(repr(variables))
    note(repr(oracle.viewer))
    answer = await told(database, oracle.viewer, document, variables)
    wrong = list(differences(answer, oracle.query(question.asks)))
    assert not wrong


@given(question=questions(WORLDS, lambda asking: asking.query(3)))
async def test_a_random_query_is_answered_as_the_oracle_says(database, question):
    await agrees(database, question)
