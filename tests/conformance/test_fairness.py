"""Nothing that is busy without end keeps anything else from its turn.

Busy components go on until everything else has got as far as it should; that is all that is asserted. If somebody
starved, the run would never end.
"""

import asyncio
import itertools
import os
import signal
import socket
import threading

import pytest
from parts import Numbers, emit, relay

from cascata import Graph, component, inport, outport

pytestmark = pytest.mark.once

ROUNDS = 15


@component
@inport("item", capacity=None)
async def takes_at_once(item):
    pass


# Who is busy, as long as `goes_on()`.


def sender(goes_on):
    """Make a component that does nothing but send."""

    @component
    @outport("out")
    async def endless(out):
        while goes_on():
            await out.send(None)

    return endless


def feeds(g, goes_on, capacity, ports=1):
    source = g.add("busy", sender(goes_on))
    for number in range(ports):
        source.out >> g.add(f"busy{number}", relay(capacity)).item
    return source


def into_one_port(g, goes_on):
    feeds(g, goes_on, 10)


def into_a_narrow_port(g, goes_on):
    feeds(g, goes_on, 1)


def into_a_port_without_limit(g, goes_on):
    feeds(g, goes_on, None)


def into_many_ports(g, goes_on):
    feeds(g, goes_on, 2, 40)


def into_nothing(g, goes_on):
    g.add("busy", sender(goes_on))


def firings_that_return_at_once(g, goes_on):
    @component
    @outport("out")
    async def in_heaps(out):
        while goes_on():
            for _ in range(2000):
                out.send(None)  # finds room at once
            await asyncio.sleep(0)

    g.add("busy", in_heaps).out >> g.add("fires", takes_at_once).item


def a_passive_port(g, goes_on):
    @component
    @inport("tick")
    @inport("value", capacity=None)
    async def looks(tick, value):
        pass

    node = g.add("looks", looks)
    node.clk(node.tick)
    g.add("busy", sender(goes_on)).out >> node.value
    g.add("once", emit(None)).out >> node.tick


def tasks(g, goes_on):
    @component
    @outport("out")
    async def busy(out):
        async def endless():
            while goes_on():
                await out.send(None)

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(endless())

    g.add("busy", busy).out >> g.add("sink", takes_at_once).item


def sends_that_are_cancelled(g, goes_on):
    @component
    @outport("out")
    async def busy(out):
        while goes_on():
            try:
                async with asyncio.timeout(0):
                    await out.send(None)
            except TimeoutError:
                pass

    g.add("busy", busy).out >> g.add("narrow", relay(1)).item


BUSY = [
    into_one_port,
    into_a_narrow_port,
    into_a_port_without_limit,
    into_many_ports,
    into_nothing,
    firings_that_return_at_once,
    a_passive_port,
    tasks,
    sends_that_are_cancelled,
]


# Who wants a turn.


async def timers():
    loop = asyncio.get_running_loop()
    for _ in range(ROUNDS):
        rung = asyncio.Event()
        loop.call_later(0.0005, rung.set)
        await rung.wait()


async def sleeps():
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
        await asyncio.sleep(0.0005)


async def callbacks():
    loop = asyncio.get_running_loop()
    called = asyncio.Event()

    def call(left):
        loop.call_soon(call, left - 1) if left else called.set()

    call(ROUNDS)
    await called.wait()


async def readers():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    for _ in range(ROUNDS):
        ready = asyncio.Event()
        loop.add_reader(reading, ready.set)
        os.write(writing, b"x")
        await ready.wait()
        loop.remove_reader(reading)
        os.read(reading, 1)
    os.close(reading)
    os.close(writing)


async def sockets():
    loop = asyncio.get_running_loop()
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(0)
    for _ in range(ROUNDS):
        await loop.sock_sendall(ends[0], b"x")
        assert await loop.sock_recv(ends[1], 1) == b"x"
    for end in ends:
        end.close()


async def signals():
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return
    for _ in range(ROUNDS):
        got = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, got.set)
        signal.raise_signal(signal.SIGUSR1)
        await got.wait()
    loop.remove_signal_handler(signal.SIGUSR1)


async def threads():
    for number in range(ROUNDS):
        assert await asyncio.to_thread(abs, number) == number


