"""What made a result: names that change when what they name may compute something else.

Of what ships with archcast that is a version, raised by hand whenever numbers change. The file
`versions.json` holds the source that each version stands for; what was edited since is named by its
source too, so that no result of other code is taken for its own.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from archcast.core.cache import cache_folder, made_folder
from archcast.core.errors import InputError
from archcast.core.files import replacing
from archcast.core.registry import Entry

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE = "archcast"
# By module, the distributions that scores are computed with; records say their versions.
LIBRARIES = {
    "emcee": "emcee",
    "gpytorch": "gpytorch",
    "lightgbm": "lightgbm",
    "ngboost": "ngboost",
    "numpy": "numpy",
    "optuna": "optuna",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "torch_geometric": "torch-geometric",
    "xgboost": "xgboost",
}
VERSIONS = Path(__file__).with_name("versions.json")
_APART = f"{PACKAGE}.core."  # computes no scores; imports of it, and of rooms' names, don't count


def digest(value: Any) -> str:
    """Twenty hexadecimal digits, equal for equal values of JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:20]


def made_of(thing: Any) -> Any:
    """What decides what a predictor, proxy, encoding or strategy computes, as values of JSON.

    An entry of a registry stands for the function that ships under its name, which is not imported.

    A thing may have `uses`, a function that gives the other things that it computes with. What has
    no content that could be compared is named by chance, and is equal to nothing.
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, Mapping):
        return {str(key): made_of(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [made_of(each) for each in thing]
    if isinstance(thing, Entry):
        version, *_ = recorded_versions().get(thing.target, ["unknown"])
        return {"kind": thing.target, "version": [_version_here(thing.target, version)]}
    if isinstance(thing, partial):
        return {"of": made_of(thing.func), "given": made_of([thing.args, thing.keywords])}
    if _is_array(thing):
        if thing.dtype.hasobject:
            return made_of(thing.tolist())
        content = hashlib.sha256(thing.tobytes()).hexdigest()
        return {"shape": list(thing.shape), "type": str(thing.dtype), "content": content}
    kind = thing if hasattr(thing, "__qualname__") else type(thing)
    versions = [_version(each, thing) for each in _lineage(kind)]
    made: dict[str, Any] = {"kind": target_of(kind), "version": versions}
    if hasattr(thing, "get_params"):
        made["params"] = made_of(thing.get_params(deep=False))
    elif kind is not thing and is_dataclass(thing):
        made["params"] = {each.name: made_of(getattr(thing, each.name)) for each in fields(thing)}
    if hasattr(thing, "uses"):
        made["uses"] = made_of(thing.uses())
    return made


def _is_array(thing: Any) -> bool:
    """Whether it is an array or a number of NumPy, which is not imported for that."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, (numpy.ndarray, numpy.generic))


def target_of(kind: Any) -> str:
    """Where a class or function is defined: `module:name`."""
    return f"{kind.__module__}:{kind.__qualname__}"


def versioned(version: int) -> Callable[[F], F]:
    """State the version of a function, which goes up whenever what it gives changes."""

    def state(function: F) -> F:
        vars(function)["version"] = version
        return function

    return state


def stated_version(thing: Any) -> int:
    """The version that a thing, its tags or its traits say that it has; the first is 1."""
    said = getattr(thing, "tags", None) or getattr(thing, "traits", None) or thing
    return int(getattr(said, "version", 1))


def _lineage(kind: Any) -> list[Any]:
    """A function; or a class, and the bases of it that neither archcast nor a library brings."""
    bases = kind.__mro__[1:] if isinstance(kind, type) else ()
    return [kind, *(base for base in bases if _top(base) != PACKAGE and not _is_library(base))]


def _version(kind: Any, thing: Any) -> str:
    if _top(kind) == PACKAGE:
        return _version_here(target_of(kind), stated_version(thing))
    if _is_library(kind):
        return "of its library"
    try:
        if (top := _top(kind)) == "__main__":
            return _source(kind)
        return _content(top, id(sys.modules[top]), id(getattr(sys.modules[top], "__spec__", None)))
    except (OSError, TypeError):
        return f"unknown {uuid4()}"


