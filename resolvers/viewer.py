"""The viewer: the user behind a request, with what the role permits and where the user works."""

import hashlib
import secrets
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import Reads
from db.models import Access, Organization, Role, Token, TokenScope, Unit, User, table_of
from db.models.base import TIMESTAMP, now

PREFIX = "kartotek_"
TO_THE_MINUTE = timedelta(minutes=1)
"""How exactly the last use of a token is kept: writing it down each time would make every read a write."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """How far each right of a role reaches."""

    read_customers: Access
    edit_customers: Access
    read_cases: Access
    read_invoices: Access
    read_costs: Access
    import_data: bool
    administer: bool

    @classmethod
    def of(cls, role: Any) -> "Permissions":
        """The permissions of a row (or anything else) that has attributes of these names."""
        return cls(**{slot.name: slot.type(getattr(role, slot.name)) for slot in fields(cls)})  # type: ignore[operator]

    def exceed(self, other: "Permissions") -> tuple[str, ...]:
        """The names of the rights that go further than `other`'s."""
        return tuple(name for name in self.__slots__ if _rank(getattr(self, name)) > _rank(getattr(other, name)))

    @property
    def levels(self) -> tuple[Access, ...]:
        """The rights that are levels, always in the same order."""
        return tuple(right for name in self.__slots__ if isinstance(right := getattr(self, name), Access))


NOBODY = Permissions(Access.NONE, Access.NONE, Access.NONE, Access.NONE, Access.NONE, False, False)
"""May do nothing at all."""


def _rank(right: Access | bool) -> int:
    return int(right) if isinstance(right, bool) else list(Access).index(right)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose things somebody's rights reach: their own, those of their units, or all."""

    user_id: uuid.UUID
    permissions: Permissions
    units: tuple[uuid.UUID, ...]
    """The user's unit and all units below it."""

    def goes_beyond(self, other: "Reach") -> bool:
        """Whether there may be anything that the other one's rights do not reach as well."""
        levels = zip(self.permissions.levels, other.permissions.levels, strict=True)
        return bool(self.permissions.exceed(other.permissions)) or any(
            not self._is_within(other, mine, theirs) for mine, theirs in levels
        )

    def by_unit_beyond(self, other: "Reach") -> bool:
        """Whether there are units that the other one's rights do not reach as well."""
        levels = zip(self.permissions.levels, other.permissions.levels, strict=True)
        limited = any(mine is Access.UNIT and theirs is not Access.ALL for mine, theirs in levels)
        return limited and not set(self.units) <= set(other.units)

    def _is_within(self, other: "Reach", mine: Access, theirs: Access) -> bool:
        if mine is Access.NONE or theirs is Access.ALL:
            return True
        if self.user_id == other.user_id and mine is Access.OWN:
            return True
        is_inside = set(self.units) <= set(other.units) and (bool(self.units) or self.user_id == other.user_id)
        return theirs is Access.UNIT and is_inside


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, for which organisation, and how far the rights reach; read anew for each request."""

    user_id: uuid.UUID
    organization_id: uuid.UUID
    country: str
    currency: str
    timezone: str
    locale: str
    units: tuple[uuid.UUID, ...]
    """The viewer's unit and all units below it; empty for a viewer without one."""
    permissions: Permissions
    scope: TokenScope = TokenScope.FULL

    @property
    def reach(self) -> Reach:
        """How far the viewer's rights go."""
        return Reach(self.user_id, self.permissions, self.units)

    @property
    def binds(self) -> Mapping[str, Any]:
        """Values of the parameters that `resolvers.rights` puts into statements."""
        return {"organization_id": self.organization_id, "viewer_id": self.user_id, "viewer_units": list(self.units)}


def new_secret(organization_id: uuid.UUID) -> tuple[str, bytes]:
    """A new bearer token and the hash to keep: the organisation's key, so that it can be found, and 256 random bits."""
    secret = PREFIX + urlsafe_b64encode(organization_id.bytes + secrets.token_bytes(32)).decode()
    return secret, hash_of(secret)


def hash_of(secret: str) -> bytes:
    """What is kept of a secret; it is random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode()).digest()


def _organization_in(secret: str) -> uuid.UUID | None:
    try:
        raw = urlsafe_b64decode(secret.removeprefix(PREFIX).encode())
    except ValueError:
        return None
    return uuid.UUID(bytes=raw[:16]) if secret.startswith(PREFIX) and len(raw) == 48 else None


async def find_viewer_by_token(reads: Reads, secret: str) -> Viewer | None:
    """Whoever this bearer token stands for, or None where it is unknown, expired or its user may not sign in.

    It comes before everything else that a client waits for, so it is one statement, which notes the use as well.
    """
    organization_id = _organization_in(secret)
    if organization_id is None:
        return None
    moment = now()
    stale = moment - TO_THE_MINUTE
    given = {"of": organization_id, "hash": hash_of(secret), "moment": moment, "stale": stale}
    row = await reads.fetchrow(_BY_TOKEN, *(given[name] for name in _BY_TOKEN_NAMES))
    return _viewer(SimpleNamespace(**row), TokenScope(row["scope"])) if row else None


async def find_viewers_by_tokens(
    reads: Reads, organization_id: uuid.UUID, hashes: Collection[bytes]
) -> dict[bytes, Viewer]:
    """Whom the tokens of these hashes stand for at this moment; those that are no good any more are not among them."""
    given = {"of": organization_id, "hashes": list(hashes), "moment": now()}
    rows = await reads.fetch(_BY_TOKENS, *(given[name] for name in _BY_TOKENS_NAMES))
    return {row["secret_hash"]: _viewer(SimpleNamespace(**row), TokenScope(row["scope"])) for row in rows}


async def find_viewer_by_email(session: AsyncSession, organization_id: uuid.UUID, email: str) -> Viewer | None:
    """The active user of this address, for commands that act in a user's name."""
    row = (await session.execute(_BY_EMAIL, {"of": organization_id, "email": email.lower()})).first()
    return _viewer(row) if row else None


