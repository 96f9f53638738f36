"""What every resolver of a request can lean on: the database, and who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLError

from db.connection import Database
from resolvers.live import Live
from resolvers.registries import Registries
from resolvers.viewer import Viewer
from schema.execution import Tabulation
from schema.wording import language_for


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

    database: Database
    known_viewer: Viewer | None
    known_registries: Registries | None = None
    accepted_languages: str | None = None
    """The header `Accept-Language`."""
    token: str | None = None
    """The bearer token, which is looked up again for as long as a connection stays open."""
    known_live: Live | None = None
    connection_params: Mapping[str, Any] | None = None
    """What a client of a WebSocket sends to begin with."""
    tabulation: Tabulation | None = None
    """The list of the operation that is wanted as a table, in place of the whole answer."""

    @property
    def viewer(self) -> Viewer:
        """Whoever asks; NotAuthenticated where nobody is known."""
        if self.known_viewer is None:
            raise NotAuthenticated
        return self.known_viewer

    @property
    def registries(self) -> Registries:
        """The national registers as this server reaches them."""
        assert self.known_registries, "the application opens them when it starts"
        return self.known_registries

    @property
    def live(self) -> Live:
        """What tells of changes as they are committed."""
        assert self.known_live, "the application opens it when it starts"
        return self.known_live

    @property
    def language(self) -> str:
        """The language that the client accepts, or else the organisation's."""
        return language_for(self.accepted_languages, self.viewer.locale)


Info = strawberry.Info[Context, Any]
