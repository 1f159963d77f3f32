"""Inside a component all of asyncio works as anywhere else.

What `inside` runs is also run in a plain task over an `asyncio.Queue`: the tests expect what asyncio does.
"""

import asyncio
import contextlib
import contextvars
import gc
import subprocess
import sys
import threading
import types

import pytest
from parts import chain, emit, relay, turns

from cascata import Graph, component, inport, outport


def plain(body):
    class Out:
        def __init__(self, queue):
            self.send = self.put
            self.queue = queue

        async def put(self, item):
            await self.queue.put(item)
            return True

    async def main():
        queue = asyncio.Queue(1)

        async def drain():
            while True:
                await queue.get()

        drainer = asyncio.create_task(drain())
        await asyncio.create_task(body(Out(queue)), name="c0")
        drainer.cancel()

    asyncio.run(main())


def in_component(workers, *, waited):
    def inside(body):
        @component
        @outport("out")
        async def probe(out):
            for _ in range(5 if waited else 0):  # what continues from here was woken by a channel
                await out.send(None)
            await body(out)

        chain(probe, relay(capacity=1)).run(num_workers=workers)

    return inside


PLACES = {
    "plain": plain,
    "at_once": in_component(0, waited=False),
    "after_a_wait": in_component(0, waited=True),
    "in_a_worker": in_component(1, waited=False),
    "in_a_worker_after_a_wait": in_component(1, waited=True),
}


@pytest.fixture(params=PLACES.values(), ids=PLACES)
def inside(request):
    """Run `body(out)`, where `out` has room for one item and is drained."""
    return request.param


# Tasks.


def test_the_current_task_is_a_task_like_any_other(inside):
    async def body(out):
        task = asyncio.current_task()
        assert isinstance(task, asyncio.Task)
        assert task in asyncio.all_tasks()
        assert task.get_name() == "c0"
        assert task.get_loop() is asyncio.get_running_loop()
        assert not task.done()
        assert "c0" in repr(task)
        task.get_stack()
        task.get_coro()
        for number in range(5):
            await out.send(number)
            assert asyncio.current_task() is task
            await asyncio.sleep(0)
            assert asyncio.current_task() is task

    inside(body)


def test_the_task_is_the_same_in_all_firings(run):
    @component
    @inport("item", capacity=1)
    @outport("out")
    async def identify(item, out):
        await out.send(id(asyncio.current_task()))
        await asyncio.sleep(0)
        await out.send(id(asyncio.current_task()))

    g = chain(emit(*range(20)), identify, relay(capacity=1))
    assert len(set(run(g, collect=[g.c2.out]).collected["c2.out"])) == 1


def test_each_component_has_its_own_task(run_together):
    @component
    @inport("item")
    @outport("out")
    async def identify(item, out):
        await out.send(asyncio.current_task().get_name())

    g = Graph()
    g.source = emit(*range(20))
    for name in ("one", "two"):
        g.source.out >> g.add(name, identify).item
    collected = run_together(g, collect=[g.one.out, g.two.out]).collected
    assert collected == {"one.out": ["one"] * 20, "two.out": ["two"] * 20}


def test_callbacks_run_in_no_task(inside):
    async def body(out):
        seen = []
        asyncio.get_running_loop().call_soon(lambda: seen.append(asyncio.current_task()))
        while not seen:
            await out.send(None)
            await asyncio.sleep(0)
        assert seen == [None]

    inside(body)


def test_all_components_of_a_worker_run_in_one_loop(run_together):
    @component
    @outport("out")
    async def identify(out):
        await out.send(id(asyncio.get_running_loop()))

    g = Graph()
    g.one = identify
    g.two = identify
    g.all = relay()
    g.one.out >> g.all.item
    g.two.out >> g.all.item
    assert len(set(run_together(g, collect=[g.all.out]).collected["all.out"])) == 1


def test_a_running_loop_cannot_be_run_again(inside):
    async def body(out):
        await out.send(None)
        coroutine = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="running event loop"):
            asyncio.run(coroutine)
        coroutine.close()

    inside(body)


