"""A graph in another one, twice and nested, by the ports that it exports.

['a.txt!', 'b.txt!']
['a.txt!!', 'b.txt!!']
"""

from cascata import *


@component
@inport("names")
@outport("part")
async def Split(names, part):
    for n in names.split():
        await part.send(n)


@component
@inport("text")
@outport("louder")
async def Shout(text, louder):
    await louder.send(text + "!")


@component
@inport("texts")
async def Show(texts):
    print(texts)


def loud():
    sub = Graph()
    sub.split = Split
    sub.shout = Shout
    sub.split.part >> sub.shout.text
    sub.export(sub.split.names, "names")
    sub.export(sub.shout.louder, "louder")
    return sub


main = Graph()
main.prep = loud()
main.show = Show
main.prep_names < "a.txt b.txt"
main.prep_louder >>= main.show.texts
main.run(1)

outer = loud()
outer.again = Shout
outer.shout.louder >> outer.again.text
outer.export(outer.again.louder, "loudest")
main = Graph()
main.prep = outer
main.show = Show
main.prep.names < "a.txt b.txt"
main.prep.loudest >>= main.show.texts
main.start(num_workers=2)
main.join()
