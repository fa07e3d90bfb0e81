"""The house: which room imports from which."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import networkx

import archcast

ROOT = Path(archcast.__file__).parent
ROOMS = (  # imports run downwards only
    "__main__", "testing", "cli", "report", "studies", "search", "evaluation", "predictors",
    "zero_cost", "making", "networks", "benchmarks", "tasks", "encodings", "spaces", "core",
)  # fmt: skip


def modules() -> dict[str, Path]:
    return {
        ".".join(("archcast", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in sorted(ROOT.rglob("*.py"))
    }


def imports(path: Path) -> Iterator[str]:
    """Those for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("archcast"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("archcast"):
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


MODULES = modules()
GRAPH = networkx.DiGraph(
    (name, target) for name, path in MODULES.items() for target in imports(path)
)


def room(module: str) -> int:
    return ROOMS.index(module.split(".")[1])


def test_imports_run_downwards() -> None:
    upwards = [
        f"{name} imports {target}"
        for name, target in GRAPH.edges
        if "archcast" not in (name, target) and room(name) > room(target)
    ]
    assert not upwards


def test_no_circles() -> None:
    assert not list(networkx.simple_cycles(GRAPH))


def test_file_names_are_unique() -> None:
    names = [path.name for path in MODULES.values() if not path.name.startswith("__")]
    assert sorted(set(names)) == sorted(names)


def test_every_import_exists() -> None:
    assert all(find_spec(target) for target in GRAPH.nodes)
