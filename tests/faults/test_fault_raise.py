"""A component that raises, whatever it raises; where it does is a matter of `test_fault_matrix.py`."""

# ruff: noqa: EM101, TRY003  what is raised is the point here

import asyncio
import importlib
import json
import re
import subprocess
import threading
import traceback
from collections import Counter
from pathlib import Path

import faultgraph
import pytest
from faultgraph import FIRING, WORKERS, build, check_notes
from faultlib import notes, place_of, script

from cascata import ComponentError


class PlainError(Exception):
    pass


class OddError(Exception):
    """Its `args` are not what its constructor takes."""

    def __init__(self, code, *, detail):
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class BrokenTextError(Exception):
    def __str__(self):
        msg = "no text"
        raise RuntimeError(msg)

    __repr__ = __str__


class UnloadableError(Exception):
    """Pickles into something that cannot be loaded."""

    def __reduce__(self):
        return explode, ()


class FarUnloadableError(Exception):
    """Can be loaded in the process that made it only, so that a try there does not help."""

    def __reduce__(self):
        return load_at_home, (threading.main_thread().native_id, *self.args)


class FarExitingError(Exception):
    """Loading it ends the program, anywhere but in the process that made it."""

    def __reduce__(self):
        return exit_abroad, (threading.main_thread().native_id, *self.args)


class HorribleNotesError(Exception):
    @property
    def __notes__(self):
        msg = "no notes"
        raise RuntimeError(msg)


class ExitingTextError(Exception):
    """Looking at it ends the program, if nobody takes care."""

    def __str__(self):
        raise SystemExit(9)

    __repr__ = __str__


def explode():
    msg = "cannot be loaded"
    raise RuntimeError(msg)


def load_at_home(home, *args):
    if threading.main_thread().native_id != home:
        explode()
    return FarUnloadableError(*args)


def exit_abroad(home, *args):
    if threading.main_thread().native_id != home:
        raise SystemExit(9)
    return FarExitingError(*args)


def builtin():
    raise ValueError("boom 17")  # the victim's line


def plain():
    raise PlainError("boom 17", {"more": [1, 2]})  # the victim's line


def odd():
    raise OddError(17, detail="boom")  # the victim's line


def unpicklable():
    raise PlainError("boom 17", threading.Lock())  # the victim's line


def unloadable():
    raise UnloadableError("boom 17")  # the victim's line


def far_unloadable():
    raise FarUnloadableError("boom 17")  # the victim's line


def far_exiting():
    raise FarExitingError("boom 17")  # the victim's line


def broken_text():
    raise BrokenTextError  # the victim's line


def horrible_notes():
    raise HorribleNotesError("boom 17")  # the victim's line


def exiting_text():
    raise ExitingTextError  # the victim's line


def group():
    raise ExceptionGroup("boom 17", [ValueError("one"), PlainError("two")])  # the victim's line


def unpicklable_group():
    raise ExceptionGroup("boom 17", [ValueError("one"), PlainError("two", threading.Lock())])  # the victim's line


def chained():
    try:
        {}["the key"]
    except KeyError as error:
        failure = PlainError("boom 17")
        failure.add_note("a note on it")
        raise failure from error  # the victim's line


def local_class():
    class LocalError(Exception):
        pass

    raise LocalError("boom 17")  # the victim's line


def cancelled():
    raise asyncio.CancelledError("boom 17")  # the victim's line


def system_exit():
    raise SystemExit(17)  # the victim's line


def interrupt():
    raise KeyboardInterrupt("boom 17")  # the victim's line


def generator_exit():
    raise GeneratorExit("boom 17")  # the victim's line


def stop_iteration():
    raise StopIteration("boom 17")  # the victim's line


def recursion():
    recursion()  # the victim's line


def huge():
    raise ValueError("boom 17" * 200_000)  # the victim's line


def surrogates():
    raise ValueError("boom 17 \udcff\x00")  # the victim's line


def no_unicode():
    b"boom \xff 17".decode()  # the victim's line


KINDS = {
    builtin: ValueError,
    plain: PlainError,
    odd: OddError,
    unpicklable: PlainError,
    unloadable: UnloadableError,
    broken_text: BrokenTextError,
    group: ExceptionGroup,
    unpicklable_group: ExceptionGroup,
    chained: PlainError,
    cancelled: asyncio.CancelledError,
    system_exit: SystemExit,
    interrupt: KeyboardInterrupt,
    generator_exit: GeneratorExit,
    stop_iteration: (StopIteration, RuntimeError),
    recursion: RecursionError,
    huge: ValueError,
    surrogates: ValueError,
    no_unicode: UnicodeDecodeError,
}
CANNOT_LEAVE = (unpicklable, unpicklable_group)
"""Their exceptions cannot leave the process they are raised in; a stand-in does."""


