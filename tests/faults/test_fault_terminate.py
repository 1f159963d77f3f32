"""SIGTERM to the calling process: the run stops in order, then the process ends by the signal, as it would have."""

import signal
import time

import pytest
from faultlib import notes, orphans_end, script
from test_fault_interrupt import ALL_RUN, STUBBORN, WAYS, check_ended_in_order

pytestmark = pytest.mark.once

ORDERLY = [(way, number) for way in WAYS if way != "block" for number in (0, 2)]


@pytest.mark.parametrize(("way", "num_workers"), ORDERLY)
def test_it_stops_in_order(way, num_workers, nothing_left):
    with script(WAYS[way], num_workers) as running:
        running.wait_for_note(*ALL_RUN)
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == -signal.SIGTERM
        orphans_end(nothing_left)
        assert running.err == ""
    check_ended_in_order()


@pytest.mark.parametrize("way", ["run", "join"])
def test_the_second_kills(way, nothing_left):
    with script(STUBBORN[way], 2) as running:
        running.wait_for_note("main waits", "stubborn began")
        running.process.send_signal(signal.SIGTERM)
        running.wait_for_note("stubborn goes on")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == -signal.SIGTERM
        orphans_end(nothing_left)
    assert "stubborn ended" not in notes()


def test_what_the_program_does_about_it_is_left_alone(nothing_left):
    text = """
        signal.signal(signal.SIGTERM, lambda *_: note("handled"))
        lasting().run(num_workers=2)
        """
    with script(text) as running:
        running.wait_for_note("jam began", "idle began")
        running.process.send_signal(signal.SIGTERM)
        running.wait_for_note("handled")
        time.sleep(0.1)
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGKILL)
        running.wait()
        orphans_end(nothing_left)


def test_afterwards_it_is_as_it_was(nothing_left):
    text = """
        @component
        async def quick():
            pass

        for n in (0, 1):
            graph = Graph()
            graph.add("quick", quick)
            graph.run(num_workers=n)
            graph.start(num_workers=n).join()
            asyncio.run(graph.arun(num_workers=n))
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        """
    with script(text) as running:
        assert running.wait() == 0, running.err
