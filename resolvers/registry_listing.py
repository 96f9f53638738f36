"""Which national registers there are, and whether each of them can be asked."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from plugins.contract import RegistryInfo
from plugins.discovery import Discovered, Registry
from resolvers.registries import RegistryOptions


class RegistryState(enum.StrEnum):
    """Whether a register can be asked."""

    READY = "READY"
    NEEDS_KEY = "NEEDS_KEY"
    DISABLED = "DISABLED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class ListedRegistry:
    """A register, where it comes from, and whether it can be asked."""

    info: RegistryInfo
    plugin: str
    state: RegistryState = RegistryState.READY
    message: str | None = None
    """Why it cannot be asked."""
    version: str | None = None
    """Of the package that it was installed with."""


def list_registries(discovered: Discovered, options: RegistryOptions) -> Sequence[ListedRegistry]:
    """All that are there, those that are used first."""
    off = [
        ListedRegistry(each.info or _nameless(each.plugin), each.plugin, RegistryState.DISABLED, "It is switched off.")
        for each in discovered.disabled
    ]
    failed = [
        ListedRegistry(
            _nameless(each.registry_id or each.plugin, each.countries), each.plugin, RegistryState.FAILED, each.message
        )
        for each in discovered.problems
    ]
    return [*(as_listed(each, options) for each in discovered.registries), *off, *failed]


def as_listed(registry: Registry, options: RegistryOptions) -> ListedRegistry:
    """A register that is used; it may still want a key."""
    missing = " and ".join(options.missing_secrets(registry.info))
    if not missing:
        return ListedRegistry(registry.info, registry.plugin, version=registry.version)
    message = f"The operator has to set its {missing}."
    return ListedRegistry(registry.info, registry.plugin, RegistryState.NEEDS_KEY, message, registry.version)


def _nameless(name: str, countries: tuple[str, ...] = ()) -> RegistryInfo:
    """All that is known of what cannot be used."""
    return RegistryInfo(id=name, name=name, countries=countries, base_url="", searches_by_name=False)
