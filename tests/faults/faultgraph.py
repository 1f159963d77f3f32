"""One graph in which a fault can happen in every place where a component runs code.

`source` feeds `victim`, which feeds `sink`; `idle` never sends, so `waiter` waits for an item all the time; `bystander`
waits for something that is no channel. Each notes what it begins and ends. The victim does what its `State` says: it
calls a function in a place, or awaits it with its outport if it is a coroutine function.
"""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import inspect
from collections import Counter
from dataclasses import dataclass
from typing import Any

from faultlib import for_ever, note, noted, notes

from cascata import Graph, component, inport, outport, persist

FIRST, MIDDLE, LAST = 0, 40, 80
"""Items of the source."""

CAPACITY = 10
WORKERS = (0, 1, 2, 5)

PLACES = (
    "initialiser",
    "first item",
    "mid-stream",
    "finally",
    "blocked",
    "parked",
    "others wait",
    "finish",
    "close hook",
)
"""Where the victim fails: `blocked` while a send of its own waits for room, `parked` while another of its trigger
groups waits for an item. No initialiser can await a coroutine function: there the victim waits for its first item."""

FIRING = {
    "first item": FIRST,
    "mid-stream": MIDDLE,
    "finally": MIDDLE,
    "blocked": MIDDLE,
    "parked": MIDDLE,
    "others wait": FIRST,
}
"""The item on which it fails, where there is one."""


@dataclass
class State:
    """The victim's persistent value."""

    place: str
    fault: Any
    failed: bool = False

    def at(self, place):
        """Fail, if this is the place, once."""
        if self._is_here(place):
            self.fault()

    async def reach(self, place, out):
        """Fail, if this is the place, once."""
        if inspect.iscoroutinefunction(self.fault):
            if self._is_here(place):
                await self.fault(out)
        else:
            self.at(place)

    def _is_here(self, place):
        here = place == self.place and not self.failed
        if here:
            self.failed = True
            note(f"fault in {place}")
        return here


def make_state(place, fault):
    state = State(place, fault)
    if inspect.iscoroutinefunction(fault):
        if place == "initialiser":
            note(f"fault in {place}")
    else:
        state.at("initialiser")
    note("victim initialised")
    return state


def close_state(state):
    note("victim closed")
    state.at("close hook")


def open_resource(name):
    note(f"{name} initialised")
    return name


def close_resource(name):
    note(f"{name} closed")


@component
@outport("out")
@persist("resource", open_resource, close=close_resource)
async def Source(out, resource):
    await noted("bystander began", "idle began")
    try:
        for number in range(LAST):
            await out.send(number)
    finally:
        note("source finally")


@component
@inport("value", capacity=CAPACITY)
@outport("out")
@persist("state", make_state, close=close_state)
async def Victim(value, out, state):
    await fire(value, out, state.get())


@Victim.finish
async def finish_victim(out, state):
    note("victim finish")
    await state.get().reach("finish", out)
    await out.send("the end")


@component
@inport("value", capacity=CAPACITY)
@inport("never")
@outport("out")
@persist("state", make_state, close=close_state)
async def Parked(value, never, out, state):
    await fire(value, out, state.get())


async def fire(value, out, state):
    """Do what the victim does with an item."""
    note("victim began")
    try:
        await state.reach("first item", out)
        if state.place == "others wait":
            await noted("bystander began", "idle began")
            await state.reach("others wait", out)
        if value == MIDDLE:
            await state.reach("mid-stream", out)
            await state.reach("parked", out)
            if state.place == "blocked":
                await fail_while_blocked(out, state)
        await out.send(value)
    finally:
        note("victim finally")
        if value == MIDDLE:
            await state.reach("finally", out)


async def fail_while_blocked(out, state):
    """Fail while a send of this component waits for room: the sink takes none of these."""
    sent = 0

    async def flood():
        nonlocal sent
        note("flood began")
        try:
            while True:
                sent += 1
                await out.send("flood")
        finally:
            note("flood finally")

    flooding = asyncio.create_task(flood())
    try:
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.02)
        await state.reach("blocked", out)
    finally:
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)


@component
@inport("value", capacity=CAPACITY)
@persist("resource", open_resource, close=close_resource)
async def Sink(value, resource):
    if value == "flood":
        note("sink began")
        try:
            await noted("let go")
        finally:
            note("sink finally")


@Sink.finish
async def finish_sink(resource):
    note("sink finish")


@component
@outport("out")
@persist("resource", open_resource, close=close_resource)
async def Idle(out, resource):
    await for_ever("idle")


@component
@inport("value")
@persist("resource", open_resource, close=close_resource)
async def Waiter(value, resource):
    note("waiter fired")


@Waiter.finish
async def finish_waiter(resource):
    note("waiter finish")


@component
@persist("resource", open_resource, close=close_resource)
async def Bystander(resource):
    await for_ever("bystander")


def build(place, fault):
    """Make the graph with a victim that calls `fault` in `place`."""
    graph = Graph()
    parts = {"source": Source, "victim": Victim, "sink": Sink, "idle": Idle, "waiter": Waiter, "bystander": Bystander}
    if place == "parked":
        parts["victim"] = Parked
    silent = place == "initialiser" and inspect.iscoroutinefunction(fault)
    if place == "others wait" or silent:
        del parts["source"]
    for name, definition in parts.items():
        instance = graph.add(name, definition)
        if name == "victim":
            instance.state < (place, fault)
        else:
            instance.resource < name
    if place == "others wait":
        graph.victim.value < FIRST
    elif silent:
        graph.idle.out >> graph.victim.value
    else:
        graph.source.out >> graph.victim.value
    graph.victim.out >> graph.sink.value
    graph.idle.out >> graph.waiter.value
    if place == "parked":
        graph.idle.out >> graph.victim.never
        graph.victim.clk(graph.victim.value, graph.victim.never)
    return graph


def check_notes(place, *, killed=()):
    """Check what the components have noted; those in `killed` had no time to.

    What began has ended in order, what was opened has been closed, and nothing went on as if nothing had happened.
    """
    seen = Counter(notes())
    check_in_order(killed=killed)
    assert seen[f"fault in {place}"] == 1
    assert seen["victim finish"] == (1 if place in ("finish", "close hook") else 0)
    assert "victim" in killed or place == "initialiser" or seen["victim closed"] == 1
    if place != "close hook":  # then the stream has come to its end
        assert seen["sink finish"] == 0


def check_in_order(*, killed=()):
    """Check that what began has ended, and what was opened has been closed, but for those that were killed."""
    seen = Counter(notes())
    assert seen["waiter fired"] == seen["waiter finish"] == 0
    for name in ("source", "victim", "sink", "idle", "waiter", "bystander"):
        if name not in killed:
            assert seen[f"{name} closed"] == seen[f"{name} initialised"], (name, seen)
    for name in ("victim", "flood", "sink", "idle", "bystander"):
        if name not in killed and not (name == "flood" and "victim" in killed):
            assert seen[f"{name} finally"] == seen[f"{name} began"], (name, seen)
