"""A report that is wanted as a file: which one, in which format, for which variables, and how."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from strawberry.schema import BaseSchema

from resolvers.export import Limits, snapshot
from resolvers.files import FORMATS, MEDIA_TYPES, Export, Options
from resolvers.report import ReportFailed, Saved, find_report
from resolvers.tabulation import headings
from schema.context import Context
from schema.report_health import core_of
from schema.report_run import Run, check_fits, prepare
from schema.report_variables import read_variables
from schema.wording import LANGUAGES, language_for


class NotThere(ReportFailed):
    """There is no such report, as far as the viewer may know, or no such format."""


class BadOption(ReportFailed):
    """An option of the file cannot be right."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for, ready to be read."""

    report: Saved
    format: str
    variables: Mapping[str, Any]
    run: Run
    options: Options

    @property
    def media_type(self) -> str:
        """What the file is."""
        return MEDIA_TYPES[self.format]

    def facts(self, rows: int) -> Mapping[str, Any]:
        """What the trail tells of the file."""
        return {"version": self.report.version, "format": self.format, "rows": rows, "variables": dict(self.variables)}


async def wish(
    schema: BaseSchema,
    context: Context,
    name: str,
    format_: str,
    *,
    variables: Iterable[tuple[str, str]],
    options: Mapping[str, str],
) -> Wish:
    """The report as whoever asks may have it; `variables` and `options` are names with texts.

    Raises NotThere, BadOption, and what `read_variables` and `prepare` raise.
    """
    viewer = context.viewer
    if format_ not in FORMATS:
        raise NotThere(f"There is no format {format_}: choose one of {', '.join(FORMATS)}.")
    report = await find_report(context.database, viewer, name)
    if report is None:
        raise NotThere(f"There is no report {name} that you may see.")
    _check(options)
    language = options.get("_labels") or language_for(None, viewer.locale)
    check_fits(core_of(schema), report.document, language)
    values = read_variables(core_of(schema), report.document, variables)
    run = await prepare(schema, report.document, values, context, language)
    labels = tuple(headings(run.columns))
    names = labels if "_labels" in options else tuple(column.name for column in run.columns)
    how = Options(report.title, labels, names, "_excel" in options, viewer.locale, viewer.timezone)
    return Wish(report, format_, values, run, how)


def _check(options: Mapping[str, str]) -> None:
    known = {"_filename": None, "_labels": LANGUAGES, "_excel": ("1",)}
    for name, value in options.items():
        if name not in known:
            raise BadOption(f"There is no option {name} of a file: there are {', '.join(known)}.")
        allowed = known[name]
        if allowed and value not in allowed:
            raise BadOption(f"{name} is {value}; it must be {' or '.join(allowed)}.")


@asynccontextmanager
async def exporting(context: Context, wished: Wish, limits: Limits, **more: Any) -> AsyncIterator[Export]:
    """The rows of this moment, for as long as they are read; raises, and takes `more`, as `snapshot` does."""
    async with snapshot(context.database, context.viewer, wished.run.source, limits, **more) as read:
        yield Export(read, wished.run.columns, wished.options)
