"""Why a job cannot be sent to spawned workers: what in it is in the way, and where."""

from __future__ import annotations

import contextlib
import functools
import io
import types
from typing import TYPE_CHECKING, Any

from cascata.component import Component
from cascata.errors import ItemError
from cascata.run.payload import handing_down
from cascata.run.pickling import ForkedLockError, Pickler
from cascata.run.portable import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cascata.run.job import Job

__all__ = ["explain"]

MOST = 500
"""Parts that are looked at."""


def explain(job: Job, problem: Exception) -> Exception:
    """Find what raised `problem` while `job` was pickled, and say so; `problem` itself if nothing is found."""
    with handing_down():
        for component, name, value in job.plan.values():
            if (cause := _obstacle(value)) is None:
                continue
            steps, culprit, cause = _search(value, cause, {}) or ([], value, cause)
            where = f"{component}.{name}" if name else component
            error = ItemError(_sentence("".join([where, *steps]), culprit, cause))
            error.__cause__ = cause
            return error
    return problem


def _sentence(where: str, culprit: object, cause: Exception) -> str:
    kind = type(culprit)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(cause, ForkedLockError):
        maker = {"Synchronized": "Value", "SynchronizedArray": "Array", "SynchronizedString": "Array"}
        return (
            f"{where}: this {name} was made for forked processes, and a spawned one cannot have it; make it by "
            f'multiprocessing.get_context("spawn").{maker.get(kind.__name__, kind.__name__)}(...), or run with '
            'start_method="fork"'
        )
    return (
        f"{where}: {_article(name)} {name} cannot be sent to a spawned worker ({describe(cause)}); make it in the "
        'worker by @persist, keep it in a module that can be imported, or run with start_method="fork"'
    )


def _article(name: str) -> str:
    return "an" if name[0] in "aeiou" else "a"


def _obstacle(value: object) -> Exception | None:
    """Return what pickling a value raises."""
    try:
        Pickler(io.BytesIO(), buffers=lambda _: None).dump(value)
    except Exception as error:  # noqa: BLE001  any code of the user's
        return error
    return None


def _search(value: object, cause: Exception, seen: dict[int, object]) -> tuple[list[str], object, Exception] | None:
    """Follow a value to the part of it that cannot be pickled; gives the steps there, the part, and what it raises.

    What fails only because it refers back to what is being searched is not it.
    """
    seen[id(value)] = value
    if isinstance(cause, ForkedLockError) and type(value).__module__.startswith("multiprocessing."):
        return [], value, cause
    is_whole = True
    for step, part in _parts(value) if len(seen) < MOST else ():
        if id(part) in seen:
            is_whole = is_whole and _is_simple(part)
        elif (found := _obstacle(part)) is not None:
            is_whole = False
            if (result := _search(part, found, seen)) is not None:
                steps, culprit, cause = result
                return [step, *steps], culprit, cause
    return ([], value, cause) if is_whole else None


def _is_simple(part: object) -> bool:
    """Tell whether something can always be pickled, however often it occurs."""
    return part is None or isinstance(part, str | int | float | bytes)


@functools.singledispatch
def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Give what is pickled along with a value, and what it is there."""
    yield "", type(value)
    for name, attribute in getattr(value, "__dict__", {}).items():
        yield f".{name}", attribute


@_parts.register(Component)
def _of_component(value: Component) -> Iterator[tuple[str, Any]]:
    declared = value.__declaration__
    yield "", declared.runner
    if declared.finish is not None:
        yield "", declared.finish.function
    for name, mark in declared.persists.items():
        yield f", the initialiser of {name}", mark.initialiser
        yield f", close= of {name}", mark.close
    for name, port in declared.inports.items():
        yield f", the default of {name}", port.default


@_parts.register(types.FunctionType)
def _of_function(value: types.FunctionType) -> Iterator[tuple[str, Any]]:
    name = value.__qualname__
    for variable, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # not set yet
            yield f", the variable {variable!r} of {name}", cell.cell_contents
    for variable in _globals_of(value.__code__):
        if variable in value.__globals__:
            yield f", the global {variable!r} of {name}", value.__globals__[variable]
    yield f", the defaults of {name}", [*(value.__defaults__ or ()), value.__kwdefaults__]
    yield f", the annotations of {name}", value.__annotations__
    yield f", the attributes of {name}", vars(value)


@_parts.register(types.MethodType)
def _of_method(value: types.MethodType) -> Iterator[tuple[str, Any]]:
    yield "", value.__func__
    yield ", its object", value.__self__


@_parts.register(functools.partial)
def _of_partial(value: functools.partial) -> Iterator[tuple[str, Any]]:  # type: ignore[type-arg]
    yield "", value.func
    yield ", its arguments", (*value.args, value.keywords)


@_parts.register(type)
def _of_class(value: type) -> Iterator[tuple[str, Any]]:
    for name, attribute in vars(value).items():
        yield f", {name} of class {value.__qualname__}", getattr(attribute, "__func__", attribute)


@_parts.register(dict)
def _of_dict(value: dict) -> Iterator[tuple[str, Any]]:  # type: ignore[type-arg]
    for key, entry in value.items():
        yield ", a key", key
        yield f"[{key!r:.40}]", entry


@_parts.register(list)
@_parts.register(tuple)
@_parts.register(set)
@_parts.register(frozenset)
def _of_collection(value: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for position, entry in enumerate(value):
        yield f"[{position}]", entry


def _globals_of(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals_of(constant)
