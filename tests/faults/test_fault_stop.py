"""Stopping: `timeout=`, `run.stop()`, leaving a `with` block, and components that do not want to."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import collections
import itertools
import signal
import threading
import time
from collections import Counter

import pytest
from faultgraph import WORKERS, Bystander, Idle, Sink, Waiter
from faultlib import for_ever, note, noted, notes, states, until, until_async

from cascata import ComponentError, Graph, RunError, RunTimeout, component, inport, outport, persist

PROCESSES = (1, 2, 5)
RUNNING = ("jam began", "idle began", "bystander began")


@component
@outport("out")
async def Endless(out):
    note("endless began")
    try:
        number = 0
        while await out.send(number):
            number += 1
    finally:
        note("endless finally")


@Endless.finish
async def finish_endless(out):
    note("endless finish")


@component
@inport("value", capacity=3)
async def Jam(value):
    await for_ever("jam")


def lasting():
    """Make a graph that runs for ever in every way there is: blocked, waiting for an item, for something else."""
    graph = Graph()
    graph.add("endless", Endless)
    graph.add("jam", Jam)
    for name, definition in (("idle", Idle), ("waiter", Waiter), ("bystander", Bystander)):
        graph.add(name, definition).resource < name
    graph.endless.out >> graph.jam.value
    graph.idle.out >> graph.waiter.value
    return graph


def all_run():
    return set(RUNNING) <= set(notes())


def check_ended():
    """Check that what began has ended, in order and without any `finish`."""
    seen = Counter(notes())
    for name in ("endless", "jam", "idle", "bystander"):
        assert seen[f"{name} finally"] == seen[f"{name} began"], seen
    for name in ("idle", "waiter", "bystander"):
        assert seen[f"{name} closed"] == seen[f"{name} initialised"], seen
    assert not any("finish" in text or "fired" in text for text in seen)


@pytest.mark.parametrize("num_workers", WORKERS)
def test_timeout(num_workers):
    with pytest.raises(RunTimeout) as caught:
        lasting().run(num_workers=num_workers, timeout=0.7)
    error = caught.value
    assert isinstance(error, TimeoutError)
    assert states(error) == {
        "endless": "waits for room behind endless.out: jam.value (3 of 3 inside)",
        "jam": "awaits something that is no channel",
        "idle": "awaits something that is no channel",
        "waiter": "waits for an item at waiter.value (0 of 10 inside)",
        "bystander": "awaits something that is no channel",
    }
    assert all(f"{name}: {state}" in str(error) for name, state in error.components.items())
    assert "0.7 s" in str(error)
    assert error.others == []
    check_ended()
    assert Counter(notes())["bystander closed"] == 1


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_very_short_timeout(num_workers):
    """It passes before or while anything begins."""
    with pytest.raises(RunTimeout):
        lasting().run(num_workers=num_workers, timeout=1e-9)
    check_ended()


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_timeout_that_does_not_pass_changes_nothing(num_workers):
    graph = Graph()
    graph.add("sink", Sink).resource < "sink"
    graph.sink.value < 1
    assert graph.run(num_workers=num_workers, timeout=1000.0).components["sink"].firings == 1


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_failure_before_the_timeout_is_what_is_raised(num_workers):
    @component
    async def Failing():
        await noted("bystander began")
        msg = "first"
        raise ValueError(msg)

    graph = lasting()
    graph.add("failing", Failing)
    with pytest.raises(ComponentError, match="first") as caught:
        graph.run(num_workers=num_workers, timeout=1000.0)
    assert caught.value.others == []
    check_ended()


@pytest.mark.parametrize("num_workers", WORKERS)
def test_stop(num_workers):
    run = lasting().start(num_workers=num_workers)
    until(all_run)
    assert run.running
    run.stop()
    report = run.join()
    assert not run.running
    assert report.components["waiter"].firings == 0
    assert report.components["endless"].firings == 1
    check_ended()
    assert Counter(notes())["bystander closed"] == 1


@pytest.mark.parametrize("num_workers", WORKERS)
def test_stop_at_once(num_workers):
    run = lasting().start(num_workers=num_workers)
    run.stop()
    run.join()
    check_ended()


@pytest.mark.parametrize("delay", [0.001, 0.003, 0.01, 0.02, 0.05])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_stop_at_any_moment(num_workers, delay):
    run = lasting().start(num_workers=num_workers)
    time.sleep(delay)
    run.stop()
    run.join()
    check_ended()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_stop_again_and_too_late(num_workers):
    run = lasting().start(num_workers=num_workers)
    until(all_run)
    threads = [threading.Thread(target=run.stop) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = run.join()
    run.stop()
    assert run.join().components == report.components
    check_ended()


@pytest.mark.parametrize("num_workers", WORKERS)
def test_an_exception_in_the_block_stops_the_run(num_workers):
    mine = KeyError("mine")
    with pytest.raises(KeyError) as caught, lasting().start(num_workers=num_workers) as run:  # noqa: PT012
        until(all_run)
        raise mine
    assert caught.value is mine
    assert not run.running
    check_ended()
    del run, mine, caught


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_what_is_no_exception_in_the_block_stops_the_run(kind, num_workers):
    with pytest.raises(kind), lasting().start(num_workers=num_workers) as run:  # noqa: PT012
        until(all_run)
        raise kind
    assert not run.running
    check_ended()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_failure_is_raised_at_the_end_of_the_block(num_workers):
    @component
    async def Failing():
        msg = "first"
        raise ValueError(msg)

    graph = lasting()
    graph.add("failing", Failing)
    with pytest.raises(ComponentError, match="first"), graph.start(num_workers=num_workers):
        pass
    check_ended()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_exception_in_the_block_goes_before_a_failure(num_workers):
    @component
    async def Failing():
        msg = "first"
        raise ValueError(msg)

    graph = lasting()
    graph.add("failing", Failing)
    with pytest.raises(KeyError), graph.start(num_workers=num_workers) as run:  # noqa: PT012
        until(lambda: not run.running)
        raise KeyError
    check_ended()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_joining_again_raises_the_same(num_workers):
    @component
    async def Failing():
        try:
            await for_ever("failing")
        finally:
            msg = "on the way out"
            raise KeyError(msg)

    @component
    async def First():
        await noted("failing began")
        msg = "first"
        raise ValueError(msg)

    graph = Graph()
    graph.add("failing", Failing)
    graph.add("first", First)
    run = graph.start(num_workers=num_workers)
    found = []
    for _ in range(3):
        with pytest.raises(ComponentError, match="first") as caught:
            run.join()
        found.append((str(caught.value), len(caught.value.others)))
    assert found == [found[0]] * 3
    assert found[0][1] == 1


# What else goes wrong on the way.


@component
async def FailsFirst():
    await noted("second began")
    msg = "the first"
    raise ValueError(msg)


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_failure_in_finally_is_among_the_others(num_workers):
    @component
    async def FailsSecond():
        try:
            await for_ever("second")
        finally:
            msg = "the second"
            raise KeyError(msg)

    graph = Graph()
    graph.add("first", FailsFirst)
    graph.add("second", FailsSecond)
    with pytest.raises(ComponentError, match="the first") as caught:
        graph.run(num_workers=num_workers)
    assert caught.value.component == "first"
    (other,) = caught.value.others
    assert isinstance(other, ComponentError)
    assert (other.component, other.component_class) == ("second", "FailsSecond")
    assert type(other.__cause__) is KeyError
    assert "KeyError(msg)" in other.remote_traceback


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_failing_close_hook_is_among_the_others(num_workers):
    def close(name):
        note(f"close {name}")
        msg = f"cannot close {name}"
        raise OSError(msg)

    @component
    @persist("one", lambda: "one", close=close)
    @persist("two", lambda: "two", close=close)
    @persist("three", lambda: "three", close=lambda name: note(f"close {name}"))
    async def FailsToClose(one, two, three):
        await for_ever("second")

    graph = Graph()
    graph.add("first", FailsFirst)
    graph.add("second", FailsToClose)
    with pytest.raises(ComponentError, match="the first") as caught:
        graph.run(num_workers=num_workers)
    (other,) = caught.value.others
    assert other.component == "second"
    assert isinstance(other.__cause__, ExceptionGroup)
    assert {str(error) for error in other.__cause__.exceptions} == {"cannot close one", "cannot close two"}
    assert {text for text in notes() if text.startswith("close")} == {"close one", "close two", "close three"}


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_close_hook_may_raise_anything(num_workers, kind):
    """What is no `Exception` keeps the other hooks from running no more than an exception does."""

    def close(_):
        note("close one")
        raise kind

    @component
    @persist("two", lambda: "two", close=lambda _: note("close two"))
    @persist("one", lambda: "one", close=close)
    async def FailsToClose(two, one):
        await for_ever("second")

    graph = Graph()
    graph.add("first", FailsFirst)
    graph.add("second", FailsToClose)
    with pytest.raises(ComponentError, match="the first") as caught:
        graph.run(num_workers=num_workers)
    (other,) = caught.value.others
    assert other.component == "second"
    assert {text for text in notes() if text.startswith("close")} == {"close one", "close two"}


@pytest.mark.parametrize("num_workers", WORKERS)
def test_many_failures_at_once(num_workers):
    """One is raised; those that come while the run is being stopped are its others, each once."""

    @component
    @inport("number")
    async def Failing(number):
        note("failing began")
        await until_async(lambda: notes().count("failing began") == 8)
        raise ValueError(number)

    graph = Graph()
    for number in range(8):
        graph.add(f"failing{number}", Failing).number < number
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers)
    failures = [caught.value, *caught.value.others]
    names = [failure.component for failure in failures]
    assert len(set(names)) == len(names)
    assert all(failure.__cause__.args == (int(failure.component[-1]),) for failure in failures)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_failing_with_thousands_of_items_in_flight(num_workers):
    @component
    @inport("value", capacity=5000)
    async def Slow(value):
        if value["number"] == 3:
            await noted("full")
            msg = "enough"
            raise ValueError(msg)

    @component
    @outport("out")
    async def Fast(out):
        try:
            for number in range(20_000):
                if number == 4000:
                    note("full")
                await out.send({"number": number, "text": "x" * 300})
        finally:
            note("fast finally")

    graph = Graph()
    graph.add("fast", Fast)
    graph.add("slow", Slow)
    graph.fast.out >> graph.slow.value
    with pytest.raises(ComponentError, match="enough") as caught:
        graph.run(num_workers=num_workers)
    assert notes() == ["full", "fast finally"]
    assert caught.value.inputs["value"].startswith("{'number': 3")
    assert len(caught.value.inputs["value"]) < 300


# Components that do not want to.


def failing_beside(definition, num_workers, **options):
    """Run a component that fails beside one that will not stop; give the failure."""
    graph = Graph()
    graph.add("first", FailsFirst)
    graph.add("second", definition)
    graph.place(graph.first, worker=0)
    graph.place(graph.second, worker=max(num_workers - 1, 0))
    with pytest.raises(ComponentError, match="the first") as caught:
        graph.run(num_workers=num_workers, **options)
    assert caught.value.component == "first"
    return caught.value


@pytest.mark.parametrize("num_workers", WORKERS)
def test_finally_may_take_its_time(num_workers):
    @component
    async def Slow():
        try:
            await for_ever("second")
        finally:
            for _ in range(20):
                await asyncio.sleep(0.005)
            note("tidied up")

    assert failing_beside(Slow, num_workers).others == []
    assert notes()[-1] == "tidied up"


@pytest.mark.parametrize("num_workers", WORKERS)
def test_cancellation_that_is_swallowed_once(num_workers):
    @component
    @persist("value", lambda: 1, close=lambda _: note("second closed"))
    async def Swallowing(value):
        try:
            await for_ever("second")
        except asyncio.CancelledError:
            note("swallowed")

    @Swallowing.finish
    async def finish(value):
        note("second finish")

    assert failing_beside(Swallowing, num_workers).others == []
    assert notes() == ["second began", "second finally", "swallowed", "second closed"]


@pytest.mark.parametrize("num_workers", WORKERS)
def test_no_item_is_taken_after_swallowed_cancellation(num_workers):
    @component
    @inport("value")
    async def Swallowing(value):
        note(f"took {value}")
        try:
            await for_ever("second")
        except asyncio.CancelledError:
            note("swallowed")

    graph = Graph()
    graph.add("first", FailsFirst)
    graph.add("second", Swallowing)
    graph.add("endless", Endless)
    graph.endless.out >> graph.second.value
    with pytest.raises(ComponentError, match="the first"):
        graph.run(num_workers=num_workers)
    assert [text for text in notes() if text.startswith("took")] == ["took 0"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("num_workers", WORKERS)
def test_cancellation_that_is_swallowed_for_ever(num_workers, impatient):
    @component
    async def Stubborn():
        note("second began")
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                note("no")

    error = failing_beside(Stubborn, num_workers)
    assert "no" in notes()
    (other,) = error.others
    assert other.component == "second"
    assert isinstance(other.__cause__, TimeoutError)
    assert "cancelled" in str(other)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_task_of_a_component_that_swallows_cancellation_for_ever(num_workers, impatient):
    """It belongs to no component any more, and still must not hold the run."""

    async def stubborn():
        note("second began")
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                note("no")

    kept = []

    @component
    async def Starting():
        kept.append(asyncio.create_task(stubborn()))
        await for_ever("starting")

    failing_beside(Starting, num_workers)
    kept.clear()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("num_workers", PROCESSES)
def test_a_blocked_loop_is_killed(num_workers, impatient):
    @component
    async def Blocking():
        try:
            note("second began")
            time.sleep(3600)  # noqa: ASYNC251  it blocks the loop
        finally:
            note("second finally")

    graph = Graph()
    for name, definition in (("blocking", Blocking), ("idle", Idle), ("waiter", Waiter), ("bystander", Bystander)):
        graph.add(name, definition)
        if name != "blocking":
            graph.nodes[name].resource < name
    graph.idle.out >> graph.waiter.value
    graph.add("first", FailsFirst)
    graph.place(graph.first, worker=0)
    graph.place(graph.blocking, worker=max(num_workers - 1, 1))
    with pytest.raises(ComponentError, match="the first"):
        graph.run(num_workers=max(num_workers, 2))
    assert "second finally" not in notes()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("ending", ["fail", "timeout", "stop"])
def test_a_loop_in_c_is_killed(ending, impatient, caplog):
    @component
    async def Looping():
        note("second began")
        collections.deque(itertools.repeat(0), maxlen=0)

    if ending == "fail":
        failing_beside(Looping, 2)
        return
    graph = Graph()
    graph.add("looping", Looping)
    if ending == "timeout":
        with pytest.raises(RunTimeout) as caught:
            graph.run(num_workers=1, timeout=0.5)
        assert states(caught.value) == {"looping": "runs"}
    else:
        run = graph.start(num_workers=1)
        until(lambda: notes() == ["second began"])
        run.stop()
        run.join()
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "worker 0" in warning
    assert "looping" in warning


@pytest.mark.timeout(20)
def test_a_component_that_ignores_sigterm_is_killed(impatient):
    @component
    async def Ignoring():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note("second began")
        while True:
            time.sleep(3600)  # noqa: ASYNC251  it blocks the loop

    failing_beside(Ignoring, 2)


@pytest.mark.timeout(20)
def test_a_thread_that_never_ends_is_killed(impatient):
    """A component's thread that is no daemon keeps its worker from exiting."""

    @component
    async def Threading():
        threading.Thread(target=time.sleep, args=(3600,)).start()
        await for_ever("second")

    failing_beside(Threading, 2)
    assert "second finally" in notes()


