"""Kartotek: a GraphQL API for a company's customer registry.

What is imported from here is the contract for registry plugins, and a promise: see `plugins.contract`.
"""

from plugins.client import RegistryClient
from plugins.contract import (
    CONTRACT_VERSION,
    Address,
    AddressKind,
    AskLater,
    AskOtherwise,
    Company,
    CompanyHit,
    CompanyStatus,
    Gone,
    IndustryCode,
    NeedsKey,
    NotFound,
    Number,
    NumberKind,
    RateLimited,
    RegistryAdapter,
    RegistryError,
    RegistryInfo,
    RejectedInput,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.record import Record

__version__ = "0.1.0"

__all__ = (
    "CONTRACT_VERSION",
    "Address",
    "AddressKind",
    "AskLater",
    "AskOtherwise",
    "Company",
    "CompanyHit",
    "CompanyStatus",
    "Gone",
    "IndustryCode",
    "NeedsKey",
    "NotFound",
    "Number",
    "NumberKind",
    "RateLimited",
    "Record",
    "RegistryAdapter",
    "RegistryClient",
    "RegistryError",
    "RegistryInfo",
    "RejectedInput",
    "SearchResult",
    "Unavailable",
    "hookimpl",
)
