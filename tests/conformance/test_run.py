"""Ways to run a graph: `run`, `start` and `join`, `arun`; how many workers; collecting; running again."""

import asyncio
import contextlib
import math
import multiprocessing
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from parts import Numbers, chain, emit, gated, relay

from cascata import ComponentError, DeadlockError, Graph, RunTimeout, component, inport, outport
from cascata.run import resources
from cascata.run.worker import Worker


def squares(number=20):
    """Make a graph and say what it collects."""

    @component
    @inport("item")
    @outport("out")
    async def square(item, out):
        await out.send(item * item)

    g = chain(emit(*range(number)), square, relay())
    return g, [g.c2.out], {"c2.out": [item * item for item in range(number)]}


@component
@outport("pid")
@outport("thread")
async def whereabouts(pid, thread):
    await pid.send(os.getpid())
    await thread.send(threading.get_ident())


def where(report):
    return report.collected["c0.pid"][0], report.collected["c0.thread"][0]


def test_run_starts_waits_and_reports(run):
    g, collect, expected = squares()
    report = run(g, collect=collect)
    assert report.collected == expected
    assert set(report.components) == {"c0", "c1", "c2"}


def test_a_graph_of_no_components_runs(run):
    report = run(Graph())
    assert report.components == {}
    assert report.collected == {}


def test_the_default_is_as_many_workers_as_components_and_usable_cpus():
    g = chain(*(emit(n) for n in range(1)))
    assert len(g.run().workers) == 1
    g = Graph()
    for number in range(30):
        g.add(f"c{number}", emit(number))
    workers = g.run().workers
    assert 1 <= len(workers) <= len(os.sched_getaffinity(0))
    assert sorted(name for names in workers for name in names) == sorted(g.nodes)