def fail(place, fault, num_workers):
    graph = build(place, fault)
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers)
    return graph, caught.value


def check_error(error, graph, place, num_workers):
    assert error.component == "victim"
    assert error.component_class == "Victim"
    assert error.worker == (place_of(graph, "victim", num_workers)[0] if num_workers else 0)
    assert error.inputs == ({"value": str(FIRING[place])} if place in FIRING else {})
    assert "# the victim's line" in error.remote_traceback
    assert error.remote_traceback.strip() in str(error)
    assert re.match(rf"victim \(Victim\) on worker \d raised {type(error.__cause__).__name__}", str(error))
    assert f"on worker {error.worker}" in str(error)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("place", ["mid-stream", "close hook"])
@pytest.mark.parametrize("fault", [f for f in KINDS if f not in CANNOT_LEAVE], ids=lambda fault: fault.__name__)
def test_the_exception_itself_is_the_cause(fault, place, num_workers):
    graph, error = fail(place, fault, num_workers)
    check_error(error, graph, place, num_workers)
    check_notes(place)
    assert isinstance(error.__cause__, KINDS[fault])
    text = "".join(traceback.format_exception(error.__cause__))
    assert "# the victim's line" in text
    assert error.others == []


@pytest.mark.parametrize("place", ["mid-stream", "close hook"])
@pytest.mark.parametrize("fault", CANNOT_LEAVE, ids=lambda fault: fault.__name__)
def test_a_stand_in_for_what_cannot_leave_its_process(fault, place):
    graph, error = fail(place, fault, 2)
    check_notes(place)
    name = "ExceptionGroup" if fault is unpicklable_group else KINDS[fault].__name__
    assert name in str(error)
    assert name in str(error.__cause__)
    assert "boom 17" in str(error.__cause__)
    assert any("stands for" in text and name in text for text in error.__cause__.__notes__)
    assert "# the victim's line" in error.remote_traceback
    assert error.component == "victim"
    graph, error = fail(place, fault, 0)
    assert type(error.__cause__) is KINDS[fault]
    check_error(error, graph, place, 0)


TOO_ODD = [far_unloadable, far_exiting, horrible_notes, exiting_text]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("place", ["initialiser", "mid-stream", "close hook"])
@pytest.mark.parametrize("fault", TOO_ODD, ids=lambda fault: fault.__name__)
def test_no_exception_is_too_odd_to_be_reported(fault, place, num_workers):
    _, error = fail(place, fault, num_workers)
    check_notes(place)
    assert error.component == "victim"
    assert error.__cause__ is not None
    assert "Error" in str(error)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_arguments_and_attributes_are_kept(num_workers):
    _, error = fail("mid-stream", plain, num_workers)
    assert error.__cause__.args == ("boom 17", {"more": [1, 2]})
    _, error = fail("mid-stream", odd, num_workers)
    assert vars(error.__cause__).items() >= {"code": 17, "detail": "boom"}.items()
    assert str(error.__cause__) == "17: boom"


def open_nothing():
    Path("/no such/file").read_text()


def import_nothing():
    importlib.import_module("no_such_module")


def misspell():
    [].apend


def compile_nonsense():
    compile("a = = 1", "nonsense.py", "exec")


def parse_nonsense():
    json.loads('{"a": ')


def run_false():
    subprocess.run(["/bin/false"], check=True)


def read_too_little():
    raise asyncio.IncompleteReadError(b"abc", 10)


