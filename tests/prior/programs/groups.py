"""A group between one component and another: items are shared out, and gathered.

['workers_0', 'workers_1', 'workers_2'] 3 workers
[0, 1, 4, 9, 16, 25, 36, 49]
1 of 2
"""

from cascata import *
from cascata.port import PortHandler


@component
@outport("number")
async def Numbers(number):
    for n in range(8):
        await number.send(n)


@component
@inport("number")
@inport("exponent", default=1)
@outport("power")
async def Power(number, exponent, power):
    await power.send(number**exponent)


@component
@inport("numbers")
async def ShowSorted(numbers):
    print(sorted(numbers))


@component
@inport("item")
async def Show(item):
    print(item)


several = Power * 3

graph = Graph()
graph.numbers = Numbers
graph.workers = several
graph.show = ShowSorted
workers.exponent < 2
assert isinstance(workers.number, PortHandler)
print([member.name for member in workers.group], workers.count, workers.name)

numbers.number >> workers.number
workers.power >>= show.numbers
graph.run()

members = Graph()
members.pair = Power * 2
members.pair.initialize("number", 1)
members.show = Show
members.pair.group[0].power >> members.show.item
members.pair.group[1].power >> members.show.item
fed = [pair for pair in members.edges if pair[1] is members.show.item]
print(len(fed) - 1, "of", len(fed))
