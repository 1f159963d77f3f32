"""Wrong uses, each with the exception and what its message says.

The code of a row runs below `BEFORE`; its last line is what raises.
"""

import re

import pytest

from cascata import ComponentError, DeadlockError, GraphError

BEFORE = """
from cascata import *
from cascata.port import PersistentValue

def make():
    @component
    @inport("text")
    @inport("minimum", default=3)
    @outport("word")
    @persist("seen", set)
    async def split(text: str, minimum: int, word: str, seen): ...

    @component
    @inport("word")
    @outport("length")
    async def measure(word: str, length: int): ...

    @component
    @outport("number")
    async def source(number: bytes): ...

    graph = Graph()
    graph.split = split
    graph.measure = measure
    graph.source = source
    return graph, split, measure, source

g, Split, Measure, Source = make()
"""

WHOLE = "g.split.text < 'a'\ng.split.word >> g.measure.word\n"
"""Makes of `g` a graph that can run."""

DECORATORS = [
    ("@component\ndef work(): ...", TypeError, r"^work: a component is an async function; write `async def`"),
    (
        '@component\n@inport("x")\ndef work(x): ...',
        TypeError,
        r"^work: a component is an async function; write `async def`",
    ),
    ("component(lambda: None)", TypeError, r"^<lambda>: a component is an async function; write `async def`"),
    ("@component\nasync def work():\n  yield 1", TypeError, r"^work: it is an async generator; send with .*`yield`"),
    (
        "@component\n@component\nasync def work(): ...",
        TypeError,
        r"^work: it is a component already; write @component once",
    ),
    ("component(Split)", TypeError, r"^split: it is a component already; write @component once"),
    ("component(g.split)", TypeError, r"^split: it is a component already"),
    (
        "@component\n@Split.finish\nasync def done(word): ...",
        TypeError,
        r"^split: it is a component already; write @component once, .* none above @split\.finish",
    ),
    (
        "@Split.finish\n@component\nasync def done(): ...",
        TypeError,
        r"^done: it is a component already, and @split\.finish stands above .*; drop its @component",
    ),
    ("@component()\nasync def work(): ...", TypeError, r"^@component stands without parentheses.*; write @component$"),
    ("component(3)", TypeError, r"^3: a component is an async function"),
    ("@component\nclass Work: ...", TypeError, r"^Work: a component is an async function"),
    (
        '@component\n@inport("x")\nasync def work(): ...',
        TypeError,
        r"^work: 'x' is declared but is no parameter; add it to the parameters, or drop the decorator\. .*: none",
    ),
    (
        '@component\n@inport("x")\n@outport("z")\nasync def work(y): ...',
        TypeError,
        r"^work: 'x', 'z' are declared but are no parameters; add them to the parameters, or .* are: 'y'",
    ),
    (
        "@component\nasync def work(x): ...",
        TypeError,
        r'^work: \'x\' is a parameter but is not declared; put @inport\("x"\)',
    ),
    ("@component\nasync def work(x, y): ...", TypeError, r"^work: 'x', 'y' are parameters but are not declared"),
    (
        '@component\n@inport("x")\nasync def work(x, y=3): ...',
        TypeError,
        r"^work: 'y' is a parameter but is not declared; put @inport\(\"y\"\), .*, or drop it",
    ),
    ("@component\nasync def work(*args): ...", TypeError, r"^work: `\*args` stands for no port"),
    ("@component\nasync def work(**kwargs): ...", TypeError, r"^work: `\*\*kwargs` stands for no port"),
    ('@component\n@inport("x")\nasync def work(x, /): ...', TypeError, r"^work: 'x' is positional-only.*drop the `/`"),
    (
        '@component\n@inport("x")\n@inport("x")\nasync def work(x): ...',
        ValueError,
        r"^work: 'x' is declared twice; keep one",
    ),
    ('@component\n@inport("x")\n@outport("x")\nasync def work(x): ...', ValueError, r"^work: 'x' is declared twice"),
    (
        '@component\n@persist("x", int)\n@outport("x")\nasync def work(x): ...',
        ValueError,
        r"^work: 'x' is declared twice",
    ),
    (
        '@inport("x", capacity=0)\nasync def work(x): ...',
        ValueError,
        r'^work: @inport\("x"\): capacity=0 leaves no room',
    ),
    (
        '@inport("x", capacity=2**63)\nasync def work(x): ...',
        ValueError,
        r"^work: @inport.*capacity=9223372036854775808 is more than \d+, .* or None for a port without limit",
    ),
    ('@inport("x", capacity=10**30)\nasync def work(x): ...', ValueError, r"^work: .*is more than 9223372036854775807"),
    ('@inport("x", capacity=-1)\nasync def work(x): ...', ValueError, r"^work: .*capacity=-1 .*1 or more, or None"),
    ('@inport("x", capacity=True)\nasync def work(x): ...', TypeError, r"^work: .*capacity=True is not a whole number"),
    ('@inport("x", capacity=2.5)\nasync def work(x): ...', TypeError, r"^work: .*capacity=2.5 is not a whole number"),
    ('@inport("x", capacity="3")\nasync def work(x): ...', TypeError, r"^work: .*capacity='3' is not a whole number"),
    (
        '@inport("not a name")\nasync def work(x): ...',
        ValueError,
        r"^work: @inport.*'not a name' cannot be a parameter's name",
    ),
    (
        '@outport("class")\nasync def work(x): ...',
        ValueError,
        r"^work: @outport.*'class' cannot be a parameter's name: it is a reserved word of Python; take .* 'class_'",
    ),
    ('@inport("")\nasync def work(x): ...', ValueError, r"^work: @inport.*'' cannot be a parameter's name"),
    ('@inport("_x")\nasync def work(_x): ...', ValueError, r"^work: .*do not start with an underscore"),
    (
        '@component\n@inport("name")\nasync def work(name): ...',
        ValueError,
        r"^work: every component has an attribute 'name'",
    ),
    (
        '@component\n@outport("sync")\nasync def work(sync): ...',
        ValueError,
        r"^work: every component has an attribute 'sync'",
    ),
    ("@inport\nasync def work(x): ...", TypeError, r'^work: @inport needs a name; write @inport\("text"\)'),
    ("@outport\nasync def work(x): ...", TypeError, r"^work: @outport needs a name"),
    ("@persist\nasync def work(x): ...", TypeError, r'^work: @persist needs a name; write @persist\("seen", set\)'),
    ("@inport()\nasync def work(x): ...", TypeError, r'^@inport\(\) needs a name; write @inport\("text"\)'),
    ("@outport()\nasync def work(x): ...", TypeError, r'^@outport\(\) needs a name; write @outport\("word"\)'),
    ("@persist()\nasync def work(x): ...", TypeError, r'^@persist\(\) needs a name; write @persist\("seen", set\)'),
    (
        '@persist("x")\nasync def work(x): ...',
        TypeError,
        r'^@persist\("x"\) needs what makes .*; write @persist\("x", set',
    ),
    ("@inport(3)\nasync def work(x): ...", TypeError, r"^@inport\(3\): a port's name is a string"),
    ('@inport("x")\n@component\nasync def work(): ...', TypeError, r"^work: @inport\(\"x\"\) stands above @component"),
    ('@persist("x", set)\n@component\nasync def work(): ...', TypeError, r"^work: .*put @component on top"),
    ('inport("x")(3)', TypeError, r'^3: @inport\("x"\) decorates an `async def`'),
    ('@component\n@inport("x")\nclass Work: ...', TypeError, r'^Work: @inport\("x"\) decorates an `async def`'),
    ('@persist("x", 3)\nasync def work(x): ...', TypeError, r'^work: @persist\("x"\): 3 is not callable.*`lambda: 3`'),
    ('async def a(): ...\n@persist("x", a)\nasync def work(x): ...', TypeError, r"^work: .*the initialiser is async"),
    ('@persist("x", set, close=3)\nasync def work(x): ...', TypeError, r"^work: .*close=3 is not callable"),
    (
        'async def a(x): ...\n@persist("x", set, close=a)\nasync def work(x): ...',
        TypeError,
        r"^work: .*close= is async",
    ),
    ("@Split.finish\ndef done(): ...", TypeError, r"^done: a finish function is awaited.*write `async def`"),
    ("@Split.finish\nasync def done(text): ...", TypeError, r"^done: 'text' is an inport, and all inports have ended"),
    (
        "@Split.finish\nasync def done(wrod): ...",
        TypeError,
        r"^done: 'wrod' is no outport or .* it has: 'word', 'seen'",
    ),
    ("@Split.finish\nasync def done(*word): ...", TypeError, r"^done: `\*word` stands for no port"),
    ("Split.finish(Split.finish(Split.__wrapped__))", TypeError, r"^split: 'text' is an inport"),
    (
        "@Split.finish\nasync def one(word): ...\n@Split.finish\nasync def two(word): ...",
        TypeError,
        r"^split has a finish function already, one; put what both do into one",
    ),
]

