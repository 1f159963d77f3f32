"""What spawned workers start from, in shared memory: written once, read by all of them."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import pickle
from dataclasses import dataclass
from multiprocessing import context
from typing import TYPE_CHECKING, Any, cast

from cascata.run.pickling import Pickler, load_all
from cascata.run.preparation import Preparation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cascata.run.job import Job

__all__ = ["Payload", "handing_down", "read"]

ALIGNMENT = 64
"""Bytes at whose multiples the buffers of arrays begin."""


@dataclass(frozen=True)
class Payload:
    """A job in an unnamed file. Buffers lie apart in it, so that arrays share its memory until they are changed."""

    descriptor: int
    table: int
    """Where the list of the buffers is in it."""
    inherited: tuple[int, ...]
    """Other descriptors that what is in it refers to."""

    @classmethod
    def write(cls, job: Job) -> Payload:
        """Pickle a job.

        Raises:
            Exception: Whatever something in it that cannot be pickled raises.

        """
        preparation = Preparation.take()
        buffers: list[pickle.PickleBuffer] = []
        descriptor = os.memfd_create("cascata-job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(descriptor, "wb", closefd=False) as file, handing_down() as inherited:
                Pickler(file, buffers=buffers.append).dump_all(preparation, job)
                places = []
                for buffer in buffers:
                    memory = buffer.raw()
                    file.seek(-file.tell() % ALIGNMENT, os.SEEK_CUR)
                    places.append((file.tell(), memory.nbytes))
                    file.write(memory)
                table = file.tell()
                pickle.dump(places, file)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        except BaseException:
            os.close(descriptor)
            raise
        if preparation.tracker is not None:
            inherited.append(preparation.tracker)
        return cls(descriptor, table, tuple(dict.fromkeys(inherited)))

    def close(self) -> None:
        """Give the memory back once the workers have ended, too."""
        os.close(self.descriptor)


def read(descriptor: int, table: int) -> Iterator[Any]:
    """Give the preparation, then the job, from the descriptor of a payload, which is closed."""
    memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
    os.close(descriptor)
    memory.seek(table)
    view = memoryview(memory)
    buffers = [view[start : start + size] for start, size in pickle.load(memory)]  # noqa: S301  own parent
    memory.seek(0)
    unpickler = pickle.Unpickler(cast("Any", memory), buffers=buffers)  # noqa: S301
    yield unpickler.load()
    job = unpickler.load()
    load_all(unpickler)
    yield job


@contextlib.contextmanager
def handing_down() -> Iterator[list[int]]:
    """Let `multiprocessing` pickle what only processes that are being started get; gives the descriptors they need."""
    heir = _Heir()
    context.set_spawning_popen(cast("Any", heir))
    try:
        yield heir.descriptors
    finally:
        context.set_spawning_popen(None)


class _Heir:
    """Stands for the processes that are being started; they get each descriptor under its own number."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    def duplicate_for_child(self, descriptor: int) -> int:
        """Note a descriptor that is wanted."""
        self.descriptors.append(descriptor)
        return descriptor

    class DupFd:
        """A descriptor in another process."""

        def __init__(self, descriptor: int) -> None:
            self.descriptor = descriptor

        def detach(self) -> int:
            """Give it away."""
            return self.descriptor
