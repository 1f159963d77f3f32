"""No run leaves anything behind."""

import pytest


@pytest.fixture(autouse=True)
def _leaves_nothing(leaves_nothing):
    """Watch each test of this directory."""
