"""How runs with taps end: readers that are gone, joins that are cancelled, failures at the end of a component."""

# ruff: noqa: N818, PT012  exceptions are named for what they do; what is raised comes out of a run that is in use

import asyncio
import contextlib
import gc
import threading
import time
from pathlib import Path

import pytest

from cascata import ComponentError, DeadlockError, Graph, component, inport, outport, persist


@component
@inport("item", capacity=3)
@outport("out")
async def same(item, out):
    await out.send(item)


@component
@outport("out")
async def count_to_hundred(out):
    for number in range(100):
        await out.send(number)


def single(definition, inport="item"):
    """Make a graph of one component, whose ports are exported."""
    graph = Graph()
    graph.add("only", definition)
    if inport:
        graph.export(graph.only.ports[inport], "into")
    graph.export(graph.only.out, "out")
    return graph


@pytest.fixture(params=[0, 1])
def start(request):
    """Start a graph in this process, or in a worker."""
    return lambda graph: graph.start(num_workers=request.param)


def settled(main):
    """Run a coroutine; fail if that takes for ever."""
    return asyncio.run(asyncio.wait_for(main, 30))


# Readers that are gone.


def test_a_reader_whose_task_has_failed_holds_up_no_ajoin(start):
    async def main():
        run = start(single(count_to_hundred, inport=None))

        async def read(stream):
            async for _ in stream:
                raise KeyError

        stream = run.stream("out")
        reading = asyncio.create_task(read(stream))
        await asyncio.sleep(0)  # lets it begin
        report = await run.ajoin()
        with pytest.raises(KeyError):
            await reading
        return report, stream

    report, _ = settled(main())
    assert (report.taps["out"].items, report.taps["out"].unread) == (1, 99)


def test_a_reader_that_is_cancelled_while_the_run_is_joined_holds_up_nothing(start):
    async def main():
        run = start(single(count_to_hundred, inport=None))
        stream, got, never = run.stream("out"), asyncio.Event(), asyncio.Event()

        async def read():
            await anext(stream)
            got.set()
            await never.wait()

        reading = asyncio.create_task(read())
        await got.wait()
        joining = asyncio.create_task(run.ajoin())
        await asyncio.sleep(0.1)
        reading.cancel()
        return await joining, stream

    report, _ = settled(main())
    assert report.taps["out"].items == 1


def test_a_reader_whose_thread_has_ended_holds_up_no_join(start):
    run = start(single(count_to_hundred, inport=None))
    items = run.iter("out")
    reading = threading.Thread(target=next, args=(items,))
    reading.start()
    reading.join()
    joining = threading.Thread(target=run.join, daemon=True)
    joining.start()
    joining.join(30)
    assert not joining.is_alive()
    assert run.join().taps["out"].items == 1


def test_a_reader_that_makes_a_task_for_each_step_keeps_its_items(start):
    async def main():
        async with start(single(count_to_hundred, inport=None)) as run:
            stream, seen = run.stream("out"), []

            async def read():
                while True:
                    step = asyncio.ensure_future(anext(stream))
                    try:
                        seen.append(await step)
                    except StopAsyncIteration:
                        return
                    await asyncio.sleep(0.01)

            reading = asyncio.create_task(read())
            await asyncio.sleep(0.05)
        await reading
        return seen

    assert settled(main()) == list(range(100))


def test_what_a_task_reads_without_awaiting_it_is_left_to_it(start):
    async def main():
        async with start(single(count_to_hundred, inport=None)) as run:
            seen = []

            async def read():
                for item in run.iter("out"):
                    seen.append(item)
                    await asyncio.sleep(0.001)

            reading = asyncio.create_task(read())
            await asyncio.sleep(0.01)
        await reading
        return seen

    assert settled(main()) == list(range(100))


def test_what_others_will_read_is_not_unread(start):
    graph, go_on, seen = single(same), threading.Event(), []

    def read(items):
        for item in items:
            seen.append(item)
            go_on.wait(30)

    run = start(graph)
    reading = threading.Thread(target=read, args=(run.iter("out"),))
    reading.start()
    for number in range(6):
        run.put("into", number)
    while not seen:
        time.sleep(0.005)
    report = run.join()
    go_on.set()
    reading.join()
    assert seen == list(range(6))
    assert (report.taps["out"].items, report.taps["out"].unread) == (6, 0)
    assert run.join().taps == report.taps


def test_who_was_woken_and_does_not_come_holds_up_no_other_reader(start):
    with start(single(same)) as run:
        blocked, got, seen = threading.Event(), threading.Event(), []

        async def hold_the_loop():
            stream = run.stream("out")
            step = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            blocked.set()
            got.wait(30)  # keeps the event loop from running
            seen.append(await step)

        def read(items):
            seen.append(next(items))
            got.set()

        holding = threading.Thread(target=lambda: asyncio.run(hold_the_loop()))
        holding.start()
        assert blocked.wait(30)
        items = run.iter("out")
        reading = threading.Thread(target=read, args=(items,))
        reading.start()
        time.sleep(0.1)
        run.put("into", 1)
        assert got.wait(20)
        run.put("into", 2)
        for thread in (holding, reading):
            thread.join(30)
        assert seen == [1, 2]
        run.close("into")
        assert list(items) == []


