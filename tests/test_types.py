"""Which type may feed which."""

# ruff: noqa: PYI030, UP006, UP007, UP035, UP044, UP045  the older spellings have to be understood as well

import collections.abc
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from io import BytesIO, StringIO
from os import PathLike
from pathlib import Path
from typing import (
    IO,
    Annotated,
    Any,
    BinaryIO,
    Callable,
    Dict,
    Generic,
    List,
    Literal,
    LiteralString,
    NamedTuple,
    Never,
    NewType,
    NoReturn,
    Optional,
    ParamSpec,
    Protocol,
    SupportsAbs,
    Tuple,
    Type,
    TypedDict,
    TypeGuard,
    TypeVar,
    TypeVarTuple,
    Union,
    Unpack,
    runtime_checkable,
)

import pytest

from cascata import Graph, Outport, component, inport, outport
from cascata.types import acceptable, port_type, type_text

T = TypeVar("T")
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")
Number = TypeVar("Number", bound=float)
Text = TypeVar("Text", str, bytes)
UserId = NewType("UserId", int)
Series = collections.abc.Sequence


class Animal: ...


class Dog(Animal): ...


class Box(Generic[T]): ...


class Sized(Protocol):
    size: int


class Thing:
    size: int = 1


class Sizes(Protocol):
    def sizes(self) -> list[int]: ...


@runtime_checkable
class Barks(Protocol):
    def bark(self) -> str: ...


class Terrier(Dog):
    def bark(self) -> str:
        return "!"


class Point(NamedTuple):
    x: int


class Place(NamedTuple):
    name: str
    height: "float"


Untyped = namedtuple("Untyped", "x y")  # noqa: PYI024  also in use


class Numbers(list[int]): ...


class Anything(list): ...


class Table(collections.abc.Mapping[str, int]): ...


class Movie(TypedDict):
    title: str


class Name(str): ...  # noqa: SLOT000  as users write it


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
    (float, float),
    (str, Series[str]),
    (str, collections.abc.Iterable[str]),
    (str, collections.abc.Collection[str]),
    (str, Series[Series[str]]),
    (Name, Series[str]),
    (list[str], list[Series[str]]),
    (Literal["a"], Series[str]),
    (bytes, Series[int]),
    (bytearray, collections.abc.Iterable[int]),
    (bytearray, collections.abc.MutableSequence[int]),
    (range, Series[int]),
    (range, collections.abc.Iterable[float]),
    (list[range], list[collections.abc.Iterable[int]]),
    (List, list[int]),
    (list[int], List),
    (Dict, dict[str, int]),
    (Tuple, tuple[int, str]),
    (tuple, tuple[int, str]),
    (list[tuple], list[tuple[int, str]]),
    (Type, type[int]),
    (type, type[int]),
    (Callable, collections.abc.Callable[[int], str]),
    (collections.abc.Callable[..., str], Callable[[int], str]),
    (Callable[P, str], Callable[[int], str]),
    (type[Dog], Callable[[], Dog]),
    (Callable[[float], str], Callable[[float], str]),
    (Callable[[float], int], Callable[[int], float]),
    (Callable[[Any], int], Callable[[str], Any]),
    (Series, Series[int]),
    (Series, collections.abc.Iterable[int]),
    (OrderedDict, dict[str, int]),
    (OrderedDict[str, int], dict[str, float]),
    (defaultdict[str, int], collections.abc.Mapping[str, int]),
    (Counter[str], dict[str, int]),
    (deque[int], Series[int]),
    (T, int),
    (int, T),
    (list[T], list[int]),
    (list[int], list[T]),
    (Box[T], Box[int]),
    (Number, float),
    (int, Number),
    (bytes, Text),
    (list[bool], list[Number]),
    (tuple[*Ts], tuple[int, str]),
    (tuple[int, str], tuple[Unpack[Ts]]),
    (Point, tuple[int]),
    (Point, Tuple[float, ...]),
    (Point, Series[int]),
    (Point, tuple),
    (Place, tuple[str, float]),
    (Untyped, tuple[int, str]),
    (list[Point], list[tuple[int]]),
    (tuple[int, int], Series[int]),
    (tuple[int, ...], collections.abc.Iterable[int]),
    (tuple[()], tuple[int, ...]),
    (Never, int),
    (NoReturn, list[int]),
    (list[Never], list[int]),
    (LiteralString, str),
    (list[LiteralString], Series[str]),
    (Literal[1], float),
    (Literal["a", "b"], Literal["a"] | None | Literal["b"]),
    (UserId, float),
    (dict[str, int], collections.abc.Collection[str]),
    (dict[str, int], collections.abc.Iterable[Any]),
    (collections.abc.ItemsView[str, int], collections.abc.Iterable[tuple[str, int]]),
    (Numbers, Series[float]),
    (Anything, list[int]),
    (Table, collections.abc.Mapping[str, float]),
    (Table, collections.abc.Iterable[str]),
    (Movie, dict[str, Any]),
    (Movie, collections.abc.Mapping[str, object]),
    (dict[str, str], Movie),
    (Thing, Sized),
    (int, Sizes),
    (list[int], list[Sizes]),
    (Terrier, Barks),
    (int, SupportsAbs[int]),
    (Path, PathLike[str]),
    (StringIO, IO[str]),
    (BytesIO, BinaryIO),
    (list["Unknown"], list[int]),  # noqa: F821  unknown
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
    (str, Series[int]),
    (str, collections.abc.Iterable[bytes]),
    (str, collections.abc.MutableSequence[str]),
    (bytes, Series[str]),
    (range, list[int]),
    (List, dict[str, int]),
    (list, tuple[int, str]),
    (Callable[[int], str], Callable[[float], str]),
    (Callable[[int], str], Callable[[int, int], str]),
    (Callable[[int], object], Callable[[int], str]),
    (Number, str),
    (str, Number),
    (int, Text),
    (list[str], list[Number]),
    (dict[str, int], collections.abc.Iterable[int]),
    (list[dict[str, int]], list[collections.abc.Collection[int]]),
    (tuple[int, str], Series[int]),
    (tuple[int, ...], tuple[int, int]),
    (tuple[()], tuple[int]),
    (Point, tuple[str]),
    (Point, tuple[int, int]),
    (tuple[int], Point),
    (Numbers, Series[str]),
    (Numbers, list[str]),
    (Table, collections.abc.Mapping[str, str]),
    (Table, collections.abc.Iterable[int]),
    (LiteralString, int),
    (list[int], collections.abc.Hashable),
    (collections.abc.Sequence[int], list[int]),
    (Dog, Barks),
    (str, SupportsAbs[int]),
    (list[int], Movie),
    (Box[int], Box[str]),
]


