"""Cascata runs graphs of small asynchronous components on all cores.

A program is a network of components: `async` functions with declared inports and outports, joined by bounded channels
and spread over worker processes. The way through the package::

    declare, component, registry        what decorators say, and the definitions they make
    instance, port, persistent, types   named instances and their ports
    graph, namespace                    graphs of them
    testing                             one component alone
    run                                 worker processes, supervision, the report
    log, errors                         used by all

Those above describe, `run` executes; everything that decides what happens is in `cascata._native`, written in Rust.
"""

from importlib.metadata import version as _version

from cascata import registry
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
from cascata.persistent import PersistentValue

__all__ = [
    "CascataError",
    "ChannelClosed",
    "ComponentError",
    "DeadlockError",
    "Graph",
    "GraphError",
    "GraphFormatError",
    "ItemError",
    "PersistentValue",
    "RunError",
    "RunTimeout",
    "WorkerDied",
    "__version__",
    "component",
    "inport",
    "log",
    "outport",
    "persist",
    "registry",
]

__version__ = _version("cascata")
