"""Definitions and instances: `@component` and the decorators below it."""

import copy
import functools
import gc
import inspect
import pickle
import weakref

import cloudpickle
import pytest

from cascata import Graph, component, inport, outport, persist
from cascata.component import Component
from cascata.errors import GraphError
from cascata.instance import Instance
from cascata.port import InputPort, OutputPort


@component
@inport("text", capacity=5)
@inport("minimum", default=3)
@outport("word")
@persist("seen", set)
async def split(text: str, minimum: int, word: str, seen):
    """Send the longer words."""
    for part in text.split():
        if len(part) >= minimum and part not in seen.get():
            seen.get().add(part)
            await word.send(part)


def test_keeps_what_a_function_has():
    assert split.__name__ == "split"
    assert split.__doc__ == "Send the longer words."
    assert split.__module__ == __name__
    assert split.__qualname__ == "split"
    assert inspect.iscoroutinefunction(split.__wrapped__)
    assert list(inspect.signature(split).parameters) == ["text", "minimum", "word", "seen"]


def test_module_can_be_set_on_definitions_and_on_instances():
    @component
    async def idle(): ...

    instance = idle("a")
    idle.__module__ = "elsewhere"
    assert idle.__module__ == "elsewhere"
    instance.__module__ = "further"
    assert idle.__module__ == "further"
    assert instance.__module__ == "further"


def test_decorators_below_stand_in_any_order():
    @component
    @persist("seen", set)
    @outport("word")
    @inport("minimum", default=3)
    @inport("text")
    async def other(text, minimum, word, seen): ...

    declared = other.__declaration__
    assert list(declared.inports) == ["minimum", "text"]
    assert list(declared.outports) == ["word"]
    assert list(declared.persists) == ["seen"]


def test_one_function_can_be_declared_again():
    async def work(x): ...

    first = component(inport("x")(work))
    second = component(inport("x", capacity=None)(work))
    assert first("a").x.capacity == 10
    assert second("a").x.capacity is None


def test_keyword_only_parameters_are_parameters():
    @component
    @inport("x")
    @outport("y")
    async def work(y, *, x):
        await y.send(x)

    assert work.__declaration__.parameters() == (["y"], ["x"])
    assert work.test(x=1) == {"y": [1]}


def test_wrappers_may_stand_between_the_decorators():
    def twice(function):
        @functools.wraps(function)
        async def wrapper(**values):
            await function(**values)
            await function(**values)

        return wrapper

    @component
    @inport("x")
    @twice
    @outport("y")
    async def work(x: int, y: str):
        await y.send(x)

    assert work("a").y.type is str
    assert work.__declaration__.parameters() == ([], ["x", "y"])
    assert work.test(x=1) == {"y": [1, 1]}


def test_none_is_a_default_and_no_default_is_none_at_all():
    @component
    @inport("a", default=None)
    @inport("b")
    async def work(a, b): ...

    assert work.__declaration__.inports["a"].default == (None,)
    assert work.__declaration__.inports["b"].default == ()


def test_call_makes_an_instance_outside_of_graphs():
    instance = split("mine")
    assert isinstance(instance, Instance)
    assert instance.name == "mine"
    assert instance.graph is None
    assert instance.group_name is None
    assert split().name == "split"


def test_ports_of_an_instance():
    instance = split("mine")
    assert instance.inports == {instance.text, instance.minimum}
    assert instance.outports == {instance.word}
    assert list(instance.ports) == ["text", "minimum", "word", "seen"]
    assert isinstance(instance.text, InputPort)
    assert isinstance(instance.word, OutputPort)
    assert instance.ports["seen"] is instance.seen
    assert {"text", "word", "seen"} <= set(dir(instance))


def test_instances_serve_as_their_definition():
    instance = split("mine")
    assert isinstance(instance, Component)
    assert instance.__name__ == "split"
    again = instance("other")
    assert again.name == "other"
    assert again.text is not instance.text
    assert instance.test(text="to the point", minimum=4) == {"word": ["point"]}


def test_an_instance_can_declare_the_finish_of_its_definition():
    @component
    @outport("total")
    async def work(total): ...

    instance = work("a")

    @instance.finish
    async def done(total): ...

    assert work.__declaration__.finish.parameters == ("total",)


