"""Running a graph: from a plan to worker processes, to a report or an exception.

::

    job, resources        what is to be run, on how many workers
    worker                one worker: its components and their end
    messages, failure     what a worker tells the process that started it; `portable`: exceptions on that way
    event_loop            a loop for a worker of its own
    local                 one worker in this process
    processes             several as processes, and `supervisor`, which watches over them
    choice                how these are started: `forking` or `spawning`; `child` is where they begin
    payload, preparation  what spawned ones start from; `pickling`, `importable`: by reference or by value
    obstacles             what cannot be sent to them
    quiet, diagnosis      whether anything can still move, and what keeps it from that
    stalls, heartbeat     event loops that stand still; `witness`: what a stuck or dead worker executes
    whereabouts, source   where all components are, in lines of their source
    shortage              who has the shared memory, when somebody waits for some
    handle, signals       a started run, to join or to stop; Ctrl-C; `engine`: what it needs of whatever runs it
    taps                  how the calling program feeds and reads it
    report, snapshot      what every component has done, at the end and meanwhile; `counters`: where it is read
    counts, balance       the counts that both consist of, and whether they balance
    progress              showing that while the run goes on

A plan and the run's memory are all that a worker starts from; what happens inside is decided in `cascata._native`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cascata.run import local
from cascata.run.counts import ComponentReport, EdgeReport, InportReport, OutportReport
from cascata.run.handle import Run
from cascata.run.job import Job, Options
from cascata.run.progress import Progress, Watch
from cascata.run.report import Report, TapReport
from cascata.run.signals import on_interrupt, on_termination
from cascata.run.snapshot import ComponentSnapshot, InportSnapshot, Rates, Snapshot
from cascata.run.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from cascata.graph import Graph

__all__ = [
    "ComponentReport",
    "ComponentSnapshot",
    "EdgeReport",
    "InportReport",
    "InportSnapshot",
    "Options",
    "OutportReport",
    "Progress",
    "Rates",
    "Report",
    "Run",
    "Snapshot",
    "TapReport",
    "arun",
    "run",
    "start",
]


def run(graph: Graph, *, progress: Progress = False, **options: Unpack[Options]) -> Report:
    """Start, wait, report; raise what failed. See `Graph.run`."""
    watch = Watch(progress)
    job = Job.prepare(graph, options)
    if job.in_process:
        return local.run(job, watch)
    supervisor = Supervisor(job)
    with on_termination(supervisor.interrupt), watch, on_interrupt(supervisor.interrupt):
        supervisor.start()
        watch.begin(supervisor)
        supervisor.supervise()
    report = supervisor.result()
    watch.check()
    return report


def start(graph: Graph, feed: Sequence[str], *, progress: Progress = False, **options: Unpack[Options]) -> Run:
    """Start and return. See `Graph.start`."""
    watch = Watch(progress)
    job = Job.prepare(graph, options, feed)
    return Run(local.Local(job) if job.in_process else Supervisor(job), job, watch)


async def arun(graph: Graph, *, progress: Progress = False, **options: Unpack[Options]) -> Report:
    """Run for a caller with an event loop. See `Graph.arun`."""
    watch = Watch(progress)
    job = Job.prepare(graph, options)
    if job.in_process:
        return await local.arun(job, watch)
    return await Run(Supervisor(job), job, watch).ajoin()
