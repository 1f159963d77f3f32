"""Arrays and buffers between workers: one copy at most, views where they arrive."""

import gc
import multiprocessing

import numpy as np
import pytest
from parts import chain, emit, relay

from cascata import Graph, _native, buffer, component, empty, inport, outport, persist, writable

SIZE = 50_000


def describe(array):
    return array.shape, array.dtype.str, array.flags.writeable, int(array.sum())


@component
@inport("item")
@outport("out")
async def look(item, out):
    """Tell of an array where it has arrived."""
    await out.send(describe(item))


def between_workers(*definitions):
    """Join components, each on a worker of its own."""
    g = chain(*definitions)
    for number, node in enumerate(g.nodes.values()):
        g.place(node, worker=number)
    return g


def results(g, name):
    outport = g.nodes[name].out
    return g.run(num_workers=len(g.nodes), collect=[outport]).collected[f"{name}.out"]


@pytest.mark.parametrize("stages", [0, 1, 3])
@pytest.mark.parametrize("size", [0, 10, SIZE])
def test_arrays_arrive_as_read_only_views(stages, size):
    array = np.arange(size, dtype="i4")
    g = between_workers(emit(array, array), *[relay(capacity=1)] * stages, look)
    assert results(g, f"c{stages + 1}") == [((size,), "<i4", False, int(array.sum()))] * 2


def test_within_a_worker_it_is_the_same_array():
    array = np.arange(SIZE)

    @component
    @inport("item")
    @outport("out")
    async def change(item, out):
        item[0] = 7
        await out.send(int(item[0]))

    g = chain(emit(array), change)
    assert g.run(num_workers=1, collect=[g.c1.out]).collected["c1.out"] == [7]


@component
@outport("out")
async def blank(out):
    """Make arrays and buffers where they need not be copied."""
    for number in range(30):
        array = empty((100, SIZE // 100), "f4")
        array[:] = number
        await out.send(array)
    data = buffer(SIZE)
    memoryview(data)[:] = b"x" * SIZE
    await out.send(np.frombuffer(data, "u1"))
    await out.send(empty(0))


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_what_is_made_in_shared_memory(num_workers):
    g = chain(blank, relay(), look)
    if num_workers == 2:
        g.place(g.c1, worker=1)
    *arrays, text, nothing = g.run(num_workers=num_workers, collect=[g.c2.out]).collected["c2.out"]
    assert [(shape, kind, total) for shape, kind, _, total in arrays] == [
        ((100, SIZE // 100), "<f4", number * SIZE) for number in range(30)
    ]
    assert (text[0], text[3]) == ((SIZE,), SIZE * ord("x"))
    assert (nothing[0], nothing[3]) == ((0,), 0)


def test_a_buffer_as_an_item():
    @component
    @outport("out")
    async def fill(out):
        data = buffer(SIZE)
        memoryview(data)[:3] = b"abc"
        await out.send(data)
        await out.send({"data": data, "number": 1})

    @component
    @inport("item")
    @outport("out")
    async def read(item, out):
        data = item["data"] if isinstance(item, dict) else item
        view = memoryview(data)
        await out.send((bytes(view[:3]), len(view), view.readonly))

    assert results(between_workers(fill, read), "c1") == [(b"abc", SIZE, True)] * 2


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="negative"):
        buffer(-1)
    with pytest.raises(ValueError, match="negative"):
        empty((3, -1))
    with pytest.raises(TypeError, match="objects"):
        empty(3, object)


def test_a_writable_copy():
    @component
    @inport("item")
    @outport("out")
    async def change(item, out):
        mine = writable(item)
        mine["array"][:] = 1
        await out.send((int(mine["array"].sum()), int(item["array"].sum())))

    item = {"array": np.zeros(SIZE, "i4")}
    assert results(between_workers(emit(item), change), "c1") == [(SIZE, 0)]
    assert writable(memoryview(b"abc")) == bytearray(b"abc")


def test_a_writable_copy_of_buffers():
    received = _native.Loopback(1 << 20).transfer(np.full(SIZE, 7, "u1"))
    for mine in (writable(received.base), writable({"deep": [received.base]})["deep"][0]):
        assert type(mine) is bytearray
        assert mine == bytes([7]) * SIZE
        mine[0] = 1
    assert received[0] == 7


def test_views_may_be_kept():
    @component
    @inport("item")
    @outport("out")
    @persist("kept", list)
    async def keep(item, out, kept):
        kept.get().append(item[1:])

    @keep.finish
    async def tell(out, kept):
        gc.collect()
        for part in kept.get():
            await out.send((int(part[0]), int(part[-1]), len(part)))

    arrays = [np.arange(number, number + SIZE) for number in range(100)]
    g = between_workers(emit(*arrays), keep)
    assert results(g, "c1") == [(number + 1, number + SIZE - 1, SIZE - 1) for number in range(100)]


def test_fan_out_shares_one_copy():
    array = np.arange(SIZE)
    g = Graph()
    g.source = emit(array, array)
    for number in range(3):
        node = g.add(f"look{number}", look)
        g.source.out >> node.item
        g.place(node, worker=number + 1)
    g.place(g.source, worker=0)
    collected = g.run(num_workers=4, collect=[g.nodes[f"look{number}"].out for number in range(3)]).collected
    assert list(collected.values()) == [[((SIZE,), "<i8", False, int(array.sum()))] * 2] * 3


def test_a_stream_needs_no_more_memory_than_what_is_inside():
    """Far more passes than the worker may map at once, were nothing given back."""

    @component
    @inport("item")
    @outport("out")
    @persist("seen", list)
    async def measure(item, out, seen):
        seen.get().append(_resident())

    @measure.finish
    async def tell(out, seen):
        sizes = seen.get()
        await out.send(max(sizes[len(sizes) // 2 :]) - max(sizes[: len(sizes) // 2]))

    @component
    @outport("out")
    async def stream(out):
        array = np.zeros(1 << 20, "u1")
        for _ in range(600):
            await out.send(array)

    (growth,) = results(between_workers(stream, relay(), measure), "c2")
    assert growth < 50 << 20


def _resident():
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096


def test_a_process_that_a_component_forks_off_gives_nothing_back():
    """It has copies of the views; dropping them must not free what this worker still sees."""

    @component
    @inport("item")
    @outport("out")
    async def forking(item, out):
        def drop():
            nonlocal item
            del item
            gc.collect()

        process = multiprocessing.get_context("fork").Process(target=drop)
        process.start()
        process.join()
        await out.send((process.exitcode, int(item.sum())))

    arrays = [np.full(SIZE, number) for number in range(20)]
    assert results(between_workers(emit(*arrays), forking), "c1") == [(0, number * SIZE) for number in range(20)]


def test_a_view_tells_what_it_is():
    received = _native.Loopback(1 << 20).transfer(np.zeros(SIZE, "u1"))
    assert repr(received.base) == f"<view of {SIZE} bytes of shared memory>"
    assert len(received.base) == SIZE
