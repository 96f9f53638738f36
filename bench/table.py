"""The results as they are printed."""

from collections.abc import Mapping
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench.kpis import COPY, UPSERT, WITHOUT, WRITTEN
from bench.kpis import Results as Kpis
from bench.live import SUBSCRIBERS
from bench.live import Results as Live
from bench.loopback import CLIENTS, Traffic
from bench.mass_update import Results as MassUpdate
from bench.queries import Query
from bench.registries import Results as Registries
from bench.reports import COPY as COPY_OF_REPORT
from bench.reports import ROWS
from bench.reports import Results as Reports
from bench.stopwatch import Comparison, promises_of
from bench.upsert import BARE, CUSTOMERS_AT_ONCE
from bench.upsert import Results as Upsert


def server_time(results: Mapping[Query, Comparison]) -> Table:
    """From document to bytes within the process, ours beside the yardstick."""
    return _beside_yardstick("Server time in ms: from the document to the encoded answer, database included", results)


def words(results: Mapping[Query, Comparison], customers: int) -> Table:
    """Finding among many customers, beside looking at each of them."""
    return _beside_yardstick(f"Server time in ms to find among {customers:,} customers; yardstick: every name", results)


def _beside_yardstick(title: str, results: Mapping[Query, Comparison]) -> Table:
    table = _table(title)
    for heading in ("ours", "p95", "CPU", "yardstick", "p95", "CPU", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("promise")
    for query, found in results.items():
        times = (found.ours, found.yardstick)
        figures = [_short(figure) for one in times for figure in (one.median, one.p95, one.median_cpu)]
        table.add_row(query.title, *figures, f"[bold]{found.ratio:.1f} ×", _verdict(promises_of(query, found)))
    return table


def whole_way(results: Mapping[Query, Traffic]) -> Table:
    """Over HTTP, ours alone."""
    table = _table(f"Over HTTP on loopback in ms: one client alone, then {CLIENTS} at once")
    for heading in ("alone", "p95", "requests a second", "CPU a request"):
        table.add_column(heading, justify="right")
    for query, found in results.items():
        rate = f"{found.per_second:,.0f}"
        table.add_row(query.title, _short(found.median), _short(found.p95), rate, _short(found.cpu))
    return table


def mass_update(results: MassUpdate) -> Table:
    """Many customers in one call, beside the bare UPDATE."""
    table = _table(f"Mass update of {results.customers:,} customers in seconds; memory +{results.megabytes:.0f} MB")
    for heading in ("seconds", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("promise")
    for name in results.seconds:
        figures = (f"{results.median(name):.2f}", f"[bold]{results.ratio(name):.2f} ×")
        table.add_row(name, *figures, _verdict(results.promises_of(name)))
    return table


def upsert(results: Upsert) -> Table:
    """Many customers sent in by one call, beside the bare COPY."""
    table = _table(f"Upsert of {CUSTOMERS_AT_ONCE:,} customers in seconds; memory +{results.megabytes:.0f} MB")
    for heading in ("seconds", "ratio"):
        table.add_column(heading, justify="right")
    for name in results.seconds:
        median = results.median(name)
        table.add_row(name, f"{median:.2f}", f"[bold]{median / results.median(BARE):.2f} ×")
    return table


def registries(results: Registries) -> Table:
    """How soon there is an answer about companies of a register, and how often that is called while somebody types."""
    table = _table("Searches in a national register in ms")
    for heading in ("ms", "p95"):
        table.add_column(heading, justify="right")
    table.add_column("promise")
    for name, times in results.times.items():
        slowest = times.p95 if len(times.wall) > 1 else times.median
        table.add_row(name, _short(times.median), _short(slowest), _verdict(results.promises_of(name)))
    typed = f"{results.letters} letters typed in two seconds: {results.calls} calls"
    table.add_row(typed, "", "", _verdict(results.promise_of_typing))
    return table


def kpis(results: Mapping[Query, Comparison]) -> Table:
    """The strip, beside summing all rows up."""
    return _beside_yardstick("Server time in ms of the KPI strip; yardstick: all rows added up", results)


def writing(results: Kpis) -> Table:
    """Writing invoices with the sums that figures are read from, beside writing them without."""
    table = _table(f"Writing {WRITTEN:,} invoices in seconds")
    for heading in ("with sums", "without", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("promise")
    for way in (UPSERT, COPY):
        figures = [f"{median(results.seconds[name]):.2f}" for name in (way, f"{way}{WITHOUT}")]
        verdict = _verdict(results.promise_of_writing if way == UPSERT else {})
        table.add_row(way, *figures, f"[bold]{results.ratio(way):.2f} ×", verdict)
    return table


def live(results: Live) -> Table:
    """A thousand subscribers who are told what a commit has moved."""
    table = _table(f"{SUBSCRIBERS:,} subscribers to the KPI strip, told after a commit that moves it for all of them")
    for heading in ("scopes", "statements", "ms to the last", "ms, one strip each"):
        table.add_column(heading, justify="right")
    table.add_column("promise")
    for name, told in results.told.items():
        figures = (median(told.statements), 1000 * median(told.seconds), 1000 * told.one_each)
        table.add_row(name, str(told.scopes), *(f"{figure:,.0f}" for figure in figures), _verdict(told.promises))
    return table


def reports(results: Reports) -> Table:
    """A report as a file, beside PostgreSQL's COPY of the same columns."""
    table = _table(f"A report of {ROWS:,} rows as a file")
    for heading in ("seconds", "ratio", "MB above idle"):
        table.add_column(heading, justify="right")
    table.add_column("promise")
    for name in results.seconds:
        seconds = results.median(name)
        memory = f"{results.megabytes[name]:.0f}" if name in results.megabytes else ""
        ratio = f"[bold]{seconds / results.median(COPY_OF_REPORT):.2f} ×"
        table.add_row(name, f"{seconds:.2f}", ratio, memory, _verdict(results.promises_of(name)))
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("query", no_wrap=True)
    return table


def _verdict(kept: Mapping[str, bool]) -> Text:
    words = (Text(f"{what} {'✓' if true else '✗'}", "green" if true else "bold red") for what, true in kept.items())
    return Text(", ").join(words)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.2f}" if milliseconds < 10 else f"{milliseconds:.0f}"
