"""What can go wrong with a load as a whole. A row that cannot be loaded is none of these: it goes to the rejects file.

LoadFailed              nothing was changed
├── MappingInvalid      the mapping has to be changed
├── SourceUnreadable    a file has to be changed, or what the mapping says of it
└── NotPermitted        somebody else has to load it
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class LoadFailed(Exception):
    """The load failed and changed nothing; the message says where and what to do."""


class MappingInvalid(LoadFailed):
    """The mapping is not one that can be followed; the message has a line for each fault, with its place."""

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        super().__init__("\n".join([f"{source} cannot be used as a mapping:", *(f"  {fault}" for fault in faults)]))
        self.faults = faults


class SourceUnreadable(LoadFailed):
    """A file is missing, lacks a column, or cannot be read in the way the mapping says."""


class NotPermitted(LoadFailed):
    """The user may not load this."""


def meant(name: str, known: Iterable[str]) -> str:
    """What was probably meant by an unknown name: the nearest one, else all there are."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean “{near[0]}”?" if near else f"there is {', '.join(names)}"
