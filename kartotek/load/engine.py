"""A load from beginning to end: step by step, batch by batch, in one transaction."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import Sessions
from db.models import ProblemCode
from kartotek.load.errors import LoadFailed, NotPermitted, SourceUnreadable
from kartotek.load.ledger import Ledger, Seen
from kartotek.load.mapping import Conditions, Plan, Step
from kartotek.load.records import Reader, Record, Row, opened
from kartotek.load.rejects import Rejects
from kartotek.load.spellings import Unreadable
from resolvers.money import Money
from resolvers.problems import Problem
from resolvers.upsert import UpsertResult
from resolvers.validation import camel
from resolvers.viewer import Viewer
from resolvers.writer import find_refusal

BATCH = 1_000
MOST_REASONS = 100

# A plan made while the tables were still empty would be kept for the whole load, which then takes quadratic time.
PLAN_FOR_WHAT_IS_THERE = sa.text("SET LOCAL plan_cache_mode = force_custom_plan")

Progress = Callable[[str, int, int], None]
"""Told the name of a step, how many bytes of its file have been read, and how many there are."""


def silent(step: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass
class Tally:
    """What became of the rows of a step: read = created + updated + unchanged + rejected."""

    step: str
    file: str
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def check(self) -> None:
        """Make sure that no row has been lost."""
        if self.read != self.created + self.updated + self.unchanged + self.rejected:
            raise RuntimeError(f"the counts do not add up: {self}")

    def add(self, result: UpsertResult) -> None:
        """Count what a call has written; the rejected ones are counted one by one."""
        self.created += result.created
        self.updated += result.updated
        self.unchanged += result.unchanged


@dataclass(frozen=True)
class Summary:
    """What a load has done or, in a dry run, would have done."""

    steps: Sequence[Tally]
    reasons: Mapping[str, int]
    """Why rows were rejected, the most frequent first; different reasons beyond 100 are not counted."""
    notes: Sequence[str]
    """What looks odd, though nothing had to be rejected for it."""
    rejects: Path | None
    """Where the rejected rows are; None where there are none."""
    is_dry_run: bool

    def total(self, count: str) -> int:
        """The sum of one of the counts (`read`, `created`, `updated`, `unchanged`, `rejected`) over all steps."""
        return sum(getattr(tally, count) for tally in self.steps)

    @property
    def exit_code(self) -> int:
        """0 where everything was loaded, 3 where rows were rejected."""
        return 3 if self.total("rejected") else 0


async def load(
    sessions: Sessions,
    viewer: Viewer,
    plan: Plan,
    source: Path,
    *,
    rejects: Path,
    dry_run: bool = False,
    progress: Progress = silent,
    batch: int = BATCH,
) -> Summary:
    """Load the files of a folder as the plan says, all in one transaction; LoadFailed where that changed nothing.

    A dry run does the same and takes it back; its rejects file stays. How many rows go together in a batch makes no
    difference to what becomes of them.
    """
    _check_rights(plan, viewer)
    columns = _check_files(plan, source, rejects)
    with Ledger() as ledger, Rejects(rejects, columns) as rejected:
        async with sessions() as session:
            await session.execute(PLAN_FOR_WHAT_IS_THERE)
            loading = _Loading(session, viewer, source, ledger, rejected, progress, batch)
            tallies = [await loading.follow(step) for step in plan.steps]
            rejected.flush()
            await (session.rollback() if dry_run else _commit(session, plan))
        reasons = dict(loading.reasons.most_common())
        return Summary(tallies, reasons, loading.notes, rejected.keep(), dry_run)


async def _commit(session: AsyncSession, plan: Plan) -> None:
    """Commit, with statistics of the tables: until there are some, nested filters take seconds."""
    tables = {table.name for step in plan.steps for table in step.target.tables}
    await session.execute(sa.text(f"ANALYZE {', '.join(sorted(tables))}"))
    await session.commit()


def _check_rights(plan: Plan, viewer: Viewer) -> None:
    for step in plan.steps:
        if refusal := find_refusal(viewer, step.target.right):
            raise NotPermitted(f"Loading {step.name}: {refusal.message}")


def _check_files(plan: Plan, source: Path, rejects: Path) -> list[str]:
    """The columns of all files; fails where a file or a column is missing, before anything is written."""
    if not source.is_dir():
        raise SourceUnreadable(f"{source} is not a folder; name the one that has the files with --source.")
    if rejects.is_dir():
        raise LoadFailed(f"{rejects}: the rejects file cannot be written: it is a folder.")
    columns: dict[str, None] = {}
    for step in plan.steps:
        path = source / step.file_name
        if rejects.exists() and path.exists() and rejects.samefile(path):
            raise LoadFailed(f"{rejects} is to be loaded, so it cannot be the rejects file; choose another name.")
        with opened(path, step) as reader:
            columns |= dict.fromkeys(reader.read_header() if step.reads_csv else step.columns)
    return list(columns)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A row with the values that the mapping gives it."""

    record: Record
    values: Mapping[str, Any]

    @property
    def digest(self) -> bytes:
        """The same for equal values only."""
        return blake2b(repr(sorted(self.values.items())).encode("utf-8", "surrogatepass"), digest_size=16).digest()


