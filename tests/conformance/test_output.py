"""What components print and log reaches the caller's streams, handlers and tests."""

# ruff: noqa: T201  printing is what is tested

import asyncio
import contextlib
import io
import logging
import os
import subprocess
import sys
import threading

import pytest
from parts import chain, emit, relay

from cascata import CascataError, Graph, component, inport, log, persist


def printer(function):
    """Make a component that calls `function` with each item."""

    @component
    @inport("item")
    async def prints(item):
        function(item)

    return prints


def test_print_reaches_the_callers_stdout(run, capsys):
    run(chain(emit("one", "two"), printer(print)))
    assert capsys.readouterr() == ("one\ntwo\n", "")


def test_print_to_stderr_reaches_the_callers_stderr(run, capsys):
    run(chain(emit("one", "two"), printer(lambda item: print(item, file=sys.stderr))))
    assert capsys.readouterr() == ("", "one\ntwo\n")


def test_the_caller_may_have_replaced_its_streams(run):
    stdout, stderr = io.StringIO(), io.StringIO()

    def work(item):
        print(item)
        print(item.upper(), file=sys.stderr)

    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        run(chain(emit("one"), printer(work)))
    assert (stdout.getvalue(), stderr.getvalue()) == ("one\n", "ONE\n")


def test_streams_that_are_none(run, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    run(chain(emit("nowhere"), printer(print)))


def test_text_without_an_end_of_line_arrives_at_the_latest_at_the_end(run, capsys):
    run(chain(emit("a", "b", "c"), printer(lambda item: print(item, end=""))))
    assert capsys.readouterr().out == "abc"


def test_flushed_text_arrives_while_the_run_goes_on():
    class Watched(io.StringIO):
        def write(self, text):
            arrived.set()
            return super().write(text)

    arrived = threading.Event()

    @component
    async def prints():
        print("progress", end="", flush=True)
        await asyncio.sleep(60)

    with contextlib.redirect_stdout(Watched()) as stream:
        started = chain(prints).start(num_workers=1)
        assert arrived.wait(30)
        started.stop()
        started.join()
    assert stream.getvalue() == "progress"


def test_lines_of_several_workers_stay_whole(capsys):
    def work(item):
        for number in range(100):
            print("line", item, number, "x" * (number * 20))

    g = Graph()
    for index in range(3):
        g.add(f"p{index}", printer(work)).item < index
        g.place(g.nodes[f"p{index}"], worker=index)
    g.run(num_workers=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 300
    for line in lines:
        _, _, number, text = line.split(" ")
        assert text == "x" * (int(number) * 20)
    for index in range(3):
        mine = [int(line.split()[2]) for line in lines if line.split()[1] == str(index)]
        assert mine == list(range(100))


def test_stdout_and_stderr_keep_their_order():
    def work(item):
        print(item)
        print(item, file=sys.stderr)

    both = io.StringIO()
    with contextlib.redirect_stdout(both), contextlib.redirect_stderr(both):
        chain(emit(*range(50)), printer(work)).run(num_workers=1)
    assert both.getvalue().split() == [str(number) for number in range(50) for _ in range(2)]


def test_print_from_threads_and_tasks(run, capsys):
    @component
    async def prints():
        await asyncio.to_thread(print, "from a thread")

        async def task():
            await asyncio.sleep(0)
            print("from a task")

        await asyncio.create_task(task())
        thread = threading.Thread(target=print, args=("from another thread",))
        thread.start()
        thread.join()

    run(chain(prints))
    assert capsys.readouterr().out == "from a thread\nfrom a task\nfrom another thread\n"


def test_print_from_finish_close_and_initialisers(run, capsys):
    def make():
        print("made")

    def close(value):
        print("closed")

    @component
    @inport("item")
    @persist("value", make, close=close)
    async def prints(item, value):
        print("fired")

    @prints.finish
    async def _():
        print("finished")

    run(chain(emit(1), prints))
    assert capsys.readouterr().out == "made\nfired\nfinished\nclosed\n"


def test_what_is_printed_before_a_failure_arrives(run, capsys):
    def work(item):
        print("before")
        print("without an end of line", end="")
        raise KeyError

    with pytest.raises(Exception, match="KeyError"):
        run(chain(emit(1), printer(work)))
    assert capsys.readouterr().out == "before\nwithout an end of line"


def test_much_text(run, capsys):
    text = "ü" * 300_000
    run(chain(emit(1, 2, 3), printer(lambda item: print(text))))
    assert capsys.readouterr().out == f"{text}\n" * 3


def test_streams_of_a_worker_offer_what_streams_do(run, capsys):
    def work(item):
        stream = sys.stdout
        assert stream.writable()
        assert not stream.closed
        assert not stream.isatty()
        assert stream.encoding
        assert stream.write("four") == 4
        stream.writelines([" lines", "\n"])
        with pytest.raises(TypeError):
            stream.write(b"bytes")
        stream.flush()
        with contextlib.redirect_stdout(io.StringIO()) as inner:
            print("inner")
        assert inner.getvalue() == "inner\n"

    run(chain(emit(1), printer(work)))
    assert capsys.readouterr().out == "four lines\n"


def test_encoded_text_written_to_the_buffer_of_stdout(run, capsys):
    def work(item):
        sys.stdout.buffer.write("größer\n".encode())
        sys.stdout.buffer.flush()

    run(chain(emit(1), printer(work)))
    assert capsys.readouterr().out == "größer\n"


# Logging.


def test_the_log_reaches_caplog(run, caplog):
    run(chain(emit("one", "two"), printer(lambda item: log.info("item %s", item))))
    assert caplog.messages == ["item one", "item two"]
    for record in caplog.records:
        assert record.name == "cascata"
        assert record.levelname == "INFO"
        assert record.component == "c1"
        assert record.component_class == "prints"
        assert record.worker == (1 if run.workers == 2 else 0)
        assert (record.pid == os.getpid()) == (run.workers == 0)


def test_without_set_up_a_line_goes_to_stderr(run):
    """In a process that has no handlers; pytest's are taken away."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    try:
        for handler in handlers:
            root.removeHandler(handler)
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            run(chain(emit("one"), printer(lambda item: log.info("item %s", item))))
    finally:
        for handler in handlers:
            root.addHandler(handler)
    assert stderr.getvalue() == "INFO - c1@prints : item one\n"


def test_levels_of_the_caller_decide(run, caplog):
    def work(item):
        log.debug("debug")
        log.warning("warning")

    with caplog.at_level(logging.DEBUG, logger="cascata"):
        run(chain(emit(1), printer(work)))
    assert caplog.messages == ["debug", "warning"]
    caplog.clear()
    with caplog.at_level(logging.ERROR, logger="cascata"):
        run(chain(emit(1), printer(work)))
    assert caplog.messages == []


def test_a_level_that_a_worker_sets_does_not_overrule_the_callers(run_apart, caplog):
    def work(item):
        log.setLevel(logging.DEBUG)
        log.debug("the worker has other ideas")
        log.warning("warning")

    with caplog.at_level(logging.WARNING, logger="cascata"):
        run_apart(chain(emit(1), printer(work)))
        caplog.handler.setLevel(logging.DEBUG)
    assert caplog.messages == ["warning"]


def test_exceptions_are_logged_with_their_traceback(run, caplog):
    def work(item):
        try:
            _ = {}["missing"]
        except KeyError:
            log.exception("failed")

    run(chain(emit(1), printer(work)))
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "KeyError: 'missing'" in caplog.text
    assert "work" in caplog.text


def test_arguments_that_cannot_be_pickled(run, caplog):
    lock = threading.Lock()
    run(chain(emit(1), printer(lambda item: log.info("a lock: %s", type(lock).__name__ if item else lock))))
    run(chain(emit(0), printer(lambda item: log.info("a lock: %s", lock))))
    assert len(caplog.messages) == 2
    assert "lock" in caplog.messages[1]


def test_extra_attributes(run, caplog):
    run(chain(emit(1), printer(lambda item: log.info("text", extra={"request": {"id": item}}))))
    assert caplog.records[0].request == {"id": 1}


def test_an_extra_attribute_that_cannot_be_pickled_does_not_lose_the_record(run, caplog):
    lock = threading.Lock()
    run(chain(emit(1), printer(lambda item: log.info("text", extra={"lock": lock, "other": 5}))))
    assert caplog.messages == ["text"]
    assert caplog.records[0].other == 5


def test_other_loggers_reach_caplog(run, caplog):
    with caplog.at_level(logging.INFO):
        run(chain(emit(1), printer(lambda item: logging.getLogger("some.library").info("library"))))
    assert [(record.name, record.getMessage()) for record in caplog.records if record.name != "asyncio"] == [
        ("some.library", "library")
    ]


def test_a_handler_of_the_caller_gets_each_record_once(run, tmp_path):
    logger = logging.getLogger("some.other.library")
    handler = logging.FileHandler(tmp_path / "log")
    logger.addHandler(handler)
    try:
        run(chain(emit(1), printer(lambda item: logging.getLogger("some.other.library").warning("once"))))
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert (tmp_path / "log").read_text() == "once\n"


def test_a_logger_that_does_not_propagate_gets_its_records_to_its_handler(run):
    class Keep(logging.Handler):
        def emit(self, record):
            kept.append(record.getMessage())

    kept = []
    logger = logging.getLogger("a.library.on.its.own")
    handler = Keep()
    logger.addHandler(handler)
    logger.propagate = False
    try:
        run(chain(emit(1), printer(lambda item: logging.getLogger("a.library.on.its.own").warning("mine"))))
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    assert kept == ["mine"]


def test_what_is_logged_before_a_failure_arrives(run, caplog):
    def work(item):
        log.warning("before")
        raise KeyError

    with pytest.raises(Exception, match="KeyError"):
        run(chain(emit(1), printer(work)))
    assert caplog.messages == ["before"]


def test_the_log_of_threads_and_tasks_names_their_component(run, caplog):
    @component
    async def logs():
        await asyncio.to_thread(log.info, "thread")

        async def task():
            log.info("task")

        await asyncio.create_task(task())

    run(chain(logs))
    assert [(record.getMessage(), record.component) for record in caplog.records] == [("thread", "c0"), ("task", "c0")]


def test_the_log_of_initialisers_callbacks_and_finish_names_their_component(run, caplog):
    def make():
        log.info("made")

    @component
    @inport("item")
    @persist("value", make)
    async def logs(item, value):
        asyncio.get_running_loop().call_soon(log.info, "called back")
        await asyncio.sleep(0)

    @logs.finish
    async def _():
        log.info("finished")

    run(chain(emit(1), logs))
    assert caplog.messages == ["made", "called back", "finished"]
    assert {(record.component, record.component_class) for record in caplog.records} == {("c1", "logs")}


def test_the_callers_own_records_name_no_component(run, caplog):
    run(chain(emit(1), relay()))
    log.info("outside")
    assert [record.component for record in caplog.records] == [None]


def test_a_program_of_its_own():
    """Its streams are pipes, and nothing replaces them."""
    program = """
import sys
from cascata import *

@component
@inport("item")
async def show(item):
    print("printed", item)
    print("error", item, file=sys.stderr)
    log.info("logged %s", item)

@component
@outport("out")
async def source(out):
    for item in range(3):
        await out.send(item)

g = Graph()
g.source = source
g.show = show
g.source.out >> g.show.item
print("begin")
g.run(num_workers=WORKERS)
print("end")
"""
    for workers in (0, 1, 2):
        done = subprocess.run(
            [sys.executable, "-c", program.replace("WORKERS", str(workers))],
            capture_output=True,
            text=True,
            timeout=50,
            check=True,
        )
        assert done.stdout.splitlines() == ["begin", "printed 0", "printed 1", "printed 2", "end"]
        expected = [line for item in range(3) for line in (f"error {item}", f"INFO - show@show : logged {item}")]
        assert done.stderr.splitlines() == expected


class LoadsAtHome:
    """Can be loaded in the process that made it only."""

    def __reduce__(self):
        return load_at_home, (os.getpid(),)

    def __repr__(self):
        return "<at home>"


def load_at_home(home):
    if os.getpid() != home:
        raise SystemExit(3)
    return LoadsAtHome()


def test_what_a_record_carries_need_not_be_loadable_here(run_apart, caplog):
    run_apart(chain(emit(1), printer(lambda _: log.info("here", extra={"thing": LoadsAtHome(), "number": [1]}))))
    (record,) = caplog.records
    assert (record.getMessage(), record.thing, record.number) == ("here", "<at home>", [1])


@pytest.mark.parametrize("ends", ["itself", "stopped"])
def test_close_hooks_log_for_their_component(run, caplog, ends):
    @component
    @persist("value", int, close=lambda _: log.info("closed"))
    async def keeper(value):
        if ends == "stopped":
            await asyncio.sleep(3600)

    @component
    async def failing():
        if ends == "stopped":
            raise ValueError(ends)

    g = Graph()
    g.keeper, g.failing = keeper, failing
    with contextlib.suppress(CascataError):
        run(g)
    (record,) = [record for record in caplog.records if record.getMessage() == "closed"]
    assert record.component == "keeper"
