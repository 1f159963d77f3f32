"""Processes at a public channel that are killed, and what they leave behind."""

import asyncio
import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from pathlib import Path

import channel_faults as faults
import pytest
from channel_parts import soon

from cascata import Channel, ChannelClosed

pytestmark = pytest.mark.once

FORK = multiprocessing.get_context("fork")
MANY = int(os.environ.get("CASCATA_EXAMPLES", "1"))


@pytest.fixture
def started():
    processes = []

    def start(function, *arguments):
        process = FORK.Process(target=function, args=arguments)
        process.start()
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()
        process.close()


def publishers(channel):
    return channel._core.state()[1]


async def drain(channel):
    return [item async for item in channel]


def test_the_last_publisher_is_killed_while_all_sleep(started):
    channel = Channel()
    holder = started(faults.hold, channel)
    pipes = [FORK.Pipe(duplex=False) for _ in range(3)]
    for _, theirs in pipes:
        started(faults.consume_to_the_end, channel, theirs)
    assert soon(lambda: publishers(channel) == 1)
    time.sleep(0.1)
    holder.kill()
    for ours, theirs in pipes:
        assert ours.poll(20)
        assert ours.recv() == ([], None)
        ours.close()
        theirs.close()
    assert asyncio.run(drain(channel)) == []


@pytest.mark.parametrize("how", ["_exit", "abort", "SystemExit"])
def test_a_publisher_exits_inside_of_its_block(started, how):
    channel = Channel()
    started(faults.exit_in_the_block, channel, how)
    assert asyncio.run(drain(channel)) == ["before"]
    with pytest.raises(ChannelClosed):
        asyncio.run(channel.open().__aenter__())


def test_a_killed_publisher_does_not_end_the_channel_for_others(started):
    channel = Channel(2)
    victim = started(faults.hold, channel)
    other = started(faults.hold, channel)
    assert soon(lambda: publishers(channel) == 2)

    async def main():
        taking = asyncio.create_task(drain(channel))
        victim.kill()
        assert await asyncio.to_thread(soon, lambda: publishers(channel) == 1)
        await asyncio.sleep(0.3)
        assert not taking.done()
        other.kill()
        assert await taking == []

    asyncio.run(main())


@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("seed", range(6 * MANY))
def test_publishers_and_consumers_are_killed_under_load(started, seed, size):
    """Nobody hangs, nothing is doubled, and each producer's items stay in order; or everybody is told."""
    chance = random.Random(seed)  # noqa: S311  not for secrets
    channel = Channel(chance.choice([1, 2, 10, None]) if size < 100 else chance.choice([1, 2, 10]))
    producers = [started(faults.publish_for_ever, channel, name, size) for name in range(3)]
    assert soon(lambda: publishers(channel) == 3)
    pipes = [FORK.Pipe(duplex=False) for _ in range(3)]
    *consumers, victim = [started(faults.consume_to_the_end, channel, theirs) for _, theirs in pipes]
    for process in [*producers, victim]:
        time.sleep(chance.random() * 0.15)
        process.kill()
    results = []
    for ours, theirs in pipes:
        theirs.close()
        if len(results) < len(consumers):
            assert ours.poll(40), "a consumer hangs"
            results.append(ours.recv())
        ours.close()
    for process in consumers:
        process.join()
    assert {error for _, error in results} <= {None, "ChannelClosed"}
    seen = set()
    for items, _ in results:
        assert not seen & set(items)
        seen |= set(items)
        for name in range(3):
            numbers = [number for other, number in items if other == name]
            assert numbers == sorted(numbers)


def test_a_process_is_killed_in_the_middle_of_an_operation(started):
    """It may take some attempts to hit that; then all others are told, those who sleep included."""

    async def main():
        for _ in range(300):
            channel = Channel(1)
            async with channel.open() as ch:
                victim = started(faults.spin, channel)
                assert await asyncio.to_thread(soon, lambda: channel._core.usage()[1] == 2)  # noqa: B023
                taking = asyncio.create_task(drain(channel))
                await asyncio.sleep(0.003)
                victim.kill()
                victim.join()
                try:
                    await ch.put(1)
                except ChannelClosed:
                    with pytest.raises(ChannelClosed, match="died in the middle"):
                        await taking
                    with pytest.raises(ChannelClosed, match="died in the middle"):
                        await channel.open().__aenter__()
                    with pytest.raises(ChannelClosed, match="died in the middle"):
                        await anext(channel)
                    return
            assert await taking == [1]
        pytest.fail("it was never hit")

    asyncio.run(main())


