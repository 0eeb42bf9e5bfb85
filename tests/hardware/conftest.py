"""Samples by name, and sysfs trees unpacked from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def sample() -> Callable[[str], str]:
    """The text of a sample."""
    return lambda name: (SAMPLES / name).read_text(encoding="utf-8")


@pytest.fixture
def sysfs(tmp_path: Path) -> Callable[[str], Path]:
    """A sysfs tree unpacked: ``== PATH`` starts a file, ``PATH -> TARGET`` is a link."""

    def unpack(name: str) -> Path:
        root = tmp_path / f"{len(list(tmp_path.iterdir()))}-{name}"
        current: Path | None = None
        content: dict[Path, list[str]] = {}
        for line in (SAMPLES / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                continue
            if line.startswith("== "):
                current = root / line.removeprefix("== ")
                content[current] = []
            elif " -> " in line:
                place, target = line.split(" -> ")
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                (root / place).symlink_to(target)
            elif current is not None:
                content[current].append(line)
        for path, lines in content.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return root

    return unpack
