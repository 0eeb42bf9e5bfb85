"""LM Studio's folders."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from homeroom.models.neighbours import lmstudio
from support import neighbours


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def found(home: Path) -> list[str]:
    return [one.name for one in lmstudio.models(neighbours.environment(home))]


def test_a_model_by_publisher_and_repository(home: Path, gguf: Path) -> None:
    path = neighbours.lmstudio(home, "bartowski/Qwen-7B-GGUF", "Qwen-7B-Q4_K_M.gguf", gguf)
    (one,) = lmstudio.models(neighbours.environment(home))
    assert (one.name, one.keeper, one.paths) == ("lmstudio:bartowski/Qwen-7B-GGUF:Q4_K_M", "lmstudio", (path,))
    assert one.aliases >= {
        "bartowski/qwen-7b-gguf",
        "bartowski/qwen-7b-gguf/qwen-7b-q4_k_m.gguf",
        "lmstudio:bartowski/qwen-7b-gguf",
        "qwen-7b-q4_k_m",
    }


def test_what_is_not_in_a_publisher_s_repository_is_no_model_for_it_either(home: Path, gguf: Path) -> None:
    neighbours.lmstudio(home, ".", "loose.gguf", gguf)
    neighbours.lmstudio(home, "publisher", "half.gguf", gguf)
    neighbours.lmstudio(home, "p/r", "mmproj-F16.gguf", gguf)
    neighbours.lmstudio(home, "p/r", "m.gguf.part", gguf)
    assert found(home) == []


def test_the_older_folder(home: Path, gguf: Path) -> None:
    neighbours.place(gguf, home / ".cache" / "lm-studio" / "models" / "p" / "r" / "m-Q8_0.gguf")
    assert found(home) == ["lmstudio:p/r:Q8_0"]


def test_the_folder_that_its_settings_name(home: Path, gguf: Path, tmp_path: Path) -> None:
    neighbours.place(gguf, tmp_path / "big disk" / "p" / "r" / "m-Q8_0.gguf")
    settings = home / ".lmstudio" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"downloadsFolder": str(tmp_path / "big disk")}))
    assert found(home) == ["lmstudio:p/r:Q8_0"]
    for broken in ("", "[]", "{}", '{"downloadsFolder": 3}', '{"downloadsFolder": "relative"}', "[" * 100_000):
        settings.write_text(broken)
        assert found(home) == [], broken


def test_the_folder_that_its_pointer_names(home: Path, gguf: Path, tmp_path: Path) -> None:
    neighbours.place(gguf, tmp_path / "moved" / "models" / "p" / "r" / "m-Q8_0.gguf")
    (home / ".lmstudio-home-pointer").write_text(f"{tmp_path / 'moved'}\n")
    assert found(home) == ["lmstudio:p/r:Q8_0"]
    (home / ".lmstudio-home-pointer").write_text(str(tmp_path / "gone"))
    assert found(home) == []


@pytest.mark.parametrize("path", ["/a\\u0000b", "/\\ud800"])
def test_a_folder_that_can_be_none(home: Path, path: str) -> None:
    (home / ".lmstudio").mkdir()
    (home / ".lmstudio" / "settings.json").write_text(f'{{"downloadsFolder": "{path}"}}')
    assert found(home) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_for_a_pointer_is_not_waited_for(home: Path) -> None:
    os.mkfifo(home / ".lmstudio-home-pointer")
    assert found(home) == []
