"""Decorators, runners, tests of single components."""

from typing import assert_type

from cascata import Outport, PersistentValue, component, inport, outport, persist
from cascata.component import Component
from cascata.instance import Instance


@component
@inport("text", capacity=5)
@inport("minimum", default=3)
@outport("word")
@persist("seen", set)
async def split(text: str, minimum: int, word: Outport[str], seen: PersistentValue[set[str]]) -> None:
    for part in text.split():
        assert_type(seen.get(), set[str])
        if len(part) >= minimum and await word.send(part):
            seen.get().add(part)
    await word.send(minimum)  # E
    seen.set([])  # E
    word.sent(text)  # E


@split.finish
async def split_finish(word: Outport[str], seen: PersistentValue[set[str]]) -> None:
    for part in seen.get():
        await word.send(part)


@component
async def bare() -> None: ...


@component
@outport("anything")
async def loose(anything: Outport[object]) -> None:
    await anything.send(1)


assert_type(split, Component)
assert_type(split("name"), Instance)
assert_type(split.test(text="a"), dict[str, list[object]])  # E
sent: dict[str, list[str]] = split.test(text="a b", seen={"a"})
sent = split.test_stream(text=["a", "b"])
sent = split("name").test_stream(text=["a", "b"])
split.test("a b")  # E
split.test_stream(["a b"])  # E
split(5)  # E
split * "four"  # E pyright
split.text = 5  # E


@inport(5)  # E
async def number(x: int) -> None: ...


@inport  # E
async def no_parentheses(x: int) -> None: ...


@component
@inport("x", capacity="many")  # E
async def no_capacity(x: int) -> None: ...


@component
@inport("x", size=3)  # E
async def no_such_option(x: int) -> None: ...


@component
@persist("x", 0)  # E
async def no_initialiser(x: PersistentValue[int]) -> None: ...


@component  # E
@inport("x")  # E pyright
def no_coroutine(x: int) -> None: ...


@split.finish  # E
def no_finish(word: Outport[str]) -> None: ...


value = PersistentValue(dict[str, int])
assert_type(value.get(), dict[str, int])
value < ([("a", 1)],)
value.set(3)  # E