@pytest.mark.parametrize(("source", "target"), YES)
def test_acceptable(source, target):
    assert acceptable(source, target)


@pytest.mark.parametrize(("source", "target"), NO)
def test_not_acceptable(source, target):
    assert not acceptable(source, target)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement")
def test_type_statements():
    source = "type Json = dict[str, Json] | list[Json] | str\ntype Pair[T] = tuple[T, T]\ntype Twice[T] = list[Pair[T]]"
    names = {}
    exec(source, names)  # noqa: S102  newer syntax
    assert acceptable(names["Json"], names["Json"])
    assert acceptable(str, names["Json"])
    assert acceptable(list[str], names["Json"])
    assert not acceptable(bytes, names["Json"])
    assert acceptable(names["Twice"][int], list[tuple[int, int]])
    assert not acceptable(names["Twice"][int], dict[int, int])


class Odd(type):
    def __subclasscheck__(cls, other):
        raise RuntimeError

    def __eq__(cls, other):
        return False

    __hash__ = type.__hash__


class OddTarget(metaclass=Odd): ...


def test_a_type_that_raises_accepts():
    assert acceptable(int, OddTarget)
    assert acceptable(list[int], list[OddTarget])


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


def test_strings_inside_parameters_are_evaluated():
    class Local: ...

    async def one(a: Optional["Dog"], b: list["str"], c: dict[str, List["Local"]], d: "list['Dog']"):
        Local

    async def two(a: Callable[["int"], "Dog"], b: Annotated[Optional["Dog"], "best friend"], c: Literal["Dog"]): ...

    assert [port_type(one, name) for name in "abcd"] == [Optional[Dog], list[str], dict[str, list[Local]], list[Dog]]
    function, friend = collections.abc.Callable[[int], Dog], Annotated[Optional[Dog], "best friend"]
    assert [port_type(two, name) for name in "abc"] == [function, friend, Literal["Dog"]]


def test_what_cannot_be_evaluated_inside_parameters_is_any():
    async def work(a: Optional["Unknown"], b: dict[str, "Unknown"], c: list["1 +"]): ...  # noqa: F722, F821  tested

    assert [port_type(work, name) for name in "abc"] == [Optional[Any], dict[str, Any], list[Any]]


def test_a_type_that_names_itself_is_evaluated_once():
    namespace = {"Union": Union}
    exec("Json = Union[int, list['Json']]\nasync def work(a: Json): ...", namespace)  # noqa: S102  a module of its own
    assert port_type(namespace["work"], "a") == Union[int, list[Union[int, list[Any]]]]


def test_names_of_the_enclosing_function_that_have_no_value_yet():
    async def work(a: "list[Dog]", b: "later"):
        later

    before = [port_type(work, name) for name in "ab"]
    later = Animal
    assert [*before, port_type(work, "b")] == [list[Dog], Any, Animal]


def test_a_type_that_cannot_be_put_together_is_any():
    async def work(a: TypeGuard["Dog"]): ...

    assert port_type(work, "a") is Any


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters")
def test_type_parameters_in_strings():
    namespace = {}
    exec("async def work[T: int](a: 'list[T]'): ...", namespace)  # noqa: S102  newer syntax
    (parameter,) = namespace["work"].__type_params__
    assert port_type(namespace["work"], "a") == list[parameter]


def test_strings_inside_parameters_decide_about_connections():
    @component
    @outport("dog")
    async def give(dog: Optional["Dog"]): ...

    @component
    @inport("animal", default=None)
    @inport("names", default="")
    async def take(animal: Optional["Animal"], names: list["str"]): ...

    graph = Graph()
    graph.give = give
    graph.take = take
    graph.give.dog >> graph.take.animal
    with pytest.raises(TypeError, match=r"give\.dog sends .*Dog.*, but take\.names takes list\[str\]"):
        graph.give.dog >> graph.take.names


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


def test_an_outport_that_is_annotated_as_one_has_the_type_of_what_it_sends():
    async def work(a: Outport[list[int]], b: "Outport[Dog]", c: Outport, d: Optional[Outport[int]]): ...

    assert [port_type(work, name) for name in "abc"] == [list[int], Dog, Any]

    @component
    @outport("dog")
    async def breed(dog: Outport[Dog]): ...

    @component
    @inport("animal")
    async def feed(animal: Animal): ...

    @component
    @inport("text")
    async def read(text: str): ...

    graph = Graph()
    graph.breed, graph.feed, graph.read = breed, feed, read
    graph.breed.dog >> graph.feed.animal
    with pytest.raises(TypeError, match=r"breed\.dog sends Dog, but read\.text takes str"):
        graph.breed.dog >> graph.read.text
