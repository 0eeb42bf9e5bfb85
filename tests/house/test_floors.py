"""The house: each floor imports only floors below it, and the engine is imported in one place only."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from pathlib import Path

import homeroom

SOURCE = Path(homeroom.__file__).parent
FLOORS = {
    "errors": 0,
    "kept": 0,
    "lifeline": 0,
    "settings": 0,
    "text": 0,
    "messages": 0,
    "version": 0,
    "models": 1,
    "hardware": 1,
    "fit": 2,
    "engine": 3,
    "tasks": 4,
    "grade": 4,
    "exposure": 4,
    "gateway": 5,
    "cli": 6,
    "web": 6,
}
SIDE_BY_SIDE = {("models", "hardware"), ("hardware", "models"), ("cli", "web"), ("web", "cli")}


def imports(path: Path) -> Iterator[str]:
    """Every homeroom module that *path* imports, at the top or inside a function."""
    # Python 3.11's parser fails where a collection of garbage runs code in its middle (SystemError: recursion depth).
    gc.disable()
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "homeroom":
                yield from (f"homeroom.{alias.name}" for alias in node.names)


def floor_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def modules() -> list[Path]:
    return sorted(
        path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem not in ("__init__", "__main__")
    )


def test_every_module_stands_on_a_floor() -> None:
    assert {floor_of(path) for path in modules()} <= set(FLOORS)


def test_floors_import_only_floors_below() -> None:
    wrong = []
    for path in modules():
        here = floor_of(path)
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "homeroom" or len(parts) < 2 or parts[1] == "__version__":
                continue
            there = parts[1]
            assert there in FLOORS, f"{path} imports {name}"
            upwards = FLOORS[there] > FLOORS[here] or (here, there) in SIDE_BY_SIDE
            if upwards:
                wrong.append(f"{path.relative_to(SOURCE)} imports {name}")
    assert not wrong


def test_only_child_processes_import_the_engine() -> None:
    users = [path.relative_to(SOURCE).as_posix() for path in modules() if "xllamacpp" in set(imports(path))]
    assert users == ["engine/worker.py", "fit/dry_run_child.py"]
