"""What the fault tests share: notes that survive a process, a look at what a process holds, scripts to run and kill."""

import asyncio
import ctypes
import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 40.0
"""Seconds after which something that should have happened is given up. Never a measure of speed."""

NOTES = "FAULT_NOTES"
"""The environment variable with the path that `note` appends to; forked workers and scripts inherit it."""


NAMED_MEMORY = Path("/dev/shm")  # noqa: S108  looked at, not used


def note(text):
    """Write down that something happened. One write to a file: it survives whatever the process does next."""
    descriptor = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, f"{text}\n".encode())
    finally:
        os.close(descriptor)


def notes():
    """All notes so far, in order."""
    path = Path(os.environ[NOTES])
    return path.read_text().splitlines() if path.exists() else []


def until(condition, what="it", seconds=PATIENCE):
    """Wait until `condition()` is true and give what it returned."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            msg = f"waited {seconds} s in vain for {what}"
            raise AssertionError(msg)
        time.sleep(0.005)
    return result


async def until_async(condition):
    """Wait, in a component, until `condition()` is true."""
    while not condition():  # noqa: ASYNC110  what it looks at is done by other processes
        await asyncio.sleep(0.005)


async def noted(*texts):
    """Wait, in a component, until all of these have been noted."""
    await until_async(lambda: set(texts) <= set(notes()))


async def for_ever(name):
    """Note the beginning, wait for what never comes, and note the end."""
    note(f"{name} began")
    try:
        await asyncio.Event().wait()
    finally:
        note(f"{name} finally")


@dataclass(frozen=True)
class Process:
    """A line of the process table."""

    pid: int
    parent: int
    state: str
    name: str
    began: str

    def __str__(self):
        return f"{self.pid} {self.name!r} ({self.state})"


SERVANTS = re.compile(rb"multiprocessing\.(resource_tracker|forkserver)")
"""What the command lines of processes say that multiprocessing keeps for itself."""


def processes():
    """The process table, by number, without what multiprocessing keeps for itself as long as this process lives."""
    table = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                text = Path(entry.path, "stat").read_text()
                name, fields = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
                if int(fields[1]) != os.getpid() or not SERVANTS.search(Path(entry.path, "cmdline").read_bytes()):
                    table[int(entry.name)] = Process(int(entry.name), int(fields[1]), fields[0], name, fields[19])
    return table


def descendants(pid):
    """Processes below `pid`, zombies included."""
    table = processes()
    found, level = [], {pid}
    while level:
        below = [process for process in table.values() if process.parent in level]
        found += below
        level = {process.pid for process in below}
    return found


@dataclass(frozen=True)
class Census:
    """What this process holds: children, descriptors, threads of Python and of the system, shared memory."""

    children: frozenset
    descriptors: frozenset
    threads: frozenset
    tasks: frozenset
    memory: frozenset
    mapped: int

    @classmethod
    def take(cls):
        """Count."""
        own = os.getpid()
        descriptors = set()
        for descriptor in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                descriptors.add((descriptor.name, str(descriptor.readlink())))
        maps = Path("/proc/self/maps").read_text().splitlines()
        return cls(
            children=frozenset((child.pid, child.began, child.name) for child in descendants(own)),
            descriptors=frozenset(descriptors),
            threads=frozenset(threading.enumerate()),
            tasks=frozenset(task.name for task in Path("/proc/self/task").iterdir()),
            memory=frozenset(entry.name for entry in NAMED_MEMORY.iterdir()),
            mapped=sum("memfd:" in line or f"{NAMED_MEMORY}/" in line for line in maps),
        )

    def left_over(self, before):
        """What is there that was not there `before`, in words."""
        left = {
            "processes": self.children - before.children,
            "descriptors": self.descriptors - before.descriptors,
            "threads": self.threads - before.threads,
            "native threads": self.tasks - before.tasks,
            "named shared memory": self.memory - before.memory,
            "mappings of shared memory": set(range(before.mapped, self.mapped)),
        }
        return {what: sorted(map(str, things)) for what, things in left.items() if things}


def states(error):
    """What each component did when the time was up, without the line of source where it did it."""
    return {name: text.partition(", at ")[0] for name, text in error.components.items()}


def adopt_orphans(*, adopt):
    """Make descendants whose parent dies children of this process, where they are seen and can be waited for."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, int(adopt), 0, 0, 0)