def return_by_exception():
    raise StopIteration(17)


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize(
    ("fault", "kind", "text", "attributes"),
    [
        (system_exit, SystemExit, "17", {"code": 17}),
        (
            no_unicode,
            UnicodeDecodeError,
            "'utf-8' codec can't decode byte 0xff in position 5: invalid start byte",
            {"encoding": "utf-8", "object": b"boom \xff 17", "start": 5, "end": 6, "reason": "invalid start byte"},
        ),
        (
            open_nothing,
            FileNotFoundError,
            "[Errno 2] No such file or directory: '/no such/file'",
            {"errno": 2, "filename": "/no such/file", "strerror": "No such file or directory"},
        ),
        (import_nothing, ModuleNotFoundError, "No module named 'no_such_module'", {"name": "no_such_module"}),
        (misspell, AttributeError, "'list' object has no attribute 'apend'", {}),
        (
            compile_nonsense,
            SyntaxError,
            "invalid syntax (nonsense.py, line 1)",
            {"filename": "nonsense.py", "lineno": 1, "msg": "invalid syntax"},
        ),
        (
            parse_nonsense,
            json.JSONDecodeError,
            "Expecting value: line 1 column 7 (char 6)",
            {"doc": '{"a": ', "pos": 6, "lineno": 1, "msg": "Expecting value"},
        ),
        (
            run_false,
            subprocess.CalledProcessError,
            "Command '['/bin/false']' returned non-zero exit status 1.",
            {"cmd": ["/bin/false"], "returncode": 1},
        ),
        (
            read_too_little,
            asyncio.IncompleteReadError,
            "3 bytes read on a total of 10 expected bytes",
            {"partial": b"abc", "expected": 10},
        ),
    ],
)
def test_what_python_and_its_library_raise_is_whole(fault, kind, text, attributes, num_workers):
    _, error = fail("mid-stream", fault, num_workers)
    cause = error.__cause__
    assert type(cause) is kind
    assert str(cause) == text
    assert {name: getattr(cause, name) for name in attributes} == attributes
    assert text.partition(" (")[0] in error.remote_traceback


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_value_of_a_stop_iteration_is_kept(num_workers):
    """An initialiser is no coroutine and no generator, so it may raise one."""
    _, error = fail("initialiser", return_by_exception, num_workers)
    assert type(error.__cause__) is StopIteration
    assert error.__cause__.value == 17


@pytest.mark.parametrize("num_workers", [0, 2])
def test_what_caused_the_cause_and_its_notes_are_kept(num_workers):
    _, error = fail("mid-stream", chained, num_workers)
    assert error.__cause__.__notes__ == ["a note on it"]
    assert isinstance(error.__cause__.__cause__, KeyError)
    assert error.__cause__.__cause__.args == ("the key",)
    assert "a note on it" in error.remote_traceback
    assert "The above exception was the direct cause" in error.remote_traceback


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_members_of_a_group_are_kept(num_workers):
    _, error = fail("mid-stream", group, num_workers)
    one, two = error.__cause__.exceptions
    assert isinstance(one, ValueError)
    assert isinstance(two, PlainError)


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_class_made_in_a_function_keeps_its_name(num_workers):
    _, error = fail("mid-stream", local_class, num_workers)
    assert type(error.__cause__).__name__ == "LocalError"


MAIN = """
    class Mine(Exception):
        pass

    @component
    async def Failing():
        try:
            {}["the key"]
        except KeyError as error:
            raise Mine("boom 17") from error

    graph = Graph()
    graph.add("failing", Failing)
    try:
        graph.run(num_workers=num_workers)
    except ComponentError as error:
        assert isinstance(error.__cause__, Mine), type(error.__cause__)
        assert type(error.__cause__.__cause__) is KeyError
        assert 'raise Mine("boom 17") from error' in error.remote_traceback
        note("caught")
"""


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_class_of_the_main_program_is_that_class(num_workers):
    """The caller can tell its own exceptions."""
    with script(MAIN, num_workers) as running:
        assert running.wait() == 0, running.err
    assert notes() == ["caught"]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_error_that_nobody_catches_shows_all(num_workers):
    """What the user of a program sees."""
    text = """
        @component
        @inport("text")
        async def Failing(text):
            raise ValueError("boom 17")

        graph = Graph()
        graph.add("failing", Failing).text < "some text"
        graph.run(num_workers=num_workers)
        """
    with script(text, num_workers) as running:
        assert running.wait() == 1
        error = running.err
    assert "ComponentError: failing (Failing) on worker 0 raised ValueError: boom 17" in error
    assert "called with text='some text'" in error
    assert 'raise ValueError("boom 17")' in error
    assert "ValueError: boom 17" in error
    assert error.rstrip().endswith("ValueError: boom 17")
    assert "Exception ignored" not in error
    assert running.out == ""


@pytest.mark.parametrize("num_workers", WORKERS)
def test_the_remote_traceback_shows_every_frame_of_the_user(num_workers):
    _, error = fail("mid-stream", builtin, num_workers)
    assert error.remote_traceback.startswith("Traceback (most recent call last):")
    assert 'state.reach("mid-stream", out)' in error.remote_traceback
    assert "self.fault()" in error.remote_traceback
    assert f'File "{faultgraph.__file__}"' in error.remote_traceback
    assert error.remote_traceback.rstrip().endswith("ValueError: boom 17")


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_failed_graph_runs_again(num_workers):
    graph = build("mid-stream", builtin)
    for _ in range(3):
        with pytest.raises(ComponentError, match="boom 17"):
            graph.run(num_workers=num_workers)
    seen = Counter(notes())
    assert seen["fault in mid-stream"] == seen["victim closed"] == 3
    assert seen["victim began"] == seen["victim finally"]