@pytest.mark.timeout(20)
def test_work_in_an_executor_that_never_ends_is_killed(impatient):
    @component
    async def Waiting():
        note("second began")
        try:
            await asyncio.to_thread(time.sleep, 3600)
        finally:
            note("second finally")

    failing_beside(Waiting, 2)
    assert "second finally" in notes()


@pytest.mark.timeout(30)
def test_the_times_that_are_really_given():
    """The one test of stubborn components that takes as long as users have to wait."""

    @component
    async def Looping():
        note("second began")
        collections.deque(itertools.repeat(0), maxlen=0)

    @component
    async def Slow():
        try:
            await for_ever("slow")
        finally:
            await asyncio.sleep(1.5)
            note("tidied up")

    graph = Graph()
    graph.add("first", FailsFirst)
    graph.add("second", Looping)
    graph.add("slow", Slow)
    for worker, name in enumerate(graph.nodes):
        graph.place(graph.nodes[name], worker=worker)

    @component
    async def Gate():
        await noted("slow began")

    with pytest.raises(ComponentError, match="the first"):
        graph.run(num_workers=3)
    assert "tidied up" in notes() or "slow began" not in notes()


# Components that meddle with their event loop.


@pytest.mark.timeout(20)
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_cancelling_every_task_of_the_loop(num_workers, impatient):
    @component
    async def Meddling():
        await noted("bystander began")
        for task in asyncio.all_tasks():
            task.cancel()

    graph = Graph()
    graph.add("meddling", Meddling)
    graph.add("bystander", Bystander).resource < "bystander"
    graph.place(graph.meddling, graph.bystander, together=True)
    with pytest.raises((RunError, asyncio.CancelledError)):
        graph.run(num_workers=num_workers)
    assert Counter(notes())["bystander finally"] == Counter(notes())["bystander closed"] == 1


