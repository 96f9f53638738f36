"""Expected failures, as a client sees them."""

import strawberry

from resolvers import ids, problems
from schema.enums import ProblemCode
from schema.stored import told


@strawberry.type(description="Why something was not done: what is wrong, where, and what would be right.")
class Problem:
    """Why something was not done."""

    code: ProblemCode = told("What kind of problem it is; decide by this.")
    message: str = told("What is wrong and what would be right, for people.")
    path: list[str] = told('Where in the arguments, list positions as text: `["input", "3", "email"]`.')
    entity_id: strawberry.ID | None = told("What is in the way, where the viewer may know of it.")
    line: int | None = told("Line of a query document, counted from 1.")
    column: int | None = told("Column of a query document, counted from 1.")
    retry_after: int | None = told("Seconds after which another try makes sense.")

    @classmethod
    def of(cls, problem: problems.Problem) -> "Problem":
        """The problem in a client's words: ids opaque."""
        return cls(
            code=problem.code,
            message=problem.message,
            path=list(problem.path),
            entity_id=strawberry.ID(ids.encode(*problem.entity)) if problem.entity else None,
            line=problem.line,
            column=problem.column,
            retry_after=problem.retry_after,
        )