def test_a_task_may_outlive_the_firing_that_made_it(run_together):
    tasks = []

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def starter(item, out):
        if not tasks:
            tasks.append(asyncio.create_task(asyncio.sleep(0.002, "result")))
        if item == "last":
            await out.send(await tasks[0])

    g = chain(emit(*range(50), "last"), starter)
    assert run_together(g, collect=[g.c1.out]).collected["c1.out"] == ["result"]


def test_what_is_no_awaitable_is_refused_as_by_any_task(inside):
    @types.coroutine
    def nonsense():
        yield 42

    async def body(out):
        await out.send(None)
        with pytest.raises(RuntimeError, match="bad yield: 42"):
            await nonsense()
        await out.send(None)
        with pytest.raises(RuntimeError, match="cannot await on itself"):
            await asyncio.current_task()
        await out.send(None)

    inside(body)


def test_a_bare_yield_lets_others_run(inside):
    @types.coroutine
    def bare():
        yield

    async def body(out):
        seen = []
        for number in range(5):
            asyncio.get_running_loop().call_soon(seen.append, number)
            await bare()
            assert seen == list(range(number + 1))
            await out.send(None)

    inside(body)


def test_a_future_of_another_loop_is_refused(inside):
    async def body(out):
        await out.send(None)
        other = asyncio.new_event_loop()
        with pytest.raises(RuntimeError, match=r"different loop|attached"):
            await other.create_future()
        other.close()
        await out.send(None)

    inside(body)


def test_an_exception_of_one_component_is_no_context_of_another(run_together):
    caught = asyncio.Event()

    @component
    @outport("out")
    async def first(out):
        try:
            _ = {}["missing"]
        except KeyError:
            caught.set()
            for number in range(20):
                await out.send(number)
                assert isinstance(sys.exc_info()[1], KeyError)

    @component
    @inport("item", capacity=1)
    async def second(item):
        await caught.wait()
        assert sys.exc_info() == (None, None, None)
        with pytest.raises(ValueError, match="literal") as raised:
            int("x")
        assert raised.value.__context__ is None

    run_together(chain(first, second))


# Cancelling.


def test_cancelling_oneself_raises_at_the_next_wait(inside):
    async def body(out):
        task = asyncio.current_task()
        task.cancel("enough")
        assert task.cancelling() == 1
        with pytest.raises(asyncio.CancelledError) as raised:
            await asyncio.sleep(0)
        assert raised.value.args == ("enough",)
        assert task.uncancel() == 0
        await out.send("goes on")
        await asyncio.sleep(0)

    inside(body)


def test_cancelling_oneself_cancels_what_is_awaited_next(inside):
    async def body(out):
        future = asyncio.get_running_loop().create_future()
        asyncio.current_task().cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        assert future.cancelled()
        asyncio.current_task().uncancel()
        await out.send("goes on")

    inside(body)


def test_cancelling_oneself_raises_at_a_send_that_waits(inside):
    async def endless(out):
        while True:
            await out.send(None)

    async def body(out):
        task = asyncio.current_task()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless(out)
        task.uncancel()
        await out.send("goes on")

    inside(body)


def test_cancelling_oneself_twice_raises_once_for_each_wait(inside):
    async def body(out):
        task = asyncio.current_task()
        task.cancel()
        task.cancel()
        assert task.cancelling() == 2
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.uncancel()
        task.uncancel()
        await out.send("goes on")

    inside(body)