DEFINITIONS = [
    ("Split.txt", AttributeError, r"^split has no attribute 'txt'; it declares inports: text, minimum; outports: word"),
    ("Split.text", AttributeError, r"^split\.text: split is a definition, and ports belong to its instances"),
    ("Split.text = 3", AttributeError, r"^split\.text cannot be assigned"),
    (
        "Split('a b c'.split())",
        TypeError,
        r"^split\(\['a', 'b', 'c'\]\): a call makes an instance.*split\.test\(\.\.\.\)",
    ),
    ("Split.test()", TypeError, r"^split\.test\(\.\.\.\) needs a value for text; it has inports: text, minimum"),
    ("Split.test(text='a', txt='b')", TypeError, r"^split\.test\(\.\.\.\): 'txt' is unknown; it has inports"),
    ("Split.test(text='a', word='b')", TypeError, r"^split\.test\(\.\.\.\): 'word' is an outport"),
]

PORTS = [
    (
        "g.split.txt",
        AttributeError,
        r"^split \(split\) has no port 'txt'; did you mean 'text'\? It has inports: text, minimum",
    ),
    (
        "Split('one').wrod",
        AttributeError,
        r"^one \(split\) has no port 'wrod'; did you mean 'word'\? It has inp",
    ),
    ("g.split.zzz", AttributeError, r"^split \(split\) has no port 'zzz'\. It has .*persistent values: seen"),
    ("g.split.text = 3", AttributeError, r"^split\.text is a port and cannot be assigned; .*split\.text < …"),
    ("g.split.seen = 3", AttributeError, r"^split\.seen is a port and cannot be assigned"),
    ("g.split.foo = 3", AttributeError, r"^split \(split\) has no port 'foo'"),
    (
        "g.split.name = 'x'",
        AttributeError,
        r"^split\.name cannot be assigned: a component gets its name when .*, as in graph\.x = split$",
    ),
    ("g.split.sync = 3", AttributeError, r"^split\.sync cannot be assigned: it is what every component has"),
    (
        "g.split.text.capacity = 3",
        AttributeError,
        r'^split\.text\.capacity cannot be assigned; .* belongs to the declaration .*: @inport\("…", capacity=3\)',
    ),
    (
        "g.split.word.name = 'x'",
        AttributeError,
        r"^split\.word\.name cannot be assigned; .* belongs to its declaration",
    ),
    ("g.split.word.foo = 3", AttributeError, r"^split\.word\.foo cannot be assigned"),
    ("g.split.word < 3", TypeError, r"^split\.word < 3: split\.word is an outport; initial values are set on inports"),
    ("g.split.text < g.measure.word", TypeError, r"^split\.text < measure\.word: a port is no initial value"),
    ("g.split.text < g.split.seen", TypeError, r"^split\.text < split\.seen: a port is no initial value"),
    ("g.split.seen < g.measure.word", TypeError, r"^split\.seen < measure\.word: a port is no argument"),
    ("g.split.text < 1 < 2", TypeError, r"^split\.text < 1: .*compares nothing"),
    ("g.split.seen < 1 < 2", TypeError, r"^split\.seen = set\(1\): .*compares nothing"),
    ("PersistentValue(set) < 1 < 2", TypeError, r"compares nothing"),
    ("PersistentValue(3)", TypeError, r"^PersistentValue\(3\): 3 is not callable; give what makes .*`lambda: 3`"),
]

