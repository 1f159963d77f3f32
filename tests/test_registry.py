"""The registry finds every component defined so far."""

import gc

import pytest

from cascata import component, inport, outport, persist, registry


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
