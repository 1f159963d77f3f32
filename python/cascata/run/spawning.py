"""Starting workers as fresh interpreters, which import or get by value what they run."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from multiprocessing import spawn
from typing import TYPE_CHECKING, Any

from cascata.run.payload import Payload
from cascata.run.processes import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from multiprocessing.connection import Connection

    from cascata import _native
    from cascata.run.job import Job

__all__ = ["Spawning"]

BOOTSTRAP = "__import__('sys').path[:] = {path!a}; __import__('cascata.run.child').run.child.spawned({arguments})"
"""The first code of a worker: where to import from must be as here before anything is imported.

It leaves no names behind in `__main__`, which becomes the user's.
"""


class Spawning:
    """Starts the workers of one run by `posix_spawn`."""

    def __init__(self, job: Job) -> None:
        """Pickle the job.

        Raises:
            Exception: Whatever something in it that cannot be pickled raises.
            RuntimeError: If nobody knows where the interpreter is.

        """
        executable: Any = spawn.get_executable()
        if not executable:
            msg = (
                "there is no interpreter to spawn workers with: sys.executable is empty; "
                'name it by multiprocessing.set_executable, or run with start_method="fork"'
            )
            raise RuntimeError(msg)
        self._executable = executable
        self._payload = Payload.write(job)
        self._environment: Mapping[str, str] = os.environ
        if "PYTHONHASHSEED" not in os.environ:
            # Equal keys have equal hashes in all workers, or members of a group that are chosen by key would differ.
            self._environment = {**os.environ, "PYTHONHASHSEED": str(1 + secrets.randbelow(2**32 - 1))}

    def start(self, memory: _native.RunMemory, index: int, components: Sequence[str], mask: set[int]) -> WorkerProcess:
        """Start a worker, which blocks the signals of `mask`.

        Raises:
            OSError: If the system has no processes or descriptors left, or the interpreter cannot be executed.

        """

        def spawn(_: Connection[Any, Any], theirs: Connection[Any, Any], witness: int) -> int:
            return self._spawn(memory.descriptors(), index, theirs, witness, mask)

        return WorkerProcess.start(index, components, spawn)

    def _spawn(
        self, memory: list[int], index: int, connection: Connection[Any, Any], witness: int, mask: set[int]
    ) -> int:
        code = BOOTSTRAP.format(
            path=[entry for entry in sys.path if isinstance(entry, str)],
            arguments=", ".join(
                f"{name}={value!r}"
                for name, value in {
                    "index": index,
                    "payload": self._payload.descriptor,
                    "table": self._payload.table,
                    "connection": connection.fileno(),
                    "memory": memory,
                    "witness": witness,
                    "parent": os.getpid(),
                    "mask": sorted(map(int, mask)),
                    "seeded": self._environment is not os.environ,
                }.items()
            ),
        )
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        return os.posix_spawn(
            self._executable,
            [self._executable, *flags, "-c", code],
            self._environment,
            file_actions=_handed(
                [self._payload.descriptor, connection.fileno(), witness, *memory, *self._payload.inherited]
            ),
            setsigmask=signal.valid_signals(),  # until it has handlers of its own
        )

    def close(self) -> None:
        """Give back what no worker needs any more once all have been started."""
        self._payload.close()


def _handed(descriptors: Iterable[int]) -> list[tuple[Any, ...]]:
    """Hand down descriptors under their own numbers.

    Duplicating one to another number and back is what every C library does without any `CLOEXEC`.
    """
    actions: list[tuple[Any, ...]] = []
    with open(os.devnull) as spare:  # noqa: PTH123  a descriptor is all that is wanted
        number = spare.fileno()
        for descriptor in descriptors:
            actions += [(os.POSIX_SPAWN_DUP2, descriptor, number), (os.POSIX_SPAWN_DUP2, number, descriptor)]
        actions.append((os.POSIX_SPAWN_CLOSE, number))
    return actions
