"""What a mapping says: the tables of its TOML file, checked, and made into steps that can be followed."""

import codecs
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kartotek.load.errors import MappingInvalid, meant
from kartotek.load.slots import Misfit
from kartotek.load.spellings import (
    FALSE,
    TRUE,
    Unreadable,
    has_whole_date,
    plain,
    read_boolean,
    read_date,
    read_decimal,
    read_integer,
    short,
)
from kartotek.load.targets import TARGETS, Filling, Target

Type = Literal["text", "integer", "decimal", "date", "boolean"]
Word = str | bool | int | Decimal
Words = Word | list[Word]

_OPTIONS: Mapping[str, tuple[Type, ...]] = {
    "formats": ("date",),
    "decimal": ("decimal",),
    "thousands": ("decimal", "integer"),
    "true": ("boolean",),
    "false": ("boolean",),
}
"""Which types an option of a column is for."""


class Table(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Column(Table):
    """How the cells of a column are to be read."""

    source: str | None = Field(
        default=None, alias="from", description="The column of the file, where it is called otherwise."
    )
    empty: list[str] = Field(default=[], description="Words that stand for nothing, such as `N/A`.")
    default: str | None = Field(default=None, description="What stands in an empty cell.")
    map: dict[str, str] = Field(default={}, description="What stands here instead of what stands there.")
    unmapped: Literal["keep", "reject"] = Field(
        default="keep", description="What to do with a cell that `map` does not have."
    )
    type: Type = Field(default="text", description="What the cells are.")
    formats: list[str] = Field(
        default=[], description="How dates are written, as in Python's strptime; ISO 8601 by default."
    )
    decimal: str = Field(default=".", description="The decimal separator.")
    thousands: str = Field(default="", description="The separator of thousands.")
    true: list[str] = Field(default=list(TRUE), description="Words for yes.")
    false: list[str] = Field(default=list(FALSE), description="Words for no.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for option, types in _OPTIONS.items():
            if option in self.model_fields_set and self.type not in types:
                raise ValueError(f"“{option}” goes with type = “{types[0]}”")
        if self.type == "decimal" and self.decimal == self.thousands:
            raise ValueError("“decimal” and “thousands” cannot be the same")
        if self.unmapped == "reject" and not self.map:
            raise ValueError("“unmapped” goes with “map”")
        return self

    @field_validator("formats")
    @classmethod
    def _tell_the_date(cls, formats: list[str]) -> list[str]:
        for each in formats:
            if not has_whole_date(each):
                raise ValueError(f"{short(each)} does not tell year, month and day; it should look like %d.%m.%Y")
        return formats

    def text(self, cell: str | None) -> str | None:
        """The plain text of a cell; None where there is nothing in it. Unreadable where it is not what it should be."""
        text = (cell or "").strip()
        if not text or text in self.empty:
            text = self.default or ""
        text = self._mapped(text)
        return plain(self._read(text)) if text else None

    def _mapped(self, text: str) -> str:
        if text and text not in self.map and self.unmapped == "reject":
            raise Unreadable(f"{short(text)} is not among the values that the mapping knows")
        return self.map.get(text, text)

    @cached_property
    def _read(self) -> Callable[[str], Any]:
        readers: Mapping[Type, Callable[[str], Any]] = {
            "text": str,
            "integer": lambda text: read_integer(text, self.thousands),
            "decimal": lambda text: read_decimal(text, self.decimal, self.thousands),
            "date": lambda text: read_date(text, self.formats),
            "boolean": lambda text: read_boolean(text, self.true, self.false),
        }
        return readers[self.type]


AS_IT_IS = Column()


class File(Table):
    """How a file is to be read."""

    format: Literal["csv", "ndjson"] | None = Field(default=None, description="By default what the name ends in.")
    encoding: str = Field(default="utf-8", description="By default UTF-8, with or without a byte order mark.")
    delimiter: str = Field(
        default=",", min_length=1, max_length=1, description="What stands between the cells of a CSV file."
    )
    columns: dict[str, Column] = Field(
        default={}, description="The columns that have to be read in a way of their own."
    )

    @field_validator("delimiter")
    @classmethod
    def _can_delimit(cls, delimiter: str) -> str:
        if delimiter in '"\r\n':
            raise ValueError("quotation marks and line breaks cannot stand between cells")
        return delimiter

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
            return codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(
                f"there is no encoding {short(encoding)}; common ones are utf-8, cp1252, latin-1"
            ) from None

    def column(self, name: str) -> Column:
        """How to read the column that the mapping calls so."""
        return self.columns.get(name, AS_IT_IS)

    def source_of(self, name: str) -> str:
        """The file's own name for the column."""
        return self.column(name).source or name


class StepTable(Table):
    """What the file says of a step."""

    name: str | None = Field(default=None, min_length=1)
    into: str
    file: str
    where: dict[str, Words] = {}
    unless: dict[str, Words] = {}
    needs: str | list[str] = []
    fields: dict[str, Any] = {}

    @field_validator("into")
    @classmethod
    def _is_known(cls, into: str) -> str:
        if into not in TARGETS:
            raise ValueError(f"there is no entity {short(into)}; {meant(into, TARGETS)}")
        return into

    @field_validator("file")
    @classmethod
    def _is_within_the_folder(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise ValueError(f"{short(file)} is not the name of a file in the source folder")
        return file

    @property
    def called(self) -> str:
        """Its name, or the plural of what it makes."""
        return self.name or TARGETS[self.into].plural


class MappingTable(Table):
    """The whole file."""

    files: dict[str, File] = {}
    steps: list[StepTable] = Field(min_length=1)


Conditions = Mapping[str, frozenset[str]]
"""For each column the plain texts that it may have, or may not; an empty one stands for an empty cell."""


@dataclass(frozen=True)
class Step:
    """One pass through a file: which of its rows, and what each of them becomes."""

    name: str
    target: Target
    file_name: str
    file: File
    where: Conditions
    unless: Conditions
    needs: frozenset[str]
    """Earlier steps; a row that one of them rejected is none of this one's."""
    fillings: Sequence[Filling]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that are used, as the mapping calls them."""
        filled = (name for filling in self.fillings for name in filling.slot.columns)
        return tuple(dict.fromkeys((*self.where, *self.unless, *filled)))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, as the file calls them."""
        return tuple(dict.fromkeys(self.file.source_of(name) for name in self.names))

    @property
    def reads_csv(self) -> bool:
        """Whether the file is CSV, with a header; otherwise it has a JSON object in each line."""
        return _format_of(self.file_name, self.file) == "csv"


@dataclass(frozen=True)
class Plan:
    """A mapping that can be followed, step by step."""

    source: str
    steps: Sequence[Step]


def read_mapping(path: Path) -> Plan:
    """The mapping in a TOML file; MappingInvalid where it is none."""
    try:
        said = tomllib.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise MappingInvalid(str(path), [f"it cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise MappingInvalid(str(path), ["it is not in UTF-8, as TOML files are"]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingInvalid(str(path), [f"it is not TOML: {error}"]) from error
    return plan_of(said, str(path))


def plan_of(said: Mapping[str, Any], source: str) -> Plan:
    """The plan that the tables of a mapping make; MappingInvalid with all that is wrong."""
    try:
        tables = MappingTable.model_validate(said)
    except ValidationError as invalid:
        raise MappingInvalid(source, _faults_of(invalid, said)) from invalid
    faults = [*_faults_among_files(tables), *(fault for each in _faults_of_steps(tables) for fault in each)]
    if faults:
        raise MappingInvalid(source, faults)
    plan = Plan(source, [_step(tables, step) for step in tables.steps])
    if faults := list(_unused(plan, tables)):
        raise MappingInvalid(source, faults)
    return plan


def _step(tables: MappingTable, said: StepTable) -> Step:
    target = TARGETS[said.into]
    return Step(
        name=said.called,
        target=target,
        file_name=said.file,
        file=tables.files.get(said.file, File()),
        where=_conditions(said.where),
        unless=_conditions(said.unless),
        needs=_needs(tables, said),
        fillings=[target.filling(name, value) for name, value in said.fields.items()],
    )


def _conditions(said: Mapping[str, Words]) -> Conditions:
    return {
        name: frozenset(plain(word) for word in (words if isinstance(words, list) else [words]))
        for name, words in said.items()
    }


def _names(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said


def _needs(tables: MappingTable, said: StepTable) -> frozenset[str]:
    """The steps that are needed, and those that they need."""
    by_name = {step.called: step for step in tables.steps}
    needed = _names(said.needs)
    return frozenset(needed).union(*(_needs(tables, by_name[name]) for name in needed))


def _format_of(name: str, file: File) -> Literal["csv", "ndjson"] | None:
    ends: Mapping[str, Literal["csv", "ndjson"]] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
    return file.format or ends.get(PurePosixPath(name).suffix.lower())


# ---------------------------------------------------------------- what can be wrong


def _faults_of(invalid: ValidationError, said: Mapping[str, Any]) -> list[str]:
    """Each fault of the tables, with its place, once."""
    faults: dict[str, str] = {}
    for error in invalid.errors(include_url=False):
        place = error["loc"]
        match place:  # what follows are the alternatives that were tried
            case ("steps", _, "needs", *_):
                place = place[:3]
            case ("steps", _, "where" | "unless", *_):
                place = place[:4]
        faults.setdefault(_spelt(place, said), _message(error["type"], place, error))
    return [f"{place}: {message}" if place else message for place, message in faults.items()]


def _message(kind: str, place: tuple[Any, ...], error: Any) -> str:
    if kind == "extra_forbidden":
        return f"there is no such key; {meant(str(place[-1]), _keys_at(place[:-1]))}"
    if kind == "missing":
        return "it is needed"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    return str(error["msg"]).replace("Input", "it", 1)


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    table: type[BaseModel] = MappingTable
    match place:
        case ("steps", _):
            table = StepTable
        case ("files", _, "columns", _):
            table = Column
        case ("files", _):
            table = File
    return [field.alias or name for name, field in table.model_fields.items()]


def _spelt(place: tuple[Any, ...], said: Mapping[str, Any]) -> str:
    """A place as one would look for it: `step 3 (cases): fields.name`, `files."a.csv".encoding`."""
    match place:
        case ("steps", int(number), *rest):
            step = said["steps"][number]
            called = (step.get("name") or step.get("into")) if isinstance(step, dict) else None
            return _place_in_step(number, called, *rest)
        case _:
            return _dotted(place)


def _place_in_step(number: int, called: Any, *rest: Any) -> str:
    step = f"step {number + 1} ({called})" if called else f"step {number + 1}"
    return f"{step}: {_dotted(rest)}" if rest else step


def _dotted(place: Sequence[Any]) -> str:
    return ".".join(f'"{part}"' if "." in str(part) else str(part) for part in place)


def _faults_among_files(tables: MappingTable) -> Iterator[str]:
    used = [step.file for step in tables.steps]
    for name in tables.files:
        if name not in used:
            yield f"{_dotted(('files', name))}: no step reads this file; {meant(name, used)}"


def _faults_of_steps(tables: MappingTable) -> Iterator[Iterator[str]]:
    for number, step in enumerate(tables.steps):
        earlier = tables.steps[:number]
        where = f"step {number + 1} ({step.called})"
        yield (f"{where}: {fault}" for fault in _faults_of_step(tables, step, earlier))


def _faults_of_step(tables: MappingTable, step: StepTable, earlier: Sequence[StepTable]) -> Iterator[str]:
    if step.called in [other.called for other in earlier]:
        yield f"name: another step is called “{step.called}” too; give this one a name of its own"
    if _format_of(step.file, tables.files.get(step.file, File())) is None:
        yield f'file: is “{step.file}” CSV or NDJSON? Say so with format = "csv" or "ndjson" in [files."{step.file}"]'
    known = [other.called for other in earlier if other.file == step.file]
    for name in _names(step.needs):
        if name not in known:
            hint = meant(name, known) if known else "there is none"
            yield f"needs: “{name}” is no earlier step that reads {step.file}; {hint}"
    yield from _faults_of_fields(TARGETS[step.into], step.fields)


def _faults_of_fields(target: Target, said: Mapping[str, Any]) -> Iterator[str]:
    for name, field in target.fields.items():
        if name not in said and target.is_needed(field):
            yield f"fields.{name}: it is needed, since {target.reason(field)}"
    for name, value in said.items():
        if name not in target.fields:
            yield f"fields.{name}: {target.noun} has no such field; {meant(name, target.fields)}"
            continue
        try:
            target.filling(name, value)
        except Misfit as misfit:
            yield f"{_dotted(('fields', name, *misfit.place))}: {misfit}"


def _unused(plan: Plan, tables: MappingTable) -> Iterator[str]:
    """Columns that are described but not used: most likely the name is misspelt."""
    for name, file in tables.files.items():
        used = {column for step in plan.steps if step.file_name == name for column in step.names}
        for column in file.columns:
            if column not in used:
                yield f"{_dotted(('files', name, 'columns', column))}: no step uses this column; {meant(column, used)}"
