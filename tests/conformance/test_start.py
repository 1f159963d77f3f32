"""How workers are started: what spawned ones get, what they see, and which way is chosen."""

# ruff: noqa: S102  modules that cannot be imported come from `exec`

import asyncio
import functools
import logging
import multiprocessing
import os
import sys
import threading
import types
import warnings
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest
from parts import chain, emit, pair, relay
from start_parts import change, show, surroundings, talk, use_all

from cascata import ComponentError, DeadlockError, Graph, ItemError, component, inport, outport, persist
from cascata.run.importable import Importable

spawning = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module", autouse=True)
def _tracker():
    """Start the process that keeps track of what `multiprocessing` makes for spawned processes; it stays."""
    resource_tracker.ensure_running()


@pytest.fixture(params=["fork", "spawn"])
def method(request):
    return request.param


def only(definition, /, **values):
    graph = Graph()
    graph.add("only", definition)
    for name, value in values.items():
        graph.only.ports[name].set(value)
    return graph


def collect(graph, port, **options):
    report = graph.run(collect=[port], timeout=50, **options)
    return report.collected[f"{port.component.name}.{port.name}"]


# What must be the same, whatever the workers are made from.


def test_items_cross_in_order(method):
    graph = chain(emit(*range(100)), relay(), relay())
    for worker, node in enumerate(graph.nodes.values()):
        graph.place(node, worker=worker)
    report = graph.run(num_workers=3, start_method=method, collect=[graph.c2.out])
    assert report.collected["c2.out"] == list(range(100))
    assert (report.start_method, report.start_reason) == (method, "asked for")
    assert len(report.workers) == 3


def test_start_and_arun(method):
    graph = chain(emit(1, 2), relay())
    with graph.start(num_workers=2, start_method=method) as running:
        pass
    assert running.join().components["c1"].firings == 2

    async def main():
        return await graph.arun(num_workers=2, start_method=method, collect=[graph.c1.out])

    report = asyncio.run(main())
    assert (report.collected["c1.out"], report.start_method) == ([1, 2], method)


def test_a_failure_comes_with_cause_and_traceback(method):
    @component
    async def failing():
        msg = "told"
        raise KeyError(msg) from ValueError("the cause")

    with pytest.raises(ComponentError, match="told") as caught:
        only(failing).run(start_method=method)
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(caught.value.__cause__.__cause__, ValueError)
    assert "in failing" in caught.value.remote_traceback


def test_a_dead_run_is_noticed(method):
    graph = Graph()
    graph.add("one", emit(1, 2, 3, 4))
    graph.add("none", emit())
    graph.add("pair", pair(1))
    graph.add("stuck", relay(1))

    @component
    @inport("left")
    @inport("right")
    @outport("out")
    async def crossing(left, right, out):
        await out.send(left)

    graph.add("crossing", crossing)
    graph.one.out.connect(graph.crossing.left)
    graph.crossing.out.connect(graph.stuck.item)
    graph.stuck.out.connect(graph.crossing.right)
    with pytest.raises(DeadlockError):
        graph.run(num_workers=2, start_method=method)


def test_persistent_values(method):
    graph = only(show, value=1)
    graph.only.kept < "given"
    assert collect(graph, graph.only.out, start_method=method) == [("int", "given")]
    graph = only(show, value=1)
    graph.only.kept.set({"a": [1]})
    assert collect(graph, graph.only.out, start_method=method) == [("int", {"a": [1]})]


# What is sent to spawned workers.


def test_what_is_defined_inside_a_function():
    class Local:
        def __init__(self, number):
            self.number = number

    factor = 3

    @component
    @outport("out")
    @persist("kept", lambda: Local(7))
    async def make(out, kept):
        await out.send(kept.get())
        await out.send(Local(factor))

    @component
    @inport("thing")
    @outport("out")
    async def check(thing, out):
        assert isinstance(thing, Local)
        await out.send((thing, next(factor for _ in ".")))

    graph = Graph()
    graph.add("make", make)
    graph.add("check", check)
    graph.make.out.connect(graph.check.thing)
    graph.place(graph.make, worker=0)
    graph.place(graph.check, worker=1)
    got = collect(graph, graph.check.out, num_workers=2, start_method="spawn")
    assert [(type(thing), thing.number, number) for thing, number in got] == [(Local, 7, 3), (Local, 3, 3)]


