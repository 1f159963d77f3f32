"""Persistent values, the functions that close them, and the functions that finish a component."""

import asyncio
import multiprocessing
import os

import pytest
from parts import Numbers, chain, emit, relay

from cascata import ComponentError, Graph, component, inport, outport, persist


@component
@inport("item")
@outport("out")
@persist("seen", list)
async def remember(item, out, seen):
    seen.get().append(item)
    await out.send(list(seen.get()))


@component
@inport("item")
@outport("out")
@persist("total", int)
async def add_up(item, out, total):
    total.set(total.get() + item)
    await out.send(total.get())


def test_a_persistent_value_is_kept_between_firings(run):
    g = chain(emit(1, 2, 3), remember)
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [[1], [1, 2], [1, 2, 3]]


def test_set_replaces_it_for_later_firings(run):
    g = chain(emit(1, 2, 3), add_up)
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [1, 3, 6]


def test_each_instance_has_its_own(run):
    g = Graph()
    g.source = emit(1, 2)
    g.one = remember
    g.two = remember
    g.source.out >> g.one.item >> g.two.item
    collected = run(g, collect=[g.one.out, g.two.out]).collected
    assert collected == {"one.out": [[1], [1, 2]], "two.out": [[1], [1, 2]]}


def test_all_groups_of_a_component_share_it(run):
    @component
    @inport("a")
    @inport("b")
    @outport("out")
    @persist("count", int)
    async def counting(a, b, out, count):
        count.set(count.get() + 1)
        await out.send(count.get())

    g = Graph()
    g.left = emit(*range(5))
    g.right = emit(*range(5))
    g.counting = counting
    g.left.out >> g.counting.a
    g.right.out >> g.counting.b
    g.counting.clk(g.counting.a, g.counting.b)
    assert run(g, collect=[g.counting.out]).collected["counting.out"] == list(range(1, 11))


def test_persistent_values_start_anew_with_each_run(run):
    g = chain(emit(1, 2), remember)
    for _ in range(3):
        assert run(g, collect=[g.c1.out]).collected["c1.out"] == [[1], [1, 2]]


def test_nothing_flows_back(run):
    g = chain(emit(1, 2), add_up)
    g.c1.total.set(100)
    for _ in range(2):
        assert run(g, collect=[g.c1.out]).collected["c1.out"] == [101, 103]
    assert g.c1.total.get() == 100


def test_a_value_set_before_the_run_is_not_changed_by_it(run):
    g = chain(emit(1, 2), remember)
    g.c1.seen.set(["before"])
    for _ in range(2):
        assert run(g, collect=[g.c1.out]).collected["c1.out"] == [["before", 1], ["before", 1, 2]]
    assert g.c1.seen.get() == ["before"]


def test_arguments_of_an_initialiser_are_not_changed_by_a_run(run):
    @component
    @inport("item")
    @outport("out")
    @persist("table", dict)
    async def note(item, out, table):
        table.get()["seen"].append(item)
        await out.send(list(table.get()["seen"]))

    g = chain(emit(1, 2), note)
    g.c1.table < {"seen": ["before"]}
    for _ in range(2):
        assert run(g, collect=[g.c1.out]).collected["c1.out"] == [["before", 1], ["before", 1, 2]]


def test_a_value_read_before_the_run_is_not_changed_by_it(run):
    g = chain(emit(1), remember)
    assert g.c1.seen.get() == []
    for _ in range(2):
        assert run(g, collect=[g.c1.out]).collected["c1.out"] == [[1]]
    assert g.c1.seen.get() == []


def test_initialisers_run_in_the_worker():
    @component
    @outport("out")
    @persist("pid", os.getpid)
    async def look(out, pid):
        await out.send((pid.get(), os.getpid()))

    g = chain(look)
    made, used = g.run(num_workers=1, collect=[g.c0.out]).collected["c0.out"][0]
    assert made == used != os.getpid()


