"""Tokens: keys for programs that act for a user."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.models import table_of
from resolvers import ids, rights, trail
from resolvers.forms import Form, Link, fields
from resolvers.ids import find_key
from resolvers.problems import Problem, Refused, forbidden, not_found
from resolvers.references import Ref, Row
from resolvers.rights import in_organization
from resolvers.viewer import Reach, Viewer, get_reach, new_secret
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, answering, prepare, store

TOKENS = table_of(models.Token)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token and its secret, shown this once; or the problems for which there is none."""

    key: uuid.UUID | None
    secret: str | None = field(default=None, repr=False)
    problems: Sequence[Problem] = ()


async def _expires_later(writer: Writer, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        expires_at = draft.value("expires_at")
        if expires_at and expires_at.tzinfo is None:
            draft.invalid("Expires at needs an offset, such as Z or +02:00.", "expiresAt")
        elif expires_at and expires_at <= writer.at:
            draft.invalid("Expires at is in the past; choose a later time, or leave it out.", "expiresAt")


async def _for_a_lesser_user(writer: Writer, drafts: Sequence[Draft]) -> None:
    """A token is for oneself or, where an administrator makes it, for somebody with no more rights."""
    for draft in drafts:
        user = draft.links["user"]
        if not user["is_active"]:
            draft.invalid("This user may not sign in, so a token would be of no use.", "user")
        elif user["id"] != writer.viewer.user_id:
            await _check_lesser(writer, draft, user)


async def _check_lesser(writer: Writer, draft: Draft, user: Row) -> None:
    if not writer.viewer.permissions.administer:
        draft.forbid("Only administrators make tokens for others; leave the user out to make one for yourself.", "user")
    elif (await _reach_of(writer, user["id"])).goes_beyond(writer.viewer.reach):
        draft.forbid("This user has rights beyond your own.", "user")


async def _reach_of(writer: Writer, user_id: uuid.UUID) -> Reach:
    return await get_reach(writer.session, writer.viewer.organization_id, user_id)


TOKEN = Form(
    entity="Token",
    model=models.Token,
    checks=models.TokenFields,
    fields=(*fields("name"), Link(name="user", entity="User"), *fields("scope", "expires_at")),
    derived=("secret_hash",),
    rules=(_expires_later, _for_a_lesser_user),
)


async def create_token(session: AsyncSession, viewer: Viewer, values: Mapping[str, Any]) -> NewToken:
    """A token (`name`, `user` as a Ref, `scope`, `expires_at`) for oneself or, as administrator, for a lesser user.

    Paths begin with `input`. FORBIDDEN for a user with more rights than the viewer's.
    """
    try:
        writer = get_writer(session, viewer)
    except Refused as refusal:
        return NewToken(None, problems=refusal.problems)
    if values.get("user") is None:
        values = {**values, "user": Ref("id", ids.encode("User", viewer.user_id))}
    draft = Draft(("input",), values)
    await prepare(writer, TOKEN, [draft])
    if not draft.is_fine:
        return NewToken(None, problems=draft.problems)
    secret, draft.values["secret_hash"] = new_secret(viewer.organization_id)
    await store(writer, TOKEN, [draft])
    return NewToken(draft.key, secret)


@answering
async def revoke_token(session: AsyncSession, viewer: Viewer, id_text: str) -> Outcome:
    """Make a token useless, at once and for good. The path is `("id",)`.

    NOT_FOUND for others' tokens; an administrator sees them, but FORBIDDEN where the user has more rights.
    """
    writer = get_writer(session, viewer)
    row = await _get_token(writer, id_text)
    is_own = row["user_id"] == viewer.user_id
    if not is_own and (await _reach_of(writer, row["user_id"])).goes_beyond(viewer.reach):
        raise Refused(forbidden("The user of this token has rights beyond your own.", "id"))
    gone = sa.delete(TOKENS).where(in_organization(TOKENS), TOKENS.c.id == sa.bindparam("key"))
    await session.execute(gone, {**viewer.binds, "key": row["id"]})
    await trail.record_gone(writer, TOKEN, [row])
    return Outcome(row["id"])


async def _get_token(writer: Writer, id_text: str) -> Row:
    seen = rights.sees_token(TOKENS, writer.viewer.permissions)
    statement = sa.select(TOKENS).where(in_organization(TOKENS), TOKENS.c.id == sa.bindparam("key"), seen)
    binds = {**writer.viewer.binds, "key": find_key("Token", id_text)}
    row = (await writer.session.execute(statement.with_for_update(), binds)).mappings().first()
    if row is None:
        raise Refused(not_found("There is no token with this id.", "id"))
    return dict(row)
