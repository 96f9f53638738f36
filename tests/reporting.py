"""Random reports: queries with one list to make a table of, and the table that follows from their answer.

The table is worked out here from the tree of what was asked and the nested answer, by the rules of DESIGN section 8.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from graphql import get_named_type, get_nullable_type, is_composite_type, is_list_type
from hypothesis import strategies as st

from tests.asking import Asking, Draw, Question, Writer, fields_of, oracles
from tests.oracle import ROOT_LISTS, ROOT_PAGES, Ask
from tests.rows import World

ALL = 1_000
"""More than any list of the worlds has."""


def leads(kind: Any) -> str:
    """What sort of field it is: a leaf, an object, a page or a short list."""
    named = get_named_type(kind)
    if not is_composite_type(named):
        return "leaf"
    if named.name.endswith("Connection"):
        return "page"
    return "list" if is_list_type(get_nullable_type(kind)) else "object"


class Tabling(Asking):
    """Makes random queries that are reports."""

    def report(self) -> tuple[Ask, ...]:
        """One list, perhaps with other things beside it."""
        kind = self.draw(st.sampled_from(("page", "page", "page", "list", "one", "figure", "report")))
        return getattr(self, f"of_{kind}")()

    def of_page(self) -> tuple[Ask, ...]:
        name = self.draw(st.sampled_from(sorted(ROOT_PAGES)))
        return (self.page_of("Query", name, name, 2, outermost=True),)

    def of_list(self) -> tuple[Ask, ...]:
        name = self.draw(st.sampled_from(sorted(ROOT_LISTS)))
        entity = ROOT_LISTS[name]
        return (Ask(name, name, "Query", entity, {}, self.node(entity, 2)[0]),)

    def of_one(self) -> tuple[Ask, ...]:
        name, link = self.draw(
            st.sampled_from(
                (
                    ("customer", "contacts"), ("customer", "cases"), ("customer", "invoices"),
                    ("customer", "addresses"),
                    ("bulkOperation", "changes"), ("bulkOperation", "rejections"),
                )
            )
        )  # fmt: skip
        entity = name[0].upper() + name[1:]
        listed = self.list_field(entity, link, link, 2, outermost=True)
        return (Ask("one", name, "Query", entity, {"id": self.an_id(entity)}, (listed,)),)

    def of_report(self) -> tuple[Ask, ...]:
        listed = self.list_field("Report", self.draw(st.sampled_from(("columns", "variables"))), "those", 1)
        arguments = self.keys_of("Report", "report", fields_of("Query")["report"])
        return (Ask("report", "report", "Query", "Report", arguments, (listed,)),)

    def of_figure(self) -> tuple[Ask, ...]:
        name, listed = self.draw(
            st.sampled_from(
                (
                    ("activeCustomers", "customers"),
                    ("prospectsInPipeline", "customers"),
                    ("billingThisMonth", "invoices"),
                )
            )
        )
        kind = get_named_type(fields_of("Kpis")[name].type).name
        page = self.page_of(kind, listed, listed, 1, outermost=True)
        figure = Ask(name, name, "Kpis", kind, {}, (page,))
        return (Ask("kpis", "kpis", "Query", "Kpis", {"asOf": self.a_day()}, (figure,)),)

    # ------------------------------------------------------------------ lists

    def page_of(self, on: str, name: str, key: str, depth: int, *, outermost: bool = False) -> Ask:
        """A page with its rows and, where it is not the outermost, perhaps their number."""
        connection = get_named_type(fields_of(on)[name].type).name
        entity = connection.removesuffix("Connection")
        below, _ = self.node(entity, depth)
        if self.draw(st.booleans()):
            rows = Ask("nodes", "nodes", connection, entity, {}, below)
        else:
            node = Ask("node", "node", f"{entity}Edge", entity, {}, below)
            kind = Ask("kind", "__typename", f"{entity}Edge", "String")
            edge = (node,) if outermost or self.draw(st.booleans()) else (kind, node)
            rows = Ask("edges", "edges", connection, f"{entity}Edge", {}, edge)
        count = Ask("count", "totalCount", connection, "Int")
        kind = Ask("page", "__typename", connection, "String")
        parts = self.draw(st.sampled_from(((rows,), (rows, count), (count, rows), (kind, rows, count))))
        return Ask(key, name, on, connection, self.arguments(on, name, fields_of(on)[name]), parts)

    def page(self, entity: str) -> dict[str, Any]:
        """All rows, or so many."""
        size = self.draw(st.sampled_from((None, None, None, 0, 1, 2, 7)))
        return {} if size is None else {self.draw(st.sampled_from(("first", "last"))): size}

    def list_field(self, on: str, name: str, key: str, depth: int, *, outermost: bool = False) -> Ask:
        definition = fields_of(on)[name]
        if leads(definition.type) == "page":
            return self.page_of(on, name, key, depth, outermost=outermost)
        kind = get_named_type(definition.type).name
        return Ask(key, name, on, kind, self.arguments(on, name, definition), self.node(kind, depth)[0])

    # ------------------------------------------------------------------ what is selected of a row

    def node(self, kind: str, depth: int, *, may_list: bool = True) -> tuple[tuple[Ask, ...], bool]:
        """Some fields, of which at most one has a list in it, and whether one has."""
        known = fields_of(kind)
        names = [name for name in known if leads(known[name].type) == "leaf"] + ["__typename"]
        if depth > 0:
            names += [name for name in known if leads(known[name].type) != "leaf"] * 2
        chosen = self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=5))
        asks, has_list = [], False
        for name, key in zip(chosen, self.keys(chosen, ""), strict=True):
            made, listed = self.part(kind, name, key, depth, may_list=may_list and not has_list)
            asks.append(made)
            has_list = has_list or listed
        return tuple(asks), has_list

    def part(self, on: str, name: str, key: str, depth: int, *, may_list: bool) -> tuple[Ask, bool]:
        if name == "__typename":
            return Ask(key, name, on, "String"), False
        definition = fields_of(on)[name]
        kind, sort = get_named_type(definition.type).name, leads(definition.type)
        if sort == "leaf":
            return Ask(key, name, on, kind, self.arguments(on, name, definition)), False
        if sort == "object":
            below, has_list = self.node(kind, depth - 1, may_list=may_list)
            return Ask(key, name, on, kind, self.arguments(on, name, definition), below), has_list
        if may_list and self.draw(st.booleans()):
            return self.list_field(on, name, key, depth - 1), True
        if sort == "page":
            count = (Ask("n", "totalCount", kind, "Int"), Ask("k", "__typename", kind, "String"))
            return Ask(key, name, on, kind, self.arguments(on, name, definition), count), False
        return Ask(key, "__typename", on, "String"), False


class SizesAsTheyAre(Writer):
    """Writes sizes of pages as numbers, never as variables: those would be no limits."""

    def arguments(self, ask: Ask) -> str:
        sizes = {name: value for name, value in ask.arguments.items() if name in ("first", "last")}
        others = super().arguments(replace(ask, arguments={k: v for k, v in ask.arguments.items() if k not in sizes}))
        told = ", ".join(f"{name}: {value}" for name, value in sizes.items())
        return f"({', '.join(filter(None, (others[1:-1], told)))})" if others or told else ""


@st.composite
def reports(draw: Draw, worlds: Sequence[World]) -> Question:
    """Somebody's report."""
    world, oracle = draw(oracles(worlds))
    asks = Tabling(draw, oracle, world.foreign, world.today).report()
    writer = SizesAsTheyAre(draw)
    return Question(oracle, whole(asks), writer.document(asks), writer.variables, writer.places)