def test_affinity_limits_the_default():
    allowed = os.sched_getaffinity(0)
    g = Graph()
    for number in range(4):
        g.add(f"c{number}", emit(number))
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert len(g.run().workers) == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.fixture
def eight_processors(monkeypatch):
    """Make the machine seem to have eight processors, all of them usable."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(resources, "MEMBERSHIP", Path("/no such file"))


@pytest.mark.usefixtures("eight_processors")
@pytest.mark.parametrize(("components", "workers"), [(1, 1), (3, 3), (8, 8), (20, 8)])
def test_the_default_is_the_smaller_of_components_and_usable_cpus(components, workers):
    g = Graph()
    for number in range(components):
        g.add(f"c{number}", emit(number))
    assert len(g.run().workers) == workers
    assert len(g.start().join().workers) == workers


@pytest.mark.usefixtures("eight_processors")
@pytest.mark.parametrize(
    ("limit", "workers"), [("200000 100000", 2), ("250000 100000", 3), ("10000 100000", 1), ("max 100000", 4)]
)
def test_a_control_group_limits_the_default(limit, workers, tmp_path, monkeypatch):
    (tmp_path / "cgroup").write_text("0::/\n")
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    monkeypatch.setattr(resources, "MEMBERSHIP", tmp_path / "cgroup")
    monkeypatch.setattr(resources, "CGROUPS", tmp_path)
    g = Graph()
    for number in range(4):
        g.add(f"c{number}", emit(number))
    assert len(g.run().workers) == workers


@pytest.mark.parametrize("number", [1, 2, 3])
def test_components_run_where_shard_says(number):
    g = chain(*(relay() for _ in range(6)))
    g.c0.item < "start"
    g.weigh(g.c2, cost=4)
    g.place(g.c0, g.c5, together=True)
    shards = [[node.name for node in shard.components] for shard in g.shard(number)]
    assert g.run(num_workers=number).workers == shards
    assert any({"c0", "c5"} <= set(names) for names in shards)


def test_a_worker_with_nothing_to_do_is_not_started():
    g = chain(whereabouts)
    report = g.run(num_workers=8)
    assert report.workers == [["c0"]]


def test_components_run_on_the_workers_that_the_report_names():
    g = Graph()
    for number in range(6):
        g.add(f"c{number}", whereabouts)
        g.place(g.nodes[f"c{number}"], worker=number % 3)
    report = g.run(num_workers=3, collect=[node.pid for node in g.nodes.values()])
    assert report.workers == [["c0", "c3"], ["c1", "c4"], ["c2", "c5"]]
    pids = [{report.collected[f"{name}.pid"][0] for name in names} for names in report.workers]
    assert [len(each) for each in pids] == [1, 1, 1]
    assert len(set.union(*pids)) == 3
    assert os.getpid() not in set.union(*pids)


def test_workers_of_number_zero_run_in_the_calling_thread():
    g = chain(whereabouts)
    report = g.run(num_workers=0, collect=[g.c0.pid, g.c0.thread])
    assert where(report) == (os.getpid(), threading.get_ident())


def test_with_a_running_loop_they_run_in_a_helper_thread():
    async def main():
        g = chain(whereabouts)
        return g.run(num_workers=0, collect=[g.c0.pid, g.c0.thread])

    pid, thread = where(asyncio.run(main()))
    assert pid == os.getpid()
    assert thread != threading.get_ident()


def test_workers_can_be_run_under_a_running_loop():
    async def main():
        g, collect, expected = squares()
        await asyncio.sleep(0)
        assert g.run(num_workers=2, collect=collect).collected == expected
        await asyncio.sleep(0)  # the loop is unharmed
        process = await asyncio.create_subprocess_exec("true")
        assert await process.wait() == 0
        assert g.run(num_workers=0, collect=collect).collected == expected

    asyncio.run(main())


def test_a_loop_that_is_set_but_not_running_is_unharmed():
    loop = asyncio.new_event_loop()
    try:
        for workers in (0, 1):
            g, collect, expected = squares()
            assert g.run(num_workers=workers, collect=collect).collected == expected
        assert loop.run_until_complete(asyncio.sleep(0, "works")) == "works"
    finally:
        loop.close()


# start and join


@pytest.fixture(params=[0, 1, 2], ids=["in_process", "one_worker", "two_workers"])
def workers(request):
    return request.param


def test_start_gives_a_run_to_join(workers):
    g, collect, expected = squares()
    started = g.start(num_workers=workers, collect=collect)
    report = started.join()
    assert report.collected == expected
    assert not started.running
    assert started.join().collected == expected
    assert g.join().collected == expected


def test_start_does_not_wait(workers):
    numbers = Numbers()

    @component
    @outport("out")
    async def waits(out):
        await numbers.wait(0, 1)
        await out.send("end")

    g = chain(waits, relay())
    started = g.start(num_workers=workers, collect=[g.c1.out])
    assert started.running
    assert "running" in repr(started)
    numbers[0] = 1
    assert started.join().collected["c1.out"] == ["end"]
    assert "ended" in repr(started)


def test_start_in_this_process_takes_a_helper_thread():
    g = chain(whereabouts)
    report = g.start(num_workers=0, collect=[g.c0.pid, g.c0.thread]).join()
    pid, thread = where(report)
    assert pid == os.getpid()
    assert thread != threading.get_ident()


def test_join_needs_a_start():
    with pytest.raises(RuntimeError, match="not been started"):
        Graph().join()


def test_join_from_several_threads(workers):
    g, collect, expected = squares()
    started = g.start(num_workers=workers, collect=collect)
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: started.join(), range(3)))
    assert [report.collected for report in reports] == [expected] * 3


def test_a_started_run_has_a_timeout_too(workers):
    g = chain(tidy(Numbers(2)), relay())
    started = g.start(num_workers=workers, timeout=0.1)
    for _ in range(2):
        with pytest.raises(RunTimeout):
            started.join()
    assert not started.running


def test_leaving_a_with_block_joins(workers):
    g, collect, expected = squares()
    with g.start(num_workers=workers, collect=collect) as started:
        pass
    assert not started.running
    assert started.join().collected == expected


def tidy(numbers):
    """Make a component that never ends, and says when it has begun and when it was cancelled."""

    @component
    @outport("out")
    async def endless(out):
        numbers[0] = 1
        try:
            while True:
                await out.send(None)
                await asyncio.sleep(0.001)
        finally:
            await asyncio.sleep(0)
            numbers[1] = 1

    return endless


def wait_for(numbers, index):
    while not numbers[index]:
        os.sched_yield()


def test_an_exception_in_a_with_block_stops_the_run_in_order(workers):
    numbers = Numbers(2)
    g = chain(tidy(numbers), relay())

    def leave():
        with g.start(num_workers=workers):
            wait_for(numbers, 0)
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    assert numbers[1] == 1


def test_stop_stops_in_order(workers):
    numbers = Numbers(2)
    g = chain(tidy(numbers), relay(), relay())
    started = g.start(num_workers=workers)
    wait_for(numbers, 0)
    started.stop()
    report = started.join()
    assert numbers[1] == 1
    assert report.components["c0"].firings == 1
    started.stop()  # again, after the end
    assert started.join() is not None


def test_stop_ends_a_component_that_waits_for_an_item(workers):
    numbers = Numbers(2)

    @component
    @inport("item")
    @outport("out")
    async def blocked(item, out): ...

    g = chain(tidy(numbers), blocked, relay())
    started = g.start(num_workers=workers)
    wait_for(numbers, 0)
    started.stop()
    started.join()
    assert numbers[1] == 1


@pytest.mark.parametrize("how", ["kept", "dropped"])
def test_a_program_that_ends_stops_what_it_has_started(workers, how, tmp_path):
    program = f"""
