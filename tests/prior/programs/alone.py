"""Components without a graph: tried with values, as instances, and copied.

{'total': [5]}
{'low': [2], 'high': []}
adder ['first', 'second', 'total'] ['total']
7 7 None
"""

from cascata import *


@component
@inport("first")
@inport("second", default=1)
@outport("total")
async def Add(first, second, total):
    await total.send(first + second)


@component
@inport("number")
@outport("low")
@outport("high")
async def Sort(number, low, high):
    await (low if number < 10 else high).send(number)


print(Add.test(first=2, second=3))
print(Sort.test(number=2))
adder = Add("adder")
adder.first < 7
copied = adder.copy()
print("adder", sorted(adder.ports), [port.name for port in adder.outports])
print(adder.first.initialization_value, copied.first.initialization_value, copied.group_name)
