"""Components that graphs in files name, and functions for `keyed`."""

from cascata import component, inport, outport, persist


@component
@inport("upto", default=6)
@outport("number")
async def count(upto: int, number: int):
    for value in range(upto):
        await number.send(value)


@component
@inport("x")
@inport("factor", default=2)
@inport("wide", capacity=None, default=None)
@outport("y")
@persist("seen", dict)
async def scale(x, factor, wide, y, seen):
    await y.send(x * factor)


@component
@inport("item")
@outport("everything")
@persist("items", list)
async def gather(item, everything, items):
    items.get().append(item)


@gather.finish
async def send_all(everything, items):
    await everything.send(items.get())


@component
@inport("numbers")
@outport("total")
async def add_up(numbers: list[int], total: int):
    await total.send(sum(numbers))


@component
@inport("opaque", default=object())
@inport("word", default="a")
async def odd(opaque, word): ...


class Kept:
    """A place for components other than a module."""

    @component
    @inport("x")
    async def inner(x): ...  # noqa: N805  no method, and called by name

    @staticmethod
    def parity(number):
        return number % 2


def last_digit(number):
    return number % 10


async def no_key(number):
    return number


def make_local():
    @component
    @inport("x")
    async def local(x): ...

    return local
