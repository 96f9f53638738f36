"""Whether reports fit the schema: looked at when saved, when a server starts, and by a command."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from graphql import GraphQLSchema, print_schema

from db.connection import Sessions
from db.models import ReportStatus
from resolvers import report
from resolvers.problems import Problem
from resolvers.registries import Registries
from resolvers.report import Checkable, Findings
from schema.report_document import EVERY_COUNTRY, read_document, stored
from schema.wording import language_for

IN_ONE_GO = 500
"""So many reports are looked at in a transaction."""


class Checked(NamedTuple):
    """A report that was looked at, with what it was before."""

    report: Checkable
    status: ReportStatus
    problems: Sequence[Problem]

    def __str__(self) -> str:
        """One line for each problem, for people."""
        whose = f"{self.report.organization}: report {self.report.name} of {self.report.owner} is {self.status}"
        return "\n".join([whose, *(f"  {_place(each)}{each.message}" for each in self.problems)])


def _place(problem: Problem) -> str:
    return f"line {problem.line}, column {problem.column}: " if problem.line else ""


def registers_of(registries: Registries) -> frozenset[str]:
    """The ids of the registers that there are and their countries; `EVERY_COUNTRY` where one answers for all others."""
    found = registries.discovered("en")
    names = {name for each in found.registries for name in (each.info.id, *each.info.countries)}
    return frozenset(names | ({EVERY_COUNTRY} if found.worldwide else set()))


def findings(schema: GraphQLSchema, document: str, locale: str, registers: frozenset[str] | None = None) -> Findings:
    """What the document says as a report, in the language of the locale, as it is kept."""
    reading = read_document(schema, document, language_for(None, locale), registers)
    checked_for = fingerprint(schema, registers)
    if reading.problems or reading.table is None:
        return Findings(ReportStatus.BROKEN, reading.problems, checked_for=checked_for)
    status = ReportStatus.DEPRECATED if reading.warnings else ReportStatus.VALID
    columns = stored(reading.table.columns)
    variables = [{name: getattr(each, name) for name in each.__slots__} for each in reading.variables]
    return Findings(status, reading.warnings, columns, variables, checked_for)


@cache
def fingerprint(schema: GraphQLSchema, registers: frozenset[str] | None) -> str:
    """A short text that is another one where reports may fit otherwise."""
    facts = print_schema(schema), sorted(registers or ())
    return hashlib.sha256(repr(facts).encode()).hexdigest()


async def check_reports(sessions: Sessions, schema: GraphQLSchema, registers: frozenset[str]) -> list[Checked]:
    """Look at the reports that were not yet looked at with this schema, and keep what was found."""
    async with sessions() as session:
        due = await report.list_checkable(session, unless=fingerprint(schema, registers))
    checked: list[Checked] = []
    for start in range(0, len(due), IN_ONE_GO):
        async with sessions.begin() as session:
            for each in due[start : start + IN_ONE_GO]:
                found = findings(schema, each.document, each.locale, registers)
                await report.keep_findings(session, each, found)
                checked.append(Checked(each, found.status, found.problems))
    return checked


def look_at(reports: Iterable[Checkable], schema: GraphQLSchema, registers: frozenset[str]) -> list[Checked]:
    """Whether these would fit the schema; nothing is kept."""
    found = ((each, findings(schema, each.document, each.locale, registers)) for each in reports)
    return [Checked(each, finding.status, finding.problems) for each, finding in found]


def core_of(schema: Any) -> GraphQLSchema:
    """The schema as graphql-core has it."""
    core: GraphQLSchema = schema._schema
    return core