def _version_here(target: str, version: Any) -> str:
    """Of what ships here; with its source, where that is not what the version stands for."""
    source = source_of(target.partition(":")[0])
    known = recorded_versions().get(target)
    return f"{version}" if known == [version, source] else f"{version}, source {source}"


def _top(kind: Any) -> str:
    return str(kind.__module__.partition(".")[0])


def _is_library(kind: Any) -> bool:
    top = _top(kind)
    return top in LIBRARIES or (top in sys.stdlib_module_names and top != "__main__")


@cache
def recorded_versions() -> dict[str, list[Any]]:
    """By target, the version and its source."""
    found: dict[str, list[Any]] = json.loads(VERSIONS.read_text())
    return found


@cache
def source_of(module: str) -> str:
    """Of a module of archcast and all that it imports from archcast; comments do not count."""
    closure, todo = set[str](), [module]
    while todo:
        if (name := todo.pop()) not in closure:
            closure.add(name)
            todo += _parsed(name)[1]
    return digest({name: _parsed(name)[0] for name in closure})


@cache
def _parsed(module: str) -> tuple[str, list[str]]:
    """The digest of a module's code, and the modules of archcast that it imports.

    Parsing takes milliseconds, of all modules a second: what it gave for a text is kept in a file.
    """
    found = find_spec(module)
    assert found is not None
    assert found.origin is not None
    text = Path(found.origin).read_bytes()
    named = hashlib.sha256(sys.version.encode() + text).hexdigest()[:20]
    kept = cache_folder("sources") / f"{named}.json"
    try:
        code, names = json.loads(kept.read_bytes())
    except (OSError, TypeError, ValueError):
        code, names = _parse(text)
        with suppress(InputError), replacing(made_folder(kept.parent) / kept.name) as aside:
            aside.write_text(json.dumps([code, names]))
    return code, [name for name in names if not _is_package(name)]


def _parse(text: bytes) -> tuple[str, list[str]]:
    tree = ast.parse(text)
    names = [name for name in dict.fromkeys(_imports(tree)) if not name.startswith(_APART)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _docstring(node):
            node.body = node.body[1:]
    return digest(ast.dump(tree)), names


def _is_package(module: str) -> bool:
    found = find_spec(module)
    return found is not None and found.submodule_search_locations is not None


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            assert node.module is not None
            yield node.module
        yield from _imports(node)


def _source(kind: Any) -> str:
    """Of the script that defines it, or the cells of a notebook."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script and Path(script).is_file():
        return hashlib.sha256(Path(script).read_bytes()).hexdigest()[:20]
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        if not (source := _cells(kind)):
            raise
    return hashlib.sha256(source.encode()).hexdigest()[:20]


def _cells(kind: Any) -> str:
    """The cells of a notebook that a class and its methods stand in; empty if it is of none."""
    methods = [each for each in vars(kind).values() if inspect.isfunction(each)]
    files = {method.__code__.co_filename for method in methods}
    return "\n".join(sorted("".join(linecache.getlines(file)) for file in files))


@cache
def _content(top: str, *loaded: int) -> str:
    """Of all files of the distributions that bring a top-level module, and of the module itself.

    They are read once for a module that is `loaded`: what is edited afterwards is not what runs.
    """
    files = {path.resolve() for path in _files(top) if path.is_file() and path.suffix != ".pyc"}
    if not files:
        raise OSError(f"{top} has no files")
    hashed = hashlib.sha256()
    for path in sorted(files):
        hashed.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()[:20]


def _files(top: str) -> Iterator[Path]:
    for name in packages_distributions().get(top, []):
        try:
            yield from (Path(str(file.locate())) for file in distribution(name).files or ())
        except PackageNotFoundError:
            continue
    found = find_spec(top)
    for folder in (found and found.submodule_search_locations) or ():
        yield from Path(folder).rglob("*")
    if found and found.origin and not found.submodule_search_locations:
        yield Path(found.origin)
