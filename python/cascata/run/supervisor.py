"""Watching over worker processes: from their start until the last of them has gone.

The supervisor waits for messages, for deaths and for the bell that says that nothing moves. It owns stopping: it asks,
cancels, terminates and kills, each step with its deadline. It never waits for a worker without one.
"""

from __future__ import annotations

import contextlib
import enum
import math
import os
import selectors
import threading
import time
from typing import TYPE_CHECKING

from cascata import _native
from cascata.errors import ItemError, WorkerDied
from cascata.log import log
from cascata.run import choice, collecting, output
from cascata.run.counters import Counters
from cascata.run.diagnosis import dead, timed_out
from cascata.run.messages import (
    Awake,
    Begun,
    Collected,
    Failed,
    Finished,
    Logged,
    Message,
    Printed,
    Question,
    Quiet,
    Where,
)
from cascata.run.processes import WorkerProcess
from cascata.run.quiet import RETRY, QuietRounds
from cascata.run.report import Report
from cascata.run.shortage import Shortage, who_has_it
from cascata.run.signals import blocked
from cascata.run.source import text_of
from cascata.run.stalls import Stalls
from cascata.run.whereabouts import Whereabouts, running
from cascata.run.worker import GRACE
from cascata.text import names_text

if TYPE_CHECKING:
    from cascata.run.job import Job
    from cascata.run.snapshot import Snapshot

__all__ = ["Supervisor"]


class Phase(enum.IntEnum):
    """How far a run is from its end. Phases are entered in this order; some may be skipped."""

    RUNNING = enum.auto()
    STOPPING = enum.auto()
    """Components have been cancelled."""
    TERMINATING = enum.auto()
    """Workers have got SIGTERM."""
    KILLING = enum.auto()
    """Workers have got SIGKILL."""


PATIENCE = {Phase.STOPPING: GRACE + 1.0, Phase.TERMINATING: 1.0}
"""Seconds until the next phase begins. A worker gives up on its components a little earlier and says why."""

NONE = -1
"""No descriptor."""

LONGEST_WAIT = 0.5
"""Seconds. A signal that comes just before a wait begins is noticed only when it ends."""


class Interrupted(BaseException):
    """Ctrl-C has come while the caller's own streams or handlers were at work."""


