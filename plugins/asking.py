"""Asking an adapter: whatever it does, one of the contract's values or outcomes comes out of it."""

import logging
from collections.abc import Awaitable
from typing import TypeVar

from plugins.client import RegistryClient
from plugins.contract import Company, RegistryAdapter, RegistryError, SearchResult, Unavailable

T = TypeVar("T")

log = logging.getLogger("kartotek.registries")


async def ask_search(adapter: RegistryAdapter, client: RegistryClient, name: str, limit: int) -> SearchResult:
    """What the adapter finds by name; raises the outcomes of the contract and nothing else."""
    found = await _understood(adapter, adapter.search(client, name, limit))
    return SearchResult(tuple(found.hits[:limit]), found.has_more or len(found.hits) > limit)


async def ask_lookup(adapter: RegistryAdapter, client: RegistryClient, business_id: str) -> Company:
    """The record that the adapter has of a number; raises the outcomes of the contract and nothing else."""
    return await _understood(adapter, adapter.lookup(client, business_id))


async def _understood(adapter: RegistryAdapter, answer: Awaitable[T]) -> T:
    try:
        return await answer
    except RegistryError:
        raise
    except Exception as error:
        log.exception("the adapter %s failed", adapter.info.id)
        raise Unavailable(f"{adapter.info.name} answered something that could not be understood.") from error