def test_memory_of_the_dead_is_given_back(started):
    channel = Channel(4)
    pipe, theirs = FORK.Pipe(duplex=False)
    producer = started(faults.publish_for_ever, channel, 0, 1_000_000)
    assert soon(lambda: channel._core.state()[0] == 4)
    assert channel._core.usage()[0] >= 4_000_000
    producer.kill()

    async def main():
        assert len(await drain(channel)) == 4

    asyncio.run(main())
    gc.collect()
    pipe.close()
    theirs.close()

    async def wait_again():
        # Somebody who waits looks after the dead.
        other = Channel()
        async with other.open():
            assert await drain(channel) == []

    asyncio.run(wait_again())
    assert channel._core.usage()[0] <= 4096 * 64 or soon(lambda: _bury(channel))


def _bury(channel):
    return channel._core.usage()[0] <= 4096 * 64


def test_many_processes_die_and_numbers_are_used_again(started):
    channel = Channel(300)

    async def main():
        async with channel.open():
            for _ in range(3):
                children = [FORK.Process(target=_touch, args=(channel,)) for _ in range(100)]
                for child in children:
                    child.start()
                for child in children:
                    await asyncio.to_thread(child.join)
                    child.close()
            for _ in range(300):
                await anext(channel)
            waiting = asyncio.create_task(anext(channel))
            assert await asyncio.to_thread(soon, lambda: publishers(channel) == 1)
            waiting.cancel()

    asyncio.run(main())


def _touch(channel):
    async def main():
        ch = channel.open()
        await ch.__aenter__()
        await ch.put(1)
        os._exit(0)

    asyncio._set_running_loop(None)
    asyncio.run(main())


# Loops, threads, interpreters.


def script(code, *, check=True, **options):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        check=check,
        timeout=50,
        capture_output=True,
        text=True,
        **options,
    )


def test_a_loop_is_closed_while_somebody_waits_there():
    channel = Channel(1)

    async def wait():
        return await anext(channel)

    async def put(ch, item):
        await ch.put(item)

    publisher = channel.open()
    asyncio.run(publisher.__aenter__())
    loops = [asyncio.new_event_loop() for _ in range(4)]
    kept = [loop.create_task(wait()) for loop in loops[:2]]
    for loop in loops[:2]:
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    async def main():
        taking = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        await publisher.put(1)
        assert await asyncio.wait_for(taking, 5) == 1
        await publisher.put("full")

    asyncio.run(main())
    kept += [loop.create_task(put(publisher, "lost")) for loop in loops[2:]]
    for loop in loops[2:]:
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    async def more():
        putting = asyncio.create_task(publisher.put("last"))
        await asyncio.sleep(0.01)
        assert await anext(channel) == "full"
        await asyncio.wait_for(putting, 5)
        assert await anext(channel) == "last"

    asyncio.run(more())
    for task in kept:
        task._log_destroy_pending = False
        task.get_coro().close()
    asyncio.run(publisher.__aexit__(None, None, None))
    assert asyncio.run(drain(channel)) == []


def test_a_loop_that_is_paused_does_not_keep_items_from_others():
    channel = Channel(5)
    paused = asyncio.new_event_loop()

    async def wait():
        return await anext(channel)

    first = paused.create_task(wait())
    paused.run_until_complete(asyncio.sleep(0.01))

    async def main():
        taking = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        async with channel.open() as ch:
            await ch.put(1)
            assert await asyncio.wait_for(taking, 5) == 1
            await ch.put(2)

    asyncio.run(main())
    assert paused.run_until_complete(first) == 2
    paused.close()


def test_a_put_in_a_loop_that_is_paused_is_overtaken_after_a_while():
    channel = Channel(1)
    paused = asyncio.new_event_loop()
    publisher = channel.open()
    asyncio.run(publisher.__aenter__())

    async def put(item):
        await publisher.put(item)

    async def main():
        putting = asyncio.create_task(put("third"))
        await asyncio.sleep(0.01)
        assert await anext(channel) == "first"
        await asyncio.wait_for(putting, 20)
        assert await anext(channel) == "third"

    paused.run_until_complete(put("first"))
    second = paused.create_task(put("second"))
    paused.run_until_complete(asyncio.sleep(0.01))
    asyncio.run(main())
    paused.run_until_complete(second)
    paused.close()
    asyncio.run(publisher.__aexit__(None, None, None))
    assert asyncio.run(drain(channel)) == ["second"]


def test_a_task_that_is_forgotten_in_a_closed_loop_is_collected():
    channel = Channel()
    core = weakref.ref(channel)
    loop = asyncio.new_event_loop()
    task = loop.create_task(drain(channel))
    task._log_destroy_pending = False
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    task = weakref.ref(task)
    del loop, channel
    assert soon(lambda: gc.collect() is not None and task() is None and core() is None)


