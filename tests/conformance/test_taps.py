"""The calling program feeds and reads a running graph."""

# ruff: noqa: PT012, S311  what is raised comes out of a run that is in use; times are drawn, not secrets

import asyncio
import contextlib
import gc
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker

import numpy as np
import pytest

from cascata import ComponentError, DeadlockError, Graph, GraphError, ItemError, RunTimeout, component, inport, outport


@pytest.fixture(scope="module", autouse=True)
def _tracker():
    """Start the process that keeps track of what `multiprocessing` makes for spawned processes; it stays."""
    resource_tracker.ensure_running()


def starter(method):
    def begin(graph, **options):
        if method == "in_process":
            return graph.start(num_workers=0, **options)
        return graph.start(num_workers=2, start_method=method, **options)

    begin.here = method == "in_process"
    return begin


@pytest.fixture(params=["in_process", "fork"])
def start(request):
    """Start a graph in this process, or in worker processes."""
    return starter(request.param)


@pytest.fixture(params=["in_process", "fork", "spawn"])
def start_anyhow(request):
    """Start a graph in this process, or in workers of either kind, where that could make a difference."""
    return starter(request.param)


@component
@inport("item", capacity=3)
@outport("out")
async def double(item, out):
    await out.send(2 * item)


@component
@inport("item")
@outport("out")
async def odd(item, out):
    if item % 2:
        await out.send(item)


@component
@inport("item")
@outport("out")
async def fail_at_three(item, out):
    if item == 3:
        msg = "three"
        raise ValueError(msg)
    await out.send(item)


@component
@outport("out")
async def count_up(out):
    number = 0
    while await out.send(number):
        number += 1


@component
@inport("item")
@outport("out")
async def add_up(item, out):
    pass


@add_up.finish
async def tell(out):
    await out.send("finished")


def single(definition, inport="item", outport="out"):
    """Make a graph of one component, whose ports are exported."""
    graph = Graph()
    graph.add("only", definition)
    if inport:
        graph.export(graph.only.ports[inport], "into")
    if outport:
        graph.export(graph.only.ports[outport], "out")
    return graph


def feed(run, items):
    for item in items:
        run.put("into", item)
    run.close("into")


class Threads:
    """Threads whose failures are the test's, joined at the end."""

    def __init__(self):
        self.threads, self.errors = [], []

    def begin(self, function, *args):
        def run():
            try:
                function(*args)
            except BaseException as error:  # noqa: BLE001  told in the test's thread
                self.errors.append(error)

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        if kind is None:
            for failure in self.errors:
                raise failure


# Feeding and reading.


def test_items_go_in_and_results_come_out_in_order(start_anyhow):
    with start_anyhow(single(double)) as run:
        for number in range(4):
            assert run.put("into", number)
        run.close("into")
        assert list(run.iter("out")) == [0, 2, 4, 6]
    report = run.join()
    assert (report.taps["into"].items, report.taps["out"].items, report.taps["out"].unread) == (4, 4, 0)
    assert report.components.keys() == {"only"}


def test_question_and_answer(start):
    with start(single(double)) as run:
        answers = run.iter("out")
        for number in range(50):
            run.put("into", number)
            assert next(answers) == 2 * number


def test_a_feeder_and_a_reader_in_two_threads(start):
    with start(single(double)) as run, Threads() as threads:
        threads.begin(feed, run, range(3000))
        assert list(run.iter("out")) == [2 * number for number in range(3000)]


def test_coroutines(start_anyhow):
    async def main():
        async with start_anyhow(single(double)) as run:

            async def write():
                for number in range(1000):
                    assert await run.aput("into", number)
                run.close("into")

            writing = asyncio.create_task(write())
            items = [item async for item in run.stream("out")]
            await writing
        return items, await run.ajoin()

    items, report = asyncio.run(main())
    assert items == [2 * number for number in range(1000)]
    assert report.taps["into"].items == 1000