MODULE = """
import abc, collections, dataclasses, enum, functools, typing
from cascata import Graph, component, inport, outport, persist

T = typing.TypeVar("T")
Id = typing.NewType("Id", int)
calls = []

class Colour(enum.Enum):
    RED = 1

class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2

class Base(abc.ABC):
    @abc.abstractmethod
    def name(self): ...

@dataclasses.dataclass(frozen=True)
class Point(Base):
    x: int
    colour: Colour = Colour.RED
    id: Id = Id(1)
    class Inner:
        pass
    def name(self):
        return super().__class__.__name__ + str(even(self.x))
    @functools.cached_property
    def double(self):
        return 2 * self.x

Pair = collections.namedtuple("Pair", "a b")

class Box(typing.Generic[T]):
    __slots__ = ("content",)
    def __init__(self, content):
        self.content = content

class Trouble(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code

def even(n):
    calls.append(n)
    return n == 0 or odd(n - 1)

@functools.lru_cache(maxsize=3)
def odd(n):
    return n != 0 and even(n - 1)

@component
@outport("out")
async def make(out):
    await out.send([Point(2), Point.Inner(), Pair(1, 2), Box(Colour.RED), Level.LOW | Level.HIGH, even, Point])
    await out.send(Trouble(4, "text"))

@component
@inport("thing")
@inport("fail", default=False)
@outport("out")
async def check(thing, fail: "Id", out):
    if isinstance(thing, Trouble):
        if fail:
            raise thing
        return
    point, inner, pair, box, level, function, cls = thing
    assert type(point) is Point is cls and type(inner) is Point.Inner and type(pair) is Pair
    assert type(box) is Box and not hasattr(box, "__dict__")
    assert box.content is Colour.RED and level == 3 and isinstance(level, Level) and function is even
    assert odd.cache_parameters()["maxsize"] == 3
    assert even(4) and calls and [field.name for field in dataclasses.fields(point)] == ["x", "colour", "id"]
    assert point.name() and point.double == 4
    import pickle
    await out.send((thing, len(pickle.dumps(thing)), __name__, __file__))
"""


@pytest.fixture
def odd_module():
    """A module that this process has, and no other can import."""
    module = types.ModuleType("odd_package.odd_module")
    module.__file__ = "/nowhere/odd_module.py"
    sys.modules["odd_package"] = types.ModuleType("odd_package")
    sys.modules[module.__name__] = module
    exec(compile(MODULE, module.__file__, "exec"), vars(module))
    graph = Graph()
    graph.add("make", module.make)
    graph.add("check", module.check)
    graph.make.out.connect(graph.check.thing)
    graph.place(graph.make, worker=0)
    graph.place(graph.check, worker=1)
    module.graph = graph
    yield module
    del sys.modules[module.__name__], sys.modules["odd_package"]


def test_classes_of_a_module_that_cannot_be_imported(odd_module):
    """They are the same in all workers and here, and are not sent along with every item."""
    graph = odd_module.graph
    ((things, size, name, file),) = collect(graph, graph.check.out, num_workers=2, start_method="spawn")
    assert [type(thing) for thing in things[:4]] == [
        odd_module.Point,
        odd_module.Point.Inner,
        odd_module.Pair,
        odd_module.Box,
    ]
    assert things[3].content is odd_module.Colour.RED
    assert things[4] is odd_module.Level.LOW | odd_module.Level.HIGH
    assert things[5:] == [odd_module.even, odd_module.Point]
    assert size < 800
    assert (name, file) == (odd_module.__name__, odd_module.__file__)


def test_an_exception_of_a_module_that_cannot_be_imported(odd_module):
    odd_module.graph.check.fail < True
    with pytest.raises(ComponentError) as caught:
        odd_module.graph.run(num_workers=2, start_method="spawn")
    assert type(caught.value.__cause__) is odd_module.Trouble
    assert caught.value.__cause__.code == 4


def test_a_module_that_cannot_be_imported_as_a_global(odd_module):
    namespace = {"odd": odd_module, "__name__": "by_exec"}
    exec(
        "from cascata import component, outport\n"
        "@component\n@outport('out')\nasync def use(out):\n    await out.send((odd.even(2), odd.__name__))\n",
        namespace,
    )
    del odd_module.graph
    graph = only(namespace["use"])
    assert collect(graph, graph.only.out, start_method="spawn") == [(True, "odd_package.odd_module")]


@pytest.fixture
def _modules_stay_out():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.usefixtures("_modules_stay_out")
def test_importable_modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "there.py").write_text("")
    (tmp_path / "gone.py").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside.py").write_text("")
    import folder.inside
    import gone
    import there

    importable = Importable()
    (tmp_path / "gone.py").unlink()
    monkeypatch.setitem(sys.modules, "made_up", types.ModuleType("made_up"))
    monkeypatch.setitem(sys.modules, "folder.made_up", types.ModuleType("folder.made_up"))
    other = types.ModuleType("there")
    other.__file__ = __file__
    yes = ["there", "folder", "folder.inside", "os", "os.path", "sys", "json.decoder", "cascata.graph", "numpy"]
    assert [name for name in yes if not importable(name)] == []
    assert [name for name in ("made_up", "folder.made_up", "__main__", "never_imported") if importable(name)] == []
    monkeypatch.setitem(sys.modules, "there", other)
    assert not Importable()("there")
    monkeypatch.setattr(folder.inside.__spec__, "_initializing", True, raising=False)
    assert not Importable()("folder.inside")
    importlib_caches = sys.path_importer_cache.pop(str(tmp_path), None)
    assert not Importable()("gone")
    assert importlib_caches is not None
    assert gone is not there