def test_a_cancellation_from_outside_arrives_at_any_wait(inside):
    async def body(out):
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        lock = asyncio.Lock()
        await lock.acquire()
        waits = {
            "sleep": lambda: asyncio.sleep(60),
            "future": loop.create_future,
            "event": asyncio.Event().wait,
            "lock": lock.acquire,
            "queue": asyncio.Queue().get,
            "task": lambda: asyncio.create_task(asyncio.sleep(60)),
            "gather": lambda: asyncio.gather(asyncio.sleep(60), asyncio.sleep(60)),
            "wait": lambda: asyncio.wait({inner}),
            "shield": lambda: asyncio.shield(inner),
            "wait_for": lambda: asyncio.wait_for(asyncio.sleep(60), 60),
            "condition": asyncio.Event().wait,
        }
        inner = asyncio.create_task(asyncio.sleep(60))
        for name, wait in waits.items():
            loop.call_soon(task.cancel, name)
            with pytest.raises(asyncio.CancelledError):
                await wait()
            task.uncancel()
            await out.send(name)
        assert not inner.done()
        inner.cancel()

    inside(body)


def test_a_task_that_swallows_its_cancellation_gives_its_result(inside):
    async def stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "result"

    async def body(out):
        task = asyncio.current_task()
        inner = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(task.cancel)
        assert await inner == "result"
        task.uncancel()
        await out.send("goes on")

    inside(body)


def test_finally_blocks_may_wait_after_a_cancellation(inside):
    async def body(out):
        done = []

        async def careful():
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                await out.send(None)
                await out.send(None)
                done.append(True)

        task = asyncio.create_task(careful())
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done

    inside(body)


def test_a_component_may_cancel_a_wait_of_another(run_together):
    tasks = []

    @component
    @outport("out")
    async def waits(out):
        tasks.append(asyncio.current_task())
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(60)
        asyncio.current_task().uncancel()
        await out.send("cancelled")

    @component
    async def cancels():
        while not tasks:
            await turns()
        tasks[0].cancel()

    g = Graph()
    g.waits = waits
    g.cancels = cancels
    assert run_together(g, collect=[g.waits.out]).collected["waits.out"] == ["cancelled"]


def test_a_component_may_cancel_the_send_of_another(run_together):
    tasks = []
    cancelled = asyncio.Event()

    @component
    @outport("out")
    async def sends(out):
        tasks.append(asyncio.current_task())
        await out.send(0)
        await out.send(1)
        with pytest.raises(asyncio.CancelledError):
            await out.send("cancelled")
        asyncio.current_task().uncancel()
        cancelled.set()
        await out.send("last")

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def cancels(item, out):
        await out.send(item)
        if item == 0:
            await turns()
            tasks[0].cancel()
        await cancelled.wait()

    g = chain(sends, cancels)
    assert run_together(g, collect=[g.c1.out]).collected["c1.out"] == [0, 1, "last"]


# Timeouts.


def test_a_timeout_expires(inside):
    async def body(out):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001) as scope:
                    await asyncio.sleep(60)
            assert scope.expired()
            assert asyncio.current_task().cancelling() == 0
            await out.send(None)

    inside(body)


def test_a_timeout_does_not_expire(inside):
    async def body(out):
        async with asyncio.timeout(60) as scope:
            for number in range(20):
                await out.send(number)
                await asyncio.sleep(0)
        assert not scope.expired()

    inside(body)


def test_the_outer_of_two_timeouts_expires(inside):
    async def body(out):
        inner, outer = asyncio.timeout(60), asyncio.timeout(0.002)
        with pytest.raises(TimeoutError):
            async with outer, inner:
                await asyncio.sleep(60)
        assert outer.expired()
        assert not inner.expired()
        await out.send(None)

    inside(body)


def test_a_timeout_may_be_put_off(inside):
    async def body(out):
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(0.001) as scope:
            scope.reschedule(loop.time() + 60)
            await asyncio.sleep(0.005)
            await out.send(None)
        assert not scope.expired()

    inside(body)


def test_a_timeout_of_zero_expires_at_the_first_wait(inside):
    async def body(out):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.sleep(60)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(60), 0)
        await out.send(None)

    inside(body)


def test_a_timeout_over_endless_sends_expires(inside):
    async def endless(out):
        while True:
            await out.send(None)
            await asyncio.sleep(0)

    async def body(out):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await endless(out)
        await out.send(None)

    inside(body)


