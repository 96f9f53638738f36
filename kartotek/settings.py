"""Settings, from environment variables that begin with `KARTOTEK_`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator can set; see the descriptions."""

    model_config = SettingsConfigDict(env_prefix="KARTOTEK_", frozen=True)

    database_url: str | None = Field(
        default=None, description="PostgreSQL 15 or newer, `postgresql://…`; without it, an embedded one is run."
    )
    data_dir: Path = Field(default=Path(".kartotek"), description="Where the embedded database lives.")
    postgres_binaries: Path | None = Field(
        default=None, description="Folder with initdb, pg_ctl and postgres, instead of the embedded ones."
    )
    database_pool: int = Field(default=10, ge=1, description="Connections to the database, at most.")
    statement_timeout: float = Field(default=30, ge=0, description="Seconds that one statement may take; 0 for ever.")
    open_introspection: bool = Field(
        default=False, description="Whether the schema and the explorer page are open to callers without a token."
    )

    @classmethod
    def from_env(cls) -> "Settings":
        """The settings of this process."""
        return cls()