@pytest.mark.timeout(20)
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_stopping_the_loop(num_workers, impatient):
    @component
    async def Meddling():
        await noted("bystander began")
        asyncio.get_running_loop().stop()

    graph = Graph()
    graph.add("meddling", Meddling)
    graph.add("bystander", Bystander).resource < "bystander"
    graph.place(graph.meddling, graph.bystander, together=True)
    with pytest.raises((RunError, RuntimeError)):
        graph.run(num_workers=num_workers)
    assert Counter(notes())["bystander finally"] == Counter(notes())["bystander closed"] == 1


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_an_exit_out_of_a_task_of_the_component(num_workers, kind, impatient):
    """asyncio lets these two out of the loop at once; in the calling process that is what the caller sees."""

    async def leave():
        await noted("bystander began")
        raise kind

    @component
    async def Leaving():
        task = asyncio.create_task(leave())
        await for_ever("leaving")
        await task

    graph = Graph()
    graph.add("leaving", Leaving)
    graph.add("bystander", Bystander).resource < "bystander"
    graph.place(graph.leaving, graph.bystander, together=True)
    with pytest.raises(RunError if num_workers else (RunError, kind)) as caught:
        graph.run(num_workers=num_workers)
    assert isinstance(caught.value, kind) or isinstance(caught.value.__cause__, kind)
    seen = Counter(notes())
    assert seen["bystander finally"] == seen["bystander closed"] == seen["leaving finally"] == 1


