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
from resolvers.writing import one_at_a_time, prepare, store

INDUSTRIES = table_of(Industry)
LEAST = 2
LONGEST_NAME, LONGEST_CODE = 200, 20


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
    """A reference to the industry that fits, made where there is none; None where it was retired or cannot be made."""
    found = await find_industry(writer.session, writer.viewer, code)
    if found is None:
        await one_at_a_time(writer, "industries")
        found = await find_industry(writer.session, writer.viewer, code) or await _make(writer, code)
    return Ref("id", ids.encode("Industry", found["id"])) if found and found["is_active"] else None


async def _make(writer: Writer, code: IndustryCode) -> Row | None:
    draft = Draft((), {"name": _name(code), "code": code.code[:LONGEST_CODE]})
    await prepare(writer, INDUSTRY, [draft])
    await store(writer, INDUSTRY, [draft])
    return draft.values if draft.is_fine else None


def _name(code: IndustryCode) -> str:
    return (code.label or code.code)[:LONGEST_NAME].strip()


def _fits(code: str | None, whole: str) -> bool:
    digits = _digits(code or "")
    return len(digits) >= LEAST and _digits(whole).startswith(digits)


def _digits(code: str) -> str:
    return re.sub(r"\D", "", code)