def test_a_run_is_dead_although_the_reader_of_the_last_item_does_not_come_back(start):
    @component
    @inport("left", capacity=1)
    @inport("right", capacity=1)
    @outport("out")
    async def need_both(left, right, out):
        await out.send(left)

    @component
    @outport("left")
    @outport("right")
    async def send(left, right):
        await left.send(1)
        await right.send(1)
        for _ in range(5):
            await left.send(2)
        await right.send(2)

    graph = Graph()
    graph.add("send", send)
    graph.add("need", need_both)
    graph.send.left >> graph.need.left
    graph.send.right >> graph.need.right
    graph.export(graph.need.out, "out")
    run = start(graph)
    items = run.iter("out")
    assert next(items) == 1
    deadline = time.monotonic() + 30
    while run.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not run.running
    with pytest.raises(DeadlockError, match=r"need\.left"):
        run.join()


# Joins that are cancelled.


def watching():
    """Count the threads that watch taps."""
    names = []
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # one that has just ended
            names.append((thread / "comm").read_text().strip())
    return names.count("taps-watch")


def until_watching(count):
    """Wait until there are so many: a thread has its name, and is gone, a little later than its starter knows."""
    deadline = time.monotonic() + 20
    while watching() != count:
        assert time.monotonic() < deadline, watching()
        time.sleep(0.005)


def test_a_cancelled_ajoin_lets_go_of_the_taps(start):
    @component
    @inport("item")
    @outport("out")
    async def wait(item, out):
        await asyncio.sleep(60)

    async def main():
        gc.collect()
        before = watching()
        run = start(single(wait))
        await run.aput("into", 1)
        until_watching(before + 1)
        joining = asyncio.create_task(run.ajoin())
        await asyncio.sleep(0.2)
        joining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await joining
        assert not run.running
        until_watching(before)

    settled(main())


@component
@inport("item")
@outport("out")
async def never_stop(item, out):
    await out.send(item)
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


@pytest.mark.parametrize(("how", "cancellations"), [("block", 2), ("ajoin", 2), ("ajoin", 3)])
def test_a_second_cancellation_kills_and_waits_for_that(how, cancellations):
    async def main():
        run = single(never_stop).start(num_workers=1)
        inside = asyncio.Event()

        async def block():
            async with run:
                await run.aput("into", 1)
                stream = run.stream("out")
                await anext(stream)
                inside.set()
                if how == "ajoin":
                    await run.ajoin()
                await asyncio.sleep(60)

        task = asyncio.create_task(block())
        await inside.wait()
        for _ in range(cancellations):
            await asyncio.sleep(0.1)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not run.running

    settled(main())


# Inside of the run.


@pytest.mark.parametrize("way", ["aput", "put", "stream", "iter"])
def test_a_component_that_cleans_up_does_not_wait_for_its_own_run(way):
    said = []

    @component
    @inport("item")
    @outport("out")
    async def clean_up(item, out):
        await out.send(item)
        try:
            await asyncio.sleep(60)
        finally:
            if way == "aput":
                said.append(await run.aput("into", 2))
            elif way == "put":
                said.append(run.put("into", 2))
            elif way == "stream":
                said.append([item async for item in stream])
            else:
                said.append(list(items))

    run = single(clean_up).start(num_workers=0)
    items, stream = run.iter("out"), run.stream("out")
    run.put("into", 1)
    assert next(items) == 1
    run.stop()
    while run.running:
        time.sleep(0.005)
    run.join()
    assert said in ([False], [[]])
    items.close()
    asyncio.run(stream.aclose())


# Failures at the end of a component.


class SlowToTell(Exception):
    def __reduce__(self):
        time.sleep(0.3)
        return SlowToTell, ()

    def __str__(self):
        time.sleep(0.3)
        return "slow"


def refuse(value):
    raise SlowToTell


@component
@inport("item")
@outport("out")
@persist("state", list, close=refuse)
async def fail_to_close(item, out, state):
    await out.send(item)


def test_a_close_function_that_fails_is_known_before_the_end_of_what_is_read(start):
    with pytest.raises(ComponentError), start(single(fail_to_close)) as run:
        run.put("into", 1)
        run.close("into")
        seen = []
        try:
            for item in run.iter("out"):
                seen.append(item)  # noqa: PERF402  up to the failure
        except ComponentError:
            assert seen == [1]
        else:
            pytest.fail("the tap came to an end as if nothing had happened")