CONNECTIONS = [
    (
        "g.split.text >> g.measure.word",
        TypeError,
        r"^split\.text >> measure\.word: split\.text is an inport; connections run",
    ),
    ("g.measure.word >> g.split.word", TypeError, r"is an inport; turn it round: split\.word >> measure\.word"),
    (
        "g.split.word >> g.measure.length",
        TypeError,
        r"^split\.word >> measure\.length: measure\.length is an outport too",
    ),
    ("g.split.word >> g.split.seen", TypeError, r"^split\.word >> split\.seen: split\.seen is a persistent value"),
    (
        "g.split.word >> g.measure",
        TypeError,
        r"^split\.word >> measure: measure is a component; name one of its inports: word",
    ),
    ("g.split.word >> g.source", TypeError, r"name one of its inports: it has none"),
    ("g.split.word >> 'x'", TypeError, r"^split\.word >> 'x': 'x' is no port"),
    ("g.split.word.connect(None)", TypeError, r"^split\.word >> None: None is no port"),
    (
        "g.split.text.connect(g.measure.word)",
        TypeError,
        r"^split\.text >> measure\.word: split\.text is an inport; connections run",
    ),
    ("g.measure.word.connect(g.split.word)", TypeError, r"is an inport; turn it round: split\.word >> measure\.word"),
    ("g.measure.word.connect(3)", TypeError, r"^measure\.word >> 3: measure\.word is an inport"),
    ("3 >> g.split.text", TypeError, r"^3 >> split\.text: only outports can be connected.*split\.text < …"),
    ("g.split.word >> g.measure.word < 3", TypeError, r"^split\.word < 3: split\.word is an outport"),
    ("g.measure.length >> g.split.text", TypeError, r"measure\.length sends int, but split\.text takes str"),
    (
        "g.measure.length.connect(g.split.text)",
        TypeError,
        r"measure\.length sends int, but split\.text takes str; mend the wrong annotation, or put a component between",
    ),
    ("g.source.number >> g.measure.word", TypeError, r"source\.number sends bytes, but measure\.word takes str"),
    ("g.split.word >> g.measure.word\ng.split.word >> g.measure.word", GraphError, r"split\.word.*measure\.word"),
    ("Split('a').word >> g.measure.word", GraphError, r"^a\.word >> measure\.word: a is in no graph yet"),
    (
        "g.split.word >> make()[0].measure.word",
        GraphError,
        r"split and measure are in different graphs; put both into one",
    ),
]

TRIGGERS = [
    (
        "g.split.sync('text')",
        TypeError,
        r"^split\.sync\(\.\.\.\): 'text' is no port; give .*: split\.text, split\.minimum",
    ),
    ("g.split.sync(g.measure.word)", TypeError, r"measure\.word is a port of another component"),
    ("g.split.clk(g.split.word)", TypeError, r"split\.word is an outport"),
    ("g.split.clk(g.split.seen)", TypeError, r"is no port"),
    ("g.source.clk(g.source.number)", TypeError, r"give inports of source: none"),
    ("g.split.sync()", GraphError, r"sync.*split.*text"),
    ("g.split.clk(g.split.text)\ng.split.sync(g.split.text)", GraphError, r"text"),
    ("g.split.sync(g.split.text, g.split.text)", GraphError, r"text"),
]