def left_over(before, seconds=2.0):
    """What remains of what came since `before`, once all that ends on its own has had its time."""
    deadline = time.monotonic() + seconds
    while (left := Census.take().left_over(before)) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    return left


def place_of(graph, name, num_workers):
    """The worker that runs component `name`, and the names of all components there."""
    for worker, shard in enumerate(graph.shard(num_workers)):
        names = [instance.name for instance in shard.components]
        if name in names:
            return worker, names
    raise KeyError(name)


class Script:
    """A program in a process and process group of its own, with the notes of this test."""

    def __init__(self, *parts, setup=None):
        """Start it. The strings are its text, the numbers its arguments; a prologue imports what scripts want."""
        texts = [part for part in parts if isinstance(part, str)]
        arguments = [part for part in parts if not isinstance(part, str)]
        here = str(Path(__file__).parent)
        path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
        self._folder = Path(os.environ[NOTES]).parent
        number = len(list(self._folder.glob("script*.py")))
        source = self._folder / f"script{number}.py"
        source.write_text("from script_prologue import *\n" + "\n".join(map(textwrap.dedent, texts)))
        self._out, self._err = source.with_suffix(".out"), source.with_suffix(".err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, str(source), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "PYTHONPATH": path, "PYTHONFAULTHANDLER": ""},
                start_new_session=True,
                preexec_fn=setup,  # noqa: PLW1509  a few tests of limits and dispositions need it
            )
        self.pid = self.process.pid

    @property
    def out(self):
        """What it has printed."""
        return self._out.read_text(errors="replace")

    @property
    def err(self):
        """What it has complained about."""
        return self._err.read_text(errors="replace")

    def signal_group(self, number=signal.SIGINT):
        """Do what a terminal does: signal the whole process group."""
        os.killpg(self.pid, number)

    def workers(self):
        """The processes below it that live."""
        return [process for process in descendants(self.pid) if process.state not in "ZX"]

    def wait(self, seconds=PATIENCE):
        """Wait for its end and give the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            names = ", ".join(map(str, [processes().get(self.pid), *self.workers()]))
            msg = f"the script hangs: {names}\nout: {self.out}\nerr: {self.err}\nnotes: {notes()}"
            raise AssertionError(msg) from None

    def wait_for_note(self, *texts):
        """Wait until all of these have been noted; give up when the script has ended."""

        def seen():
            return set(texts) <= set(notes()) or self.process.poll() is not None

        until(seen, f"the notes {texts}")
        assert set(texts) <= set(notes()), f"ended early: {self.out}\n{self.err}"

    def end(self):
        """Kill whatever is left of it and its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def script(*parts, setup=None):
    """Run a script; at the end of the block it is dead."""
    running = Script(*parts, setup=setup)
    try:
        yield running
    finally:
        running.end()


def orphans(before):
    """Processes that have become children of this one since `before` (a census) because their parent died."""
    known = {pid for pid, _, _ in before.children}
    own = os.getpid()
    return [process for process in processes().values() if process.parent == own and process.pid not in known]


def reap(orphan):
    """Collect the exit status of an orphan that has ended."""
    with suppress(ChildProcessError):
        os.waitpid(orphan.pid, 0)


def orphans_end(before):
    """Wait for the end of all orphans on their own; a zombie is one that has ended."""
    until(lambda: all(orphan.state == "Z" for orphan in orphans(before)), "the end of the orphans", 10)
    for orphan in orphans(before):
        reap(orphan)
