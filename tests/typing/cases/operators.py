"""Graphs by assignment and operators: whatever runs must pass, in every order."""

from cascata import Graph, Outport, batch, component, inport, outport, persist


@component
@inport("text")
@outport("word")
async def split(text: str, word: Outport[str]) -> None:
    await word.send(text)


@component
@inport("word")
@inport("other", default=0)
@persist("seen", set)
async def keep(word: str, other: int, seen: object) -> None: ...


graph = Graph()
graph.split = split
graph.keep = keep
graph.split.text < "a b"
graph.split.word >> graph.keep.word
graph.keep.seen < ["a"]
graph.keep.seen.set({"a"})
graph.keep.sync(graph.keep.word)
graph.keep.clk(graph.keep.other)
graph.weigh(graph.split, cost=2)
graph.place(graph.split, graph.keep, worker=1)
graph.export(graph.split.text, "text")
graph.another = split("instance")
copied = graph.another.copy()
copied.text < 3

graph.batches = keep
graph.split.word >>= graph.batches.word
graph.split.word >> 3 >= graph.batches.other
graph.split.word >> batch(3, within=0.5) >= graph.batches.other
graph.split.word >> graph.keep.word >> graph.batches.other

graph.workers = split * 4
graph.workers.text.round_robin
graph.split.word >> graph.workers.text
graph.split.word >> graph.workers.text.keyed(len)
graph.workers.word.unordered >> graph.keep.word
graph.workers.word.unordered >>= graph.keep.word
graph.workers[0].text < "first"
graph.workers.initialize("text", "all")
for member in graph.workers:
    assert member.name, (len(graph.workers), graph.workers.count)

main = Graph()
main.prep = graph
main.keep = keep
main.prep.text < "a b"
main.prep_text < "a b"
main.prep.word >> main.keep.word
main.prep_word >>= main.keep.word
main.prep.keep.other < 3

graph.number = 5  # E
graph.plain = print  # E
graph.split.text = "a"  # E
graph["split"]  # E
