"""Random graphs against the model for as long as one likes, with fresh seeds; a failure is shrunk and printed.

::

    python tests/reference/soak.py [seconds]         until it is interrupted if no time is given
    make soak SECONDS=3600
"""

import random
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from checking import compare, settled
from draws import LARGEST, plans
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from model import TooLongError

ROUND = 250
WORKERS = st.sampled_from([*[0] * 12, 1, 2, 3, 4, 5])


def play_round(number, *, spawn):
    """Compare as many random graphs as a round has; give how many of them a test had time for."""
    compared = 0

    @seed(number)
    @settings(
        max_examples=ROUND // 25 if spawn else ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.target, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(plan=plans(), workers=WORKERS, places=st.lists(st.integers(0, 4), min_size=LARGEST, max_size=LARGEST))
    def one(plan, workers, places):
        nonlocal compared
        try:
            plan, expected = settled(plan)
        except TooLongError:
            return
        compare(plan, expected, workers, places, "spawn" if spawn else "fork")
        compared += 1

    one()
    return compared


def main():
    """Go round after round."""
    end = time.monotonic() + float(sys.argv[1]) if len(sys.argv) > 1 else float("inf")
    begun, compared = time.monotonic(), 0
    for turn in range(sys.maxsize):
        if time.monotonic() > end:
            break
        number = random.SystemRandom().randrange(1 << 32)
        print(f"seed {number}", end="", flush=True)
        compared += play_round(number, spawn=turn % 20 == 19)
        passed = time.monotonic() - begun
        print(f": {compared:,} graphs so far, {compared / passed:.1f} per second", flush=True)


if __name__ == "__main__":
    main()
