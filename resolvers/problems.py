"""Expected failures, as data: what is wrong, where, and what would be right."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from db.models import ProblemCode

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was not done."""

    code: ProblemCode
    message: str
    """For people: which field, what is wrong, what would be right."""
    path: Path = ()
    """Where in the arguments, list positions as text: `("input", "3", "email")`."""
    entity: tuple[str, uuid.UUID] | None = None
    """Type and key of an existing thing that is in the way, if the viewer may know of it."""
    retry_after: int | None = None
    """Seconds after which another try makes sense."""
    line: int | None = None
    column: int | None = None
    """Where in a query document, counted from 1."""

    def below(self, *prefix: str) -> "Problem":
        """The same problem, seen from further up."""
        return replace(self, path=(*prefix, *self.path))

    def at(self, *path: str) -> "Problem":
        """The same problem, told of another place."""
        return replace(self, path=path)


def invalid(message: str, *path: str) -> Problem:
    """The value itself cannot be right."""
    return Problem(ProblemCode.INVALID, message, path)


def not_found(message: str, *path: str) -> Problem:
    """What is referred to does not exist, as far as the viewer may know."""
    return Problem(ProblemCode.NOT_FOUND, message, path)


def forbidden(message: str, *path: str) -> Problem:
    """The viewer sees it but may not change it."""
    return Problem(ProblemCode.FORBIDDEN, message, path)


def not_editable(noun: str) -> str:
    """What is said to those who see a thing and may not edit it."""
    return f"You see this {noun}, but your role does not let you change it."


def conflict(message: str, *path: str) -> Problem:
    """Other rows stand in the way."""
    return Problem(ProblemCode.CONFLICT, message, path)


def report_invalid(message: str, line: int | None = None, column: int | None = None) -> Problem:
    """The document cannot be a report; line and column say where."""
    return Problem(ProblemCode.REPORT_INVALID, message, ("document",), line=line, column=column)


def stale(message: str, *path: str) -> Problem:
    """Somebody else changed it in the meantime."""
    return Problem(ProblemCode.STALE, message, path)


class Refused(Exception):
    """Nothing was done."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems: Sequence[Problem] = problems