def test_back_pressure_is_that_of_the_ports(start):
    with start(single(double)) as run:
        inside = 0
        with contextlib.suppress(TimeoutError):
            while run.put("into", inside, timeout=1.0):
                inside += 1
        with pytest.raises(TimeoutError, match=r"run\.put\('into', \.\.\.\): no room within 0\.01 s"):
            run.put("into", inside, timeout=0.01)
        # Three before the component, ten behind it, and one in its firing.
        assert inside == 14
        answers = run.iter("out")
        assert [next(answers) for _ in range(inside)] == [2 * number for number in range(inside)]
        run.put("into", 100)
        assert next(answers) == 200


def test_reading_waits_no_longer_than_is_said(start):
    with start(single(odd)) as run:
        answers = run.iter("out", timeout=0.05)
        run.put("into", 2)
        with pytest.raises(TimeoutError, match=r"run\.iter\(.out.\): no item within 0\.05 s"):
            next(answers)
        run.put("into", 3)
        run.close("into")
        assert list(run.iter("out")) == [3]


def test_many_threads_and_coroutines_each_item_once(start_anyhow):
    graph = single(double)
    seen, lock = Counter(), threading.Lock()
    readers, feeders, each = 3, 3, 300

    def note(items):
        mine = Counter(items)
        with lock:
            seen.update(mine)

    with start_anyhow(graph) as run, Threads() as threads:
        open_feeders = threading.Semaphore(0)

        def write(begin):
            for number in range(begin, begin + each):
                run.put("into", number)
            open_feeders.release()

        async def awrite(begin):
            for number in range(begin, begin + each):
                await run.aput("into", number)
            open_feeders.release()

        async def aread():
            note([item async for item in run.stream("out")])

        async def both(begin):
            await asyncio.gather(awrite(begin), aread(), aread())

        for number in range(readers):
            threads.begin(lambda: note(run.iter("out")))
            threads.begin(write, number * each)
            threads.begin(lambda number=number: asyncio.run(both((readers + number) * each)))
        for _ in range(2 * feeders):
            assert open_feeders.acquire(timeout=30)
        run.close("into")
    assert seen == Counter(2 * number for number in range(2 * feeders * each))


def test_each_thread_s_items_stay_in_order(start):
    with start(single(double)) as run, Threads() as threads:

        def write(name):
            for number in range(200):
                run.put("into", np.array([name, number]))

        for name in range(3):
            threads.begin(write, name)
        threads.begin(lambda: [thread.join() for thread in threads.threads[:3]] and run.close("into"))
        came = [item.tolist() for item in run.iter("out")]
    for name in range(3):
        assert [number for key, number in came if key == 2 * name] == [2 * number for number in range(200)]


def test_what_is_read_in_the_calling_process_is_what_was_sent():
    given = []

    @component
    @inport("item")
    @outport("out")
    async def keep(item, out):
        given.append(item)
        await out.send(item)

    graph = single(keep)
    item = threading.Lock()
    with graph.start(num_workers=0) as run:
        run.put("into", item)
        run.close("into")
        assert next(run.iter("out")) is item
    assert given == [item]


def test_arrays_are_views_that_outlive_the_run(start):
    with start(single(double)) as run:
        run.put("into", np.arange(10_000))
        run.close("into")
        (array,) = run.iter("out")
    run.join()
    assert (array == 2 * np.arange(10_000)).all()


def test_a_graph_of_several_runs_at_once(start):
    graph = single(double)
    with start(graph) as one, start(graph) as other:
        for run, number in ((one, 1), (other, 2)):
            run.put("into", number)
            run.close("into")
        assert (list(one.iter("out")), list(other.iter("out"))) == ([2], [4])


# Groups.


def grouped(policy=None, *, ordered=True, definition=double):
    graph = Graph()
    graph.add("members", definition * 3)
    graph.export(getattr(graph.members.item, policy) if policy else graph.members.item, "into")
    graph.export(graph.members.out if ordered else graph.members.out.unordered, "out")
    return graph


@pytest.mark.parametrize("policy", [None, "round_robin"])
def test_a_group_shares_out_and_is_gathered_in_order(start_anyhow, policy):
    with start_anyhow(grouped(policy)) as run, Threads() as threads:
        threads.begin(feed, run, range(500))
        assert list(run.iter("out")) == [2 * number for number in range(500)]


