"""An event loop for a run of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cascata.run import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run_to_end"]

MARGIN = 0.5
"""Seconds beyond a component's for what is left in the loop: a run that was torn out of it waits for those."""


def run_to_end(main: Coroutine[Any, Any, None], fail: Callable[[BaseException], None]) -> None:
    """Run `main` as `asyncio.run` does, but wait for no task for ever that was cancelled and goes on.

    `fail` is told of an exception out of the loop, such as Ctrl-C or a component's `SystemExit`, before the tasks that
    are left are cancelled.
    """
    with asyncio.Runner() as runner:
        try:
            runner.run(main)
        except BaseException as error:  # noqa: BLE001  whatever a task on the side raises
            fail(error)
        finally:
            runner.run(_cancel_rest())


async def _cancel_rest() -> None:
    """Cancel all other tasks. Those that go on are closed and taken off the list that asyncio waits for."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    if not rest:
        return
    for task in rest:
        task.cancel()
    _, stubborn = await asyncio.wait(rest, timeout=worker.GRACE + MARGIN)
    for task in stubborn:
        asyncio._unregister_task(task)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        try:
            task.get_coro().close()
        except BaseException as error:  # noqa: BLE001  any code of the user's
            context = {"message": "a task did not end when it was closed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
