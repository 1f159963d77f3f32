"""Batches of a size, of the whole stream, and of what a group sends.

[0, 1, 2, 3, 4]
[0, 1]
[2, 3]
[4]
[0, 0]
"""

from cascata import *


@component
@inport("limit", default=5)
@outport("number")
async def CountUp(limit, number):
    for n in range(limit):
        await number.send(n)


@component
@inport("numbers")
async def Show(numbers):
    print(numbers)


def fresh():
    graph = Graph()
    graph.count = CountUp
    graph.show = Show
    return graph


whole = fresh()
whole.count.number >>= whole.show.numbers
whole.run(num_workers=1)

twos = fresh()
twos.count.number >> 2 >= twos.show.numbers
twos.run(num_workers=2)

of_group = Graph()
of_group.counts = CountUp * 2
of_group.counts.initialize("limit", 1)
of_group.last = Show
of_group.counts.number >> 2 >= of_group.last.numbers
of_group.run(num_workers=1)
