"""What the tests of several directories share."""

import contextlib
import functools
import gc
import signal
import threading
import time
from pathlib import Path

import pytest

from cascata.run import Report

PATIENCE = 2.0
"""Seconds that what a test has started may take to go."""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)  # for this process, and for all that tests start

_FAILED = pytest.StashKey[bool]()


@pytest.fixture(autouse=True, scope="session")
def _every_report_balances():
    """Check the counts of each run that comes to its end here."""
    conclude = Report.conclude.__func__

    @functools.wraps(conclude)
    def checked(cls, *args, **options):
        report = conclude(cls, *args, **options)
        report.check()
        return report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Report, "conclude", classmethod(checked))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Note whether the test itself has failed."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture
def leaves_nothing(request):
    """Fail a test that leaves processes, descriptors or threads behind."""
    before = _belongings()
    yield
    if request.node.stash.get(_FAILED, True):
        return  # its traceback keeps alive what it likes
    deadline = time.monotonic() + PATIENCE
    while left := _left_behind(before, _belongings()):
        if time.monotonic() > deadline:
            pytest.fail(f"left behind: {'; '.join(left)}")
        gc.collect()
        time.sleep(0.005)


def _belongings():
    children = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            children.update((task / "children").read_text().split())
    descriptors = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            descriptors[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:  # the one that lists them
            continue
    native = sum(1 for _ in Path("/proc/self/task").iterdir())
    return children, descriptors, set(threading.enumerate()), native


def _left_behind(before, after):
    children, descriptors, threads, native = before
    left = [f"process {pid}" for pid in after[0] - children]
    if len(after[1]) > len(descriptors):
        left += [f"descriptor {number} ({target})" for number, target in after[1].items() if number not in descriptors]
    left += [f"thread {thread.name}" for thread in after[2] - threads]
    if not left and after[3] > native:
        left.append(f"{after[3] - native} threads that Python does not know")
    return left
