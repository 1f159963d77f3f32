"""The exceptions: their tree, their text, and that they can be pickled."""

import inspect
import pickle

import pytest

import cascata
from cascata import errors
from cascata.errors import (
    CascataError,
    ChannelClosed,
    ComponentError,
    DeadlockError,
    GraphError,
    GraphFormatError,
    ItemError,
    RunError,
    RunTimeout,
    WorkerDied,
)

EXAMPLES = [
    GraphError("no such name"),
    GraphFormatError("nodes.a: no module"),
    DeadlockError(["a.x has no value", "b waits for c"]),
    RunError("failed", others=[ValueError("later")]),
    ComponentError(
        "split", "Split", error="ValueError: bad", worker=1, inputs={"text": "'a'"}, remote_traceback="Tr:\n"
    ),
    WorkerDied(2, ["a", "b"], signal=9),
    RunTimeout(1.5, {"a": "waits to send on a.out (10 of 10)"}),
    ItemError("a.out cannot send a generator"),
    ChannelClosed("the channel has ended"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_can_be_pickled(error):
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301  own data
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin).keys() == vars(error).keys()
    assert repr(vars(twin)) == repr(vars(error))


def test_the_tree_in_the_docstring_is_the_tree():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert {kind.__name__ for kind in kinds} == set(errors.__all__)
    for kind in kinds:
        assert issubclass(kind, CascataError)
        assert f" {kind.__name__} " in errors.__doc__ or f" {kind.__name__}\n" in errors.__doc__
        assert getattr(cascata, kind.__name__) is kind


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (GraphError, ValueError),
        (RunTimeout, TimeoutError),
        (RunTimeout, RunError),
        (ItemError, TypeError),
        (GraphFormatError, GraphError),
        (ComponentError, RunError),
        (WorkerDied, RunError),
    ],
)
def test_bases(kind, base):
    assert issubclass(kind, base)


def test_component_error_tells_all_there_is():
    error = EXAMPLES[4]
    assert str(error) == "split (Split) on worker 1 raised ValueError: bad\n  called with text='a'\n\nTr:"
    assert (error.component, error.component_class, error.worker) == ("split", "Split", 1)
    assert error.inputs == {"text": "'a'"}
    assert error.others == []


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (
            {"signal": 9},
            "worker 2 was killed by SIGKILL (the system does this when memory runs out); it was running a, b",
        ),
        ({"signal": 11}, "worker 2 was killed by SIGSEGV; it was running a, b"),
        ({"signal": 999}, "worker 2 was killed by signal 999; it was running a, b"),
        ({"exitcode": 3}, "worker 2 exited with code 3; it was running a, b"),
        ({}, "worker 2 died; it was running a, b"),
    ],
)
def test_worker_died_tells_how(ending, text):
    assert str(WorkerDied(2, ["a", "b"], **ending)) == text


def test_deadlock_lists_its_issues():
    assert str(EXAMPLES[2]) == "this graph cannot run:\n  - a.x has no value\n  - b waits for c"


def test_timeout_tells_what_was_running():
    text = "the run did not end within 1.5 s; still running:\n  - a: waits to send on a.out (10 of 10)"
    assert str(EXAMPLES[6]) == text


@pytest.mark.parametrize(
    ("make", "attribute"),
    [
        (DeadlockError, "issues"),
        (lambda names: RunTimeout(1.0, dict.fromkeys(names, "waits")), "components"),
        (lambda names: WorkerDied(2, names, signal=9), "components"),
    ],
)
def test_of_thousands_a_message_names_the_first(make, attribute):
    names = [f"c{number}" for number in range(3000)]
    error = make(names)
    assert list(getattr(error, attribute)) == names
    assert "c19" in str(error)
    assert "c100" not in str(error)
    assert str(error).endswith("0 more")
