"""Settings, from environment variables that begin with `KARTOTEK_`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

REGISTRY = "KARTOTEK_REGISTRY_"


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
    database_pool: int = Field(default=10, ge=1, description="Connections to the database, at most, of each kind.")
    statement_timeout: float = Field(default=30, ge=0, description="Seconds that one statement may take; 0 for ever.")
    export_rows: int = Field(default=1_000_000, ge=1, description="Rows that the file of a report may have.")
    export_timeout: float = Field(default=600, ge=0, description="Seconds that it may take; 0 for ever.")
    exports: int = Field(default=4, ge=1, description="Files that an organisation may have made at the same time.")
    open_introspection: bool = Field(
        default=False, description="Whether the schema and the explorer page are open to callers without a token."
    )

    metrics: bool = Field(default=False, description="Whether `/metrics` answers, to whoever asks.")

    registry_timeout: float = Field(
        default=10, gt=0, description="Seconds until a register's answer is there, or a problem in its place."
    )
    registry_stand_ins: bool = Field(
        default=False, description="Whether the registers' addresses may be of this machine or its neighbours."
    )
    registry_disabled: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Plugins and registers that are switched off, by name or id, with commas between."
    )
    registry_chosen: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Which register answers where several claim a country: `FI=fi-ytj,NO=no-brreg`.",
    )
    registry_values: Mapping[str, str] = Field(
        default_factory=lambda: _registry_values(os.environ),
        description="`KARTOTEK_REGISTRY_<CC>_BASE_URL`, `…_KEY` and other secrets, by the rest of their names.",
        repr=False,
    )

    @field_validator("registry_disabled", "registry_chosen", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @classmethod
    def from_env(cls) -> "Settings":
        """The settings of this process."""
        return cls()


def _registry_values(environment: Mapping[str, str]) -> Mapping[str, str]:
    return {name.removeprefix(REGISTRY): value for name, value in environment.items() if name.startswith(REGISTRY)}
