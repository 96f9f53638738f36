"""Idempotency: a call with a key is done once; whoever asks the same again gets the first answer.

The key is stored before anything is done and the answer with the work itself, in one transaction: of two who ask at the
same time the second waits for the first, and what was done is never without its answer.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.models import ProblemCode, table_of
from db.models.base import now
from resolvers import ids
from resolvers.operations import Act, find_problems
from resolvers.problems import Problem, Refused, invalid
from resolvers.rights import in_organization
from resolvers.validation import is_storable
from resolvers.viewer import Viewer

KEPT = timedelta(hours=48)
"""Twice as long as is promised."""

LONGEST_KEY = 200

KEYS = table_of(models.IdempotencyKey)


@dataclass(frozen=True)
class Question:
    """A call that is to be done once: of which mutation, under which key, with which arguments."""

    mutation: str
    key: str
    arguments: bytes

    @property
    def request_hash(self) -> bytes:
        """What tells two questions of the same key apart."""
        return hashlib.sha256(self.arguments).digest()


async def once(session: AsyncSession, viewer: Viewer, question: Question, act: Callable[[], Awaitable[Act]]) -> Act:
    """The answer of `act`, or the one that it gave the first time; a refusal is an answer too.

    Raises Refused where the key cannot be one, or belongs to another question.
    """
    if not (0 < len(question.key) <= LONGEST_KEY and is_storable(question.key)):
        raise Refused(invalid(f"A key is a text of 1 to {LONGEST_KEY} characters.", "idempotencyKey"))
    await _forget_old(session, viewer)
    if not await _claim(session, viewer, question):
        return await _get_first(session, viewer, question)
    try:
        answer = await act()
    except Refused as refusal:
        answer = Act(None, refusal.problems)
    await _keep(session, viewer, question, answer)
    return answer


async def _forget_old(session: AsyncSession, viewer: Viewer) -> None:
    old = (
        sa.select(KEYS.c.organization_id, KEYS.c.user_id, KEYS.c.mutation, KEYS.c.key)
        .where(in_organization(KEYS), KEYS.c.created_at < sa.bindparam("before"))
        .with_for_update(skip_locked=True)
        .limit(1000)
    )
    key = sa.tuple_(KEYS.c.organization_id, KEYS.c.user_id, KEYS.c.mutation, KEYS.c.key)
    await session.execute(sa.delete(KEYS).where(key.in_(old)), {**viewer.binds, "before": now() - KEPT})


async def _claim(session: AsyncSession, viewer: Viewer, question: Question) -> bool:
    """Whether nobody has asked under this key before; waits for whoever asks just now."""
    row = {**_key(viewer, question), "request_hash": question.request_hash, "created_at": now()}
    statement = postgresql.insert(KEYS).values(**row).on_conflict_do_nothing().returning(KEYS.c.key)
    return await session.scalar(statement) is not None


async def _get_first(session: AsyncSession, viewer: Viewer, question: Question) -> Act:
    row = (await session.execute(sa.select(KEYS).where(*_is(viewer, question)))).one()
    if row.request_hash != question.request_hash:
        message = "This key was used for another call; take a new one for each."
        raise Refused(Problem(ProblemCode.IDEMPOTENCY_REUSED, message, ("idempotencyKey",)))
    if row.operation_id is None:
        return Act(None, [_problem(told) for told in row.answer])
    return Act(row.operation_id, await find_problems(session, viewer, row.operation_id))


async def _keep(session: AsyncSession, viewer: Viewer, question: Question, answer: Act) -> None:
    told = None if answer.operation_id else [_told(problem) for problem in answer.problems]
    values = {"operation_id": answer.operation_id, "answer": told}
    await session.execute(sa.update(KEYS).where(*_is(viewer, question)).values(**values))


def _key(viewer: Viewer, question: Question) -> dict[str, Any]:
    return {
        "organization_id": viewer.organization_id,
        "user_id": viewer.user_id,
        "mutation": question.mutation,
        "key": question.key,
    }


def _is(viewer: Viewer, question: Question) -> list[sa.ColumnElement[bool]]:
    return [KEYS.c[name] == value for name, value in _key(viewer, question).items()]


def _told(problem: Problem) -> dict[str, Any]:
    entity = ids.encode(*problem.entity) if problem.entity else None
    return {"code": problem.code, "message": problem.message, "path": problem.path, "entity": entity}


def _problem(told: dict[str, Any]) -> Problem:
    entity = ids.decode(told["entity"]) if told["entity"] else None
    return Problem(ProblemCode(told["code"]), told["message"], tuple(told["path"]), entity)
