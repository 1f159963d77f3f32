"""The logger names the component, and says everything without any set-up.

INFO - double@Double : doubling 2
DEBUG - double@Double : gives 4
WARNING - double@Double : odd
"""

import sys

import cascata.log as log
from cascata import Graph, component, inport, outport


@component
@inport("x")
@outport("y")
async def Double(x, y):
    log.info("doubling %s", x)
    await y.send(x * 2)
    log.debug(f"gives {x * 2}")
    log.warning("odd")


sys.stderr = sys.stdout  # where the test looks

graph = Graph()
graph.double = Double
graph.double.x < 2
graph.run(num_workers=1)