def test_filters_in_a_group_keep_the_order(start):
    with start(grouped(definition=odd)) as run, Threads() as threads:
        threads.begin(feed, run, range(300))
        assert list(run.iter("out")) == list(range(1, 300, 2))


def test_an_unordered_group(start):
    with start(grouped(ordered=False)) as run, Threads() as threads:
        threads.begin(feed, run, range(300))
        assert sorted(run.iter("out")) == [2 * number for number in range(300)]


def test_a_broadcast(start):
    with start(grouped("broadcast")) as run, Threads() as threads:
        threads.begin(feed, run, range(100))
        assert list(run.iter("out")) == [2 * number for number in range(100) for _ in range(3)]


class Closes:
    """Closes the tap in the middle of being put in."""

    def __init__(self, run):
        self.run = run

    def __reduce__(self):
        self.run.close("into")
        return str, ("inside",)


def test_a_tap_that_is_closed_in_the_middle_of_a_put():
    graph = Graph()
    graph.add("tell", passes)
    graph.export(graph.tell.item, "into")
    graph.export(graph.tell.out, "out")
    with graph.start(num_workers=1) as run:
        assert run.put("into", Closes(run))
        with pytest.raises(RuntimeError, match="closed"):
            run.put("into", 2)
        assert list(run.iter("out")) == ["inside"]


def test_several_readers_of_a_group(start):
    seen, lock = Counter(), threading.Lock()

    def read(run):
        mine = list(run.iter("out"))
        assert mine == sorted(mine)
        with lock:
            seen.update(mine)

    with start(grouped()) as run, Threads() as threads:
        for _ in range(3):
            threads.begin(read, run)
        feed(run, range(600))
    assert seen == Counter(2 * number for number in range(600))


@component
@inport("item")
@outport("out")
async def passes(item, out):
    await out.send(item)


@component
@inport("left")
@inport("right")
@outport("out")
async def together(left, right, out):
    await out.send((left, right))


def test_rows_of_a_group_stay_together(start):
    graph = Graph()
    graph.add("members", together * 3)
    graph.export(graph.members.left, "left")
    graph.export(graph.members.right, "right")
    graph.export(graph.members.out, "out")

    def write(run, name):
        for number in range(200):
            run.put(name, number)
        run.close(name)

    with start(graph) as run, Threads() as threads:
        threads.begin(write, run, "left")
        threads.begin(write, run, "right")
        assert list(run.iter("out")) == [(number, number) for number in range(200)]