@pytest.mark.parametrize("num_workers", WORKERS)
def test_tasks_of_a_component_end_with_the_run(num_workers):
    kept = []

    @component
    async def Starting():
        kept.append(asyncio.create_task(for_ever("task")))
        await noted("task began")
        await for_ever("second")

    assert failing_beside(Starting, num_workers).others == []
    kept.clear()
    assert Counter(notes())["task finally"] == 1


# For callers with an event loop.


@pytest.mark.parametrize("num_workers", WORKERS)
def test_cancelling_arun_stops_in_order(num_workers):
    async def main():
        task = asyncio.create_task(lasting().arun(num_workers=num_workers))
        await until_async(all_run)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        check_ended()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


@pytest.mark.parametrize("num_workers", WORKERS)
def test_arun_within_a_timeout_of_asyncio(num_workers):
    async def main():
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.3):
                await lasting().arun(num_workers=num_workers)
        assert not isinstance(caught.value, RunTimeout)
        check_ended()

    asyncio.run(main())


@pytest.mark.parametrize("num_workers", WORKERS)
def test_arun_fails_as_run_does(num_workers):
    graph = lasting()

    @component
    async def Failing():
        await noted(*RUNNING)
        msg = "first"
        raise ValueError(msg)

    graph.add("failing", Failing)

    async def main():
        with pytest.raises(ComponentError, match="first") as caught:
            await graph.arun(num_workers=num_workers)
        assert type(caught.value.__cause__) is ValueError
        check_ended()
        with pytest.raises(RunTimeout):
            await lasting().arun(num_workers=num_workers, timeout=0.1)
        check_ended()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(0)

    asyncio.run(main())


