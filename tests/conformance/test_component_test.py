"""`Comp.test(...)`: a component alone, called once."""

import asyncio
import contextvars
import os
import threading

import pytest
from parts import emit

from cascata import Graph, component, inport, log, outport, persist


@component
@inport("text")
@inport("minimum", default=3)
@outport("word")
@outport("count")
async def split(text, minimum, word, count):
    words = [part for part in text.split() if len(part) >= minimum]
    for part in words:
        await word.send(part)
    await count.send(len(words))


def test_it_calls_the_runner_once_and_gives_a_list_for_every_outport():
    assert split.test(text="a bb ccc") == {"word": ["ccc"], "count": [1]}


def test_inports_with_a_default_may_be_left_out_or_given():
    assert split.test(text="a bb ccc", minimum=2) == {"word": ["bb", "ccc"], "count": [2]}


def test_an_outport_that_sends_nothing_gives_an_empty_list():
    assert split.test(text="") == {"word": [], "count": [0]}


def test_a_component_without_ports():
    called = []

    @component
    async def alone():
        called.append(True)

    assert alone.test() == {}
    assert called == [True]


def test_more_items_than_any_channel_holds():
    assert emit(*range(1000)).test() == {"out": list(range(1000))}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "text"),
        ({"minimum": 2}, "text"),
        ({"text": "a", "other": 1}, "other"),
        ({"text": "a", "word": 1}, "word"),
    ],
)
def test_missing_and_unknown_names_raise(values, message):
    with pytest.raises(TypeError, match=message):
        split.test(**values)


def test_values_by_position_raise():
    with pytest.raises(TypeError):
        split.test("a bb ccc")


def test_values_are_passed_as_they_are():
    @component
    @inport("item")
    @outport("out")
    async def same(item, out):
        await out.send(item)

    for value in (None, False, object(), threading.Lock()):
        assert same.test(item=value)["out"][0] is value


def test_what_the_runner_raises_is_raised():
    @component
    @inport("item")
    async def fails(item):
        return {}[item]

    with pytest.raises(KeyError, match="missing") as raised:
        fails.test(item="missing")
    assert raised.traceback[-1].name == "fails"
    assert raised.value.__context__ is None


def test_an_exception_that_cannot_be_pickled_is_raised_as_it_is():
    class Odd(Exception):  # noqa: N818
        def __init__(self, lock, other):
            super().__init__()
            self.lock, self.other = lock, other

    @component
    async def fails():
        raise Odd(threading.Lock(), 1)

    with pytest.raises(Odd):
        fails.test()


def test_persistent_values_start_anew_and_may_be_given():
    @component
    @outport("out")
    @persist("count", int)
    async def counting(out, count):
        count.set(count.get() + 1)
        await out.send(count.get())

    assert counting.test() == {"out": [1]}
    assert counting.test() == {"out": [1]}
    assert counting.test(count=5) == {"out": [6]}


def test_finish_is_called_too():
    @component
    @inport("item")
    @outport("out")
    @persist("seen", list)
    async def first(item, out, seen):
        seen.get().append(item)
        await out.send(item)

    @first.finish
    async def _(out, seen):
        await out.send(seen.get())

    assert first.test(item=1) == {"out": [1, [1]]}


def test_an_instance_is_tested_with_its_own_values():
    g = Graph()
    g.words = split
    g.words.minimum < 1
    assert g.words.test(text="a bb ccc") == {"word": ["a", "bb", "ccc"], "count": [3]}
    assert g.words.test(text="a bb ccc", minimum=2) == {"word": ["bb", "ccc"], "count": [2]}
    alone = split("alone")
    assert alone.test(text="a bb ccc") == {"word": ["ccc"], "count": [1]}
    alone.text < "its own text"
    assert alone.test() == {"word": ["its", "own", "text"], "count": [3]}
    assert list(g.nodes) == ["words"]


def test_persistent_values_of_an_instance():
    @component
    @outport("out")
    @persist("made", lambda *arguments: list(arguments))
    async def give(out, made):
        made.get().append("more")
        await out.send(made.get())

    instance = give("instance")
    instance.made < (1, 2)
    assert instance.test() == {"out": [[1, 2, "more"]]}
    instance.made.set([])
    assert instance.test() == {"out": [["more"]]}
    assert instance.made.get() == []
    assert instance.test(made=[5]) == {"out": [[5, "more"]]}


def test_what_triggers_an_instance_is_of_no_account():
    instance = split("instance")
    instance.clk(instance.minimum)
    assert instance.test(text="a bb ccc") == {"word": ["ccc"], "count": [1]}


def test_where_name_injection_has_put_an_instance_it_is_the_definition():
    namespace = {"split": split}
    exec("from cascata import Graph\ng = Graph()\ng.split = split\nsplit.minimum < 1", namespace)  # noqa: S102
    assert namespace["split"].name == "split"
    assert namespace["split"].test(text="a bb ccc") == {"word": ["ccc"], "count": [1]}
    assert namespace["split"].test_stream(text=["a bb ccc"]) == {"word": ["ccc"], "count": [1]}


def test_it_works_inside_a_running_event_loop():
    async def main():
        return split.test(text="a bb ccc")

    assert asyncio.run(main()) == {"word": ["ccc"], "count": [1]}


def test_context_variables_of_the_caller_are_there():
    language = contextvars.ContextVar("language", default="none")

    @component
    @outport("out")
    async def tell(out):
        await out.send(language.get())
        language.set("the component's own")

    async def main():
        language.set("inside a loop")
        return tell.test(), language.get()

    assert asyncio.run(main()) == ({"out": ["inside a loop"]}, "inside a loop")
    language.set("outside")
    assert (tell.test(), language.get()) == ({"out": ["outside"]}, "outside")


def test_it_works_in_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(split.test(text="a bb ccc")))
    thread.start()
    thread.join()
    assert results == [{"word": ["ccc"], "count": [1]}]


def test_it_works_inside_a_component():
    @component
    @outport("out")
    async def outer(out):
        await out.send(split.test(text="a bb ccc"))

    assert outer.test() == {"out": [{"word": ["ccc"], "count": [1]}]}


def test_all_of_asyncio_works():
    @component
    @outport("out")
    async def busy(out):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0.001, number)) for number in range(5)]
        for task in tasks:
            await out.send(await asyncio.to_thread(task.result))

    assert busy.test() == {"out": list(range(5))}


def test_it_runs_in_this_process_and_what_it_prints_and_logs_is_seen(capsys, caplog):
    @component
    @outport("out")
    async def speaks(out):
        print("printed")  # noqa: T201
        log.info("logged")
        await out.send(os.getpid())

    assert speaks.test() == {"out": [os.getpid()]}
    assert capsys.readouterr().out == "printed\n"
    assert caplog.messages == ["logged"]


def test_a_port_may_have_any_name():
    @component
    @inport("self")
    @inport("values")
    @inport("definition")
    @outport("timeout")
    async def odd(self, values, definition, timeout):  # noqa: ASYNC109
        await timeout.send((self, values, definition))

    assert odd.test(self=1, values=2, definition=3) == {"timeout": [(1, 2, 3)]}