def test_batches_and_a_loop(start):
    @component
    @inport("numbers")
    @outport("again")
    @outport("out")
    async def halve(numbers, again, out):
        for number in numbers:
            await (again if number > 1 else out).send(number // 2)

    graph = Graph()
    graph.add("first", double)
    graph.add("halve", halve)
    graph.first.out.batch(4).connect(graph.halve.numbers)
    graph.halve.again.batch(4).connect(graph.halve.numbers)
    graph.export(graph.first.item, "into")
    graph.export(graph.halve.out, "out")
    with start(graph) as run:
        feed(run, [4, 5, 6])
        assert list(run.iter("out")) == [0, 0, 0]


def test_a_tap_feeds_a_loop(start):
    @component
    @inport("number")
    @outport("again")
    @outport("out")
    async def halve(number, again, out):
        await (again if number > 1 else out).send(number // 2)

    graph = single(halve, inport=None)
    graph.add("first", double)
    graph.first.out >> graph.only.number
    graph.only.again >> graph.only.number
    graph.export(graph.first.item, "into")
    with start(graph) as run:
        feed(run, [1, 2, 3])
        assert list(run.iter("out")) == [0, 0, 0]


# What is a tap, and what is not.


def test_values_are_kept_unless_said_otherwise(start):
    @component
    @inport("item")
    @inport("factor", default=10)
    @outport("out")
    async def multiply(item, factor, out):
        await out.send(item * factor)

    graph = single(multiply)
    graph.export(graph.only.factor, "factor")
    with start(graph) as run:
        feed(run, [1, 2])
        assert list(run.iter("out")) == [10, 20]
        with pytest.raises(GraphError, match=r"'factor'.*has a value.*start\(feed=\['factor'\]\)"):
            run.put("factor", 5)
    with start(graph, feed=["factor"]) as run:
        run.put("factor", 100)
        run.close("factor")
        feed(run, [1, 2])
        assert list(run.iter("out")) == [100]
    graph.only.factor.set(7)
    with start(graph, feed=["factor"]) as run:
        run.put("factor", 100)
        run.close("factor")
        feed(run, [1, 2])
        assert list(run.iter("out")) == [7, 200]


def test_only_inports_can_be_asked_for():
    graph = single(double)
    for name in ("out", "in"):
        with pytest.raises(GraphError, match=rf"{name} cannot be fed.*into"):
            graph.start(num_workers=0, feed=[name])
    with pytest.raises(TypeError, match="list of names"):
        graph.start(num_workers=0, feed="into")


def test_run_refuses_what_start_lets_pass():
    graph = single(double)
    with pytest.raises(DeadlockError, match="into"):
        graph.run(num_workers=0)
    with pytest.raises(DeadlockError):
        graph.check_deadlocks()
    graph.start(num_workers=0).join()


def test_what_no_tap_feeds_is_refused():
    graph = single(together, inport="left")
    with pytest.raises(DeadlockError, match="right"):
        graph.start(num_workers=0)


def test_two_names_of_one_port_are_one_tap(start):
    graph = single(double)
    graph.export(graph.only.item, "alias")
    with start(graph) as run:
        run.put("into", 1)
        run.put("alias", 2)
        run.close("alias")
        assert list(run.iter("out")) == [2, 4]
        with pytest.raises(RuntimeError, match=r"closed|the run is over"):
            run.put("into", 3)


def test_what_is_connected_inside_is_no_tap(start):
    graph = Graph()
    graph.add("first", double)
    graph.add("second", double)
    graph.first.out >> graph.second.item
    graph.export(graph.first.item, "into")
    graph.export(graph.first.out, "middle")
    graph.export(graph.second.item, "inner")
    graph.export(graph.second.out, "out")
    with start(graph) as run:
        for attempt in (lambda: run.iter("middle"), lambda: run.put("inner", 1)):
            with pytest.raises(GraphError, match="connected inside"):
                attempt()
        feed(run, [1])
        assert list(run.iter("out")) == [4]


def test_names_that_are_wrong(start):
    with start(single(double)) as run:
        with pytest.raises(GraphError, match=r"exports no 'imto'; did you mean 'into'\? What can be fed: 'into'"):
            run.put("imto", 1)
        with pytest.raises(GraphError, match=r"exports no 'xyz'\. What can be read: 'out'"):
            run.iter("xyz")
        with pytest.raises(GraphError, match=r"run\.put\('out', \.\.\.\): it is an exported outport"):
            run.put("out", 1)
        with pytest.raises(GraphError, match=r"run\.close\('out'\)"):
            run.close("out")
        for read in (run.iter, run.stream):
            with pytest.raises(GraphError, match=r"'into'\): it is an exported inport.*run\.put"):
                read("into")


def test_a_graph_without_exports_has_none(start):
    graph = single(count_up, inport=None, outport=None)
    with start(graph) as run, pytest.raises(GraphError, match="What can be read: nothing"):
        run.iter("out")


def test_a_run_that_was_not_started_by_start_has_no_taps(start):
    graph = single(count_up, inport=None)
    report = graph.run(num_workers=0 if start.here else 1)
    assert (report.taps, report.components["only"].outports["out"].dropped) == ({}, 1)


# The end.


def test_join_closes_and_discards_and_counts(start_anyhow):
    run = start_anyhow(single(double))
    for number in range(14):
        run.put("into", number)
    report = run.join()
    assert report.components["only"].firings == 14
    assert report.taps["into"].items == 14
    assert (report.taps["out"].items, report.taps["out"].unread) == (0, 14)
    assert "14 items of the export out came to nothing: not read" in str(report)
    assert list(run.iter("out")) == []


def test_join_lets_finish_functions_run(start):
    with start(single(add_up)) as run:
        answers = run.iter("out")
        run.put("into", 1)
        run.close("into")
        assert next(answers) == "finished"
    assert run.join().taps["out"].items == 1


def test_an_endless_source_ends_when_it_is_joined(start):
    with start(single(count_up, inport=None)) as run:
        numbers = run.iter("out")
        assert [next(numbers) for _ in range(50)] == list(range(50))
    assert run.join().taps["out"].items == 50


def test_join_leaves_what_other_threads_read_to_them(start):
    graph = single(double)
    begun, seen = threading.Event(), []

    def read(run):
        for item in run.iter("out"):
            seen.append(item)
            begun.set()
            time.sleep(0.01)

    with Threads() as threads:
        run = start(graph)
        threads.begin(read, run)
        for number in range(20):
            run.put("into", number)
        assert begun.wait(30)
        run.join()
    assert seen == [2 * number for number in range(20)]


def test_ajoin_leaves_what_other_tasks_read_to_them(start):
    async def main():
        seen = []

        async def read(run):
            async for item in run.stream("out"):
                seen.append(item)
                await asyncio.sleep(0.005)

        async with start(single(double)) as run:
            reading = asyncio.create_task(read(run))
            for number in range(20):
                await run.aput("into", number)
        await reading
        return seen

    assert asyncio.run(main()) == [2 * number for number in range(20)]


@pytest.mark.parametrize("how", ["break", "close", "delete"])
def test_a_reader_that_is_given_up_stops_the_run(start, how):
    @component
    @outport("out")
    async def endless(out):
        while True:
            await out.send(0)

    with start(single(endless, inport=None)) as run:
        if how == "break":
            for _ in run.iter("out"):
                break
        else:
            reader = run.iter("out")
            next(reader)
            if how == "close":
                reader.close()
                assert list(reader) == []
            del reader
            gc.collect()
    assert not run.running
    assert run.join().taps["out"].items == 1


def test_a_stream_that_is_given_up_stops_the_run(start):
    @component
    @outport("out")
    async def endless(out):
        while True:
            await out.send(0)

    async def main():
        async with start(single(endless, inport=None)) as run:
            async for _ in run.stream("out"):
                break
        async with start(single(endless, inport=None)) as run:
            stream = run.stream("out")
            await anext(stream)
            await stream.aclose()

    asyncio.run(main())


def test_a_reader_among_others_may_leave(start):
    with start(single(double)) as run:
        one, other = run.iter("out"), run.iter("out")
        run.put("into", 1)
        run.put("into", 2)
        assert next(one) == 2
        assert next(other) == 4
        one.close()
        run.put("into", 3)
        assert next(other) == 6
        run.close("into")
        assert list(other) == []


def test_a_reader_that_has_not_begun_is_none(start):
    with start(single(double)) as run:
        run.iter("out").close()
        asyncio.run(run.stream("out").aclose())
        run.put("into", 1)
        run.close("into")
        assert list(run.iter("out")) == [2]


def test_stop_ends_those_who_wait(start):
    graph = single(double)
    graph.add("other", double)
    graph.export(graph.other.out, "never")
    graph.export(graph.other.item, "unfed")
    results = {}

    with start(graph) as run, Threads() as threads:

        def write():
            while run.put("into", 1):
                pass
            results["put"] = "False"

        def read():
            results["iter"] = list(run.iter("never"))

        async def wait():
            stream = [item async for item in run.stream("never")]
            results["stream"], results["aput"] = stream, await run.aput("into", 1)

        threads.begin(write)
        threads.begin(read)
        threads.begin(lambda: asyncio.run(wait()))
        time.sleep(0.2)
        run.stop()
    assert results == {"put": "False", "iter": [], "stream": [], "aput": False}


def test_an_exception_in_the_block_stops_the_run(start):
    with pytest.raises(KeyError), start(single(double)) as run:
        run.put("into", 1)
        raise KeyError
    assert not run.running
    with pytest.raises(RuntimeError, match="over"):
        run.join() and run.put("into", 1)


def test_put_after_the_end(start):
    with start(single(double)) as run:
        run.put("into", 1)
        run.close("into")
        run.close("into")
        with pytest.raises(
            RuntimeError, match=r"run\.put\(.into., \.\.\.\): the (tap to only\.item is closed|run is over)"
        ):
            run.put("into", 2)
        with pytest.raises(RuntimeError, match=r"closed|the run is over"):
            asyncio.run(run.aput("into", 2))
    with pytest.raises(RuntimeError, match="the run is over"):
        run.put("into", 2)


def test_put_says_when_nobody_can_receive(start):
    @component
    @inport("item")
    @inport("stop")
    async def until_stopped(item, stop):
        pass

    graph = single(until_stopped, outport=None)
    graph.export(graph.only.stop, "stop")
    with start(graph) as run:
        run.close("stop")
        while run.put("into", 1):
            pass
        assert not run.put("into", 1)
    assert run.join().components["only"].inports["item"].discarded > 0


# Failures.


def test_readers_get_what_there_is_and_then_the_failure(start_anyhow):
    with pytest.raises(ComponentError, match="three"), start_anyhow(single(fail_at_three)) as run:
        feed(run, [1, 2, 3, 4])
        items = run.iter("out")
        assert (next(items), next(items)) == (1, 2)
        with pytest.raises(ComponentError, match="three"):
            next(items)
        assert list(items) == []
        with pytest.raises(ComponentError, match="three"):
            list(run.iter("out"))
        with pytest.raises(ComponentError, match="three"):
            run.put("into", 1)
        run.join()


def test_coroutines_get_the_failure(start):
    async def main():
        async with start(single(fail_at_three)) as run:
            stream = run.stream("out")
            for number in (1, 2, 3):
                await run.aput("into", number)
            assert [await anext(stream), await anext(stream)] == [1, 2]
            with pytest.raises(ComponentError, match="three"):
                await anext(stream)
            assert [item async for item in stream] == []
            with pytest.raises(ComponentError, match="three"):
                await run.aput("into", 1)
            with pytest.raises(ComponentError, match="three"):
                await run.ajoin()
            raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(main())


def test_a_put_that_waits_gets_the_failure(start):
    @component
    @inport("item", capacity=1)
    async def fail_late(item):
        await asyncio.sleep(0.2)
        raise ValueError

    with pytest.raises(ComponentError), start(single(fail_late, outport=None)) as run:
        for number in range(10):
            run.put("into", number)


def test_a_timeout_reaches_those_who_wait(start):
    with pytest.raises(RunTimeout), start(single(double), timeout=0.3) as run:
        next(run.iter("out"))


def test_an_open_feed_keeps_the_run_alive(start):
    with start(single(double)) as run:
        time.sleep(0.6)
        assert run.running
        feed(run, [1])
        assert list(run.iter("out")) == [2]


def dead():
    """Make a graph that can never move once what was put in is used up."""

    @component
    @inport("item")
    @inport("other", capacity=1)
    @outport("out")
    async def wait_for_two(item, other, out):
        await out.send(item)

    @component
    @inport("item")
    @outport("one")
    @outport("other")
    async def send_twice(item, one, other):
        for _ in range(5):
            await other.send(item)
        await one.send(item)

    graph = Graph()
    graph.add("twice", send_twice)
    graph.add("wait", wait_for_two)
    graph.twice.one >> graph.wait.item
    graph.twice.other >> graph.wait.other
    graph.export(graph.twice.item, "into")
    graph.export(graph.wait.out, "out")
    return graph


def test_a_dead_run_is_found_when_the_last_feed_closes(start_anyhow):
    with pytest.raises(DeadlockError, match=r"wait\.other \(1 of 1 inside\)"), start_anyhow(dead()) as run:
        run.put("into", 1)
        time.sleep(0.3)
        assert run.running
        run.close("into")
        next(run.iter("out"))


def test_an_unread_tap_is_no_deadlock(start):
    @component
    @outport("out")
    async def fifteen(out):
        for number in range(15):
            await out.send(number)

    with start(single(fifteen, inport=None)) as run:
        time.sleep(0.6)
        assert run.running
        assert list(run.iter("out")) == list(range(15))


def test_a_blocked_reader_s_run_may_be_dead(start):
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
    with pytest.raises(DeadlockError, match=r"need\.left"), start(graph) as run:
        items = run.iter("out")
        assert next(items) == 1
        next(items)


def test_what_waits_for_a_reader_is_told(start):
    run = start(single(count_up, inport=None), timeout=2)
    while run.running:
        time.sleep(0.01)
    with pytest.raises(RunTimeout, match=r"behind only\.out: the export out \(10 of 10 inside\)"):
        run.join()


class Unpicklable:
    def __reduce__(self):
        msg = "not this one"
        raise ValueError(msg)


def test_an_item_that_cannot_be_sent(start_anyhow):
    if start_anyhow.here:
        pytest.skip("nothing is pickled here")
    with start_anyhow(single(double)) as run:
        run.put("into", 1)
        with pytest.raises(ItemError, match=r"run\.put\(.into., \.\.\.\) to only\.item.*Unpicklable.*not this one"):
            run.put("into", Unpicklable())
        with pytest.raises(ItemError, match="Unpicklable"):
            asyncio.run(run.aput("into", Unpicklable()))
        run.put("into", 2)
        run.close("into")
        assert list(run.iter("out")) == [2, 4]


def broken():
    msg = "broken"
    raise ValueError(msg)


class Fragile:
    def __reduce__(self):
        return broken, ()

    def __rmul__(self, factor):
        return self


def test_an_item_that_cannot_be_restored(start):
    if start.here:
        pytest.skip("nothing is pickled here")

    @component
    @inport("item")
    @outport("out")
    async def make(item, out):
        await out.send(Fragile() if item == 1 else item)

    with start(single(make)) as run:
        feed(run, [0, 1, 2])
        items = run.iter("out")
        assert next(items) == 0
        with pytest.raises(ItemError, match=r"run\.iter\(.out.\).*restored.*broken"):
            next(items)
        assert list(items) == [2]


# Cancellation.


def test_cancelled_puts_and_reads_lose_and_double_nothing(start):
    rounds = 150

    async def main():
        sent, seen = [], []
        async with start(single(double)) as run:
            stream = run.stream("out")

            async def write():
                for number in range(rounds):
                    try:
                        await asyncio.wait_for(run.aput("into", number), random.uniform(0.00001, 0.002))
                    except TimeoutError:
                        continue
                    sent.append(number)
                run.close("into")

            async def read():
                while True:
                    try:
                        seen.append(await asyncio.wait_for(anext(stream), random.uniform(0.00001, 0.002)))
                    except TimeoutError:
                        await asyncio.sleep(0)
                    except StopAsyncIteration:
                        return

            await asyncio.gather(write(), read())
        return sent, seen, run

    sent, seen, run = asyncio.run(main())
    put_in = [number // 2 for number in seen]
    assert put_in == sorted(set(put_in))  # each once, in order
    assert set(sent) <= set(put_in)  # of those that were cancelled, some were on their way already
    assert run.join().taps["into"].items == len(put_in)


def test_a_cancelled_block_stops_the_run(start):
    async def main():
        async with start(single(double)) as run:
            await anext(run.stream("out"))

    async def cancelled():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(main(), 0.1)

    asyncio.run(cancelled())


# Threads that must not wait.


def test_a_thread_that_begins_when_the_run_is_over_can_read(start):
    for _ in range(5):
        run = start(single(double))
        run.put("into", 1)
        run.close("into")
        while run.running:
            time.sleep(0.005)
        run._thread.join()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(list, run.iter("out")).result() == [2]
        run.join()


def test_a_component_cannot_wait_for_its_own_run():
    runs, errors = [], []

    @component
    @inport("item", capacity=1)
    async def put_more(item):
        try:
            while True:
                runs[0].put("into", 1)
        except RuntimeError as error:
            errors.append(str(error))

    with single(put_more, outport=None).start(num_workers=0) as run:
        runs.append(run)
        run.put("into", 0)
        run.close("into")
    assert "thread that runs the graph" in errors[0] or "closed" in errors[0]