class Supervisor:
    """One run on worker processes. `supervise` belongs to one thread; `stop` and `kill` may be called from any."""

    def __init__(self, job: Job) -> None:
        """Take the job; nothing starts yet."""
        self._job = job
        self._workers: list[WorkerProcess] = []
        self._collected = [collecting.Taken() for _ in job.collect]
        self._errors: list[BaseException] = []
        self._phase = Phase.RUNNING
        self._stopped = False
        self._deadline: float | None = None
        self._interrupts = 0
        self._passing_on = self._muted = False
        self._wanted: Phase | None = None
        self._quiet = QuietRounds()
        self._stalls = Stalls(job.stall_after, self._running)
        self._late: Whereabouts | None = None  # of a run that is out of time
        self.taps: _native.Taps | None = None
        self._wake_fd = NONE
        # Re-entrant, because a signal handler may want something while this thread does.
        self._wake_lock = threading.RLock()

    def start(self) -> None:
        """Map the run's memory and start the workers.

        Raises:
            ItemError: If they are to be spawned and something cannot be sent to them; nothing has been started.
            OSError: If the system has no processes, descriptors or memory left; nothing is left running.

        """
        self._job, starter = choice.starter(self._job)
        with contextlib.closing(starter):
            self._start(starter)

    def _start(self, starter: choice.Starter) -> None:
        self._memory = _native.RunMemory(self._job.plan, self._job.shared_memory)
        self._shortage = Shortage(self._memory)
        self._counters = Counters(self._memory, len(self._job.workers))
        if self._job.timeout is not None:
            self._time_limit: float | None = self._counters.began + self._job.timeout
        else:
            self._time_limit = None
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            with blocked() as mask:
                for index, components in enumerate(self._job.workers):
                    self._workers.append(starter.start(self._memory, index, components, mask))
            if self._job.plan.taps:
                self.taps = _native.Taps(self._job.plan, self._memory)
        except BaseException:
            for worker in self._workers:
                worker.kill()
                worker.reap()
            del self._memory, self._shortage, self._counters
            self._close()
            raise

    def supervise(self) -> None:
        """Watch until all workers have gone."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake_fd, selectors.EVENT_READ, self._on_wake)
                selector.register(self._memory.fileno(), selectors.EVENT_READ, self._on_quiet)
                for worker in self._workers:
                    selector.register(worker.connection, selectors.EVENT_READ, worker)
                    selector.register(worker.pidfd, selectors.EVENT_READ, worker)
                self._heed()  # what was wanted before anyone listened
                while any(worker.alive for worker in self._workers):
                    for key, _ in selector.select(self._patience()):
                        if isinstance(key.data, WorkerProcess):
                            self._on_worker(selector, key.data, died=key.fd == key.data.pidfd)
                        else:
                            key.data()
                    self._keep_time()
        finally:
            for worker in self._workers:
                if worker.alive:  # only after an exception in here
                    worker.kill()
                    worker.reap()
            self._memory.stop()  # nobody who feeds or reads the run waits from now on
            self._counters.conclude(stopped=self._stopped)
            del (
                self._memory,
                self._shortage,
            )  # an exception that is kept keeps this object, and must not keep the memory
            self._close()

    def stop(self) -> None:
        """Ask for an orderly stop. A worker that does not heed it is killed, which is logged as a warning."""
        self._want(Phase.STOPPING)

    def kill(self) -> None:
        """Have the workers killed without any further courtesy."""
        self._want(Phase.KILLING)

    def interrupt(self) -> None:
        """Stop in order at the first Ctrl-C, kill at the second."""
        self._interrupts += 1
        self._want(Phase.STOPPING if self._interrupts == 1 else Phase.KILLING)
        if self._passing_on:
            raise Interrupted

    def result(self) -> Report:
        """Give the report, or raise what went wrong first."""
        if self._interrupts:
            raise KeyboardInterrupt
        return Report.conclude(
            self._job,
            self._counters,
            self._collected,
            errors=self._errors,
            stalls=self._stalls.found,
            taps=self.taps,
        )

    def snapshot(self) -> Snapshot:
        """Read the counters; from any thread."""
        return self._counters.snapshot()

    # What is seen.

    def _on_wake(self) -> None:
        if self._wake_fd != NONE:
            os.eventfd_read(self._wake_fd)
        self._heed()

    def _heed(self) -> None:
        if self._wanted is not None:
            self._enter(self._wanted)

    def _on_worker(self, selector: selectors.BaseSelector, worker: WorkerProcess, *, died: bool) -> None:
        # After a death the pipe is read to its end first: what the worker said explains the death.
        for message in worker.receive(everything=died):
            self._on_message(worker, message)
        if died and worker.alive:
            selector.unregister(worker.connection)
            selector.unregister(worker.pidfd)
            worker.reap()
            self._leave(worker)
            self._shortage.look(freed=True)  # what it referred to
            if not worker.finished and self._phase <= Phase.STOPPING:
                self._fail(_death(worker))

    def _on_message(self, worker: WorkerProcess, message: Message) -> None:
        match message:
            case Failed(failure):
                self._fail(failure.error())
            case Collected(index, _, _):
                self._collect(self._job.collect[index], self._collected[index], message)
            case Logged() | Printed():
                self._pass_on(message)
            case Awake() | Where() | Quiet():
                self._on_answer(worker, message)
            case Begun():
                worker.begun = True
            case Finished():
                worker.finished = True
                self._leave(worker)
                if all(other.finished or not other.alive for other in self._workers):
                    # All that can keep a process now is a thread that a component has left behind: not for ever.
                    self._enter(Phase.STOPPING)

    def _on_answer(self, worker: WorkerProcess, message: Awake | Where | Quiet) -> None:
        match message:
            case Awake():
                self._stalls.awake(worker.index)
            case Where(lines):
                if self._late is not None:
                    self._late.answer(worker.index, lines)
                    self._conclude_late()
            case Quiet():
                if self._quiet.answer(worker.index, message):
                    self._conclude_quiet()

    def _pass_on(self, message: Logged | Printed) -> None:
        """Log or print here. Ctrl-C ends that: nobody may ever read what is written, or a handler may hang."""
        if self._muted:
            return
        try:
            self._passing_on = True
            try:
                output.pass_on(message)
            finally:
                self._passing_on = False
        except Interrupted:
            self._muted = True

    def _collect(self, port: str, taken: collecting.Taken, message: Collected) -> None:
        try:
            taken.extend(message)
        except BaseException as problem:  # noqa: BLE001  whatever the item's class does when it is restored
            error = ItemError(f"{port}: a collected item cannot be restored here: {problem!r}")
            error.__cause__ = problem
            self._fail(error)

    def _on_quiet(self) -> None:
        self._memory.hush()
        if self._memory.active() == 0 and self._phase is Phase.RUNNING:
            self._ask()

    # Dead runs.

    def _ask(self) -> None:
        """Ask all workers whether anything in them could still move."""
        workers = [worker for worker in self._workers if worker.alive and not worker.finished]
        number = self._quiet.begin({worker.index for worker in workers})
        for worker in workers:
            worker.ask(Question.QUIET, number)

    def _leave(self, worker: WorkerProcess) -> None:
        """Expect no answer of a worker any more."""
        self._stalls.awake(worker.index)
        if self._late is not None:
            self._late.leave(worker.index)
            self._conclude_late()
        if self._quiet.leave(worker.index):
            self._conclude_quiet()

    def _conclude_quiet(self) -> None:
        """All have answered."""
        if self._memory.active() or self._phase is not Phase.RUNNING:
            return
        short = self._memory.is_short()
        if short and any(worker.finished and worker.alive for worker in self._workers):
            # What it refers to is given back when its process ends.
            self._quiet.retry = time.monotonic() + RETRY
            return
        if self._quiet.settled():
            shortage = who_has_it(self._memory) if short else ()
            error = dead(self._job, self._memory.snapshot(), shortage)
            if error is not None:
                self._fail(error)
            return
        if self._quiet.all_quiet():
            self._ask()
        else:
            self._quiet.retry = time.monotonic() + RETRY

    # Late runs.

    def _running(self, worker: int) -> tuple[str, str] | None:
        """Give the component whose code a worker runs, and its class."""
        return running(self._memory.snapshot(), worker)

    def _out_of_time(self) -> None:
        """Find out where everything is, before it is stopped."""
        workers = [worker for worker in self._workers if worker.alive and not worker.finished]
        self._late = Whereabouts(workers, self._running)

    def _conclude_late(self) -> None:
        if self._late is not None and self._late.complete():
            late, self._late = self._late, None
            self._fail(timed_out(self._job, self._memory.snapshot(), late.lines))

    # What is done about it.

    def _fail(self, error: BaseException) -> None:
        self._errors.append(error)
        self._enter(Phase.STOPPING)

    def _want(self, phase: Phase) -> None:
        with self._wake_lock:
            self._wanted = max(phase, self._wanted or phase)
            if self._wake_fd != NONE:
                os.eventfd_write(self._wake_fd, 1)

    def _enter(self, phase: Phase) -> None:
        """Begin a phase, unless the run is there or further already."""
        if phase <= self._phase:
            return
        self._phase = phase
        patience = PATIENCE.get(phase)
        self._deadline = None if patience is None else time.monotonic() + patience
        self._memory.stop()
        self._stopped |= any(not worker.finished for worker in self._workers)
        for worker in self._workers:
            if phase is Phase.TERMINATING:
                worker.terminate()
            elif phase is Phase.KILLING:
                worker.kill()

    def _complain(self) -> None:
        """Say which workers have not heeded the phase that is over."""
        heeded = "stopped" if self._phase is Phase.STOPPING else "ended"
        for worker in self._workers:
            if worker.alive:
                log.warning(
                    "worker %d has not %s within %g s and is killed; it was running %s",
                    worker.index,
                    heeded,
                    PATIENCE[self._phase],
                    self._occupation(worker),
                )

    def _occupation(self, worker: WorkerProcess) -> str:
        """Say what a worker is doing that does not end."""
        if worker.finished:
            return "a thread that a component has left behind"
        name, _ = self._running(worker.index) or (None, None)
        where = text_of(worker.where() or []) if self._phase is Phase.STOPPING else ""
        what = names_text(worker.components) if name is None else name
        return f"{what}, at {where}" if where else what

    def _patience(self) -> float:
        """Seconds until something is due although nothing happens."""
        late = None if self._late is None else self._late.deadline
        times = self._deadline, self._time_limit, self._quiet.retry, self._stalls.due(), late
        due = (at for at in times if at is not None)
        return min(max(0.0, min(due, default=math.inf) - time.monotonic()), LONGEST_WAIT)

    def _keep_time(self) -> None:
        self._shortage.look()
        self._stalls.look([worker for worker in self._workers if worker.begun and worker.alive and not worker.finished])
        now = time.monotonic()
        if self._time_limit is not None and now >= self._time_limit:
            self._time_limit = None
            if self._phase is Phase.RUNNING:
                self._out_of_time()
        self._conclude_late()
        if self._deadline is not None and now >= self._deadline:
            self._complain()
            self._enter(Phase(self._phase + 1))
        if self._quiet.retry is not None and now >= self._quiet.retry:
            self._quiet.retry = None
            self._on_quiet()

    def _close(self) -> None:
        with self._wake_lock:
            wake_fd, self._wake_fd = self._wake_fd, NONE
        if wake_fd != NONE:
            os.close(wake_fd)
        for worker in self._workers:
            worker.close()


def _death(worker: WorkerProcess) -> WorkerDied:
    """Say how a worker ended that nobody had asked to."""
    return WorkerDied(
        worker.index, worker.components, exitcode=worker.exitcode, signal=worker.signal, stack=worker.last_words()
    )
