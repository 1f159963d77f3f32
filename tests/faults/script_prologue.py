"""What the scripts of the fault tests begin with: `from script_prologue import *`."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

from faultlib import for_ever, note, noted, notes

from cascata import (
    CascataError,
    ComponentError,
    DeadlockError,
    Graph,
    RunTimeout,
    WorkerDied,
    component,
    inport,
    log,
    outport,
    persist,
)

__all__ = [
    "CascataError",
    "ComponentError",
    "DeadlockError",
    "Graph",
    "RunTimeout",
    "WorkerDied",
    "asyncio",
    "component",
    "for_ever",
    "inport",
    "log",
    "note",
    "noted",
    "notes",
    "os",
    "outport",
    "persist",
    "signal",
    "subprocess",
    "sys",
    "threading",
    "time",
]
