"""Which type may feed which."""

# ruff: noqa: UP006, UP007, UP035, UP045  the older spellings have to be understood as well

import collections.abc
from typing import Annotated, Any, Generic, List, Literal, NewType, Optional, Protocol, TypeVar, Union

import pytest

from cascata import Graph, component, inport, outport
from cascata.types import acceptable, port_type, type_text

T = TypeVar("T")
UserId = NewType("UserId", int)


class Animal: ...


class Dog(Animal): ...


class Box(Generic[T]): ...


class Sized(Protocol):
    size: int


class Thing:
    size: int = 1


YES = [
    (int, int),
    (Any, int),
    (int, Any),
    (int, object),
    (Dog, Animal),
    (bool, int),
    (int, float),
    (bool, float),
    (int, complex),
    (float, complex),
    (int, Optional[float]),
    (int, Union[str, int]),
    (int | str, str | int | None),
    (Optional[int], float | None),
    (None.__class__, Optional[int]),
    (list[int], list[float]),
    (list[int], collections.abc.Sequence[int]),
    (list[bool], list[int]),
    (list, list[int]),
    (list[int], list),
    (list[dict], list[dict[str, int]]),
    (dict[str, int], collections.abc.Mapping[str, object]),
    (tuple[int, int], tuple[int, ...]),
    (Box, Box[int]),
    (Box[int], Box),
    (str, collections.abc.Iterable),
    (list[int], list[int | None]),
    (list[int] | list[str], list[int | str]),
    (list[int], List[int]),
    (List[int], list[int]),
    (dict[str, Optional[int]], dict[str, int | str | None]),
    (dict[str, int], collections.abc.Iterable[str]),
    (tuple[int, str], tuple[float, str]),
    (type[Dog], type[Animal]),
    (collections.abc.Callable[[int], str], collections.abc.Callable[[int], str]),
    (Literal["a"], Literal["a", "b"]),
    (Literal["a"], str),
    (UserId, int),
    (Annotated[int, "seconds"], int),
    (int, Annotated[int, "seconds"]),
    (list[int], list[Annotated[float, "m"]]),
    (int, "not a type"),
    (3, int),
    (type(None), None.__class__),
]

NO = [
    (float, int),
    (str, int),
    (Animal, Dog),
    (int | None, int),
    (int | str, int),
    (Optional[str], str),
    (list[str], list[int]),
    (list, dict),
    (str, list[str]),
    (dict[str, list[int]], dict[str, list[str]]),
    (tuple[int, str], tuple[int, ...]),
    (list[int | None], list[int]),
    (dict[str, int | None], dict[str, int]),
    (tuple[int, str], tuple[int]),
    (type[Animal], type[Dog]),
    (collections.abc.Callable[[int], str], collections.abc.Callable[[int], int]),
    (Literal["a", "b"], Literal["a"]),
    (str, Literal["a"]),
    (int, UserId),
    (Any | None, int),
    (bytes, str),
    (complex, float),
]


@pytest.mark.parametrize(("source", "target"), YES)
def test_acceptable(source, target):
    assert acceptable(source, target)


@pytest.mark.parametrize(("source", "target"), NO)
def test_not_acceptable(source, target):
    assert not acceptable(source, target)


def test_protocols_with_attributes_do_no_harm():
    assert isinstance(acceptable(Thing, Sized), bool)


def test_annotations_are_the_types_of_ports():
    @component
    @inport("a")
    @inport("b")
    @inport("c")
    @outport("d")
    async def work(a: int, b: "str | None", c, d: None): ...

    instance = work("w")
    assert [instance.ports[name].type for name in "abcd"] == [int, str | None, Any, type(None)]


def test_names_that_only_type_checkers_know_are_any():
    async def work(a: "Unknown", b: "list[Unknown]", c: "1 +"): ...  # noqa: F722, F821  that is what is tested

    assert [port_type(work, name) for name in "abc"] == [Any, Any, Any]


def test_names_may_be_defined_later():
    namespace = {}
    exec("async def work(a: 'Later'): ...", namespace)  # noqa: S102  a module of its own
    assert port_type(namespace["work"], "a") is Any
    namespace["Later"] = Dog
    assert port_type(namespace["work"], "a") is Dog


def test_postponed_annotations_and_enclosing_names():
    source = """
from __future__ import annotations
def make():
    class Local: ...
    async def work(a: Local, b: int):
        Local
    return work, Local
"""
    namespace = {}
    exec(source, namespace)  # noqa: S102  a module of its own
    work, local = namespace["make"]()
    assert port_type(work, "a") is local
    assert port_type(work, "b") is int


def test_every_type_that_can_be_sent_must_be_acceptable():
    @component
    @outport("out")
    async def give(out: int | str): ...

    @component
    @inport("one")
    @inport("both", default=1)
    @inport("whatever", default=1)
    async def take(one: int, both: "Union[str, int, None]", whatever): ...

    graph = Graph()
    graph.give = give
    graph.take = take
    graph.give.out >> graph.take.both >> graph.take.whatever
    with pytest.raises(TypeError, match=r"give\.out sends int \| str, but take\.one takes int"):
        graph.give.out >> graph.take.one


def test_an_int_may_be_sent_where_a_float_is_taken_and_not_the_other_way_round():
    @component
    @inport("number")
    @outport("whole")
    async def round_off(number: float, whole: int): ...

    graph = Graph()
    graph.one = round_off
    graph.two = round_off
    graph.one.whole >> graph.two.number

    @component
    @inport("whole")
    @outport("number")
    async def scale(whole: int, number: float): ...

    graph.three = scale
    graph.four = scale
    with pytest.raises(TypeError, match=r"three\.number sends float, but four\.whole takes int"):
        graph.three.number >> graph.four.whole
    assert graph.edges == [(graph.one.whole, graph.two.number)]


def test_text():
    assert type_text(Dog) == "Dog"
    assert type_text(Any) == "Any"
    assert type_text(dict[str, Any]) == "dict[str, Any]"
