"""From a register's code of a line of business to one of the organisation's own industries.

The national classifications of Europe are NACE to the fourth digit and go on from there (Regulation (EC) No 1893/2006,
Article 4), so an industry fits that has the code or begins it: `62` and `62.01` fit `62.010`, the longer one better.
Two digits, a division of NACE, are the least that means anything.
"""

import re

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Industry, table_of
from plugins.contract import IndustryCode
from resolvers import ids
from resolvers.customer import INDUSTRY
from resolvers.references import Ref, Row
from resolvers.rights import in_organization
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer
from resolvers.writing import prepare, store

INDUSTRIES = table_of(Industry)
LEAST = 2
LONGEST_NAME = 200


async def find_industry(session: AsyncSession, viewer: Viewer, code: IndustryCode) -> Row | None:
    """The industry that fits best: the longest code, else the same name; None where none does."""
    columns = (INDUSTRIES.c[name] for name in ("id", "name", "code", "is_active"))
    every = sa.select(*columns).where(in_organization(INDUSTRIES)).order_by(INDUSTRIES.c.id)
    rows = [dict(row) for row in (await session.execute(every, viewer.binds)).mappings()]
    fitting = [row for row in rows if _fits(row["code"], code.code)]
    if fitting:
        return max(fitting, key=lambda row: (len(_digits(row["code"])), row["is_active"]))
    return next((row for row in rows if row["name"].casefold() == _name(code).casefold()), None)


async def find_or_make_industry(writer: Writer, code: IndustryCode) -> Ref | None:
    """A reference to the industry that fits, made where there is none; None where the organisation has retired it."""
    found = await find_industry(writer.session, writer.viewer, code)
    if found is None:
        draft = Draft((), {"name": _name(code), "code": code.code})
        await prepare(writer, INDUSTRY, [draft])
        if not draft.is_fine:
            return None
        await store(writer, INDUSTRY, [draft])
        found = draft.values
    return _ref(found) if found["is_active"] else None


def _ref(row: Row) -> Ref:
    return Ref("id", ids.encode("Industry", row["id"]))


def _name(code: IndustryCode) -> str:
    return (code.label or code.code)[:LONGEST_NAME].strip()


def _fits(code: str | None, whole: str) -> bool:
    digits = _digits(code or "")
    return len(digits) >= LEAST and _digits(whole).startswith(digits)


def _digits(code: str) -> str:
    return re.sub(r"\D", "", code)