_Refusal = tuple[_Candidate, list[Problem]]


@dataclass
class _Loading:
    """A load on its way."""

    session: AsyncSession
    viewer: Viewer
    source: Path
    ledger: Ledger
    rejects: Rejects
    progress: Progress
    batch: int
    reasons: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    async def follow(self, step: Step) -> Tally:
        """Load the rows of a step."""
        tally = Tally(step.name, step.file_name)
        with opened(self.source / step.file_name, step) as reader:
            candidates = self._candidates(step, reader, tally)
            while batch := list(islice(candidates, self.batch)):
                await self._load(step, batch, tally)
                self.progress(step.name, reader.position, reader.size)
            self.progress(step.name, reader.size, reader.size)
        tally.check()
        return tally

    def _candidates(self, step: Step, reader: Reader, tally: Tally) -> Iterator[_Candidate]:
        """The rows of the step that have all they need; the others of its rows are rejected."""
        unseen = set() if step.reads_csv else set(step.columns)
        for record in reader:
            unseen = {name for name in unseen if not _has(record, name)}
            if self.ledger.is_rejected(step.needs, record.line):
                continue
            try:
                values = self._values(step, record)
            except _Rejected as rejected:
                tally.read += 1
                self._reject(step, record, str(rejected), tally)
            else:
                if values is not None:
                    tally.read += 1
                    yield _Candidate(record, values)
        if tally.read:
            self.notes += [f"{step.file_name}: no row has “{name}”; is it misspelt?" for name in sorted(unseen)]

    def _values(self, step: Step, record: Record) -> dict[str, Any] | None:
        """The values of a row's fields; None where the row is none of the step's."""
        if record.fault:
            raise _Rejected([record.fault])
        row = Row(record.raw, step.file.column)
        try:
            if not _is_meant(step, row):
                return None
        except Unreadable as unreadable:
            raise _Rejected([str(unreadable)]) from unreadable
        values = _filled(step, row)
        return {name: self._at_home(value) for name, value in values.items()}

    def _at_home(self, value: Any) -> Any:
        """An amount without a currency is in the organisation's."""
        if isinstance(value, Money) and not value.currency:
            return replace(value, currency=self.viewer.currency)
        return value

    async def _load(self, step: Step, batch: Sequence[_Candidate], tally: Tally) -> None:
        """Load some rows. One that an earlier row of the step was the same as counts as unchanged."""
        fresh, repeated = [], []
        for each in batch:
            identity = step.target.identity(each.values)
            earlier = self.ledger.find_earlier(step.name, identity, each.record.line, each.digest)
            if earlier is None:
                fresh.append(each)
            else:
                repeated.append((each, earlier))
        await self._send(step, fresh, tally)
        for each, earlier in repeated:
            if reason := self._difference(step, each, earlier):
                self._reject(step, each.record, reason, tally)
            else:
                tally.unchanged += 1

    def _difference(self, step: Step, candidate: _Candidate, earlier: Seen) -> str | None:
        """Why the row cannot pass for the earlier one, if so."""
        if self.ledger.is_rejected([step.name], earlier.line):
            return f"the same {camel(step.target.key)} as line {earlier.line}, which was rejected"
        if candidate.digest != earlier.digest:
            return f"line {earlier.line} has the same {camel(step.target.key)}, but other values; keep one of them"
        return None

    async def _send(self, step: Step, candidates: Sequence[_Candidate], tally: Tally) -> None:
        """Have the rows written. Those for which another row of the call was in the way are sent once more after it, so
        that it makes no difference which rows go together."""
        rivals: list[_Candidate] = []
        for each, problems in await self._write(step, candidates, tally):
            if any(_is_rivalry(problem) for problem in problems):
                rivals.append(each)
            else:
                self._reject(step, each.record, _reason(problems), tally)
        for each, problems in await self._write(step, rivals, tally):
            self._reject(step, each.record, _reason(problems), tally)

    async def _write(self, step: Step, candidates: Sequence[_Candidate], tally: Tally) -> list[_Refusal]:
        """Write what can be written; the rest with its problems.

        Where one bad row is enough for a call to write nothing, or problems are too many to be told, what is left is
        sent again without the rows that are known to be bad.
        """
        refusals: list[_Refusal] = []
        while candidates:
            rows = [each.values for each in candidates]
            result = await step.target.upsert(self.session, self.viewer, rows)
            problems = _by_row(step, result)
            tally.add(result)
            refusals += [(candidates[position], found) for position, found in problems.items()]
            is_done = [not result.must_roll_back and key is not None for key in result.ids]
            left = [each for i, each in enumerate(candidates) if i not in problems and not is_done[i]]
            if left and not problems:
                raise RuntimeError(f"{step.name}: {len(left)} rows were neither written nor refused")
            candidates = left
        return refusals

    def _reject(self, step: Step, record: Record, reason: str, tally: Tally) -> None:
        tally.rejected += 1
        self.ledger.reject(step.name, record.line)
        self.rejects.write(step.file_name, step.name, record, reason)
        if reason in self.reasons or len(self.reasons) < MOST_REASONS:
            self.reasons[reason] += 1