def test_a_timeout_expires_although_nothing_is_awaited_but_sends(run):
    @component
    @outport("out")
    async def endless(out):
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                while True:
                    await out.send(sent)
                    sent += 1
        await out.send("end")

    g = chain(endless, relay(capacity=3))
    got = run(g, collect=[g.c1.out]).collected["c1.out"]
    assert got[-1] == "end"
    assert got[:-1] in (list(range(len(got) - 1)), list(range(len(got) - 2)))


# Groups of tasks.


def test_a_task_group_gives_results(inside):
    async def body(out):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(10)]
            await out.send(None)
        assert [task.result() for task in tasks] == list(range(10))
        await out.send(None)

    inside(body)


def test_a_failing_child_cancels_its_task_group(inside):
    async def fail():
        await asyncio.sleep(0)
        raise KeyError

    async def work(out, cancelled):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            try:
                while True:
                    await out.send(None)
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

    async def body(out):
        cancelled = []
        with pytest.raises(ExceptionGroup) as raised:
            await work(out, cancelled)
        assert [type(error) for error in raised.value.exceptions] == [KeyError]
        assert cancelled
        assert asyncio.current_task().cancelling() == 0
        await out.send(None)

    inside(body)


def test_gather_wait_and_as_completed(inside):
    async def fail():
        raise KeyError

    async def body(out):
        first, second = await asyncio.gather(asyncio.sleep(0, "a"), fail(), return_exceptions=True)
        assert first == "a"
        assert isinstance(second, KeyError)
        await out.send(None)
        slow = asyncio.create_task(asyncio.sleep(60))
        quick = asyncio.create_task(asyncio.sleep(0))
        done, pending = await asyncio.wait({slow, quick}, return_when=asyncio.FIRST_COMPLETED)
        assert (done, pending) == ({quick}, {slow})
        slow.cancel()
        results = {await next_one for next_one in asyncio.as_completed([asyncio.sleep(0, n) for n in range(5)])}
        assert results == set(range(5))

    inside(body)


# Contexts.


def test_a_context_variable_keeps_its_value_until_the_next_firing(run):
    variable = contextvars.ContextVar("variable", default=0)

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def count(item, out):
        await asyncio.sleep(0)
        before = variable.get()
        variable.set(before + 1)
        await out.send(before)
        assert variable.get() == before + 1

    g = chain(emit(*range(20)), count, relay(capacity=1))
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(range(20))


def test_a_context_variable_belongs_to_one_component(run_together):
    variable = contextvars.ContextVar("variable", default="nobody")

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def own(item, out):
        name = asyncio.current_task().get_name()
        assert variable.get() == (name if item else "nobody")
        variable.set(name)
        await out.send(name)
        assert variable.get() == name

    g = Graph()
    g.source = emit(*range(20))
    for name in ("one", "two"):
        g.source.out >> g.add(name, own).item
        g.nodes[name].out >> g.add(f"after_{name}", relay(capacity=1)).item
    run_together(g)
    assert variable.get() == "nobody"


def test_a_context_variable_belongs_to_one_trigger_group(run_together):
    variable = contextvars.ContextVar("variable", default=0)
    turn = asyncio.Event()

    @component
    @inport("a", capacity=1)
    @inport("b", capacity=1)
    @outport("seen")
    async def two(a, b, seen):
        if b is None:  # the group of `a` comes first
            variable.set(variable.get() + 1)
            if a == 5:
                turn.set()
        await seen.send(variable.get())

    @component
    @outport("out")
    async def later(out):
        await turn.wait()
        await out.send("b")

    g = Graph()
    g.first = emit(1, 2, 3, 4, 5)
    g.later = later
    g.two = two
    g.first.out >> g.two.a
    g.later.out >> g.two.b
    g.two.clk(g.two.a, g.two.b)
    assert run_together(g, collect=[g.two.seen]).collected["two.seen"] == [1, 2, 3, 4, 5, 0]


