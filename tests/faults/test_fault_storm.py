"""Random graphs through random faults and ends; `make soak` draws others for as long as one likes."""

import pytest
import storm
from scale import SCALE

pytestmark = pytest.mark.once


@pytest.mark.timeout(60 + 60 * SCALE)
@pytest.mark.parametrize(("spawn", "examples"), [(False, 40), (True, 3)])
def test_storms(spawn, examples):
    assert storm.play_round(0, int(examples * SCALE), spawn=spawn, derandomize=True)
