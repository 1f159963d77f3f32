"""Every test runs a graph somewhere; none leaves anything behind."""

import asyncio

import pytest


@pytest.fixture(autouse=True)
def _leaves_nothing(leaves_nothing):
    """Watch each test of this directory."""


def _runner(workers):
    def run(graph, **options):
        for index, node in enumerate(graph.nodes.values() if workers > 1 else ()):
            graph.place(node, worker=index % workers)
        return graph.run(num_workers=workers, **options)

    run.workers = workers
    return run


@pytest.fixture(params=[0, 1, 2], ids=["in_process", "one_worker", "two_workers"])
def run(request):
    """Run a graph here, in one worker process, and with neighbours on different worker processes."""
    return _runner(request.param)


@pytest.fixture(params=[0, 1], ids=["in_process", "one_worker"])
def run_together(request):
    """Run a graph with all its components in one process: this one, or another."""
    return _runner(request.param)


@pytest.fixture
def run_here():
    """Run a graph in this process."""
    return _runner(0)


@pytest.fixture
def run_apart():
    """Run a graph with neighbours on different worker processes."""
    return _runner(2)


@pytest.fixture(scope="module")
def uvloop():
    """Give uvloop, after it has opened what it keeps open."""
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.to_thread(int))
    return uvloop