import asyncio, atexit, sys, threading
from cascata import *

began = open({str(tmp_path / "began")!r}, "w")
pending = open({str(tmp_path / "pending")!r}, "w")
pending.write("once")
atexit.register(print, "at exit")
sys.stdout.write("pending, ")

@component
@outport("out")
async def endless(out):
    began.write("x")
    began.flush()
    try:
        while True:
            await out.send(1)
            await asyncio.sleep(0.001)
    finally:
        print("finally")

@component
@inport("item")
async def takes(item): ...

g = Graph()
g.endless = endless
g.takes = takes
g.endless.out >> g.takes.item
{"started = " if how == "kept" else ""}g.start(num_workers={workers})
while not open(began.name).read():
    pass
print("end of the program")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=40, check=True)
    assert done.stdout.splitlines() == ["pending, end of the program", "finally", "at exit"]
    assert done.stderr == ""
    assert (tmp_path / "pending").read_text() == "once"


def test_a_check_that_fails_starts_nothing(run):
    g = chain(emit(1), relay())
    g.lonely = relay()
    with pytest.raises(DeadlockError, match="lonely") as raised:
        run(g)
    assert any("lonely.item" in issue for issue in raised.value.issues)
    with pytest.raises(DeadlockError):
        g.start(num_workers=run.workers)
    with pytest.raises(DeadlockError):
        asyncio.run(g.arun(num_workers=run.workers))


# arun


def test_arun_gives_the_report(workers):
    async def main():
        g, collect, expected = squares()
        report = await g.arun(num_workers=workers, collect=collect)
        assert report.collected == expected

    asyncio.run(main())


def test_arun_in_this_process_runs_in_the_callers_loop():
    async def main():
        loops = []

        @component
        async def look():
            loops.append(asyncio.get_running_loop())

        await chain(look).arun(num_workers=0)
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(main())


def test_arun_leaves_the_callers_loop_to_others(workers):
    async def main():
        numbers = Numbers()

        @component
        async def waits():
            await numbers.wait(0, 1)

        running = asyncio.create_task(chain(waits).arun(num_workers=workers, start_method="fork"))
        await asyncio.sleep(0.01)
        assert not running.done()
        numbers[0] = 1
        await running

    asyncio.run(main())


def test_several_aruns_in_one_loop(workers):
    async def main():
        graphs = [squares(number) for number in (5, 20, 40)]
        runs = (g.arun(num_workers=workers, collect=collect) for g, collect, _ in graphs)
        reports = await asyncio.gather(*runs)
        assert [report.collected for report in reports] == [expected for _, _, expected in graphs]

    asyncio.run(main())