def test_what_multiprocessing_makes():
    with spawning.Manager() as manager:
        ours, theirs = spawning.Pipe()
        queue, event, proxy = spawning.Queue(), spawning.Event(), manager.dict()
        graph = only(use_all, lock=spawning.Lock(), event=event, queue=queue, connection=theirs, proxy=proxy)
        report = graph.run(start_method="spawn")
        assert report.start_method == "spawn"
        assert queue.get(timeout=10) == "queued"
        assert ours.recv() == "sent"
        assert event.is_set()
        assert proxy["pid"] != os.getpid()
        queue.close()
        queue.join_thread()
        ours.close()
        theirs.close()


def test_what_multiprocessing_makes_as_persistent_argument():
    @component
    @outport("out")
    @persist("lock", lambda lock, number: (lock, number))
    async def use(out, lock):
        with lock.get()[0]:
            await out.send(lock.get()[1])

    graph = only(use)
    graph.only.lock < (spawning.RLock(), 5)
    assert collect(graph, graph.only.out, start_method="spawn") == [5]


def test_a_large_array_is_shared_until_it_is_changed():
    array = np.arange(2_000_000)
    graph = Graph()
    for name in ("a", "b"):
        graph.add(name, change)
        graph.nodes[name].array < array
    report = graph.run(num_workers=2, start_method="spawn", collect=[graph.a.out, graph.b.out])
    assert report.collected == {"a.out": [(1, 1_999_999, True)], "b.out": [(1, 1_999_999, True)]}
    assert array[0] == 0


def test_read_only_arrays_stay_so():
    array = np.arange(10_000)
    array.flags.writeable = False
    graph = only(change, array=array)
    with pytest.raises(ComponentError, match="read-only"):
        graph.run(start_method="spawn")


# What cannot be sent.


def refused(graph, **options):
    with pytest.raises(ItemError) as caught:
        graph.run(start_method="spawn", **options)
    return str(caught.value)


def test_an_initial_value_that_cannot_be_sent(tmp_path):
    with (tmp_path / "file").open("w") as file:
        text = refused(only(show, value={"files": [1, file]}))
    assert text.startswith("only.value['files'][1]: a _io.TextIOWrapper cannot be sent to a spawned worker")
    assert '@persist, keep it in a module that can be imported, or run with start_method="fork"' in text


def test_a_persistent_argument_that_cannot_be_sent():
    graph = only(show, value=1)
    graph.only.kept < threading.Lock()
    assert refused(graph).startswith("only.kept: a _thread.lock cannot be sent")


def test_globals_and_variables_that_cannot_be_sent(odd_module):
    odd_module.calls.append(threading.Lock())
    text = refused(odd_module.graph, num_workers=2)
    assert "the global 'calls' of even[0]: a _thread.lock cannot be sent" in text
    assert text.startswith("make, ")
    lock = threading.Lock()

    @component
    async def closing():
        with lock:
            pass

    assert ", the variable 'lock' of " in refused(only(closing))

    @component
    @persist("kept", functools.partial(dict, lock=lock))
    async def keeping(kept):
        pass

    assert refused(only(keeping)).startswith("only, the initialiser of kept, its arguments")


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda fork: fork.Lock(), "Lock"),
        (lambda fork: fork.Queue(), "Queue"),
        (lambda fork: fork.Event(), "Event"),
        (lambda fork: [fork.Semaphore(3)], "Semaphore"),
    ],
)
def test_what_was_made_for_forked_processes(make, remedy):
    thing = make(multiprocessing.get_context("fork"))
    text = refused(only(show, value=thing))
    assert text.startswith("only.value")
    assert f'make it by multiprocessing.get_context("spawn").{remedy}(...)' in text
    if hasattr(thing, "close"):
        thing.close()


# Which way is chosen.


class Beside:
    """A thread that waits."""

    def __enter__(self):
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._over.wait, name="beside")
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


@component
@inport("path")
async def wait_for(path):
    while not path.exists():  # noqa: ASYNC110  the path is told by another process
        await asyncio.sleep(0.01)


