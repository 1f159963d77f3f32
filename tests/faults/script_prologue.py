"""What the scripts of the fault tests begin with (`from script_prologue import *`): names, and a graph that lasts."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

from faultlib import for_ever, note, noted, notes

from cascata import (
    CascataError,
    ComponentError,
    DeadlockError,
    Graph,
    RunTimeout,
    WorkerDied,
    component,
    inport,
    log,
    outport,
    persist,
)

__all__ = [
    "CascataError",
    "ComponentError",
    "DeadlockError",
    "Endless",
    "Graph",
    "Idle",
    "Jam",
    "RunTimeout",
    "Slow",
    "Stubborn",
    "Waiter",
    "WorkerDied",
    "asyncio",
    "component",
    "for_ever",
    "inport",
    "lasting",
    "log",
    "note",
    "note_when_waiting",
    "noted",
    "notes",
    "num_workers",
    "os",
    "outport",
    "persist",
    "signal",
    "subprocess",
    "sys",
    "threading",
    "time",
]


@component
@outport("out")
async def Endless(out):
    note("endless began")
    try:
        number = 0
        while await out.send(number):
            number += 1
    finally:
        note("endless finally")


@component
@inport("value", capacity=3)
async def Jam(value):
    await for_ever("jam")


@component
@outport("out")
async def Idle(out):
    await for_ever("idle")


@component
@inport("value")
@persist("kept", lambda: None, close=lambda _: note("waiter closed"))
async def Waiter(value, kept):
    note("waiter fired")


@Waiter.finish
async def finish_waiter(kept):
    note("waiter finish")


@component
async def Slow():
    try:
        await for_ever("slow")
    finally:
        await asyncio.sleep(0.3)
        note("slow tidied up")


@component
async def Stubborn():
    note("stubborn began")
    for _ in range(20):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            note("stubborn goes on")
    note("stubborn ended")


def lasting(*more):
    graph = Graph()
    for name, definition in (("endless", Endless), ("jam", Jam), ("idle", Idle), ("waiter", Waiter)):
        graph.add(name, definition)
    for definition in more:
        graph.add(definition.__name__.lower(), definition)
    graph.endless.out >> graph.jam.value
    graph.idle.out >> graph.waiter.value
    return graph


num_workers = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 2


def note_when_waiting():
    """Note when the main thread waits for the run, and not only for its start."""
    main = threading.main_thread().ident

    def names():
        frame = sys._current_frames()[main]
        while frame is not None:
            yield frame.f_code.co_name
            frame = frame.f_back

    def look():
        while True:
            top, *below = names()
            if top in ("wait", "select") and {"join", "supervise", "_run_once"} & set(below):
                return note("main waits")
            time.sleep(0.005)

    threading.Thread(target=look, daemon=True).start()
