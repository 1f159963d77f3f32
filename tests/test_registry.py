"""The registry finds every component defined so far."""

import functools
import gc
import threading
from typing import Any

import pytest

from cascata import Outport, component, inport, outport, persist, registry


@component
@inport("text", capacity=None)
@inport("minimum", default=None)
@outport("word")
@persist("seen", set)
async def split(text: str, minimum: "int | None", word: bytes, seen):
    """Send the longer words.

    One at a time.
    """


def test_by_module_with_all_that_is_declared():
    (entry,) = [entry for entry in registry.modules()[__name__] if entry.name == "split"]
    assert entry.component is split
    assert entry.module == __name__
    assert entry.doc == "Send the longer words.\n\nOne at a time."
    assert entry.inports["text"] == registry.Inport("text", str, None, ())
    assert entry.inports["minimum"] == registry.Inport("minimum", int | None, 10, (None,))
    assert entry.outports == {"word": registry.Outport("word", bytes)}
    assert entry.persistent["seen"].initialiser is set


def test_instances_are_not_definitions():
    before = registry.components()
    split("a")
    assert registry.components() == before


def test_the_latest_of_a_name_counts():
    def define():
        @component
        async def again(): ...

        return again

    first, second = define(), define()
    assert registry.find(__name__, first.__qualname__).component is second


def test_does_not_keep_components():
    @component
    async def brief(): ...

    name = brief.__qualname__
    del brief
    gc.collect()
    with pytest.raises(LookupError, match=f"no component '{name}' is defined in '{__name__}'; there: split"):
        registry.find(__name__, name)


def test_follows_a_changed_module():
    @component
    async def moved(): ...

    moved.__module__ = "somewhere.new"
    assert registry.find("somewhere.new", moved.__qualname__).component is moved


def test_a_notebook_cell_that_runs_again_replaces_what_it_defined():
    namespace = {"__name__": "a_notebook", "history": []}
    cell = "from cascata import *\n@component\n@inport('x', capacity={})\nasync def cell(x): ...\nhistory.append(cell)"
    for capacity in (1, 2, 3):
        exec(cell.format(capacity), namespace)  # noqa: S102  as notebooks do
    (entry,) = registry.modules()["a_notebook"]
    assert entry.component is namespace["history"][-1]
    assert entry.inports["x"].capacity == 3


def test_where_an_instance_stands_in_for_its_definition():
    namespace = {"__name__": "a_script"}
    program = "from cascata import *\n@component\n@inport('x')\nasync def work(x): ...\ng = Graph()\ng.work = work"
    exec(program, namespace)  # noqa: S102  as Python does
    entry = registry.find("a_script", "work")
    assert namespace["work"].graph is namespace["g"]
    assert entry.component is not namespace["work"]
    assert entry.component is namespace["work"]._definition
    assert entry.inports["x"].default == ()


def test_of_a_class_and_of_a_function():
    class Station:
        @component
        async def inner(): ...

    @component
    async def inner(): ...

    here = inner.__qualname__.removesuffix("inner")
    assert registry.find(__name__, f"{here}Station.inner").component is Station.inner
    assert registry.find(__name__, f"{here}inner").component is inner


def test_of_a_wrapped_function():
    def noisy(function):
        @functools.wraps(function)
        async def wrapper(**arguments):
            return await function(**arguments)

        return wrapper

    @component
    @inport("text")
    @outport("word")
    @noisy
    async def shout(text: str, word: Outport[bytes]):
        """Shout."""

    entry = registry.find(__name__, shout.__qualname__)
    assert (entry.name, entry.doc) == ("shout", "Shout.")
    assert (entry.inports["text"].type, entry.outports["word"].type) == (str, bytes)


def test_types_that_are_defined_later():
    @component
    @inport("item")
    async def early(item: "Later"): ...  # noqa: F821  not yet

    assert registry.find(__name__, early.__qualname__).inports["item"].type is Any
    globals()["Later"] = int
    try:
        assert registry.find(__name__, early.__qualname__).inports["item"].type is int
    finally:
        del globals()["Later"]


def test_components_that_are_tried_leave_nothing_there():
    before = registry.components()
    split.test_stream(text=["a"])
    assert registry.components() == before
    assert "cascata.testing" not in registry.modules()


def test_while_other_threads_define_components():
    def define():
        for _ in range(200):

            @component
            async def passing(): ...

    threads = [threading.Thread(target=define) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        registry.modules()
    for thread in threads:
        thread.join()
