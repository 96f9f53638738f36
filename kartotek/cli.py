"""The command line: start, look after and fill a registry."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.ext.asyncio import AsyncSession

from db import migration
from db.connection import Database, Sessions, reads_of
from db.models import Organization, TokenScope
from db.models.base import now
from kartotek.database import DatabaseNotThere, connected_as, database
from kartotek.progress import bars
from kartotek.settings import Settings
from resolvers.founding import init_organization
from resolvers.problems import Problem
from resolvers.reading import read
from resolvers.selection import Field, Listing, plain_fields
from resolvers.viewer import Viewer, find_first_administrator, find_viewer_by_email

if TYPE_CHECKING:
    from kartotek.load import Summary

R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
tokens = typer.Typer(no_args_is_help=True, help="Keys for programs.")
app.add_typer(tokens, name="token")
plugin = typer.Typer(no_args_is_help=True, help="Registries of further countries.")
app.add_typer(plugin, name="plugin")
report = typer.Typer(no_args_is_help=True, help="A saved report.")
app.add_typer(report, name="report")
reports = typer.Typer(no_args_is_help=True, help="All saved reports.")
app.add_typer(reports, name="reports")
console = Console(stderr=True)


TOKENS = Listing(
    "Token",
    (
        *plain_fields("id", "name", "scope", "last_used_at", "expires_at"),
        Field("user", "user", fields=plain_fields("email")),
    ),
)


class CommandFailed(Exception):
    """What the user has to know before the command can do its work."""


DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where the embedded database lives; by default .kartotek.")
]
OrganizationName = Annotated[
    str | None, typer.Option("--organization", help="Which organisation; by default the only one.")
]
As = Annotated[
    str | None, typer.Option("--as", help="E-mail address of the user to act for; by default the first administrator.")
]
Port = Annotated[int, typer.Option("--port", help="TCP port; 0 takes any that is free.")]


def settings_for(data_dir: Path | None, **changes: Any) -> Settings:
    """The settings of the environment, with what the command line says instead."""
    given = {**changes, **({"data_dir": data_dir} if data_dir else {})}
    return Settings.from_env().model_copy(update=given)


@contextmanager
def explained() -> Iterator[None]:
    """Tell of failures that have a cause the user can do something about, in a sentence and with exit code 1."""
    try:
        yield
    except (CommandFailed, DatabaseNotThere, OSError, sa.exc.DBAPIError) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        console.print(f"[bold red]kartotek:[/] {cause}", highlight=False)
        raise typer.Exit(1) from None


def on_database(settings: Settings, work: Callable[[Sessions], Awaitable[R]]) -> R:
    """Do the work with sessions on the database."""

    with explained(), database(settings) as url:
        return asyncio.run(connected_to(url, settings, lambda connected: work(connected.sessions)))


async def connected_to(url: str, settings: Settings, work: Callable[[Database], Awaitable[R]]) -> R:
    """Do the work on the database, where that has the right shape."""
    async with connected_as(settings, url) as connected:
        if not await migration.is_current(connected.engine):
            raise CommandFailed("The database is of another version: run `kartotek migrate` first.")
        return await work(connected)


async def get_organizations(session: AsyncSession, name: str | None) -> list[Organization]:
    """The organisation of this name or, without one, all that there are."""
    organizations = list((await session.scalars(sa.select(Organization).order_by(Organization.name))).all())
    if not organizations:
        raise CommandFailed("There is no organisation yet: make one with `kartotek init`.")
    found = [each for each in organizations if name is None or each.name.lower() == name.lower()]
    if not found:
        raise CommandFailed(f"There is no organisation {name}; there is {_names(organizations)}.")
    return found


async def get_organization(session: AsyncSession, name: str | None) -> Organization:
    """The organisation of this name or, without one, the only one there is."""
    found = await get_organizations(session, name)
    if name is None and len(found) > 1:
        raise CommandFailed(f"Say which organisation with --organization: {_names(found)}.")
    return found[0]


def _names(organizations: list[Organization]) -> str:
    return ", ".join(organization.name for organization in organizations)


async def get_viewer(session: AsyncSession, organization: str | None, email: str | None) -> Viewer:
    """The user to act for."""
    found = await get_organization(session, organization)
    if email is None:
        viewer = await find_first_administrator(session, found.id)
    else:
        viewer = await find_viewer_by_email(session, found.id, email)
    if viewer is None:
        raise CommandFailed(f"{found.name} has no active user {email or 'who is an administrator'}.")
    return viewer


def refuse(problems: Any) -> None:
    """Fail with these problems, where there are any."""
    if problems:
        raise CommandFailed("\n".join(_sentence(problem) for problem in problems))


def _sentence(problem: Problem) -> str:
    return f"{'.'.join(problem.path)}: {problem.message}" if problem.path else problem.message


@app.command()
def init(
    organization: Annotated[str, typer.Option(help="Its name.")],
    admin: Annotated[str, typer.Option(help="E-mail address of the first administrator.")],
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2, such as FI.")] = "FI",
    currency: Annotated[str, typer.Option(help="ISO 4217, such as EUR; it stays.")] = "EUR",
    timezone: Annotated[str, typer.Option(help="IANA time zone.")] = "Europe/Helsinki",
    locale: Annotated[str, typer.Option(help="Language of labels, such as en or fi.")] = "en",
    data_dir: DataDir = None,
) -> None:
    """Make an empty organisation with roles, statuses and an administrator; print the administrator's token."""

    async def work(sessions: Sessions) -> str:
        async with sessions.begin() as session:
            founded = await init_organization(
                session,
                name=organization,
                country=country,
                currency=currency,
                timezone=timezone,
                locale=locale,
                admin_email=admin,
            )
            refuse(founded.problems)
            viewer = await get_viewer(session, organization, admin)
            return await new_token(session, viewer, "init")

    settings = settings_for(data_dir)
    with explained(), database(settings) as url:
        migration.run(url)
        secret = on_database(settings.model_copy(update={"database_url": url}), work)
    print(f"token {secret}")