def whole(asks: Iterable[Ask]) -> tuple[Ask, ...]:
    """The same with all rows of the lists that do not say how many."""
    return tuple(_whole(ask) for ask in asks)


def _whole(ask: Ask) -> Ask:
    given = dict(ask.arguments)
    if ask.type.endswith("Connection") and not given.keys() & {"first", "last"}:
        given["first"] = ALL
    return replace(ask, arguments=given, fields=whole(ask.fields))


# ---------------------------------------------------------------------- the table of an answer


@dataclass(frozen=True)
class Expected:
    """What a report must have: the path of each column, and the rows."""

    paths: list[str]
    rows: list[list[Any]]


def expected(asks: Sequence[Ask], answer: Any) -> Expected:
    """The table of a whole answer."""
    below, path, nodes = next(outermost(asks, answer, ()))
    assert path
    return Expected(
        [".".join(leaf) for leaf in leaves(below, ())], [row for node in nodes for row in rows(below, node)]
    )


def outermost(
    asks: Iterable[Ask], answer: Any, path: tuple[str, ...]
) -> Iterator[tuple[Sequence[Ask], Any, list[Any]]]:
    """The outermost list: what is asked of its nodes, where they are, and the nodes."""
    for ask in asks:
        found = answer and answer[ask.key]
        here = (*path, ask.key)
        if ask.type.endswith("Connection"):
            for part in ask.fields:
                if part.fields:
                    yield nodes_of(part)[0], here, nodes_in(part, found)
        elif is_a_list(ask):
            yield ask.fields, here, found or []
        elif ask.fields:
            yield from outermost(ask.fields, found, here)


def is_a_list(ask: Ask) -> bool:
    return bool(ask.fields) and leads(fields_of(ask.on)[ask.name].type) == "list"


def nodes_of(part: Ask) -> tuple[Sequence[Ask], tuple[str, ...]]:
    """What is asked of the rows of a page, and the names on the way to them."""
    if part.name == "nodes":
        return part.fields, (part.key,)
    [node] = part.fields
    return node.fields, (part.key, node.key)


def nodes_in(part: Ask, page: Mapping[str, Any] | None) -> list[Any]:
    if page is None:
        return []
    if part.name == "nodes":
        return list(page[part.key])
    [node] = part.fields
    return [edge[node.key] for edge in page[part.key]]


def leaves(asks: Iterable[Ask], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for ask in asks:
        here = (*path, ask.key)
        yield from leaves(ask.fields, here) if ask.fields else (here,)


def rows(asks: Sequence[Ask], node: Any) -> list[list[Any]]:
    """The rows that a node makes: a list in it multiplies them, an empty one leaves one row."""
    parts = [part for ask in asks for part in parts_of(ask, node)]
    return [[value for part in combined for value in part] for combined in product(*parts)]


def parts_of(ask: Ask, node: Any) -> Iterator[list[list[Any]]]:
    found = None if node is None else node[ask.key]
    if not ask.fields:
        yield [[found]]
    elif ask.type.endswith("Connection"):
        for part in ask.fields:
            if part.fields:
                yield many(part.fields, found[part.key] if found else [])
            else:
                yield [[found and found[part.key]]]
    elif is_a_list(ask):
        yield many(ask.fields, found or [])
    else:
        yield rows(ask.fields, found)


def many(asks: Sequence[Ask], nodes: Sequence[Any]) -> list[list[Any]]:
    return [row for node in nodes or [None] for row in rows(asks, node)]