def test_the_automatic_choice(tmp_path):
    graph = chain(emit(1), relay())
    report = graph.run(num_workers=1)
    assert (report.start_method, report.start_reason) == ("fork", "the default on Linux")
    with Beside():
        report = graph.run(num_workers=1)
    assert (report.start_method, report.start_reason) == ("spawn", "the process has other threads: beside")
    report = asyncio.run(graph.arun(num_workers=1))
    assert (report.start_method, report.start_reason) == ("spawn", "an event loop runs in this thread")
    reports = []
    thread = threading.Thread(target=lambda: reports.append(graph.run(num_workers=1)))
    thread.start()
    thread.join()
    assert reports[0].start_method == "spawn"
    assert "MainThread" in reports[0].start_reason
    with only(wait_for, path=tmp_path / "over").start(num_workers=1) as first:
        second = graph.run(num_workers=1)
        (tmp_path / "over").touch()
    assert (first.join().start_method, second.start_method) == ("fork", "spawn")


def test_locks_for_forked_processes_make_it_fork():
    graph = only(show, value=multiprocessing.get_context("fork").Lock())
    with Beside():
        report = graph.run()
    assert report.start_method == "fork"
    assert report.start_reason.startswith("although the process has other threads: beside: only.value: this multipr")


def test_what_else_cannot_be_sent_is_an_error_beside_threads():
    with Beside(), pytest.raises(ItemError, match=r"^only\.value: a _thread\.lock"):
        only(show, value=threading.Lock()).run()


# What spawned workers see and tell.


def test_surroundings(monkeypatch, method):
    monkeypatch.setenv("CASCATA_TEST", "from here")
    monkeypatch.setattr(sys, "argv", ["program", "--option"])
    monkeypatch.setattr(sys, "path", [*sys.path, "/nowhere/at all"])
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("always", category=BytesWarning)
            graph = only(surroundings)
            (seen,) = collect(graph, graph.only.out, start_method=method)
    finally:
        sys.setrecursionlimit(limit)
    assert ("always", "BytesWarning") in seen.pop("warnings")
    assert seen == {
        "argv": ["program", "--option"],
        "path": sys.path + ["/nowhere/at all"] * (sys.path[-1] != "/nowhere/at all"),
        "cwd": str(Path.cwd()),
        "authkey": bytes(multiprocessing.current_process().authkey),
        "name": "cascata-worker-0",
        "parent": os.getpid(),
        "environment": "from here",
        "recursion": limit + 1,
        "dev": sys.flags.dev_mode,
        "optimize": sys.flags.optimize,
    }


def test_output_and_logs_arrive_in_order(capsys, caplog, method):
    caplog.set_level(logging.INFO, "another")
    caplog.set_level(logging.DEBUG, "cascata")
    only(talk, count=50).run(start_method=method)
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"line {number}" for number in range(50)]
    assert err.splitlines() == [f"error {number}" for number in range(50)]
    told = [(record.name, record.getMessage()) for record in caplog.records]
    assert told == [
        line for number in range(50) for line in (("cascata", f"debug {number}"), ("another", f"info {number}"))
    ]


def test_a_level_that_is_set_is_heeded(caplog):
    caplog.set_level(logging.WARNING, "another")
    caplog.set_level(logging.DEBUG, "cascata")
    logging.addLevelName(33, "LOUD")
    only(talk, count=1).run(start_method="spawn")
    assert [record.name for record in caplog.records] == ["cascata"]


def test_many_workers():
    graph = chain(emit(*range(30)), *[relay() for _ in range(11)])
    for worker, node in enumerate(graph.nodes.values()):
        graph.place(node, worker=worker)
    assert collect(graph, graph.c11.out, num_workers=12, start_method="spawn") == list(range(30))


def test_runs_inside_a_component():
    """It has an event loop, so the inner workers are spawned, from a process that was itself."""

    @component
    @outport("out")
    async def outer(out):
        graph = chain(emit(1, 2), relay())
        report = await graph.arun(num_workers=2, collect=[graph.c1.out])
        await out.send((report.start_method, report.collected["c1.out"]))

    graph = only(outer)
    assert collect(graph, graph.only.out, start_method="spawn") == [("spawn", [1, 2])]


def test_every_kind_of_name_for_a_type(odd_module):
    source = "\n".join(
        [
            "import typing",
            "from cascata import component, outport",
            "P = typing.ParamSpec('P')",
            "Ts = typing.TypeVarTuple('Ts')",
            "V = typing.TypeVar('V', bound=int)",
            "Name = typing.NewType('Name', str)",
            "type Alias = list[int]" if sys.version_info >= (3, 12) else "Alias = list[int]",
            "def hinted(a: Name, b: V, c: typing.Callable[P, V], d: tuple[typing.Unpack[Ts]], e: Alias): ...",
            "@component",
            "@outport('out')",
            "async def names(out):",
            "    await out.send(sorted(hinted.__annotations__))",
            "    await out.send(Name('x'))",
        ]
    )
    exec(source, vars(odd_module))
    graph = only(odd_module.names)
    assert collect(graph, graph.only.out, start_method="spawn") == [["a", "b", "c", "d", "e"], "x"]
