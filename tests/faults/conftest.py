"""Whatever a fault test does, nothing may be left of it."""

# ruff: noqa: N802  components are named as what they define would be, a class

import os
import signal

import faultlib
import pytest

from cascata import Graph, component
from cascata.run import supervisor, worker


@component
async def Nothing():
    pass


@pytest.fixture(scope="session")
def _warm():
    """Have everything imported and opened that stays once it is there."""
    for num_workers in (0, 1):
        graph = Graph()
        graph.add("nothing", Nothing)
        graph.run(num_workers=num_workers)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember how the test itself ended: the frames of a failure hold on to what it used."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


_FAILED = pytest.StashKey[bool]()


@pytest.fixture(autouse=True)
def nothing_left(request, _warm, tmp_path, monkeypatch):
    """Fail a test that leaves a process, zombie, descriptor, thread or shared memory behind."""
    monkeypatch.setenv(faultlib.NOTES, str(tmp_path / "notes"))
    faultlib.adopt_orphans(adopt=True)
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
    before = faultlib.Census.take()
    try:
        yield before
        failed = request.node.stash.get(_FAILED, True)
        left = faultlib.left_over(before, 0.3 if failed else 2.0)
    finally:
        for orphan in faultlib.orphans(before):
            os.kill(orphan.pid, signal.SIGKILL)
            faultlib.reap(orphan)
        faultlib.adopt_orphans(adopt=False)
    assert failed or not left
    after = {number: signal.getsignal(number) for number in signals}
    for number, handler in signals.items():
        signal.signal(number, handler)
    assert failed or after == signals


@pytest.fixture
def impatient(monkeypatch):
    """Shorten the seconds that stubborn components and workers get, for tests that wait for each of these to pass."""
    monkeypatch.setattr(worker, "GRACE", 0.4)
    for phase, seconds in ((supervisor.Phase.STOPPING, 0.8), (supervisor.Phase.TERMINATING, 0.4)):
        monkeypatch.setitem(supervisor.PATIENCE, phase, seconds)
