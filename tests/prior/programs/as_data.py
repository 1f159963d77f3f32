"""A graph as data: written, read again, run; components, values, groups, batches and exports are in it.

['load', 'workers_0', 'workers_1', 'show'] [('load', 'part', 'workers', 'part'), ('workers', 'size', 'show', 'sizes')]
[1, 2, 3]
[1, 2, 3]
"""

import json
import tempfile

from cascata import *


@component
@inport("text")
@outport("part")
async def Load(text, part):
    for p in text.split():
        await part.send(p)


@component
@inport("part")
@inport("factor", default=2)
@outport("size")
async def Size(part, factor, size):
    await size.send(len(part) * factor)


@component
@inport("sizes")
async def Show(sizes):
    print(sorted(sizes))


graph = Graph()
graph.load = Load
graph.workers = Size * 2
graph.show = Show
graph.load.text < "a bb ccc"
graph.workers.initialize("factor", 1)
graph.load.part >> graph.workers.part
graph.workers.size >>= graph.show.sizes

with tempfile.TemporaryFile("w+") as file:
    json.dump(graph.to_json(), file)
    file.seek(0)
    restored = Graph.from_json(json.load(file))

names = [name for name in restored.nodes if "-to-" not in name]
print(sorted(names, key=list(graph.nodes).index), sorted(tuple(edge) for edge in restored.to_json()["edges"]))
graph.run(1)
restored.run(1)
