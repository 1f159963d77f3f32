"""Cascata runs graphs of small asynchronous components on all cores.

A program is a network of components: `async` functions with declared inports and outports, joined by bounded channels
and spread over worker processes. The way through the package::

    declare, component, registry        what decorators say, and the definitions they make
    instance, port, persistent, types   named instances and their ports; `owner`: what groups share with them
    batching                            how items arrive in lists
    group, handler, subgraph            groups and their ports, copies of graphs
    description, parts, namespace       what is in a graph, and by which names
    plain, places                       values as JSON, and where components are found, for graphs as data
    picture                             what graphs look like
    graph                               graphs: all that can be done with a description
    testing                             one component alone
    memory                              data in shared memory
    channel                             a channel of one's own, beside graphs
    run                                 worker processes, supervision, the report, progress
    cli                                 the command `cascata`
    log, errors                         used by all

Those above describe, `run` executes; everything that decides what happens is in `cascata._native`, written in Rust.
"""

from typing import TYPE_CHECKING

from cascata import registry
from cascata.batching import batch
from cascata.channel import Channel
from cascata.component import component
from cascata.declare import inport, outport, persist
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
from cascata.graph import Graph
from cascata.log import log

# Public, but not part of `from cascata import *`, as these are names that a program may have for its components.
from cascata.memory import buffer as buffer
from cascata.memory import empty as empty
from cascata.memory import writable as writable
from cascata.persistent import PersistentValue
from cascata.types import Outport

__all__ = [
    "CascataError",
    "Channel",
    "ChannelClosed",
    "ComponentError",
    "DeadlockError",
    "Graph",
    "GraphError",
    "GraphFormatError",
    "ItemError",
    "Outport",
    "PersistentValue",
    "RunError",
    "RunTimeout",
    "WorkerDied",
    "batch",
    "component",
    "inport",
    "log",
    "outport",
    "persist",
    "registry",
]

__version__: str

if not TYPE_CHECKING:  # type checkers would take every name for one that is there

    def __getattr__(name: str) -> str:
        """Look the version up when it is asked for: that takes longer than all the rest of the import."""
        if name == "__version__":
            from importlib.metadata import version

            return version("cascata")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