GRAPHS = [
    ("g.x = 3", TypeError, r"^graph\.x = 3: only components go into a graph"),
    ("g.x = None", TypeError, r"^graph\.x = None: only components go into a graph"),
    ("g.x = g.split.text", TypeError, r"^graph\.x = split\.text: .* connect ports with `>>`"),
    ("async def f(): ...\ng.x = f", TypeError, r"it is a plain function: put @component on top and declare"),
    (
        '@outport("a")\nasync def f(a): ...\ng.x = f',
        TypeError,
        r"plain function with ports: put @component on top of its",
    ),
    ("g.split = Split", GraphError, r"^graph\.split is there already.*; take a new name"),
    ("g.add('split', Measure)", GraphError, r"^graph\.split is there already.*; take a new name"),
    ("g.run = Split", GraphError, r"^'run' cannot be the name of a component: graph\.run means something else"),
    ("g.add('check_deadlocks', Split)", GraphError, r"^'check_deadlocks' cannot be the name.*; take another name"),
    ("g.nodes = Split", GraphError, r"^'nodes' cannot be the name"),
    ("g._x = Split", GraphError, r"^'_x' cannot be .*underscore"),
    ("g.add('a b', Split)", GraphError, r"^'a b' cannot be the name of a component: write it as a variable's"),
    (
        "g.add('class', Split)",
        GraphError,
        r"^'class' cannot be the name of a component: it is a reserved word of Python; take another name",
    ),
    ("g.add('', Split)", GraphError, r"^'' cannot be the name"),
    ("g.add(3, Split)", TypeError, r"^the name of a component is a string, not 3"),
    ("g.x = g.split", GraphError, r"^graph\.x = split: this instance is in this graph already.*split\.copy\(\)"),
    ("del g.split", AttributeError, r"^graph\.split cannot be deleted"),
    (
        "g.spilt",
        AttributeError,
        r"^the graph has no component 'spilt'; did you mean 'split'\? It has: split, measure, source",
    ),
    ("Graph().x", AttributeError, r"^the graph has no component 'x'\. It has no components yet"),
    (
        "g.weigh(Split, cost=1)",
        GraphError,
        r"^graph\.weigh\(\.\.\.\): .* is no component of this graph\. It has: split",
    ),
    ("g.weigh('split', cost=1)", GraphError, r"'split' is no component of this graph"),
    ("g.weigh(g.split, cost=0)", GraphError, r"0"),
    ("g.weigh(g.split, cost=float('nan'))", GraphError, r"(?i)nan"),
    ("g.weigh(g.split, traffic=-1)", GraphError, r"-1"),
    ("g.weigh(g.split, cost=-1)", GraphError, r"cost of split cannot be -1: it must be a finite number, above 0"),
    ("g.weigh(g.split, cost=10**400)", GraphError, r"cost of split cannot be inf: it must be a finite number"),
    ("g.weigh(g.split, cost='x')", TypeError, r"^graph\.weigh\(\.\.\., cost='x'\): give a number"),
    ("g.weigh(g.split, traffic=True)", TypeError, r"^graph\.weigh\(\.\.\., traffic=True\): give a number"),
    ("g.weigh(g.split)", TypeError, r"^graph\.weigh\(\.\.\.\): say how heavy it is, with `cost=2` or `traffic=2`"),
    ("g.shard(-1)", ValueError, r"^graph\.shard\(-1\): the number of workers is negative; give 1 or more"),
    ("g.shard('x')", TypeError, r"^graph\.shard\('x'\): give the number of workers, a whole number"),
    ("g.shard(2.5)", TypeError, r"^graph\.shard\(2\.5\): give the number of workers"),
    ("g.shard(True)", TypeError, r"^graph\.shard\(True\): give the number of workers"),
    ("g.shard(None)", TypeError, r"^graph\.shard\(None\): give the number of workers"),
    ("g.place(g.split)", TypeError, r"^graph\.place\(\.\.\.\): say where"),
    ("g.place(worker=1)", TypeError, r"^graph\.place\(\.\.\.\) names no component; give some, as in graph\.place\(gr"),
    ("g.place(g.split, worker=256)", ValueError, r"worker=256\): a run has 256 workers at most; give .* from 0 to 255"),
    ("g.place(g.split, worker=10**30)", ValueError, r"^graph\.place\(\.\.\., worker=10*\): a run has 256 workers at"),
    ("g.place(g.split, worker=-1)", GraphError, r"-1.*count from 0"),
    ("g.place(g.split, worker=True)", TypeError, r"worker=True\): a worker is given by its number"),
    ("g.place(make()[0].split, worker=1)", GraphError, r"split is no component of this graph"),
    ("g.place(g.split, worker='1')", TypeError, r"worker='1'\): a worker is given by its number, from 0"),
    ("g.place(g.split, together=True)", GraphError, r"takes two components or more, and only split was named"),
    ("g.join()", RuntimeError, r"^graph\.join\(\): the graph has not been started"),
    ("registry.find('nowhere', 'x')", LookupError, r"^no component 'x' is defined in 'nowhere'"),
]