def test_an_initialiser_runs_once_for_a_run_even_without_a_firing(run):
    made = Numbers()

    def make():
        made[0] += 1
        return made[0]

    @component
    @inport("item")
    @persist("value", make)
    async def never(item, value): ...

    run(chain(emit(), never))
    assert made[0] == 1


def arguments(*args, **kwargs):
    return args, kwargs


@pytest.mark.parametrize(
    ("given", "args", "kwargs"),
    [
        ((1, 2), (1, 2), {}),
        ((), (), {}),
        (((1, 2), {"a": 3}), (1, 2), {"a": 3}),
        (((), {}), (), {}),
        ({"a": 3}, (), {"a": 3}),
        ({}, (), {}),
        (5, (5,), {}),
        (None, (None,), {}),
        ([1, 2], ([1, 2],), {}),
        ("text", ("text",), {}),
        (({"a": 1}, (2,)), ({"a": 1}, (2,)), {}),
        ((1, {"a": 3}), (1, {"a": 3}), {}),
    ],
)
def test_the_initialisers_arguments(run_together, given, args, kwargs):
    @component
    @outport("out")
    @persist("value", arguments)
    async def look(out, value):
        await out.send(value.get())

    g = chain(look)
    g.c0.value < given
    assert run_together(g, collect=[g.c0.out]).collected["c0.out"] == [(args, kwargs)]


def test_a_lock_and_a_queue_of_multiprocessing_serve_as_argument_and_as_initial_value():
    context = multiprocessing.get_context("fork")
    lock = context.Lock()
    queue = context.SimpleQueue()

    @component
    @inport("queue")
    @persist("lock", lambda lock: lock)
    async def put(queue, lock):
        with lock.get():
            queue.put(os.getpid())

    g = Graph()
    for number in range(4):
        node = g.add(f"put{number}", put)
        node.queue < queue
        node.lock < lock
        g.place(node, worker=number % 2)
    g.run(num_workers=2)
    pids = [queue.get() for _ in range(4)]
    queue.close()
    assert len(set(pids)) == 2


def test_proxies_of_a_manager_serve_as_arguments_and_as_initial_values(run):
    @component
    @inport("number")
    @inport("queue")
    @persist("shared", lambda shared: shared)
    @persist("lock", lambda lock: lock)
    async def put(number, queue, shared, lock):
        with lock.get():
            shared.get()[number] = os.getpid()
        queue.put(number)

    with multiprocessing.get_context("fork").Manager() as manager:
        shared, queue, lock = manager.dict(), manager.Queue(), manager.Lock()
        g = Graph()
        for number in range(4):
            node = g.add(f"put{number}", put)
            node.number < number
            node.queue < queue
            node.shared < shared
            node.lock < lock
        run(g)
        assert sorted(queue.get() for _ in range(4)) == sorted(shared.keys()) == [0, 1, 2, 3]
        assert len(set(shared.values())) == max(1, run.workers)
        assert (os.getpid() in shared.values()) == (run.workers == 0)


# close=


def closing(numbers, *, fail=False):
    """Make a component with a value that is closed; it notes how many there are and which have been closed."""

    def connect():
        numbers[0] += 1
        return "connection"

    def disconnect(value):
        assert value == "connection"
        numbers[1] += 1

    @component
    @inport("item")
    @outport("out")
    @persist("db", connect, close=disconnect)
    async def closer(item, out, db):
        assert numbers[1] == 0
        await out.send(item)
        if fail:
            raise KeyError
        if item == "wait":
            await asyncio.sleep(60)

    return closer


def test_close_is_called_when_the_component_ends(run):
    numbers = Numbers(2)
    run(chain(emit(1, 2), closing(numbers), relay()))
    assert (numbers[0], numbers[1]) == (1, 1)


def test_close_is_called_although_nothing_fired(run):
    numbers = Numbers(2)
    run(chain(emit(), closing(numbers)))
    assert (numbers[0], numbers[1]) == (1, 1)


