"""Write down all public names with their signatures; `public_surface.txt` is what they are to be.

    python tests/public_surface.py > tests/public_surface.txt

Do so when the surface changes on purpose, and see in the difference that nothing else has.
"""

import importlib
import inspect

MODULES = (
    "cascata",
    "cascata.component",
    "cascata.instance",
    "cascata.group",
    "cascata.subgraph",
    "cascata.port",
    "cascata.handler",
    "cascata.batching",
    "cascata.channel",
    "cascata.memory",
    "cascata.graph",
    "cascata.run",
    "cascata.registry",
    "cascata.log",
)
"""Those that users import from, or whose objects they have in hand."""

SPECIAL = {
    *("__aenter__", "__aiter__", "__call__", "__enter__", "__getitem__", "__iter__", "__len__"),
    *("__ge__", "__irshift__", "__lt__", "__mul__", "__rshift__"),
}


def describe():
    """Give the lines. What several modules have is described where it comes first."""
    places = {}
    for path in MODULES:
        module = importlib.import_module(path)
        yield f"# {path}"
        for name in sorted(module.__all__):
            thing = getattr(module, name)
            if id(thing) in places:
                yield f"{name} = {places[id(thing)]}"
                continue
            places[id(thing)] = f"{path}.{name}"
            if inspect.ismodule(thing):
                yield f"{name}: module {thing.__name__}"
            elif inspect.isclass(thing):
                yield from _class(thing, constructor=path == "cascata")
            elif inspect.isroutine(thing):
                yield _function(name, thing)
            else:
                yield f"{name}: {type(thing).__name__}"
        yield ""


def _class(kind, *, constructor):
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
    yield f"class {kind.__name__}({bases})" if bases else f"class {kind.__name__}"
    if constructor and "__init__" in vars(kind) and not getattr(kind, "_is_protocol", False):
        yield f"    {_function('__init__', kind)}"
    members = {}
    for base in filter(_is_ours, reversed(kind.__mro__)):
        members.update(vars(base), **getattr(base, "__annotations__", {}))
    for name, member in sorted(members.items()):
        if name.startswith("_") and name not in SPECIAL:
            continue
        if isinstance(member, property):
            result = _text(inspect.signature(member.fget).return_annotation)
            yield f"    {name}: {result}" + (" (can be set)" if member.fset else "")
        elif isinstance(member, classmethod | staticmethod):
            yield f"    {type(member).__name__} {_function(name, member.__func__)}"
        elif inspect.isroutine(member):
            yield f"    {_function(name, member)}"
        else:
            yield f"    {name}: {_text(member)}"


def _is_ours(kind):
    return kind.__module__.partition(".")[0] == "cascata"


def _function(name, function):
    signature = inspect.signature(function)
    shown, kinds = [], [parameter.kind for parameter in signature.parameters.values()]
    for place, parameter in enumerate(signature.parameters.values()):
        stars = (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        if parameter.kind is parameter.KEYWORD_ONLY and not (place and kinds[place - 1] in stars):
            shown.append("*")
        shown.append(_parameter(parameter))
        if parameter.kind is parameter.POSITIONAL_ONLY not in kinds[place + 1 :]:
            shown.append("/")
    result = "" if signature.return_annotation is signature.empty else f" -> {_text(signature.return_annotation)}"
    word = "async " if inspect.iscoroutinefunction(function) else ""
    return f"{word}{name}({', '.join(shown)}){result}"


def _parameter(parameter):
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = stars + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_text(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        # What stands for "not given" has no text but its address.
        text += f" = {'…' if type(parameter.default) is object else repr(parameter.default)}"
    return text


def _text(annotation):
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


if __name__ == "__main__":
    print("\n".join(describe()))  # noqa: T201  that is what it is for