GROUPS = [
    ("Split * 2.5", TypeError, r"^split \* 2\.5: the number of members is a whole number; write split \* 4"),
    ("'4' * Split", TypeError, r"^split \* '4': the number of members is a whole number"),
    ("Split * True", TypeError, r"^split \* True: the number of members is a whole number"),
    ("Split * None", TypeError, r"^split \* None: the number of members"),
    ("Split * 0", ValueError, r"^split \* 0: a group of 0 has no members; give a number from 1 to 100,000"),
    ("Split * -1", ValueError, r"^split \* -1: a group of -1 has no members"),
    ("Split * 10**9", ValueError, r"^split \* 1000000000: a group of 1000000000 is too large; give"),
    ("g.split * 0", ValueError, r"^split \* 0: a group of 0 has no members"),
    ("Split * 2 * 3", TypeError, r"^split \* 2 \* 3: a group has no groups as members; multiply .*: split \* 6"),
    ("g.ws = Split * 2\ng.ws * 3", TypeError, r"^ws \* 3: a group has no groups as members; .*: split \* 6"),
    (
        "(Split * 2).text",
        AttributeError,
        r"^\(split \* 2\)\.text: it is in no graph yet, .*, as in graph\.workers = spl",
    ),
    (
        "g.ws = Split * 2\ng.xs = g.ws",
        GraphError,
        r"^graph\.xs = ws: this group is in this graph already, .*ws\.copy\(\)",
    ),
    ("g.ws = Split * 2\nGraph().ws = g.ws", GraphError, r"^graph\.ws = ws: this group is in another graph already"),
    ("g.ws = Split * 2\ng.x = g.ws_0", GraphError, r"this instance is in this graph already, as 'ws_0'"),
    ("g.ws = Split * 2\ng.ws = Split", GraphError, r"^graph\.ws is there already, <ws \(2 of split\): .*; take a new"),
    ("g.split = Split * 2", GraphError, r"^graph\.split is there already, <split \(split\)"),
    (
        "g.ws_1 = Split\ng.ws = Split * 2",
        GraphError,
        r"^group ws cannot have a part ws_1, because the graph has a comp",
    ),
    ("g.ws = Split * 2\ng.ws_1 = Split", GraphError, r"^graph\.ws_1 is there already"),
    ("g.run = Split * 2", GraphError, r"^'run' cannot be the name of a component: graph\.run means something else"),
    ("g.ws = [Split, Split]", TypeError, r"^graph\.ws = \[.*\]: only components go into a graph"),
    ("g.ws = Split * 2\ng.ws[2]", IndexError, r"^ws\[2\]: there is no such member; ws has 2, counted from 0"),
    (
        "g.ws = Split * 2\ng.ws['text']",
        TypeError,
        r"^ws\['text'\]: members go by number, as in ws\[0\]; ports are attr",
    ),
    ("g.ws = Split * 2\ng.ws.txt", AttributeError, r"^ws \(split\) has no port 'txt'; did you mean 'text'\?"),
    ("g.ws = Split * 2\ng.ws.text = 3", AttributeError, r"^ws\.text is a port and cannot be assigned; .* ws\.text < …"),
    ("g.ws = Split * 2\ng.ws.count = 3", AttributeError, r"^ws\.count cannot be assigned"),
    ("g.ws = Split * 2\ng.ws.initialize('txt', 1)", AttributeError, r"^ws \(split\) has no port 'txt'"),
    (
        "g.ws = Split * 2\ng.ws.initialize('word', 1)",
        TypeError,
        r"^ws\.initialize\('word', \.\.\.\): ws\.word is an outp",
    ),
    ("g.ws = Split * 2\ng.ws.word < 1", TypeError, r"^ws\.word < 1: ws\.word is an outport"),
    ("g.ws = Split * 2\ng.ws.text < g.ws.seen", TypeError, r"^ws\.text < ws\.seen: a port is no initial value"),
    ("g.ws = Split * 2\ng.ws.seen < g.ws.text", TypeError, r"^ws\.seen < ws\.text: a port is no argument; connect"),
    ("g.ws = Split * 2\ng.ws.seen < g.split.seen", TypeError, r"^ws\.seen < split\.seen: a port is no argument"),
    ("g.ws = Split * 2\ng.split.seen < g.ws.seen", TypeError, r"^split\.seen < ws\.seen: a port is no argument"),
    (
        "g.ws = Split * 2\ng.ws.seen.get()",
        TypeError,
        r"^ws\.seen\.get\(\): each member .* own; ask .*ws\[0\]\.seen\.get",
    ),
    ("g.ws = Split * 2\ng.ws.text >> g.measure.word", TypeError, r"^ws\.text >> measure\.word: ws\.text is an inport"),
    ("g.ws = Split * 2\ng.ws.text >> g.ws.text", TypeError, r"^ws\.text >> ws\.text: ws\.text is an inport"),
    (
        "g.ws = Split * 2\ng.split.word >> g.ws",
        TypeError,
        r"^split\.word >> ws: ws is a component; name one of its inp",
    ),
    ("g.ws = Split * 2\ng.split.word >> g.ws.word", TypeError, r"^split\.word >> ws\.word: ws\.word is an outport too"),
    (
        "g.ws = Split * 2\ng.split.word >> g.ws.seen",
        TypeError,
        r"^split\.word >> ws\.seen: ws\.seen is a persistent val",
    ),
    (
        "g.ws = Split * 2\ng.source.number >> g.ws.text",
        TypeError,
        r"source\.number sends bytes, but ws\.text takes str",
    ),
    (
        "g.ws = Split * 2\ng.split.word >> g.ws.text\ng.split.word >> g.ws.text",
        GraphError,
        r"^split\.word is connected to ws_0\.text already by split\.word >> ws\.text: one connection",
    ),
    (
        "g.ws = Split * 2\ng.split.word >> g.ws[1].text\ng.split.word >> g.ws.text",
        GraphError,
        r"^split\.word is connected to ws_1\.text already: one connection carries every item",
    ),
    (
        "g.ws = Split * 2\ng.ws.word >> g.measure.word\ng.ws[1].word >> g.measure.word",
        GraphError,
        r"^ws_1\.word is connected to measure\.word already by ws\.word >> measure\.word",
    ),
    (
        "g.ws = Split * 2\nh = make()[0]\nh.split.word >> g.ws.text",
        GraphError,
        r"^split\.word >> ws\.text: split and ws are in different graphs",
    ),
    (
        "g.ws = Split * 2\ng.split.word >> g.ws.text.keyed(len)\ng.ws.word >> g.ws.text.round_robin",
        GraphError,
        r"^ws\.text cannot be round_robin, because it is keyed already: a group connector shares out everything",
    ),
    (
        "g.ws = Split * 2\ng.split.word >> g.ws.text.keyed(len)\ng.ws.word >> g.ws.text.keyed(hash)",
        GraphError,
        r"^ws\.text cannot be keyed, because it is keyed already, by another function: a group connector",
    ),
    ("g.ws = Split * 2\ng.ws.text.keyed(3)", TypeError, r"^ws\.text\.keyed\(3\): give a function that gives the key"),
    (
        "async def key(x): ...\ng.ws = Split * 2\ng.ws.text.keyed(key)",
        TypeError,
        r"^ws\.text\.keyed\(.*\): the function is async, and it is not awaited; use a plain function",
    ),
    ("g.ws = Split * 2\ng.ws.text.keyed()", TypeError, r"function"),
    (
        "g.ws = Split * 2\ng.ws.text.broadcast.round_robin",
        TypeError,
        r"^ws\.text\.broadcast\.round_robin: it shares out in one way; write ws\.text\.broadcast or ws\.tex",
    ),
    (
        "g.split.text.round_robin",
        AttributeError,
        r"shares out what comes to a group, and split is one component; drop .*, or .* `graph\.split = split \* 4`$",
    ),
    (
        "g.split.text.keyed(len)",
        AttributeError,
        r"^split\.text\.keyed: a group connector shares out what comes to a gr",
    ),
    (
        "g.split.word.unordered",
        AttributeError,
        r"^split\.word\.unordered: a group connector gathers what comes from a group, and split is one component",
    ),
    (
        "g.ws = Split * 2\ng.ws[0].text.broadcast",
        AttributeError,
        r"^ws_0\.text\.broadcast: a group connector .* not one of its members; say it of ws\.text$",
    ),
    (
        "g.ws = Split * 2\ng.ws.word.broadcast",
        AttributeError,
        r"^ws\.word\.broadcast: ws\.word is an outport; how a group connector shares out .* is said of the inport$",
    ),
    (
        "g.ws = Split * 2\ng.ws.text.unordered",
        AttributeError,
        r"^ws\.text\.unordered: ws\.text is an inport; how a group connector gathers .* is said of the outport$",
    ),
    (
        "g.ws = Split * 2\ng.ws.clk(g.ws.word)",
        TypeError,
        r"^ws\.clk\(\.\.\.\): ws\.word is an outport; give inports of ws",
    ),
    (
        "g.ws = Split * 2\ng.ws.clk(g.ws[0].text)",
        TypeError,
        r"^ws\.clk\(\.\.\.\): ws_0\.text is a port of another comp",
    ),
    (
        "g.ws = Split * 2\ng.ws.clk(g.ws.text.broadcast)",
        TypeError,
        r"^ws\.clk\(\.\.\.\): ws\.text\.broadcast says how a connection is shared out, and this is none",
    ),
    (
        "g.ws = Split * 2\ng.ws.clk(g.ws.text)\ng.ws.sync(g.ws.text)",
        GraphError,
        r"^ws_0\.text is in a trigger group al",
    ),
    ("g.ws = Split * 2\ng.ws.sync()", GraphError, r"^sync on ws names no port: name the inports .*: text and minimum"),
    ("g.ws = Split * 2\ng.weigh(g.ws, cost=0)", GraphError, r"^the cost of ws cannot be 0"),
    ("g.ws = Split * 1\ng.place(g.ws, together=True)", GraphError, r"takes two components or more, and only ws_0 was"),
    ("g.place(Split * 2, worker=1)", GraphError, r"<split \* 2 in no graph> is no component of this graph"),
    ("g.run(collect=[(Split * 2)])", TypeError, r"only what outports send can be collected"),
    (
        "h = make()[0]\nh.ws = Split * 2\ng.run(collect=[h.ws.word])",
        GraphError,
        r"^collect=\[ws\.word\]: ws is not in this graph",
    ),
    ("g.ws = Split * 2\ng.run(collect=[g.ws.text])", TypeError, r"^collect=\[ws\.text\]: only what outports send"),
]