async def find_viewer_now(session: AsyncSession, viewer: Viewer) -> Viewer | None:
    """The viewer with the rights of this moment, or None where the user may not sign in any more."""
    row = (await session.execute(_BY_ID, {"of": viewer.organization_id, "user": viewer.user_id})).first()
    return _viewer(row, viewer.scope) if row else None


async def get_reach(session: AsyncSession, organization_id: uuid.UUID, user_id: uuid.UUID) -> Reach:
    """How far the rights of a user go, who may sign in or not."""
    row = (await session.execute(_REACH, {"of": organization_id, "user": user_id})).one()
    return Reach(user_id, Permissions.of(row), tuple(row.units))


async def find_first_administrator(session: AsyncSession, organization_id: uuid.UUID) -> Viewer | None:
    """The administrator who has been there longest, for commands that name nobody."""
    row = (await session.execute(_FIRST_ADMINISTRATOR, {"of": organization_id})).first()
    return _viewer(row) if row else None


def _viewer(row: Any, scope: TokenScope = TokenScope.FULL) -> Viewer:
    return Viewer(
        user_id=row.user_id,
        organization_id=row.organization_id,
        country=row.country,
        currency=row.currency,
        timezone=row.timezone,
        locale=row.locale,
        units=tuple(row.units),
        permissions=Permissions.of(row),
        scope=scope,
    )


_TOKENS, _USERS, _ORGANIZATIONS, _ROLES, _UNITS = (table_of(model) for model in (Token, User, Organization, Role, Unit))
_ORGANIZATION = sa.bindparam("of", type_=sa.Uuid())


def _units_below(unit_id: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    """The unit and all below it, as an array."""
    top = sa.select(_UNITS.c.id).where(_UNITS.c.organization_id == _ORGANIZATION, _UNITS.c.id == unit_id)
    below = top.correlate(_USERS).cte("below", recursive=True, nesting=True)
    child = _UNITS.alias()
    further = sa.select(child.c.id).where(child.c.organization_id == _ORGANIZATION, child.c.parent_id == below.c.id)
    below = below.union(further)
    return sa.select(sa.func.coalesce(sa.func.array_agg(below.c.id), sa.text("'{}'::uuid[]"))).scalar_subquery()


_VIEWERS = (
    sa.select(
        _USERS.c.id.label("user_id"),
        _USERS.c.organization_id,
        *(_ORGANIZATIONS.c[name] for name in ("country", "currency", "timezone", "locale")),
        *(_ROLES.c[name] for name in Permissions.__slots__),
        _units_below(_USERS.c.unit_id).label("units"),
    )
    .join(_ORGANIZATIONS, _ORGANIZATIONS.c.id == _USERS.c.organization_id)
    .join(_ROLES, sa.and_(_ROLES.c.organization_id == _USERS.c.organization_id, _ROLES.c.id == _USERS.c.role_id))
    .where(_USERS.c.organization_id == _ORGANIZATION, _USERS.c.is_active)
)
_REACH = (
    sa.select(*(_ROLES.c[name] for name in Permissions.__slots__), _units_below(_USERS.c.unit_id).label("units"))
    .select_from(_USERS)
    .join(_ROLES, sa.and_(_ROLES.c.organization_id == _USERS.c.organization_id, _ROLES.c.id == _USERS.c.role_id))
    .where(_USERS.c.organization_id == _ORGANIZATION, _USERS.c.id == sa.bindparam("user"))
)
_BY_ID = _VIEWERS.where(_USERS.c.id == sa.bindparam("user"))
_BY_EMAIL = _VIEWERS.where(_USERS.c.email == sa.bindparam("email"))
_FIRST_ADMINISTRATOR = _VIEWERS.where(_ROLES.c.administer).order_by(_USERS.c.id).limit(1)
_MOMENT = sa.bindparam("moment", type_=TIMESTAMP)
_THE_TOKEN = sa.and_(_TOKENS.c.organization_id == _ORGANIZATION, _TOKENS.c.secret_hash == sa.bindparam("hash"))
_NOTED = (
    sa.update(_TOKENS)
    .where(_THE_TOKEN, sa.func.coalesce(_TOKENS.c.last_used_at, sa.text("'-infinity'")) < sa.bindparam("stale"))
    .values(last_used_at=_MOMENT)
)
_WITH_TOKENS = (
    _VIEWERS.add_columns(_TOKENS.c.scope, _TOKENS.c.secret_hash)
    .join(_TOKENS, sa.and_(_TOKENS.c.organization_id == _USERS.c.organization_id, _TOKENS.c.user_id == _USERS.c.id))
    .where(sa.or_(_TOKENS.c.expires_at.is_(None), _TOKENS.c.expires_at > _MOMENT))
)


def _finished(statement: sa.Select[Any]) -> tuple[str, tuple[str, ...]]:
    compiled = statement.compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
    return str(compiled), tuple(compiled.positiontup or ())


_BY_TOKEN, _BY_TOKEN_NAMES = _finished(_WITH_TOKENS.where(_THE_TOKEN).add_cte(_NOTED.cte("noted")))
_HASHES = sa.bindparam("hashes", type_=ARRAY(sa.LargeBinary()))
_BY_TOKENS, _BY_TOKENS_NAMES = _finished(_WITH_TOKENS.where(_TOKENS.c.secret_hash == sa.any_(_HASHES)))