async def subtasks():
    for _ in range(ROUNDS):
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(5)))


WANTING = [timers, sleeps, callbacks, readers, sockets, signals, threads, subtasks]


def wants(index, body, done):
    """Make a component that runs `body` and says so; the busy ones need not fear for its port."""

    @component
    async def wanting():
        await body()
        done[index] = 1

    return wanting


@pytest.mark.parametrize("busy", BUSY)
def test_a_busy_component_starves_nothing(run, busy):
    done = Numbers(len(WANTING) + 1)

    def goes_on():
        return not all(done[index] for index in range(len(WANTING) + 1))

    @component
    @inport("item", capacity=1)
    async def counts(item):
        if item == 49:
            done[len(WANTING)] = 1

    g = Graph()
    busy(g, goes_on)
    for index, body in enumerate(WANTING):
        g.add(body.__name__, wants(index, body, done))
    g.add("finite", emit(*range(50))).out >> g.add("relay", relay(1)).item
    g.relay.out >> g.add("counts", counts).item
    report = run(g, timeout=40)
    assert report.components["counts"].items_in == 50


def test_five_hundred_busy_components_beside_one_timer(run):
    done = Numbers()
    g = Graph()
    for number in range(250):
        source = g.add(f"busy{number}", sender(lambda: not done[0]))
        source.out >> g.add(f"sink{number}", takes_at_once).item
    g.add("timer", wants(0, timers, done))
    report = run(g, timeout=40)
    assert all(report.components[f"busy{number}"].items_out for number in range(250))


def test_busy_components_get_equal_shares(run_together):
    """Each of those that wait for the queue is in it once, however often it was woken."""
    over = []

    @component
    @outport("out")
    async def endless(out):
        while not over:
            await out.send(None)

    @component
    async def end():
        for _ in range(200):
            await asyncio.sleep(0)
        over.append(True)

    g = Graph()
    for number in range(10):
        g.add(f"busy{number}", endless)
    g.end = end
    report = run_together(g, timeout=40)
    sent = sorted(report.components[f"busy{number}"].items_out for number in range(10))
    assert sent[-1] <= 4 * sent[0] + 10_000


def test_a_turn_is_as_long_for_who_takes_as_for_who_sends(run_together):
    """Or else a port without limit would fill up, slowly and without end."""
    steps = []

    @component
    @outport("out")
    async def sends(out):
        for number in range(20_000):
            steps.append("send")
            await out.send(number)

    @component
    @inport("item", capacity=None)
    @outport("turns")
    async def takes(item, turns):
        steps.append("take")
        if item == 19_999:
            while steps[-1] == "take":  # all that was left, and nobody else wants a turn
                steps.pop()
            lengths = [(kind, len(list(turn))) for kind, turn in itertools.groupby(steps)]
            await turns.send({kind: max(length for k, length in lengths if k == kind) for kind in ("send", "take")})

    g = Graph()
    g.sends = sends
    g.takes = takes
    g.sends.out >> g.takes.item
    (longest,) = run_together(g, collect=[g.takes.turns]).collected["takes.turns"]
    assert longest["send"] == longest["take"]


def test_a_stop_reaches_the_busiest(run):
    g = Graph()
    for number in range(20):
        feeds_of = g.add(f"busy{number}", sender(lambda: True))
        feeds_of.out >> g.add(f"sink{number}", takes_at_once).item
    with pytest.raises(TimeoutError):
        run(g, timeout=0.05)


def test_a_message_of_another_worker_reaches_a_busy_one(run_apart):
    """The two halves of a pair on different workers, each beside a component that never pauses."""
    done = Numbers()

    @component
    @inport("item", capacity=1)
    async def ends(item):
        if item == 99:
            done[0] = 1

    g = Graph()
    g.busy = sender(lambda: not done[0])
    g.idle = sender(lambda: not done[0])
    g.source = emit(*range(100))
    g.end = ends
    g.source.out >> g.end.item
    report = run_apart(g, timeout=40)
    assert report.components["end"].worker != report.components["source"].worker
    assert report.components["busy"].worker != report.components["idle"].worker
    assert report.components["end"].items_in == 100