def test_copy_keeps_values_and_trigger_groups_but_not_the_graph():
    graph = Graph()
    graph.first = split
    _ = graph.first.text < "a b"
    _ = graph.first.seen < [["a"]]
    graph.first.clk(graph.first.text)
    double = graph.first.copy()
    assert double.graph is None
    assert double.name == "first"
    assert double.text.initialization_value == "a b"
    graph.second = double
    _ = graph.second.text < "c"
    assert graph.first.text.initialization_value == "a b"
    assert graph._core.triggers("second") == [["text"]]


def test_copy_keeps_a_persistent_value():
    instance = split("mine")
    instance.seen.set({"a"})
    assert instance.copy().seen.get() == {"a"}
    assert copy.copy(instance).seen.get() == {"a"}
    assert copy.deepcopy(instance).seen.get() == {"a"}


def test_definitions_are_copied_as_functions_are():
    assert copy.copy(split) is split
    assert copy.deepcopy([split]) == [split]


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_importable_definitions_are_pickled_by_reference(pickler):
    assert pickle.loads(pickler.dumps(split)) is split  # noqa: S301  own data


def test_an_instance_is_pickled_as_its_definition():
    assert pickle.loads(pickle.dumps(split("mine"))) is split  # noqa: S301  own data


def test_a_definition_is_found_behind_the_instance_that_took_its_name(monkeypatch):
    monkeypatch.setitem(globals(), "split", split("split"))
    definition = split._definition
    assert not isinstance(definition, Instance)
    assert pickle.loads(pickle.dumps(definition)) is definition  # noqa: S301  own data
    assert pickle.loads(pickle.dumps(split)) is definition  # noqa: S301  own data


def test_local_definitions_are_pickled_by_value_with_cloudpickle():
    offset = 5

    @component
    @inport("x")
    @outport("y")
    async def shift(x: int, y: int):
        await y.send(x + offset)

    twin = pickle.loads(cloudpickle.dumps(shift))  # noqa: S301  own data
    assert twin is not shift
    assert twin.__name__ == "shift"
    assert twin.test(x=1) == {"y": [6]}
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(shift)


def test_definitions_that_nothing_uses_are_freed():
    @component
    @inport("x")
    async def brief(x): ...

    brief("a")
    watch = weakref.ref(brief)
    del brief
    gc.collect()
    assert watch() is None


def test_sync_and_clk_declare_trigger_groups():
    instance = split("mine")
    instance.sync(instance.text, instance.minimum)
    assert instance._core.triggers("mine") == [["text", "minimum"]]
    other = split("other")
    other.clk(other.text, other.minimum)
    assert other._core.triggers("other") == [["text"], ["minimum"]]


def test_a_port_is_in_one_trigger_group_only():
    instance = split("mine")
    instance.clk(instance.text)
    with pytest.raises(GraphError, match="text"):
        instance.sync(instance.minimum, instance.text)


def test_repr_of_definitions_and_instances():
    assert repr(split) == f"<component split of {__name__}: text, minimum=3 -> word; keeps seen>"
    instance = split("mine")
    _ = instance.text < "é" * 3
    assert repr(instance) == "<mine (split) in no graph: text='ééé', minimum=3 -> word; keeps seen>"


def test_repr_survives_values_with_a_broken_repr():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    instance = split("mine")
    _ = instance.text < Broken()
    assert "Broken" in repr(instance)


class TestTest:
    def test_gives_a_list_for_every_outport(self):
        assert split.test(text="a bb ccc") == {"word": ["ccc"]}
        assert split.test(text="a bb ccc", minimum=2) == {"word": ["bb", "ccc"]}

    def test_persistent_values_can_be_given(self):
        assert split.test(text="abc def", seen={"abc"}) == {"word": ["def"]}

    def test_raises_what_the_runner_raises(self):
        cause = OSError("disk")

        @component
        @inport("x")
        async def fail(x):
            raise ValueError(x) from cause

        with pytest.raises(ValueError, match=r"^no$") as caught:
            fail.test(x="no")
        assert caught.value.__cause__.args == ("disk",)

    def test_calls_the_runner_once_and_then_finish(self):
        @component
        @inport("x")
        @outport("y")
        @persist("total", int)
        async def add(x, y, total):
            total.set(total.get() + x)

        @add.finish
        async def _(y, total):
            await y.send(total.get())

        assert add.test(x=2, total=40) == {"y": [42]}

    def test_works_inside_a_running_loop(self):
        import asyncio

        async def main():
            return split.test(text="works here")

        assert asyncio.run(main()) == {"word": ["works", "here"]}

    def test_ports_may_be_called_self(self):
        @component
        @inport("self")
        @outport("out")
        async def work(self, out):
            await out.send(self)

        assert work.test(self=1) == {"out": [1]}