async def new_token(session: AsyncSession, viewer: Viewer, name: str, **values: Any) -> str:
    """Make a token for the viewer; the secret."""
    from resolvers.token import create_token

    made = await create_token(session, viewer, {"name": name, **values})
    refuse(made.problems)
    assert made.secret is not None
    return made.secret


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the shape that this version needs; safe to run at once from several places."""
    with explained(), database(settings_for(data_dir)) as url:
        migration.run(url)


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from schema.api import schema as api

    print(api.as_str())


@app.command()
def serve(
    port: Port = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database up to date first.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Serve the API; print `ready URL` when it answers."""
    settings = settings_for(data_dir)
    with explained(), database(settings) as url:
        if migrate:
            migration.run(url)
        run_server(settings.model_copy(update={"database_url": url}), host, port, lambda address: f"ready {address}")


def run_server(settings: Settings, host: str, port: int, announcement: Callable[[str], str]) -> None:
    """Serve until told to stop."""
    from kartotek.server import serve as serve_until_stopped

    if not serve_until_stopped(settings, host, port, announcement):
        raise CommandFailed(f"The server could not start on port {port}; is it taken? Another one: --port.")


@app.command()
def load(
    mapping: Annotated[Path, typer.Argument(help="TOML file that says which columns become what.")],
    source: Annotated[Path, typer.Option(help="Folder of the files that the mapping names.")],
    rejects: Annotated[Path, typer.Option(help="Where rows go that cannot be loaded.")] = Path("rejects.csv"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would happen, and change nothing.")] = False,
    organization: OrganizationName = None,
    as_: As = None,
    data_dir: DataDir = None,
) -> None:
    """Load CSV and NDJSON files from other systems; exit code 3 where rows were rejected, 1 where nothing changed."""
    from kartotek.load import LoadFailed, Summary, load, read_mapping

    async def work(sessions: Sessions) -> Summary:
        async with sessions() as session:
            viewer = await get_viewer(session, organization, as_)
        with bars(console) as progress:
            return await load(
                sessions, viewer, read_mapping(mapping), source, rejects=rejects, dry_run=dry_run, progress=progress
            )

    try:
        summary = on_database(settings_for(data_dir, statement_timeout=0), work)
    except LoadFailed as error:
        console.print(f"[bold red]kartotek:[/] {error}\nNothing has been changed.", highlight=False)
        raise typer.Exit(1) from None
    print_summary(summary)
    raise typer.Exit(summary.exit_code)


def print_summary(summary: "Summary") -> None:
    """What became of the rows, step by step and in all."""
    counts = ("read", "created", "updated", "unchanged", "rejected")
    table = Table("step", "file", *(Column(count, justify="right") for count in counts))
    for tally in summary.steps:
        table.add_row(tally.step, tally.file, *(f"{getattr(tally, count):,}" for count in counts))
    table.add_section()
    table.add_row("all", "", *(f"{summary.total(count):,}" for count in counts))
    output = output_console()
    output.print(table)
    for reason, rows in summary.reasons.items():
        output.print(f"{rows:,} rejected: {reason}", highlight=False, markup=False)
    for note in summary.notes:
        output.print(f"note: {note}", highlight=False, markup=False)
    if summary.rejects:
        output.print(f"The rejected rows are in {summary.rejects}.", highlight=False, markup=False)
    if summary.is_dry_run:
        output.print("This was a dry run: nothing has been changed.")


def output_console() -> Console:
    """Where tables go; wide enough to keep ids whole where nobody looks."""
    return Console(width=None if sys.stdout.isatty() else 200)


@app.command()
def demo(
    port: Port = 8000,
    customers: Annotated[int, typer.Option(min=10, help="How many customers to invent.")] = 2000,
    live: Annotated[bool, typer.Option("--live", help="Ask the real national registers, not stand-ins.")] = False,
    data_dir: DataDir = None,
) -> None:
    """A server with invented data, from nothing; print `ready URL token TOKEN` when it answers."""
    from kartotek.demo import prepare_demo

    settings = settings_for(data_dir, open_introspection=True)
    with explained(), database(settings) as url:
        migration.run(url)
        prepared = connected_to(url, settings, lambda connected: prepare_demo(connected, customers, console))
        secret = asyncio.run(prepared)
        settings = settings.model_copy(update={"database_url": url})
        with nullcontext(settings) if live else with_stand_ins(settings, url) as chosen:
            run_server(chosen, "127.0.0.1", port, lambda address: f"ready {address} token {secret}")


@contextmanager
def with_stand_ins(settings: Settings, url: str) -> Iterator[Settings]:
    """The settings with Finland's and Norway's registers on this machine, where nothing else is set for them."""
    from kartotek.demo import list_registered
    from kartotek.stand_in import stand_ins

    entries = asyncio.run(connected_to(url, settings, list_registered))
    with stand_ins(entries) as values:
        console.print(
            f"The registers of Finland and Norway are stand-ins with {len(entries):,} invented companies: search for "
            '"kaisla" or, in NO, "fjord". The real ones: --live.',
            highlight=False,
            soft_wrap=True,
        )
        chosen = {**values, **settings.registry_values}
        yield settings.model_copy(update={"registry_values": chosen, "registry_stand_ins": True})


@tokens.command("create")
def create_token_command(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[TokenScope, typer.Option(help="What it may do.")] = TokenScope.FULL,
    days: Annotated[int | None, typer.Option(min=1, help="How long it works; by default for ever.")] = None,
    organization: OrganizationName = None,
    as_: As = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token and print `token TOKEN`; it is shown this once."""

    async def work(sessions: Sessions) -> str:
        async with sessions.begin() as session:
            viewer = await get_viewer(session, organization, as_)
            expires_at = now() + timedelta(days=days) if days else None
            return await new_token(session, viewer, name, scope=scope, expires_at=expires_at)

    print(f"token {on_database(settings_for(data_dir), work)}")


@tokens.command("list")
def list_tokens_command(organization: OrganizationName = None, as_: As = None, data_dir: DataDir = None) -> None:
    """List the user's tokens; everybody's for an administrator."""

    async def work(sessions: Sessions) -> list[dict[str, Any]]:
        async with sessions() as session:
            viewer = await get_viewer(session, organization, as_)
            found: list[dict[str, Any]] = orjson.loads(await read(await reads_of(session), viewer, TOKENS) or "[]")
            return found

    id_column = Column("id", no_wrap=True, min_width=len("tok_") + 32)
    table = Table(id_column, "name", "user", "scope", "last used", "expires")
    for token in on_database(settings_for(data_dir), work):
        used, expires = token["last_used_at"] or "never", token["expires_at"] or "never"
        table.add_row(token["id"], token["name"], token["user"]["email"], token["scope"], used, expires)
    output_console().print(table)


@tokens.command("revoke")
def revoke_token_command(
    id: Annotated[str, typer.Argument(help="The token's id, from `kartotek token list`.")],
    organization: OrganizationName = None,
    as_: As = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token useless, at once and for good."""
    from resolvers.token import revoke_token

    async def work(sessions: Sessions) -> None:
        async with sessions.begin() as session:
            outcome = await revoke_token(session, await get_viewer(session, organization, as_), id)
            refuse(outcome.problems)

    on_database(settings_for(data_dir), work)


@app.command()
def plugins(locale: Annotated[str, typer.Option(help="For people who read this language.")] = "en") -> None:
    """List the national registers, and why some of them cannot be asked; exit code 3 where a plugin cannot be used."""
    from kartotek.registries import discovered, options_of
    from resolvers.registry_listing import RegistryState, list_registries

    settings = Settings.from_env()
    listed = list_registries(discovered(settings, locale), options_of(settings))
    table = Table(Column("id", no_wrap=True), "name", "countries", "state", "plugin", "version", "message")
    for each in listed:
        is_used = each.state in (RegistryState.READY, RegistryState.NEEDS_KEY)
        countries = ", ".join(each.info.countries) or ("all others" if is_used else "")
        state = each.state.replace("_", " ").lower()
        table.add_row(each.info.id, each.info.name, countries, state, each.plugin, each.version, each.message)
    output_console().print(table)
    if any(each.state is RegistryState.FAILED for each in listed):
        raise typer.Exit(3)


@app.command()
def lookup(
    text: Annotated[str, typer.Argument(help="A name or a part of one, or a number in any spelling.")],
    country: Annotated[str | None, typer.Option(help="Whose register; by default the organisation's.")] = None,
    first: Annotated[int, typer.Option(min=1, max=100, help="How many companies at most.")] = 10,
    organization: OrganizationName = None,
    as_: As = None,
    data_dir: DataDir = None,
) -> None:
    """Look for a company in a national register."""
    from kartotek.registries import registries
    from resolvers.registry_search import Found, search_registry

    settings = settings_for(data_dir)

    async def work(sessions: Sessions) -> Found:
        async with sessions() as session:
            viewer = await get_viewer(session, organization, as_)
        async with registries(settings, sessions) as opened:
            found = await search_registry(opened, viewer, text, country=country and country.upper(), first=first)
        refuse(found.problems)
        return found

    found = on_database(settings, work)
    table = Table(Column("number", no_wrap=True), "name", "VAT number", "status", "town")
    for hit in found.hits:
        town = next((each.city for each in hit.addresses if each.city), None)
        table.add_row(hit.business_id, hit.name, hit.vat_number, hit.status.replace("_", " ").lower(), town)
    output_console().print(table)
    if found.registry and found.registry.info.attribution:
        console.print(f"Source: {found.registry.info.attribution}", highlight=False, markup=False)


@app.command()
def refresh(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of customers.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All customers that have a record in a register.")] = False,
    unlinked: Annotated[
        bool, typer.Option("--unlinked", help="With --all: also those without a record that have a business id.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what differs, not only fill what is empty.")
    ] = False,
    older_than: Annotated[
        float, typer.Option("--older-than", min=0, help="With --all: leave those alone that are fresher, in days.")
    ] = 1,
    organization: OrganizationName = None,
    as_: As = None,
    data_dir: DataDir = None,
) -> None:
    """Refresh customers from their national registers; break it off and run it again, and it goes on.

    Exit code 3 where some could not be refreshed.
    """
    from kartotek.refresh import Summary, list_due, refresh_many
    from kartotek.registries import registries
    from resolvers.registry_refresh import Overwrite

    settings = settings_for(data_dir)

    async def work(connected: Database) -> Summary:
        if all_ == bool(numbers):
            raise CommandFailed("Say which customers: their numbers, or --all.")
        async with connected.sessions() as session:
            viewer = await get_viewer(session, organization, as_)
        due = await list_due(
            connected, viewer, numbers=numbers or (), older_than=timedelta(days=older_than), unlinked=unlinked
        )
        if unknown := set(numbers or ()) - {each["number"] for each in due}:
            raise CommandFailed(f"There is no customer {', '.join(map(str, sorted(unknown)))}.")
        how = Overwrite.ALL if overwrite else Overwrite.EMPTY_ONLY
        async with registries(settings, connected.sessions) as opened:
            with bars(console) as progress:
                return await refresh_many(connected, opened, viewer, due, overwrite=how, progress=progress)

    with explained(), database(settings) as url:
        summary = asyncio.run(connected_to(url, settings, work))
    counts = ("total", "changed", "unchanged", "failed", "left")
    table = Table("register", *(Column(count, justify="right") for count in counts))
    for tally in summary.tallies:
        table.add_row(tally.registry, *(f"{getattr(tally, count):,}" for count in counts))
    output = output_console()
    output.print(table)
    for note in summary.notes:
        output.print(note, highlight=False, markup=False)
    if not summary.is_complete:
        raise typer.Exit(3)


@app.command()
def doctor(
    repair_: Annotated[bool, typer.Option("--repair", help="Put right what is not as it should be.")] = False,
    organization: Annotated[
        str | None, typer.Option("--organization", help="Which organisation; by default all.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Work out all sums that figures are read from, and tell which of them are not as they should be.

    Exit code 3 where there are any, and they were not repaired.
    """
    import stamina.instrumentation

    from resolvers.doctor import Difference, examine, repair

    stamina.instrumentation.set_on_retry_hooks(())

    async def work(sessions: Sessions) -> dict[str, list[Difference]]:
        found: dict[str, list[Difference]] = {}
        async with sessions() as session:
            await session.execute(sa.text("SET LOCAL statement_timeout = 0"))
            for each in await get_organizations(session, organization):
                found[each.name] = await examine(session, each.id) if not repair_ else await repair(sessions, each.id)
        return found

    differences = on_database(settings_for(data_dir), work)
    output = output_console()
    for name, found in differences.items():
        repaired = " repaired" if repair_ and found else ""
        output.print(f"{name}: {len(found):,} differences{repaired}", highlight=False, markup=False)
        for difference in found:
            output.print(f"  {difference}", highlight=False, markup=False)
    if any(differences.values()) and not repair_:
        output.print("Put them right with --repair.", highlight=False)
        raise typer.Exit(3)


@report.command("run")
def run_report_command(
    name: Annotated[str, typer.Argument(help="Its name: one's own first, then a shared one.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; by default NAME.FORMAT here.")
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", help="csv, xlsx, ndjson, json or parquet; by default the ending of the output, or csv."
        ),
    ] = None,
    var: Annotated[
        list[str] | None, typer.Option("--var", help="A variable, NAME=VALUE; again for each, and for items of a list.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Language of the headings: en, fi, sv, nb or da.")] = None,
    excel: Annotated[bool, typer.Option("--excel", help="CSV for a spreadsheet of the organisation's locale.")] = False,
    organization: OrganizationName = None,
    as_: As = None,
    data_dir: DataDir = None,
) -> None:
    """Write a report to a file, all rows; print `rows N` and the file. Where it fails, there is no file."""
    from kartotek.registries import registries
    from kartotek.report_run import run_report
    from resolvers.export import Limits
    from resolvers.report import ReportFailed
    from schema.context import Context

    settings = settings_for(data_dir)
    form = format_ or (output.suffix.removeprefix(".") if output and output.suffix else "csv")
    path = output or Path(f"{name}.{form}")
    options = {"_labels": labels} if labels else {}

    async def work(connected: Database) -> int:
        async with connected.sessions() as session:
            viewer = await get_viewer(session, organization, as_)
        async with registries(settings, connected.sessions) as opened:
            with bars(console) as progress:
                return await run_report(
                    Context(connected, viewer, opened),
                    name,
                    form,
                    path,
                    variables=[_variable(each) for each in var or ()],
                    options=options | ({"_excel": "1"} if excel else {}),
                    limits=Limits(settings.export_rows, settings.exports),
                    progress=progress,
                )

    with explained(), database(settings) as url:
        try:
            rows = asyncio.run(connected_to(url, settings, work))
        except ReportFailed as failure:
            raise CommandFailed(str(failure)) from failure
    print(f"rows {rows} {path}")


def _variable(text: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not is_there:
        raise CommandFailed(f"--var {text} has no value: write --var {text}=….")
    return name, value


@reports.command("check")
def check_reports_command(
    organization: Annotated[
        str | None, typer.Option("--organization", help="Which organisation; by default all.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Look at all saved reports with the schema of this version, and name those that do not fit, with their owners.

    It changes nothing. Exit code 3 where one is broken, so that a deploy can stop; what is only deprecated is told of.
    """
    from kartotek.registries import registries
    from resolvers.report import list_checkable
    from schema.api import schema
    from schema.report_health import Checked, core_of, look_at, registers_of

    settings = settings_for(data_dir)

    async def work(sessions: Sessions) -> list[Checked]:
        async with sessions() as session:
            wanted = {each.id for each in await get_organizations(session, organization)}
            saved = [each for each in await list_checkable(session) if each.organization_id in wanted]
        async with registries(settings, sessions) as opened:
            return look_at(saved, core_of(schema), registers_of(opened))

    checked = on_database(settings, work)
    output = output_console()
    for each in checked:
        if each.problems:
            output.print(str(each), highlight=False, markup=False, soft_wrap=True)
    counts = Counter(each.status.value.lower() for each in checked)
    told = ", ".join(f"{number:,} {status}" for status, number in sorted(counts.items()))
    output.print(f"{len(checked):,} reports{': ' if told else ''}{told}", highlight=False)
    if counts["broken"]:
        raise typer.Exit(3)


@plugin.command("new")
def new_plugin_command(
    country: Annotated[str, typer.Argument(help="Whose companies it looks up, ISO 3166-1 alpha-2, such as IS.")],
    name: Annotated[str, typer.Option(help="What people there call the registry.")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it; by default kartotek-xx here.")] = None,
) -> None:
    """Write a package that adds a country, with tests that pass, and print `plugin FOLDER`."""
    from kartotek.new_plugin import PluginNotWritten, write_plugin
    from plugins.discovery import discover

    with explained():
        try:
            written = write_plugin(country, name, folder)
        except PluginNotWritten as error:
            raise CommandFailed(str(error)) from error
    print(f"plugin {written}")
    code = country.strip().upper()
    if own := discover("en").by_country.get(code):
        told = f"{code} has a registry already, {own.info.id}: the operator will have to choose one of them."
        console.print(told, highlight=False, markup=False)
    told = f"Its README.md is a walk of ten minutes; it begins with: cd {written}"
    console.print(told, highlight=False, markup=False)


def main() -> None:
    """The console script."""
    signal.signal(signal.SIGTERM, stopped)
    app()


def stopped(signal_number: int, frame: object) -> None:
    """End as after Ctrl-C: whatever was started is stopped on the way out, the embedded database above all."""
    raise SystemExit(128 + signal_number)
