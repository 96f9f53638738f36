"""Running a report into a file on this machine: the whole file or none."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from resolvers import files
from resolvers.export import Limits
from resolvers.report import record_export
from schema.api import schema
from schema.context import Context
from schema.report_file import exporting, wish

Progress = Callable[[str, int, int], None]


async def run_report(
    context: Context,
    name: str,
    format_: str,
    path: Path,
    *,
    variables: Iterable[tuple[str, str]],
    options: Mapping[str, str],
    limits: Limits,
    progress: Progress,
) -> int:
    """Write the report to the path, in the place of what is there, and tell how many rows it has; raises ReportFailed.

    `variables` and `options` are those of the address over HTTP; `progress` hears of rows.
    """
    wished = await wish(schema, context, name, format_, variables=variables, options=options)
    done = 0

    def noted(more: int, rows: int) -> None:
        nonlocal done
        done = min(done + more, rows)  # lines of a text are more than rows, where texts have several
        progress(name, done, rows)

    with unfinished(path) as beside:
        async with exporting(context, wished, limits, noted=noted) as export:
            await files.save(format_, export, beside)
            rows = await export.snapshot.rows()
            await record_export(context.database, context.viewer, wished.report, wished.facts(rows))
    return rows


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A file beside the path, which takes its place where all went well, and is gone where it did not."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    """What new files are not, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