SUB = "sub = make()[0]\n"

SUBGRAPHS = [
    (
        "g.x = g",
        GraphError,
        r"^graph\.x = \.\.\.: this is the graph itself, and no graph can be part of itself; put .*copy",
    ),
    (
        f"{SUB}g.x = sub\nsub.y = g",
        GraphError,
        r"^graph\.y = \.\.\.: this is a graph that has a copy of this one in it",
    ),
    (
        f"{SUB}middle = Graph()\nmiddle.x = sub\ng.m = middle\nsub.y = g",
        GraphError,
        r"^graph\.y = \.\.\.: this is a graph that has a copy of this one in it, and no graph can be part of itself",
    ),
    (f"{SUB}g.split = sub", GraphError, r"^graph\.split is there already"),
    (f"{SUB}g.add('a b', sub)", GraphError, r"^'a b' cannot be the name of a component"),
    (
        f"{SUB}g.p_split = Split\ng.p = sub",
        GraphError,
        r"^subgraph p cannot have a part p_split, because the graph has a component p_split already: choose",
    ),
    (
        f"{SUB}sub.export(sub.split.text, 'x')\ng.p_x = Split\ng.p = sub",
        GraphError,
        r"^subgraph p cannot have a part p_x, because the graph has a component p_x already",
    ),
    (f"{SUB}g.p = sub\ng.p_split = Split", GraphError, r"^graph\.p_split is there already"),
    (
        f"{SUB}sub.export(sub.split.text, 'x')\ng.p = sub\ng.p_x = Split",
        GraphError,
        r"^graph\.p_x is there already, <inp",
    ),
    (f"{SUB}g.p = sub\ng.p = sub", GraphError, r"^graph\.p is there already, <subgraph p of"),
    (f"{SUB}g.p = sub\ng.q = g.p", TypeError, r"^graph\.q = p: only components go into a graph; .* a copy already"),
    (
        "sub = Graph()\nsub.deadlocks = Split\ng.check = sub",
        GraphError,
        r"^'check' cannot be the name of a component: a part of it would be called 'check_deadlocks', and graph",
    ),
    (
        f"{SUB}g.p = sub\ng.p.splt",
        AttributeError,
        r"^subgraph p has no 'splt'; did you mean 'split'\? It exports: nothing",
    ),
    (
        f"{SUB}g.p = sub\ng.p.x = Split",
        AttributeError,
        r"^p\.x cannot be assigned: p is the copy of a graph and stays as",
    ),
    (
        f"{SUB}sub.export(sub.split.text, 'x')\ng.p = sub\ng.p.x = 3",
        AttributeError,
        r"^p\.x is a port and cannot be assigned; to set a value, write p\.x < …",
    ),
    (
        "g.export(3, 'x')",
        TypeError,
        r"^graph\.export\(3, 'x'\): only inports and outports can be exported, as in graph\.exp",
    ),
    ("g.export(g.split, 'x')", TypeError, r"^graph\.export\(split, 'x'\): only inports and outports can be exported"),
    ("g.export(g.split.seen, 'x')", TypeError, r"^graph\.export\(split\.seen, 'x'\): only inports and outports"),
    ("g.export(g.split.text, 3)", TypeError, r"^graph\.export\(split\.text, 3\): the name of an export is a string"),
    ("g.export(make()[0].split.text, 'x')", GraphError, r"split is not in this graph; export ports of the graph's own"),
    ("g.export(Split('a').text, 'x')", GraphError, r"^graph\.export\(a\.text, 'x'\): a is not in this graph"),
    ("g.export(g.split.text, 'split')", GraphError, r"^graph\.split is there already"),
    (
        "g.export(g.split.text, 'run')",
        GraphError,
        r"^'run' cannot be the name of an export: graph\.run means something",
    ),
    ("g.export(g.split.text, 'exports')", GraphError, r"^'exports' cannot be the name"),
    ("g.export(g.split.text, 'name')", GraphError, r"^'name' cannot be the name of an export: every subgraph has"),
    ("g.export(g.split.text, 'a b')", GraphError, r"^'a b' cannot be the name of an export: write it as a variable's"),
    (
        "g.export(g.split.text, 'x')\ng.export(g.split.word, 'x')",
        GraphError,
        r"^graph\.x is there already, <inport split\.text: .*; take a new name",
    ),
    ("g.export(g.split.text, 'x')\ng.x = Split", GraphError, r"^graph\.x is there already, <inport split\.text"),
    (
        "g.ws = Split * 2\ng.split.word >> g.ws.text.broadcast\ng.export(g.ws.text.keyed(len), 'x')",
        GraphError,
        r"^ws\.text cannot be keyed, because it is broadcast already",
    ),
]

