"""Random graphs against the model, and through faults, for as long as one likes, with fresh seeds.

A difference is shrunk and printed; a fault that leaves something, or that a run hangs by, is printed with its graph.

::

    python tests/reference/soak.py [seconds]         until it is interrupted if no time is given
    make soak SECONDS=3600
"""

import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in (".", "reference", "faults")]

from checking import compare, settled
from draws import LARGEST, plans
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from model import TooLongError
from storm import Season

ROUND = 250
STORMS = 3
"""One round of faults comes on so many of comparisons."""
WORKERS = st.sampled_from([*[0] * 12, 1, 2, 3, 4, 5])


def play_round(number, *, spawn):
    """Compare as many random graphs as a round has; count how they were started, if a test had time for them."""
    compared = Counter()

    method = "spawn" if spawn else "fork"

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
        try:
            plan, expected = settled(plan)
        except TooLongError:
            return
        compare(plan, expected, workers, places, method)
        compared[method if workers else "in the calling process"] += 1

    one()
    return compared


def main():
    """Go round after round."""
    end = time.monotonic() + float(sys.argv[1]) if len(sys.argv) > 1 else float("inf")
    begun, compared, season = time.monotonic(), Counter(), Season()
    for turn in range(sys.maxsize):
        if time.monotonic() > end:
            break
        number = random.SystemRandom().randrange(1 << 32)
        print(f"seed {number}", end="", flush=True)
        compared += play_round(number, spawn=turn % 20 == 19)
        print(f": {said(compared)}, {compared.total() / (time.monotonic() - begun):.1f} per second", flush=True)
        if turn % STORMS == 0:
            print(f"seed {number}", end="", flush=True)
            print(f": {season.round(number)}", flush=True)
    print(f"no difference in {said(compared)}")


def said(compared):
    """Say how many graphs were compared, and how they were started."""
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(compared.items()))
    return f"{compared.total():,} graphs ({kinds})"


if __name__ == "__main__":
    main()
