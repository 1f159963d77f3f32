"""Examples are bounded in number, not in time; none leaves anything behind."""

import os

import pytest
from hypothesis import HealthCheck, settings

SCALE = float(os.environ.get("CASCATA_EXAMPLES", "1"))
"""How many times the usual number of examples to try."""

settings.register_profile(
    "cascata",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("cascata")


@pytest.fixture(autouse=True)
def _leaves_nothing(leaves_nothing):
    """Watch each test of this directory."""