def test_close_is_called_when_the_runner_raises(run):
    numbers = Numbers(2)
    with pytest.raises(ComponentError, match="KeyError"):
        run(chain(emit(1), closing(numbers, fail=True)))
    assert (numbers[0], numbers[1]) == (1, 1)


def test_close_is_called_when_another_component_raises(run):
    numbers = Numbers(2)

    @component
    @inport("item")
    async def fails(item):
        raise KeyError

    with pytest.raises(ComponentError, match="KeyError"):
        run(chain(emit("wait"), closing(numbers), fails))
    assert (numbers[0], numbers[1]) == (1, 1)


@pytest.mark.parametrize("workers", [0, 1])
def test_close_is_called_when_the_run_is_stopped(workers):
    numbers = Numbers(2)
    started = chain(emit("wait"), closing(numbers)).start(num_workers=workers)
    while not numbers[0]:
        os.sched_yield()
    started.stop()
    started.join()
    assert (numbers[0], numbers[1]) == (1, 1)


def test_close_is_called_after_a_timeout(run):
    numbers = Numbers(2)
    with pytest.raises(TimeoutError):
        run(chain(emit("wait"), closing(numbers)), timeout=0.1)
    assert numbers[0] == numbers[1]


def test_close_gets_the_value_that_was_set_last_and_the_outports_close_after_it(run_together):
    closed = []

    @component
    @inport("item")
    @outport("out")
    @persist("last", lambda: None, close=closed.append)
    async def keep(item, out, last):
        last.set(item)
        await out.send(item)

    @component
    @inport("item")
    @outport("out")
    async def after(item, out): ...

    @after.finish
    async def _(out):
        await out.send(list(closed))

    g = chain(emit(1, 2, 3), keep, after)
    assert run_together(g, collect=[g.c2.out]).collected["c2.out"] == [[3]]


def test_values_are_closed_in_the_reverse_order_and_all_of_them(run_together):
    closed = []

    def fail(value):
        closed.append(value)
        raise ZeroDivisionError

    @component
    @persist("a", lambda: "a", close=closed.append)
    @persist("b", lambda: "b", close=fail)
    @persist("c", lambda: "c", close=closed.append)
    async def three(a, b, c): ...

    with pytest.raises(ComponentError) as raised:
        run_together(chain(three))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    if run_together.workers == 0:
        assert sorted(closed) == ["a", "b", "c"]
        assert closed in (["a", "b", "c"], ["c", "b", "a"])


def test_what_was_made_is_closed_when_a_later_initialiser_fails(run):
    numbers = Numbers(2)

    def close(value):
        numbers[1] += 1

    def fail():
        numbers[0] += 1
        raise ZeroDivisionError

    @component
    @persist("first", lambda: 1, close=close)
    @persist("second", fail, close=close)
    async def both(first, second): ...

    with pytest.raises(ComponentError) as raised:
        run(chain(both))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert numbers[0] == 1
    assert numbers[1] in (0, 1)  # the second was never made; the first only if it comes first


# finish


def totals(**options):
    @component
    @inport("item", **options)
    @outport("out")
    @outport("total")
    @persist("sum", int)
    async def summing(item, out, total, sum):  # noqa: A002  a port's name
        sum.set(sum.get() + item)
        await out.send(item)

    @summing.finish
    async def _(total, sum):  # noqa: A002
        await total.send(sum.get())

    return summing


def test_finish_is_called_once_after_the_last_firing(run):
    g = chain(emit(*range(10)), totals())
    collected = run(g, collect=[g.c1.out, g.c1.total]).collected
    assert collected == {"c1.out": list(range(10)), "c1.total": [45]}


def test_finish_is_called_although_nothing_fired(run):
    g = chain(emit(), totals())
    assert run(g, collect=[g.c1.total]).collected["c1.total"] == [0]


