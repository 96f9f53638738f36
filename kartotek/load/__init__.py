"""`kartotek load`: rows of CSV and NDJSON files become entities, as a mapping says. See docs/loading.md."""

from kartotek.load.engine import Progress, Summary, Tally, load
from kartotek.load.errors import LoadFailed, MappingInvalid, NotPermitted, SourceUnreadable
from kartotek.load.mapping import Plan, plan_of, read_mapping

__all__ = [
    "LoadFailed",
    "MappingInvalid",
    "NotPermitted",
    "Plan",
    "Progress",
    "SourceUnreadable",
    "Summary",
    "Tally",
    "load",
    "plan_of",
    "read_mapping",
]
