"""What is counted while the server runs, in the format of Prometheus (`/metrics`)."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from resolvers.registries import Ending

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The figures of one server process."""

    def __init__(self) -> None:
        # Not prometheus_client's own registry, which all applications of a process would share.
        self._collected = CollectorRegistry()
        self._answers = Counter(
            "kartotek_registry_answers",
            "Questions to a national register, by how they ended: kept (from the cache), answered, failed, left_alone.",
            ("registry", "ending"),
            registry=self._collected,
        )
        self._seconds = Histogram(
            "kartotek_registry_call_seconds",
            "How long a register took to answer or to fail, all tries of a question together.",
            ("registry",),
            buckets=SECONDS,
            registry=self._collected,
        )

    def note_registry(self, registry_id: str, ending: Ending, seconds: float) -> None:
        """Count a question to a register; `seconds` where it was called."""
        self._answers.labels(registry_id, ending.value).inc()
        if ending in (Ending.ANSWERED, Ending.FAILED):
            self._seconds.labels(registry_id).observe(seconds)

    async def tell(self, request: Request) -> Response:
        """All figures so far."""
        return Response(generate_latest(self._collected), headers={"Content-Type": CONTENT_TYPE_LATEST})
