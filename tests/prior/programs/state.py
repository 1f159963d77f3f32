"""Persistent state: its arguments, setting it, and what several processes share by a manager.

[1, 2, 3]
['start']
to be or not to be
{'to': 2, 'be': 2, 'or': 1, 'not': 1}
"""

import multiprocessing

from cascata import *
from cascata.port import PersistentValue


@component
@outport("word")
async def Words(word):
    for w in "to be or not to be".split():
        await word.send(w)


@component
@inport("word")
@outport("text")
@persist("counts", lambda shared: shared)
@persist("number", lambda: 0)
async def Count(word, text, counts, number):
    number.set(number.get() + 1)
    shared = counts.get()
    shared[word] = shared.get(word, 0) + 1
    await text.send(word)


@component
@inport("words")
async def Show(words):
    print(" ".join(words))


value = PersistentValue(lambda first, second, third=0: [first, second, third])
value < ((1, 2), {"third": 3})
print(value.get())
value.set(["start"])
print(value.get())

with multiprocessing.Manager() as manager:
    counted = manager.dict()
    graph = Graph()
    graph.words = Words
    graph.count = Count
    graph.show = Show
    graph.count.counts < counted
    graph.words.word >> graph.count.word
    graph.count.text >>= graph.show.words
    graph.run(2)
    print(dict(counted))