def test_cancelling_arun_stops_the_run_in_order(workers):
    numbers = Numbers(2)

    async def main():
        g = chain(tidy(numbers), relay())
        running = asyncio.create_task(g.arun(num_workers=workers, start_method="fork"))
        await numbers.wait(0, 1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert numbers[1] == 1
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert others == set()

    asyncio.run(main())


def test_a_timeout_around_arun(workers):
    numbers = Numbers(2)

    async def main():
        running = chain(tidy(numbers), relay()).arun(num_workers=workers, start_method="fork")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(running, 0.05)
        assert numbers[1] == numbers[0]

    asyncio.run(main())


def test_arun_in_a_nested_way(workers):
    @component
    @outport("out")
    async def nested(out):
        g, collect, expected = squares(5)
        report = await g.arun(num_workers=0, collect=collect)
        assert report.collected == expected
        await out.send("done")

    g = chain(nested)
    assert g.run(num_workers=workers, collect=[g.c0.out]).collected["c0.out"] == ["done"]


def test_a_run_inside_a_component(run):
    @component
    @outport("out")
    async def nested(out):
        g, collect, expected = squares(5)
        for workers in (0, 1, 2):
            assert g.run(num_workers=workers, collect=collect).collected == expected
            assert (await g.arun(num_workers=workers, collect=collect)).collected == expected
        await out.send("done")

    g = chain(nested)
    assert run(g, collect=[g.c0.out]).collected["c0.out"] == ["done"]


def run_squares(workers):
    g, collect, expected = squares(5)
    return g.run(num_workers=workers, collect=collect).collected == expected


def test_a_run_inside_a_process_of_a_pool():
    """Such processes are daemons, which `multiprocessing` allows no children."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(run_squares, (0, 1, 2)) == [True] * 3
        pool.close()
        pool.join()


def dead():
    """Make a graph that passes the checks and then cannot move."""

    @component
    @outport("out")
    @outport("again")
    async def never(out, again):
        for number in range(5):
            await out.send(number)

    g = Graph()
    g.source = never
    g.both = relay_of_two()
    g.source.out >> g.both.item
    g.source.again >> g.both.more
    g.both.out >> g.both.back
    g.both.sync(g.both.item, g.both.back)
    g.both.clk(g.both.more)
    g.both.back < None
    return g


def relay_of_two():
    @component
    @inport("item", capacity=1)
    @inport("back")
    @inport("more")
    @outport("out")
    async def once(item, back, more, out):
        if item == 0:
            await out.send(None)

    return once


def test_a_run_that_can_never_move_again_raises(workers):
    with pytest.raises(DeadlockError, match=r"both\.back"):
        dead().run(num_workers=workers)


def test_a_run_that_can_never_move_again_raises_in_a_loop_with_other_tasks(workers):
    async def main():
        other = asyncio.create_task(asyncio.sleep(60))
        try:
            async with asyncio.timeout(10):
                with pytest.raises(DeadlockError, match=r"both\.back"):
                    await dead().arun(num_workers=workers)
        finally:
            other.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await other

    asyncio.run(main())


def test_a_run_is_dead_once_the_last_task_of_a_component_has_ended(workers):
    """A task that a firing has left behind could still send; when it has ended, nothing can."""
    g = dead()

    @component
    async def leaves_a_task():
        asyncio.create_task(asyncio.sleep(0.05))  # noqa: RUF006  that it is left alone is the point

    g.leaves = leaves_a_task
    with pytest.raises(DeadlockError, match=r"both\.back"):
        g.run(num_workers=workers, timeout=10)


def test_a_run_is_dead_once_the_last_worker_that_could_move_has_ended():
    g = dead()

    @component
    async def ends_later():
        await asyncio.sleep(0.05)

    g.ends = ends_later
    g.place(g.source, g.both, worker=0)
    g.place(g.ends, worker=1)
    with pytest.raises(DeadlockError, match=r"both\.back"):
        g.run(num_workers=2, timeout=10)


# Options.


def test_collect_gives_lists_by_component_and_port(run):
    @component
    @inport("item")
    @outport("even")
    @outport("odd")
    async def sort(item, even, odd):
        await (odd if item % 2 else even).send(item)

    g = chain(emit(*range(9)), sort)
    g.after = relay(capacity=1)
    g.c1.odd >> g.after.item
    report = run(g, collect=[g.c1.even, g.c1.odd, g.after.out, g.c0.out])
    assert report.collected == {
        "c1.even": [0, 2, 4, 6, 8],
        "c1.odd": [1, 3, 5, 7],
        "after.out": [1, 3, 5, 7],
        "c0.out": list(range(9)),
    }
    assert list(report.collected) == ["c1.even", "c1.odd", "after.out", "c0.out"]


def test_collect_without_any_item_gives_an_empty_list(run):
    g = chain(emit(), relay())
    assert run(g, collect=[g.c1.out]).collected == {"c1.out": []}


def test_collect_takes_any_iterable_and_a_port_named_twice(run):
    g = chain(emit(1))
    assert run(g, collect=(port for port in (g.c0.out, g.c0.out))).collected == {"c0.out": [1]}


def test_without_collect_nothing_is_collected(run):
    assert run(chain(emit(1), relay())).collected == {}


def test_what_is_collected_is_neither_dropped_nor_limited(run):
    @component
    @outport("out")
    async def many(out):
        for number in range(5000):
            assert await out.send(number) is True

    g = chain(many)
    report = run(g, collect=[g.c0.out])
    assert report.collected["c0.out"] == list(range(5000))
    assert report.components["c0"].outports["out"].dropped == 0


def test_what_is_collected_does_not_change_with_what_was_sent():
    @component
    @outport("out")
    async def changes(out):
        item = []
        for number in range(3):
            item.append(number)
            await out.send(item)

    g = chain(changes)
    collected = g.run(num_workers=1, collect=[g.c0.out]).collected["c0.out"]
    assert collected == [[0], [0, 1], [0, 1, 2]]


def test_the_report_says_how_workers_were_started_and_why():
    g = chain(emit(1))
    asked = g.run(num_workers=1, start_method="fork")
    assert asked.start_method == "fork"
    assert asked.start_reason
    assert g.run(num_workers=1).start_method == "fork"
    assert "calling process" in g.run(num_workers=0).start_reason


@pytest.mark.parametrize("timeout", [50, 50.5, 1e10, 1e300, math.inf])
def test_a_timeout_may_be_as_long_as_one_likes(run, timeout):
    g, collect, expected = squares()
    assert run(g, collect=collect, timeout=timeout).collected == expected


def test_as_many_workers_as_one_likes():
    g = Graph()
    for number in range(80):
        g.place(g.add(f"c{number}", whereabouts), worker=number)
    report = g.run(num_workers=80, collect=[node.pid for node in g.nodes.values()])
    assert len(report.workers) == 80
    assert len({pids[0] for pids in report.collected.values()}) == 80


def test_workers_draw_random_numbers_of_their_own():
    @component
    @outport("out")
    async def draw(out):
        await out.send(random.random())  # noqa: S311

    g = Graph()
    for number in range(3):
        g.place(g.add(f"c{number}", draw), worker=number)
    random.seed(5)
    drawn = g.run(num_workers=3, collect=[node.out for node in g.nodes.values()]).collected
    assert len({numbers[0] for numbers in drawn.values()}) == 3


def test_options_that_make_no_sense_are_refused_before_anything_starts():
    g = chain(emit(1))
    for error, options in [
        (ValueError, {"num_workers": -1}),
        (TypeError, {"num_workers": 1.5}),
        (TypeError, {"num_workers": "2"}),
        (TypeError, {"num_workers": True}),
        (ValueError, {"timeout": 0}),
        (ValueError, {"timeout": -1}),
        (TypeError, {"timeout": "1"}),
        (ValueError, {"start_method": "threads"}),
        (TypeError, {"collect": g.c0.out}),
        (TypeError, {"collect": ["c0.out"]}),
        (ValueError, {"collect": [chain(emit(1)).c0.out]}),
    ]:
        with pytest.raises(error):
            g.run(**{"num_workers": 0, **options})
        with pytest.raises(error):
            g.start(**{"num_workers": 0, **options})


# Again and at once.


def test_a_graph_can_be_run_twenty_times(run):
    g, collect, expected = squares()
    for _ in range(20):
        assert run(g, collect=collect).collected == expected


def test_a_graph_can_be_run_here_and_there_by_turns():
    g, collect, expected = squares()
    for workers in (0, 2, 1, 0, 3):
        assert g.run(num_workers=workers, collect=collect).collected == expected


def test_a_graph_can_grow_between_runs(run):
    g, _, _ = squares(3)
    run(g)
    g.more = relay()
    g.c2.out >> g.more.item
    assert run(g, collect=[g.more.out]).collected["more.out"] == [0, 1, 4]


def test_a_run_does_not_change_its_graph(run):
    g, _, _ = squares(3)
    g.c1.item < 5
    before = repr(g), [repr(port) for node in g.nodes.values() for port in node.ports.values()]
    run(g)
    assert (repr(g), [repr(port) for node in g.nodes.values() for port in node.ports.values()]) == before


def test_a_started_run_does_not_see_changes_of_its_graph(workers):
    numbers = Numbers()

    @component
    @outport("out")
    async def waits(out):
        await numbers.wait(0, 1)
        await out.send("end")

    g = chain(waits, relay())
    started = g.start(num_workers=workers, collect=[g.c1.out])
    g.c1.item < "added later"
    g.later = relay()
    g.c1.out >> g.later.item
    numbers[0] = 1
    report = started.join()
    assert report.collected["c1.out"] == ["end"]
    assert set(report.components) == {"c0", "c1"}


def test_one_graph_runs_several_times_at_once(workers):
    g, collect, expected = squares()
    runs = [g.start(num_workers=workers, collect=collect) for _ in range(4)]
    assert [started.join().collected for started in runs] == [expected] * 4


def test_graphs_run_in_several_threads_at_once(workers):
    def work(number):
        g, collect, expected = squares(number)
        for _ in range(3):
            assert g.run(num_workers=workers, collect=collect).collected == expected
        return number

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, (5, 10, 15, 20))) == [5, 10, 15, 20]


def test_a_run_in_another_thread_than_the_main_one(workers):
    results = []

    def work():
        g, collect, expected = squares()
        results.append(g.run(num_workers=workers, collect=collect).collected == expected)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert results == [True]


def test_a_started_run_may_be_joined_by_another_thread(workers):
    g, collect, expected = squares()
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(g.start, num_workers=workers, collect=collect).result()
    assert started.join().collected == expected


def test_a_gate_of_asyncio_belongs_to_each_run(run_together):
    gate = asyncio.Event()

    @component
    @outport("out")
    async def opens(out):
        await out.send(1)
        gate.set()

    g = chain(opens, gated(gate))
    assert run_together(g, collect=[g.c1.out]).collected["c1.out"] == [1]
    if run_together.workers:  # what a worker process has changed, the next one does not see
        assert not gate.is_set()
        assert run_together(g, collect=[g.c1.out]).collected["c1.out"] == [1]


def test_a_failure_of_the_engine_fails_the_run(monkeypatch):
    """The event loop would log it and go on, and the run would wait for ever."""

    def broken(self):
        msg = "of our own making"
        raise RuntimeError(msg)

    monkeypatch.setattr(Worker, "on_delivered", broken)

    @component
    @outport("out")
    async def hurried(out):
        """Leave items that wait for room, so that its worker is told when they have found some."""
        for number in range(4):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(out.send(number), 0.01)
        kept.append(asyncio.ensure_future(out.send(4)))
        await asyncio.sleep(0)

    @component
    @inport("item", capacity=1)
    async def slow(item):
        await asyncio.sleep(0.05)

    @component
    @inport("item")
    async def quick(item):
        pass

    kept = []
    g = Graph()
    g.hurried = hurried
    g.slow = slow
    g.quick = quick
    g.hurried.out >> g.slow.item
    g.hurried.out >> g.quick.item
    g.place(g.hurried, worker=0)
    g.place(g.slow, g.quick, worker=1)
    with pytest.raises(ComponentError, match="of our own making") as caught:
        g.run(num_workers=2, timeout=20)
    assert (caught.value.component, type(caught.value.__cause__)) == ("worker 0", RuntimeError)
