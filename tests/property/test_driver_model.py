"""Random programs of asyncio do inside a component what they do in a plain task.

The model is asyncio itself: the same coroutine runs in a task over an `asyncio.Queue`, and must note the same events.
A program looks at its own task only, so what it notes does not depend on how others are scheduled.
"""

import asyncio
import contextlib
import contextvars

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import SCALE

from cascata import Graph, component, inport, outport

pytestmark = pytest.mark.once

SIMPLE = st.sampled_from(
    [
        "send",
        "sleep",
        "timer",
        "cancel myself",
        "cancel myself and take it back",
        "cancel myself before a task",
        "cancel myself before a thread",
        "cancel me soon",
        "uncancel",
        "await a task",
        "await a failing task",
        "await a cancelled task",
        "await a finished future",
        "thread",
        "set variable",
        "start a task",
        "join tasks",
        "divide by zero",
        "nothing awaited",
    ]
)
COMPOUND = st.sampled_from(
    [
        "try and catch",
        "try and clean up",
        "suppress",
        "shielded",
        "in a task",
        "generator",
        "timeout",
        "timeout of zero",
        "group",
        "failing group",
        "gather",
    ]
)
STEPS = st.recursive(st.tuples(SIMPLE), lambda steps: st.tuples(COMPOUND, st.lists(steps, max_size=4)), max_leaves=12)
PROGRAMS = st.lists(STEPS, max_size=6)
variable = contextvars.ContextVar("variable", default=0)


class Machine:
    """Runs a program and notes what happens."""

    def __init__(self, out):
        self.out = out
        self.notes = []
        self.tasks = []

    async def run(self, program):
        for step in program:
            await self.step(*step)

    def note(self, *what):
        self.notes.append((*what, asyncio.current_task().cancelling(), variable.get()))

    async def step(self, kind, program=()):
        try:
            await getattr(self, kind.replace(" ", "_"))(program)
        except BaseException as error:
            self.note(kind, type(error).__name__, str(error))
            raise
        self.note(kind)

    async def send(self, _):
        assert await self.out.send(None) is True

    async def sleep(self, _):
        await asyncio.sleep(0)

    async def timer(self, _):
        await asyncio.sleep(0.0002)

    async def cancel_myself(self, _):
        # Whether a send waits depends on others; so that what comes next does not, something that always waits follows.
        asyncio.current_task().cancel("mine")
        await asyncio.sleep(0)

    async def cancel_myself_and_take_it_back(self, _):
        asyncio.current_task().cancel()
        asyncio.current_task().uncancel()
        await asyncio.sleep(0)

    async def cancel_myself_before_a_task(self, _):
        asyncio.current_task().cancel()
        await asyncio.create_task(asyncio.sleep(10))

    async def cancel_myself_before_a_thread(self, _):
        asyncio.current_task().cancel()
        await asyncio.to_thread(int)

    async def cancel_me_soon(self, _):
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
        await asyncio.sleep(10)

    async def uncancel(self, _):
        if asyncio.current_task().cancelling():
            asyncio.current_task().uncancel()

    async def await_a_task(self, _):
        assert await asyncio.create_task(self.child(3)) == 3

    async def await_a_failing_task(self, _):
        await asyncio.create_task(self.fail())

    async def await_a_cancelled_task(self, _):
        task = asyncio.create_task(asyncio.sleep(10))
        task.cancel()
        await task

    async def await_a_finished_future(self, _):
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        await future

    async def thread(self, _):
        assert await asyncio.to_thread(variable.get) == variable.get()

    async def set_variable(self, _):
        variable.set(variable.get() + 1)

    async def start_a_task(self, _):
        self.tasks.append(asyncio.create_task(self.child(1)))

    async def join_tasks(self, _):
        if self.tasks:
            await asyncio.wait(self.tasks)

    async def child(self, number):
        variable.set(-1)
        await asyncio.sleep(0)
        await self.out.send(number)
        return number

    async def fail(self):
        await asyncio.sleep(0)
        raise KeyError

    async def divide_by_zero(self, _):
        raise ZeroDivisionError

    async def nothing_awaited(self, _):
        pass

    async def try_and_catch(self, program):
        try:
            await self.run(program)
        except ArithmeticError:
            await self.out.send(None)
            self.note("caught")

    async def try_and_clean_up(self, program):
        try:
            await self.run(program)
        finally:
            await asyncio.sleep(0)
            await self.out.send(None)
            self.note("finally")

    async def suppress(self, program):
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await self.run(program)

    async def shielded(self, program):
        await asyncio.shield(self.detached(program))

    async def in_a_task(self, program):
        await asyncio.create_task(self.detached(program))

    async def detached(self, program):
        """Run a program in another task, with notes of its own: it may go on when this one is cancelled."""
        await Machine(self.out).run(program)

    async def generator(self, program):
        async def generate():
            try:
                for step in program:
                    await self.step(*step)
                    yield
            finally:
                await asyncio.sleep(0)
                self.note("generator closed")

        async with contextlib.aclosing(generate()) as steps:
            async for _ in steps:
                await self.out.send(None)

    async def timeout(self, program):
        async with asyncio.timeout(30):
            await self.run(program)

    async def timeout_of_zero(self, program):
        async with asyncio.timeout(0):
            try:
                await asyncio.sleep(10)
            finally:
                await self.run(program)

    async def group(self, program):
        async with asyncio.TaskGroup() as group:
            group.create_task(self.child(2))
            await self.run(program)

    async def failing_group(self, program):
        async with asyncio.TaskGroup() as group:
            group.create_task(self.fail())
            try:
                await asyncio.sleep(10)
            finally:  # the cancellation has come; when it comes depends on others
                await self.run(program)

    async def gather(self, program):
        await asyncio.gather(self.child(1), self.detached(program))


