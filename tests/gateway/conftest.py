"""A real gateway with real engines, in a thread of its own, for all tests of this folder.

Models: ``starter`` (instruct; its template knows neither tools nor thinking), ``base`` (Gemma, no template at all), and the
starter's weights as ``student`` (a template of Qwen3's kind: tools, thinking that can be switched off), ``distilled`` (of
DeepSeek-R1's kind: the prompt itself opens the thinking) and ``embedder`` (for embeddings only, of at most 256 tokens).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateways import DISTILLED, STUDENT, Running, start
from support.gguf_writer import with_metadata


@pytest.fixture(scope="session")
def model_folder(starter_path: Path, gemma_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "starter.gguf").symlink_to(starter_path)
    (folder / "base.gguf").symlink_to(gemma_path)
    with_metadata(starter_path, folder / "student.gguf", {"tokenizer.chat_template": STUDENT})
    with_metadata(starter_path, folder / "distilled.gguf", {"tokenizer.chat_template": DISTILLED})
    embeds = {"llama.pooling_type": 1, "llama.context_length": 256}
    with_metadata(starter_path, folder / "embedder.gguf", embeds)
    return folder


@pytest.fixture(scope="session")
def shared(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from start(tmp_path_factory.mktemp("gateway-home"), model_folder)


@pytest.fixture
def gateway(shared: Running) -> Iterator[Running]:
    """The shared gateway; clients that a test makes of it are closed after the test."""
    yield shared
    shared.close_clients()