class _Rejected(Exception):
    """A row that cannot be loaded, and why."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(dict.fromkeys(reasons)))


def _has(record: Record, name: str) -> bool:
    """Whether the record has a member of this name, or nothing where it would be."""
    return any(path in record.raw for path in accumulate(name.split("."), "{}.{}".format))


def _is_meant(step: Step, row: Row) -> bool:
    """Whether the row is one of the step's."""
    return _has_all(step.where, row) and not any((row[name] or "") in words for name, words in step.unless.items())


def _has_all(conditions: Conditions, row: Row) -> bool:
    return all((row[name] or "") in words for name, words in conditions.items())


def _filled(step: Step, row: Row) -> dict[str, Any]:
    """The values of the fields, by the names of their columns; _Rejected with all that is missing or wrong."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for filling in step.fillings:
        try:
            value = filling.slot.value(row)
        except Unreadable as unreadable:
            faults.append(str(unreadable))
            continue
        if value is None and filling.is_needed:
            empty = [name for name in filling.slot.columns if row[name] is None]
            faults += [f"no {name}" for name in empty or [filling.name]]
        elif value is not None or filling.can_be_cleared:
            values[filling.name] = value
    if faults:
        raise _Rejected(faults)
    return values


def _by_row(step: Step, result: UpsertResult) -> dict[int, list[Problem]]:
    """The problems of each row, by its position; a problem of the whole call means that the load fails."""
    problems: dict[int, list[Problem]] = {}
    for problem in result.problems:
        match problem.path:
            case ("input", position, *_):
                problems.setdefault(int(position), []).append(problem)
            case _:
                raise LoadFailed(f"{step.name}: {problem.message}")
    return problems


def _is_rivalry(problem: Problem) -> bool:
    """Whether it may be that another row of the same call was in the way: a stored one would be named."""
    return problem.code is ProblemCode.DUPLICATE and problem.entity is None


def _reason(problems: Sequence[Problem]) -> str:
    return "; ".join(dict.fromkeys(problem.message for problem in problems))