@pytest.mark.parametrize("thread", ["main", "other"])
def test_the_interpreter_exits_while_a_thread_waits(thread):
    done = script(f"""
        import asyncio, threading
        from cascata import Channel
        channel = Channel()
        async def wait():
            return [item async for item in channel]
        async def briefly():
            task = asyncio.create_task(wait())
            await asyncio.sleep(0.3)
        if {thread!r} == "main":
            loop = asyncio.new_event_loop()
            task = loop.create_task(wait())
            task._log_destroy_pending = False
            loop.run_until_complete(asyncio.sleep(0.25))
        else:
            threading.Thread(target=asyncio.run, args=(wait(),), daemon=True).start()
            threading.Event().wait(0.25)
        print("end")
    """)
    assert done.stdout == "end\n"
    assert "atal" not in done.stderr


def test_items_come_while_the_interpreter_exits():
    for _ in range(3 * MANY):
        done = script("""
            import asyncio, os, threading
            from cascata import Channel
            channel = Channel(1)
            child = os.fork()
            if child:  # feeds the one whose interpreter exits
                async def feed():
                    async with channel.open() as ch:
                        for n in range(3000):
                            await ch.put(n)
                try:
                    asyncio.run(asyncio.wait_for(feed(), 0.8))
                except TimeoutError:
                    pass
                os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            async def take():
                async for n in channel:
                    pass
            for _ in range(4):
                threading.Thread(target=asyncio.run, args=(take(),), daemon=True).start()
            threading.Event().wait(0.2)
            print("end", flush=True)
        """)
        assert done.stdout == "end\n"
        assert "atal" not in done.stderr


def test_interrupted_while_it_waits():
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
                import asyncio
                from cascata import Channel
                channel = Channel()
                async def wait():
                    print("waits", flush=True)
                    return [item async for item in channel]
                try:
                    asyncio.run(wait())
                except KeyboardInterrupt:
                    print(channel, flush=True)
            """),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "waits\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "<Channel: 0 of 10 items, 0 publishers>\n")


def test_fork_while_the_thread_runs(started):
    channel = Channel(1)

    async def main():
        taking = asyncio.create_task(drain(channel))
        await asyncio.sleep(0.05)
        assert _native_threads() > threading.active_count()
        for name in range(20):
            child = FORK.Process(target=_put_one, args=(channel, name))
            child.start()
            await asyncio.to_thread(child.join)
            assert child.exitcode == 0
            child.close()
        await keeper.__aexit__(None, None, None)
        assert await taking == list(range(20))

    keeper = channel.open()
    asyncio.run(keeper.__aenter__())
    asyncio.run(main())


def _native_threads():
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _put_one(channel, item):
    async def main():
        async with channel.open() as ch:
            await ch.put(item)

    asyncio._set_running_loop(None)
    asyncio.run(main())


def test_a_channel_is_collected_while_others_use_it(started):
    for _ in range(20):
        channel = Channel(1)
        pipe, theirs = FORK.Pipe(duplex=False)
        started(faults.consume_to_the_end, channel, theirs)

        async def feed(channel=channel):
            async with channel.open() as ch:
                await ch.put(("here", 0, None))

        asyncio.run(feed())
        del channel, feed
        gc.collect()
        assert pipe.poll(20)
        assert pipe.recv() == ([("here", 0)], None)
        pipe.close()
        theirs.close()


# Leaks.


def _use(channel):
    async def main():
        taking = asyncio.create_task(drain(channel))
        await asyncio.sleep(0)
        async with channel.open() as ch:
            await ch.put(bytes(100_000))
            cancelled = asyncio.create_task(anext(channel))
            await asyncio.sleep(0)
            cancelled.cancel()
        return await taking

    return asyncio.run(main())


def test_many_channels_leave_nothing():
    def measure():
        gc.collect()
        assert soon(lambda: _native_threads() <= threading.active_count() + 1)
        maps = Path("/proc/self/maps").read_text().count("memfd:cascata")
        rss = int(Path("/proc/self/statm").read_text().split()[1])
        return len(os.listdir("/proc/self/fd")), maps, rss  # noqa: PTH208

    for _ in range(20):
        _use(Channel(3))
    before = measure()
    for _ in range(200 * MANY):
        _use(Channel(3))
    after = measure()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 2000  # pages


def test_many_channels_at_once():
    channels = [Channel(None) for _ in range(400)]

    async def main():
        for channel in channels:
            async with channel.open() as ch:
                await ch.put(bytes(10_000))
        for channel in channels:
            assert len(await drain(channel)) == 1

    asyncio.run(main())


def test_a_child_lets_go_of_what_it_has_inherited():
    channel = Channel()
    _use(channel)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        del channel
        gc.collect()
        left = Path("/proc/self/maps").read_text().count("memfd:cascata")
        os.write(writing, str(left).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reading, 10) == b"0"
    os.close(reading)
    os.close(writing)
