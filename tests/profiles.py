"""How hard Hypothesis looks: `HYPOTHESIS_PROFILE=ci` (or `thorough`) looks harder than `dev`, the default."""

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings

# The databases behind the fixtures are only read, or left as they were found: examples do not meet each other.
COMMON: dict[str, Any] = {
    "deadline": None,
    "print_blob": True,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("dev", settings(max_examples=50, **COMMON))
settings.register_profile("ci", settings(max_examples=300, **COMMON))
settings.register_profile("thorough", settings(max_examples=3_000, **COMMON))
settings.register_profile("hasty", settings(max_examples=1_000, **{**COMMON, "phases": [Phase.generate]}))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
