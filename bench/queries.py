"""The queries that are measured, and what is promised of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Promise:
    """What a query has to keep to: server time in milliseconds and, where given, times faster than the yardstick."""

    milliseconds: float
    times: float | None = None


@dataclass(frozen=True, eq=False)
class Query:
    """An operation under the name that `--only` takes."""

    name: str
    title: str
    document: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    promise: Promise | None = None


ONE = """
query One($id: ID!) {
  customer(id: $id) { id number name businessId country email industry { name } owner { name email } }
}
"""

NESTED = (
    "{ customers(first: 50) { nodes { name industry { name } owner { name } "
    "contacts(first: 3) { nodes { name email } } } } }"
)

THOUSAND = """
{
  customers(first: 1000) { nodes { id number name country contacts(first: 50) { nodes { id name email } } } }
}
"""

SEARCH = """
query Search($text: String!, $country: CountryCode!) {
  customers(
    first: 50
    filter: { name: { contains: $text }, country: { eq: $country }, isActive: { eq: true } }
    orderBy: [{ name: ASC }]
  ) {
    totalCount
    pageInfo { hasNextPage }
    nodes { id number name businessId industry { name } owner { name } }
  }
}
"""

DEEP = """
{
  customers(first: 20) {
    nodes {
      name
      cases(first: 3) {
        nodes { name invoices(first: 3) { nodes { number date customer { name owner { name unit { name } } } } } }
      }
    }
  }
}
"""


def queries(customer_id: str) -> tuple[Query, ...]:
    """All of them; one asks for the customer of this id."""
    return (
        Query("one", "One customer by id", ONE, {"id": customer_id}),
        Query("nested", "50 customers, nested", NESTED, promise=Promise(milliseconds=5, times=15)),
        Query("thousand", "1,000 with contacts", THOUSAND),
        Query("search", "Filtered, sorted, counted", SEARCH, {"text": "oy", "country": "FI"}),
        Query("deep", "Five relations deep", DEEP),
    )
