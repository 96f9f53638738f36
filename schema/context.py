"""What every resolver of a request can lean on: how to get a session, and who asks."""

from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from resolvers.viewer import Viewer

Sessions = async_sessionmaker[AsyncSession]


class NotAuthenticated(GraphQLError):
    """The request says nothing of who asks, or nothing that can be believed."""

    def __init__(self) -> None:
        super().__init__(
            "Who asks? Send a valid token in the header `Authorization: Bearer …`.",
            extensions={"code": "UNAUTHENTICATED"},
        )


@dataclass
class Context:
    """One request."""

    sessions: Sessions
    known_viewer: Viewer | None

    @property
    def viewer(self) -> Viewer:
        """Whoever asks; NotAuthenticated where nobody is known."""
        if self.known_viewer is None:
            raise NotAuthenticated
        return self.known_viewer


Info = strawberry.Info[Context, Any]
