"""The cache of ModelScope's library, in its three layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeroom.models.neighbours import modelscope
from support import neighbours


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_model_by_its_repository(tmp_path: Path, gguf: Path, version: int) -> None:
    cache = tmp_path / ".cache" / "modelscope"
    path = neighbours.modelscope(cache, "Qwen/Qwen2.5-7B-GGUF", "qwen-Q4_K_M.gguf", gguf, version=version)
    for given in (neighbours.environment(tmp_path), {"MODELSCOPE_CACHE": str(cache)}):
        (one,) = modelscope.models(given)
        assert (one.name, one.keeper, one.paths) == ("ms:Qwen/Qwen2.5-7B-GGUF:Q4_K_M", "modelscope", (path,))
        assert one.aliases >= {"ms:qwen/qwen2.5-7b-gguf", "qwen/qwen2.5-7b-gguf:q4_k_m", "qwen-q4_k_m"}


def test_what_is_not_whole_and_what_is_no_model(tmp_path: Path, gguf: Path) -> None:
    cache = tmp_path / ".cache" / "modelscope"
    neighbours.modelscope(cache, "o/r", "m-Q4_0.gguf.incomplete", gguf)
    neighbours.modelscope(cache, "o/r", "._____temp/m-Q4_0.gguf", gguf, version=2)
    neighbours.place(gguf, cache / "datasets" / "o" / "r" / "m-Q4_0.gguf")
    neighbours.place(gguf, cache / "hub" / "datasets" / "o" / "m-Q4_0.gguf")
    assert list(modelscope.models(neighbours.environment(tmp_path))) == []
