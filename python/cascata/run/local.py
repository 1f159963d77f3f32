"""A run in the calling process: `num_workers=0`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from cascata import _native
from cascata.run.collecting import Kept, Taken
from cascata.run.counters import Counters
from cascata.run.diagnosis import dead, timed_out
from cascata.run.event_loop import run_to_end
from cascata.run.failure import Failure
from cascata.run.handle import Run
from cascata.run.heartbeat import Heartbeat
from cascata.run.messages import Failed, Message
from cascata.run.quiet import RETRY
from cascata.run.report import Report
from cascata.run.signals import on_termination
from cascata.run.stalls import Stalls
from cascata.run.whereabouts import running
from cascata.run.worker import Worker

if TYPE_CHECKING:
    from cascata.run.job import Job
    from cascata.run.progress import Watch
    from cascata.run.snapshot import Snapshot

__all__ = ["Local", "arun", "run"]


def run(job: Job, watch: Watch) -> Report:
    """Run in this thread, or in a helper thread if an event loop runs here."""
    local = Local(job)
    if _loop_runs():
        return Run(local, job, watch).join()
    local.start()
    with on_termination(local.stop), watch:
        watch.begin(local)
        local.supervise()
    report = local.result()
    watch.check()
    return report


async def arun(job: Job, watch: Watch) -> Report:
    """Run in the caller's loop."""
    local = Local(job)
    local.start()
    with on_termination(local.stop), watch:
        watch.begin(local)
        await local.main()
    report = local.result()
    watch.check()
    return report


class Local:
    """One worker in this process, with the interface of a supervisor."""

    def __init__(self, job: Job) -> None:
        """Take the job; nothing starts yet."""
        self._job = job
        self._collected = [Taken() for _ in job.collect]
        self._errors: list[BaseException] = []
        self._interrupt: BaseException | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._stalls = Stalls(job.stall_after, lambda worker: running(self._memory.snapshot(), worker))
        self.taps: _native.Taps | None = None

    def start(self) -> None:
        """Get the run's memory."""
        self._memory = _native.RunMemory(self._job.plan, self._job.shared_memory)
        self._counters = Counters(self._memory, workers=0)
        if self._job.plan.taps:
            self.taps = _native.Taps(self._job.plan, self._memory)

    def supervise(self) -> None:
        """Run to the end in a new event loop."""
        run_to_end(self.main(), self._fail)

    async def main(self) -> None:
        """Run to the end in the running loop."""
        loop = asyncio.get_running_loop()
        collectors = [Kept(taken) for taken in self._collected]
        self._worker = Worker(self._job, self._memory, 0, self, collectors, taps=self.taps)
        loop.add_reader(self._memory.fileno(), self._on_quiet)
        timer = None if self._job.timeout is None else loop.call_later(self._job.timeout, self._on_timeout)
        # A debugger stops where it is told to.
        watched = self._job.stall_after is not None and sys.gettrace() is None
        components = [name for names in self._job.workers for name in names]
        heartbeat = None
        try:
            heartbeat = Heartbeat(loop, components, self._stalls) if watched else None
            await self._worker.run()
        finally:
            if heartbeat is not None:
                heartbeat.close()
            for handle in (timer, self._retry):
                if handle is not None:
                    handle.cancel()
            loop.remove_reader(self._memory.fileno())
            stopped = self._memory.stopping()
            self._memory.stop()  # nobody who feeds or reads the run waits from now on
            self._counters.conclude(stopped=stopped)
            # An exception that is kept keeps this object, and must not keep the memory.
            del self._worker, self._memory

    def stop(self) -> None:
        """Ask the run to stop in order; from any thread."""
        memory: _native.RunMemory | None = getattr(self, "_memory", None)
        if memory is not None:
            memory.stop()

    kill = stop
    """A process cannot be taken from itself: asking again is all there is."""

    def result(self) -> Report:
        """Give the report, or raise what went wrong first."""
        if self._interrupt is not None:
            raise self._interrupt
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

    def _fail(self, error: BaseException) -> None:
        """Take an exception that came out of the event loop, past all components."""
        if isinstance(error, asyncio.CancelledError):  # of all tasks, by a component
            self._errors.append(Failure.of(error, "worker 0", "Worker", 0, None).error())
        else:  # Ctrl-C, what a signal handler raised, an exit
            self._interrupt = error
        self.stop()

    def tell(self, message: Message) -> None:
        """Take what the worker tells."""
        if isinstance(message, Failed):
            self._errors.append(message.failure.error())

    def _on_quiet(self) -> None:
        self._memory.hush()
        if self._memory.active() or self._memory.stopping():
            return
        if not self._worker.quiet()[0]:
            # A task that a component has made may still send; when it has ended, nobody rings.
            if self._retry is not None:
                self._retry.cancel()
            self._retry = asyncio.get_running_loop().call_later(RETRY, self._on_quiet)
            return
        issues = dead(self._job, self._memory.snapshot())
        if issues is not None:
            self._errors.append(issues)
            self._memory.stop()

    def _on_timeout(self) -> None:
        self._errors.append(timed_out(self._job, self._memory.snapshot(), self._worker.where()))
        self._memory.stop()


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
