"""Which registers there are for this process: what is installed, as far as the settings want it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import stamina.instrumentation

from db.connection import Sessions
from kartotek.settings import Settings
from plugins.discovery import Discovered, discover
from resolvers.registries import Noted, Registries, RegistryOptions, unheard


def discovered(settings: Settings, locale: str) -> Discovered:
    """The plugins that are installed, for people who read a locale."""
    chosen = dict(each.split("=", 1) for each in settings.registry_chosen if "=" in each)
    return discover(locale, disabled=settings.registry_disabled, chosen=chosen)


def options_of(settings: Settings) -> RegistryOptions:
    """What is set for registers."""
    return RegistryOptions(
        settings.registry_values, may_be_local=settings.registry_stand_ins, timeout=settings.registry_timeout
    )


@asynccontextmanager
async def registries(settings: Settings, sessions: Sessions, noted: Noted = unheard) -> AsyncIterator[Registries]:
    """The registers as the settings have them; their connections are closed at the end."""
    # What comes of a question is told and counted; that it was put again is no line for standard output.
    stamina.instrumentation.set_on_retry_hooks(())
    opened = Registries(sessions, partial(discovered, settings), options_of(settings), noted)
    try:
        yield opened
    finally:
        await opened.aclose()