UNFED = r"  - split\.text: nothing feeds it\. Connect an outport to it \(outport >> split\.text\) or give it a value"

OUTPORTS = r"give a list of outports, such as collect=\[graph\.split\.word\]"

RUNS = [
    ("g.check_deadlocks()", DeadlockError, UNFED),
    ("g.run()", DeadlockError, UNFED),
    ("g.start()", DeadlockError, UNFED),
    ("import asyncio\nasyncio.run(g.arun())", DeadlockError, UNFED),
    (
        "g.split.sync(g.split.text)\ng.run()",
        DeadlockError,
        r"  - split\.text is to trigger firings, but nothing feeds it\. Connect .* or give it a value",
    ),
    ("g.run(num_workers=-1)", ValueError, r"^num_workers=-1 is negative; 0 runs in the calling process, None uses all"),
    ("g.run(num_workers=1.5)", TypeError, r"^num_workers=1\.5 is not a whole number; leave it out to use all CPUs"),
    ("g.run(num_workers='2')", TypeError, r"^num_workers='2' is not a whole number; leave it out"),
    ("g.run(num_workers=True)", TypeError, r"^num_workers=True is not a whole number; leave it out"),
    ("g.start(num_workers=-1)", ValueError, r"^num_workers=-1 is negative"),
    ("import asyncio\nasyncio.run(g.arun(num_workers=-1))", ValueError, r"^num_workers=-1 is negative"),
    ("g.run(stall_after=0)", ValueError, r"^stall_after=0 is no time; give seconds above 0, or None for never"),
    ("g.run(stall_after=float('nan'))", ValueError, r"^stall_after=nan is no time; give seconds above 0"),
    (
        "g.run(stall_after='1')",
        TypeError,
        r"^stall_after='1' is not a number of seconds; give seconds above 0, or None",
    ),
    ("g.run(timeout=0)", ValueError, r"^timeout=0 is no time; give seconds above 0, or leave it out"),
    ("g.run(timeout=-0.5)", ValueError, r"^timeout=-0\.5 is no time; give seconds above 0"),
    ("g.run(timeout=float('nan'))", ValueError, r"^timeout=nan is no time; give seconds above 0"),
    (
        "g.run(timeout='1')",
        TypeError,
        r"^timeout='1' is not a number of seconds; give seconds above 0, or leave it out",
    ),
    ("g.run(timeout=True)", TypeError, r"^timeout=True is not a number of seconds; give seconds"),
    ("g.run(start_method='threads')", ValueError, r"^start_method='threads': choose one of 'fork'.*, or leave it out"),
    ("g.run(start_method=3)", ValueError, r"^start_method=3: choose one of 'fork'"),
    ("g.run(shared_memory=1.5)", TypeError, r"^shared_memory=1\.5 is not a number of bytes; leave it out for half"),
    ("g.run(shared_memory=True)", TypeError, r"^shared_memory=True is not a number of bytes; leave it out"),
    ("g.run(shared_memory=1000)", ValueError, r"^shared_memory=1000 is too little .*; give at least 1048576 bytes"),
    ("g.run(shared_memory=-1)", ValueError, r"^shared_memory=-1 is too little"),
    (f"{WHOLE}g.run(placement='auto')", TypeError, r"^placement='auto' is no report; give what an earlier run of"),
    (f"{WHOLE}g.run(placement={{'split': 1}})", TypeError, r"^placement={'split': 1} is no report; give what an ear"),
    (
        f"{WHOLE}g.place(g.split, worker=5)\ng.run(num_workers=2)",
        GraphError,
        r"^split is placed on worker 5, but this plan has 2, counted from 0: ask for at least 6 workers or place it on",
    ),
    (
        f"""{WHOLE}
g.place(g.split, worker=0)
g.place(g.measure, worker=1)
g.place(g.split, g.measure, together=True)
g.run(num_workers=2)""",
        GraphError,
        r"^split and measure are to run together, but split is placed on worker 0 .*: drop one of these orders",
    ),
    ("g.run(collect=g.split.word)", TypeError, r"collect=split\.word: give a list of outports"),
    ("g.run(collect='split.word')", TypeError, r"^collect='split\.word': give a list of outports"),
    ("g.run(collect=3)", TypeError, rf"^collect=3: {OUTPORTS}"),
    ("g.run(collect=None)", TypeError, rf"^collect=None: {OUTPORTS}"),
    ("g.start(collect=g.split)", TypeError, rf"^collect=split: {OUTPORTS}"),
    ("g.run(collect=['split.word'])", TypeError, rf"collect=\['split\.word'\]: only what outports send .*; {OUTPORTS}"),
    ("g.run(collect=[g.split.text])", TypeError, rf"collect=\[split\.text\]: only what outports send .*; {OUTPORTS}"),
    ("g.run(collect=[g.split])", TypeError, rf"collect=\[split\]: only what outports send .*; {OUTPORTS}"),
    ("g.run(collect=[make()[0].split.word])", GraphError, rf"split is not in this graph; {OUTPORTS}"),
    ("g.run(collect=[Split('a').word])", GraphError, rf"a is not in this graph; {OUTPORTS}"),
    (
        """
@component
@outport("lock")
async def give(lock):
    await lock.send(__import__("threading").Lock())

g = Graph()
g.give = give
g.measure = Measure
g.give.lock >> g.measure.word
g.run(num_workers=2)""",
        ComponentError,
        r"ItemError: give\.lock\.send\(\): an item of type _thread\.lock cannot be sent .*\. Send something that",
    ),
]

TABLE = [*DECORATORS, *DEFINITIONS, *PORTS, *CONNECTIONS, *TRIGGERS, *GRAPHS, *GROUPS, *SUBGRAPHS, *RUNS]


@pytest.mark.parametrize(("code", "kind", "message"), TABLE, ids=[code.replace("\n", "; ") for code, *_ in TABLE])
def test_wrong_use(code, kind, message):
    def run():
        exec(code, namespace)  # noqa: S102  the row

    namespace = {}
    exec(BEFORE, namespace)  # noqa: S102  what the rows use
    with pytest.raises(kind) as caught:
        run()
    assert type(caught.value) is kind or kind is LookupError
    assert re.search(message, str(caught.value)), str(caught.value)
