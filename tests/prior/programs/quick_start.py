"""Ports, a constant, operators, names in the module's namespace.

0
10
20
30
ends with 40
"""

from cascata import *


@component
@inport("limit")
@outport("number")
async def CountUp(limit, number):
    for n in range(limit):
        await number.send(n)


@component
@inport("number", capacity=2)
@inport("factor", default=1)
@outport("product")
async def Multiply(number, factor, product):
    await product.send(number * factor)


@component
@inport("product")
@inport("last", default=None)
async def Show(product, last):
    print(f"ends with {product}" if product == last else product)


graph = Graph()
graph.count = CountUp
graph.multiply = Multiply
graph.show = Show

count.limit < 5
multiply.factor < 10
show.last.initialize(40)

count.number >> multiply.number
multiply.product >> show.product

graph.run(num_workers=3)
