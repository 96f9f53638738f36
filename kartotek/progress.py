"""Progress of long work, shown to whoever watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID


@contextmanager
def bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A function that is told the name of a part, how much of it is done and how much there is; a bar for each."""
    with Progress(console=console, transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def show(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = shown.add_task(part, total=total)
            shown.update(tasks[part], completed=done)

        yield show