async def play(programs, out):
    """Run one program after the other in one task, as firings do; what they note is the result."""
    return [await play_one(program, out) for program in programs]


async def play_one(program, out):
    machine = Machine(out)
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await machine.run(program)
    task = asyncio.current_task()
    while task.cancelling():
        task.uncancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    await asyncio.gather(*machine.tasks, return_exceptions=True)
    return machine.notes


def plainly(programs):
    class Out:
        def __init__(self):
            self.queue = asyncio.Queue(1)

        async def send(self, item):
            await self.queue.put(item)
            return True

        async def drain(self):
            while True:
                await self.queue.get()

    async def main():
        out = Out()
        drainer = asyncio.create_task(out.drain())
        notes = await asyncio.create_task(play(programs, out))
        drainer.cancel()
        return notes

    return contextvars.Context().run(asyncio.run, main())


def in_component(programs, workers):
    @component
    @outport("program")
    async def source(program):
        for each in programs:
            await program.send(each)

    @component
    @inport("program")
    @outport("out")
    @outport("notes")
    async def probe(program, out, notes):
        await notes.send(await play_one(program, out))

    @component
    @inport("item", capacity=1)
    async def drain(item): ...

    g = Graph()
    g.source = source
    g.probe = probe
    g.drain = drain
    g.source.program >> g.probe.program
    g.probe.out >> g.drain.item
    for index, node in enumerate(g.nodes.values()):
        if workers > 1:
            g.place(node, worker=index % workers)
    report = contextvars.Context().run(g.run, num_workers=workers, collect=[g.probe.notes], timeout=20)
    return report.collected["probe.notes"]


@settings(max_examples=int(150 * SCALE), deadline=None)
@given(programs=st.lists(PROGRAMS, min_size=1, max_size=3), workers=st.sampled_from([0, 0, 1, 2]))
def test_a_program_does_in_a_component_what_it_does_in_a_plain_task(programs, workers):
    assert in_component(programs, workers) == plainly(programs)