def test_finish_sends_before_the_outports_close(run):
    @component
    @inport("item", capacity=1)
    @outport("out")
    async def late(item, out): ...

    @late.finish
    async def _(out):
        for number in range(50):
            assert await out.send(number) is True
            await asyncio.sleep(0)

    g = chain(emit(*range(5)), late, relay(capacity=1), relay())
    assert run(g, collect=[g.c3.out]).collected["c3.out"] == list(range(50))


def test_finish_of_a_component_without_inports(run):
    @component
    @outport("out")
    async def source(out):
        await out.send("firing")

    @source.finish
    async def _(out):
        await out.send("finish")

    g = chain(source)
    assert run(g, collect=[g.c0.out]).collected["c0.out"] == ["firing", "finish"]


def test_finish_waits_for_all_groups_and_their_firings(run_together):
    order = []

    @component
    @inport("a")
    @inport("b")
    @outport("out")
    async def slow(a, b, out):
        await asyncio.sleep(0.005 if a == "slow" else 0)
        order.append((a, b))

    @slow.finish
    async def _(out):
        await out.send(len(order))

    g = Graph()
    g.left = emit("slow")
    g.right = emit(*range(20))
    g.slow = slow
    g.left.out >> g.slow.a
    g.right.out >> g.slow.b
    g.slow.clk(g.slow.a, g.slow.b)
    assert run_together(g, collect=[g.slow.out]).collected["slow.out"] == [21]


def test_finish_is_called_when_a_shorter_port_ends_the_component(run):
    @component
    @inport("long", capacity=1)
    @inport("short")
    @outport("out")
    @persist("count", int)
    async def both(long, short, out, count):
        count.set(count.get() + 1)

    @both.finish
    async def _(out, count):
        await out.send(count.get())

    g = Graph()
    g.long = emit(*range(100))
    g.short = emit(*range(3))
    g.both = both
    g.long.out >> g.both.long
    g.short.out >> g.both.short
    assert run(g, collect=[g.both.out]).collected["both.out"] == [3]


def test_finish_sees_what_has_not_been_closed_yet(run_together):
    closed = []

    @component
    @inport("item")
    @persist("db", list, close=lambda value: closed.append(list(value)))
    async def writes(item, db):
        db.get().append(item)

    @writes.finish
    async def _(db):
        assert closed == []
        await asyncio.sleep(0)
        db.get().append("finish")

    run_together(chain(emit(1, 2), writes))
    if run_together.workers == 0:
        assert closed == [[1, 2, "finish"]]


def test_finish_is_not_called_after_a_failure(run):
    numbers = Numbers()

    @component
    @inport("item")
    async def fails(item):
        raise KeyError

    @fails.finish
    async def _():
        numbers[0] += 1

    with pytest.raises(ComponentError):
        run(chain(emit(1), fails))
    assert numbers[0] == 0


def test_a_finish_that_raises_fails_the_run(run):
    @component
    @inport("item")
    async def good(item): ...

    @good.finish
    async def _():
        raise ZeroDivisionError

    with pytest.raises(ComponentError, match="c1") as raised:
        run(chain(emit(1), good))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert raised.value.inputs == {}


def test_finish_runs_in_the_task_of_the_component(run_together):
    @component
    @inport("item")
    @outport("out")
    async def identify(item, out):
        await out.send(asyncio.current_task().get_name())

    @identify.finish
    async def _(out):
        await asyncio.sleep(0)
        await out.send(asyncio.current_task().get_name())

    g = chain(emit(1), identify)
    assert run_together(g, collect=[g.c1.out]).collected["c1.out"] == ["c1", "c1"]


def test_the_same_definition_finishes_in_each_of_its_instances(run):
    part = totals()
    g = Graph()
    g.source = emit(1, 2)
    g.one = part
    g.two = part
    g.source.out >> g.one.item
    g.one.out >> g.two.item
    collected = run(g, collect=[g.one.total, g.two.total]).collected
    assert collected == {"one.total": [3], "two.total": [3]}
