"""Components of a module that workers import, for the tests of how they are started."""

import logging
import os
import sys
import warnings
from pathlib import Path

from cascata import component, inport, log, outport, persist


@component
@inport("value")
@outport("out")
@persist("kept", lambda value=None: value)
async def show(value, out, kept):
    """Send what a component sees of its initial value and of its persistent value."""
    await out.send((type(value).__name__, kept.get()))


@component
@inport("lock")
@inport("event")
@inport("queue")
@inport("connection")
@inport("proxy")
async def use_all(lock, event, queue, connection, proxy):
    """Use what `multiprocessing` makes."""
    with lock:
        queue.put("queued")
        connection.send("sent")
        proxy["pid"] = os.getpid()
    event.set()


@component
@outport("out")
async def surroundings(out):
    """Send what a process sees of its surroundings."""
    import multiprocessing

    await out.send(
        {
            "argv": sys.argv,
            "path": sys.path,
            "cwd": str(Path.cwd()),
            "authkey": bytes(multiprocessing.current_process().authkey),
            "name": multiprocessing.current_process().name,
            "parent": multiprocessing.parent_process().pid,
            "environment": os.environ.get("CASCATA_TEST"),
            "recursion": sys.getrecursionlimit(),
            "dev": sys.flags.dev_mode,
            "optimize": sys.flags.optimize,
            "warnings": [(action, category.__name__) for action, _, category, _, _ in warnings.filters],
        }
    )


@component
@inport("count")
async def talk(count):
    """Print and log."""
    for number in range(count):
        print("line", number)  # noqa: T201
        print("error", number, file=sys.stderr)  # noqa: T201
        log.debug("debug %d", number)
        logging.getLogger("another").info("info %d", number)


@component
@inport("array")
@outport("out")
async def change(array, out):
    """Change an initial value, which is this worker's own."""
    array[0] += 1
    await out.send((int(array[0]), int(array[-1]), array.flags.writeable))
