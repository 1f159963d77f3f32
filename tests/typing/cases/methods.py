"""The same in method form, which says more to a checker."""

from typing import assert_type

from cascata import Graph, Outport, component, inport, outport
from cascata.batching import Batched
from cascata.group import Group
from cascata.instance import Instance
from cascata.port import InputPort, OutputPort
from cascata.subgraph import Subgraph


@component
@inport("text")
@outport("word")
async def split(text: str, word: Outport[str]) -> None:
    await word.send(text)


graph = Graph()
one = graph.add("one", split)
several = graph.add("several", split * 4)
sub = Graph().add("sub", graph)
assert_type(one, Instance)
assert_type(several, Group)
assert_type(sub, Subgraph)
assert_type(several[0], Instance)
assert_type(several[1:], list[Instance])
assert_type(one.graph, Graph | None)
assert_type(graph.nodes, dict[str, Instance])
assert_type(graph.copy("left"), Graph)

text: InputPort = one.text
word: OutputPort = one.word
text.set("a b")
assert_type(word.connect(text), OutputPort)
assert_type(word >> text, OutputPort)
assert_type(word.batch(3, within=0.5), Batched)
assert_type(word >> 3, Batched)
word.batch(3).connect(several.text)
word >>= text

graph.add(1, split)  # E
graph.add("number", 1)  # E
graph.add("function", print)  # E
graph.add("no_component")  # E
one.sync(word)  # E
one.sync("text")  # E
word.connect(word)  # E
word.connect("text")  # E
word >> "text"  # E
word.batch("three")  # E
word.batch(3, within="long")  # E
text.round_robin  # E
word.unordered  # E
several["text"]  # E
graph.export("one.text", "text")  # E
graph.export(text, 5)  # E
graph.copy(5)  # E
