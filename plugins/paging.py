"""Reading a search that a registry answers in pages."""

from collections.abc import Awaitable, Callable

from plugins.contract import CompanyHit, SearchResult

MOST_PAGES = 10
"""However much is asked for; each page is a call that others wait for."""


async def search_pages(page: Callable[[int], Awaitable[SearchResult]], limit: int) -> SearchResult:
    """What the pages have, counted from 0, until there are `limit` companies or no more; each company once."""
    hits: dict[str, CompanyHit] = {}
    has_more = True
    for number in range(MOST_PAGES):
        found = await page(number)
        for hit in found.hits:
            hits.setdefault(hit.business_id, hit)
        has_more = found.has_more
        if not has_more or len(hits) >= limit:
            break
    return SearchResult(tuple(hits.values())[:limit], has_more or len(hits) > limit)
