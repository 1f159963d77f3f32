"""Trigger groups: `sync` zips ports, `clk` fires on each of them, ports in none of them show their latest value.

sync: a1 b1
sync: a2 b2
sync: a3 b3
clk: 6 firings
"""

from cascata import *


@component
@inport("label")
@inport("many", default=3)
@outport("item")
async def Series(label, many, item):
    for number in range(1, many + 1):
        await item.send(f"{label}{number}")


@component
@inport("left")
@inport("right")
async def Pair(left, right):
    print("sync:", left, right)


@component
@inport("left")
@inport("right")
@outport("fired")
async def Either(left, right, fired):
    await fired.send(1)


@component
@inport("all")
async def Total(all):
    print("clk:", sum(all), "firings")


first = Graph()
first.a = Series
first.b = Series
first.a.label < "a"
first.b.label < "b"
first.pair = Pair
first.a.item >> first.pair.left
first.b.item >> first.pair.right
first.pair.sync(first.pair.left, first.pair.right)
first.run(1)

second = Graph()
second.x = Series
second.y = Series
second.x.label < "x"
second.y.label < "y"
second.either = Either
second.total = Total
second.x.item >> second.either.left
second.y.item >> second.either.right
second.either.clk(second.either.left, second.either.right)
second.either.fired >>= second.total.all
second.run(1)