def test_the_callers_context_is_that_of_a_run_in_its_loop():
    variable = contextvars.ContextVar("variable", default="nothing")

    @component
    @outport("out")
    async def look(out):
        await out.send(variable.get())
        variable.set("changed")

    async def main():
        variable.set("the caller's")
        g = chain(look)
        report = await g.arun(num_workers=0, collect=[g.c0.out])
        assert variable.get() == "the caller's"
        return report

    assert asyncio.run(main()).collected["c0.out"] == ["the caller's"]


def test_a_tasks_context_is_a_copy(inside):
    variable = contextvars.ContextVar("variable")

    async def child():
        assert variable.get() == "parent"
        variable.set("child")

    async def body(out):
        variable.set("parent")
        await out.send(None)
        await asyncio.create_task(child())
        assert variable.get() == "parent"
        await out.send(None)
        assert variable.get() == "parent"
        assert await asyncio.to_thread(variable.get) == "parent"

    inside(body)


# Locks, queues, threads, processes, sockets.


def test_components_of_one_worker_share_an_event_a_lock_and_a_queue(run_together):
    event, lock, queue = asyncio.Event(), asyncio.Lock(), asyncio.Queue(2)
    inside = []

    @component
    @outport("out")
    async def first(out):
        for number in range(10):
            async with lock:
                inside.append("first")
                assert inside == ["first"]
                await out.send(number)
                await asyncio.sleep(0)
                inside.clear()
            await queue.put(number)
        event.set()

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def second(item, out):
        assert await queue.get() == item
        async with lock:
            inside.append("second")
            assert inside == ["second"]
            await asyncio.sleep(0)
            inside.clear()
        await out.send(item)

    @component
    @outport("out")
    async def third(out):
        await event.wait()
        await out.send("set")

    g = chain(first, second)
    g.third = third
    collected = run_together(g, collect=[g.c1.out, g.third.out]).collected
    assert collected == {"c1.out": list(range(10)), "third.out": ["set"]}


def test_a_future_may_be_set_by_another_component(run_together):
    futures = {}

    @component
    @inport("item")
    @outport("out")
    async def asks(item, out):
        futures[item] = asyncio.get_running_loop().create_future()
        await out.send(item)
        assert await futures[item] == -item

    @component
    @inport("item")
    async def answers(item):
        futures[item].set_result(-item)

    run_together(chain(emit(*range(20)), asks, answers))


def test_threads(inside):
    async def body(out):
        loop = asyncio.get_running_loop()
        here = threading.get_ident()
        assert await asyncio.to_thread(threading.get_ident) != here
        await out.send(None)
        assert await loop.run_in_executor(None, lambda: 1 + 1) == 2
        future = loop.create_future()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(future.set_result, "from a thread"))
        thread.start()
        assert await future == "from a thread"
        thread.join()
        with pytest.raises(ValueError, match="literal"):
            await asyncio.to_thread(int, "x")
        assert await asyncio.to_thread(asyncio.run, asyncio.sleep(0, "another loop")) == "another loop"
        await out.send(None)

    inside(body)


def test_subprocesses(inside):
    async def body(out):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print(input()[::-1])", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        await out.send(None)
        output, _ = await process.communicate(b"abc\n")
        assert output == b"cba\n"
        assert process.returncode == 0
        await out.send(None)

    inside(body)


def test_a_subprocess_that_blocks(inside):
    async def body(out):
        await out.send(None)
        done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True)  # noqa: ASYNC221
        assert done.stdout == b"1\n"

    inside(body)


def test_sockets(inside):
    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()

    async def body(out):
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            for number in range(20):
                await out.send(number)
                writer.write(b"line %d\n" % number)
                assert await reader.readline() == b"LINE %d\n" % number
            writer.close()
            await writer.wait_closed()

    inside(body)


# Generators and recursion.


def test_async_generators(inside):
    async def body(out):
        closed = []

        async def generate():
            try:
                for number in range(10):
                    await out.send(number)
                    yield number
                    await asyncio.sleep(0)
            finally:
                await out.send("closing")
                closed.append(True)

        assert [number async for number in generate()] == list(range(10))
        assert closed == [True]
        async with contextlib.aclosing(generate()) as numbers:
            async for number in numbers:
                if number == 3:
                    break
        assert closed == [True, True]

    inside(body)