@pytest.mark.timeout(20)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_cancelling_arun_twice(num_workers, impatient):
    @component
    async def Stubborn():
        note("second began")
        for _ in range(3):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                note("no")

    graph = Graph()
    graph.add("stubborn", Stubborn)

    async def main():
        task = asyncio.create_task(graph.arun(num_workers=num_workers))
        await noted("second began")
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await task
        for left in asyncio.all_tasks() - {asyncio.current_task()}:
            while not left.done():
                left.cancel()
                await asyncio.sleep(0)

    asyncio.run(main())


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_second_cancellation_of_arun_in_this_process_waits_for_the_first(num_workers):
    """`finally` blocks come to their end; other processes are killed at the second."""

    @component
    async def Slow():
        try:
            await for_ever("slow")
        finally:
            await asyncio.sleep(0.2)
            note("tidied up")

    graph = Graph()
    graph.add("slow", Slow)

    async def main():
        task = asyncio.create_task(graph.arun(num_workers=num_workers))
        await noted("slow began")
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert ("tidied up" in notes()) == (num_workers == 0)


def test_runs_beside_each_other():
    """One that fails, one that times out, one that is stopped and one that ends, at the same time."""

    @component
    async def Failing():
        await noted("bystander began")
        msg = "first"
        raise ValueError(msg)

    failing = lasting()
    failing.add("failing", Failing)
    plain = Graph()
    plain.add("sink", Sink).resource < "sink"
    plain.sink.value < 1
    runs = [failing.start(2), lasting().start(2, timeout=0.5), lasting().start(0), plain.start(1)]
    until(lambda: notes().count("bystander began") == 3)
    runs[2].stop()
    with pytest.raises(ComponentError, match="first"):
        runs[0].join()
    with pytest.raises(RunTimeout):
        runs[1].join()
    assert runs[2].join().components["waiter"].firings == 0
    assert runs[3].join().components["sink"].firings == 1