def test_an_abandoned_async_generator_is_closed(inside):
    async def body(out):
        closed = []

        async def generate():
            try:
                while True:
                    yield
            finally:
                await asyncio.sleep(0)
                await out.send("closing")
                closed.append(True)

        async for _ in generate():
            break
        gc.collect()
        while not closed:  # noqa: ASYNC110  the loop's own hook closes it
            await asyncio.sleep(0)

    inside(body)


def test_two_hundred_nested_awaits(inside):
    async def nested(depth, out):
        if depth == 0:
            for number in range(5):
                await out.send(number)
                await asyncio.sleep(0)
            return 0
        return 1 + await nested(depth - 1, out)

    async def body(out):
        assert await nested(200, out) == 200

    inside(body)


def test_an_exception_goes_through_two_hundred_nested_awaits(inside):
    async def nested(depth, out):
        if depth == 0:
            for number in range(5):
                await out.send(number)
            await asyncio.sleep(60)
        await nested(depth - 1, out)

    async def body(out):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(nested(200, out), 0.01)
        await out.send(None)

    inside(body)


def test_awaitable_objects_and_generator_coroutines(inside):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return (yield from asyncio.sleep(0, "result").__await__())

    @types.coroutine
    def generator(out):
        yield from out.send(None).__await__()
        yield from out.send(None).__await__()
        return "generated"

    async def body(out):
        assert await Awaitable() == "result"
        assert await generator(out) == "generated"

    inside(body)


# Fairness.


def test_sleeping_for_no_time_lets_other_components_run(run_together):
    order = []

    def looping(name):
        @component
        @outport("out")
        async def turn(out):
            for _ in range(10):
                order.append(name)
                await asyncio.sleep(0)
            await out.send(list(order))

        return turn

    g = Graph()
    g.one = looping("one")
    g.two = looping("two")
    seen = run_together(g, collect=[g.one.out]).collected["one.out"][0]
    assert seen[:10].count("two") in (4, 5, 6)


# Loops of other kinds, for a run in the caller's.


def arun_in(run_loop):
    seen = []

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def work(item, out):
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            inner = group.create_task(asyncio.sleep(0, item))
            group.create_task(out.send(item))
        await out.send(await inner)
        await asyncio.to_thread(seen.append, asyncio.current_task().get_name())

    g = chain(emit(*range(20)), work, relay(capacity=1))
    report = run_loop(g.arun(num_workers=0, collect=[g.c2.out]))
    assert report.collected["c2.out"] == [item for item in range(20) for _ in range(2)]
    assert set(seen) == {"c1"}


def test_a_loop_in_debug_mode():
    arun_in(lambda coroutine: asyncio.run(coroutine, debug=True))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_a_loop_with_eager_tasks():
    async def main(coroutine):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await asyncio.create_task(coroutine)

    arun_in(lambda coroutine: asyncio.run(main(coroutine)))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_sends_in_eager_tasks():
    @component
    @outport("out")
    async def sender(out):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        sends = [asyncio.create_task(out.send(number)) for number in range(20)]
        assert all(await asyncio.gather(*sends))
        async with asyncio.TaskGroup() as group:
            for number in range(20, 40):
                group.create_task(out.send(number))
        current = asyncio.current_task()
        for number in range(40, 60):
            await asyncio.create_task(asyncio.sleep(0))
            await out.send(number)
            assert asyncio.current_task() is current

    g = chain(sender, relay(capacity=2))
    assert g.run(num_workers=0, collect=[g.c1.out]).collected["c1.out"] == list(range(60))


def test_a_loop_of_uvloop(uvloop):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        arun_in(runner.run)


def test_a_custom_task_factory_makes_the_tasks_of_components_code():
    made = []

    def factory(loop, coroutine, **options):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main(coroutine):
        asyncio.get_running_loop().set_task_factory(factory)
        return await coroutine

    arun_in(lambda coroutine: asyncio.run(main(coroutine)))
    assert len(made) >= 40
