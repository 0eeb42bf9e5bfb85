"""The engine as the oracle: it sizes a model from its header alone, and a bad header is an error, never a figure."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from homeroom.errors import EngineStartFailed
from homeroom.fit.dry_run import Question, Sized, dry_run
from homeroom.models.gguf import read_header
from support.gguf_writer import write_gguf

MIB = 1 << 20


def test_header_alone_and_whole_file_give_the_same_answer(gemma_path: Path) -> None:
    question = Question(context=4096, parallel=2, kv_type="q8_0", batch=128)
    whole, header = dry_run(gemma_path, question), dry_run((read_header(gemma_path),), question)
    assert (whole.weights, whole.kv_cache, whole.compute) == (header.weights, header.kv_cache, header.compute)
    assert whole.weights == pytest.approx(read_header(gemma_path).file_bytes, rel=0.05)


def test_kv_cache_follows_context_parallel_and_type(starter_path: Path) -> None:
    one = dry_run(starter_path, Question(context=2048))
    assert one.kv_cache == 2048 * 30 * 2 * 3 * 64 * 2
    assert dry_run(starter_path, Question(context=2048, parallel=4)).kv_cache == 4 * one.kv_cache
    eight = dry_run(starter_path, Question(context=2048, kv_type="q8_0")).kv_cache
    assert eight == pytest.approx(one.kv_cache * 17 / 32, abs=0.02 * MIB)


def test_without_flash_attention_scores_take_memory(starter_path: Path) -> None:
    on = dry_run(starter_path, Question(8192)).compute
    off = dry_run(starter_path, Question(8192, flash_attention="disabled")).compute
    assert off > 5 * on


def test_an_answer_is_kept_by_question_and_header(starter_path: Path, tmp_path: Path) -> None:
    headers = (read_header(starter_path),)
    first = dry_run(headers, Question(512), cache=tmp_path)
    again = dry_run(headers, Question(512), cache=tmp_path)
    assert first.seconds > 0 and again.seconds == 0 and again.total == first.total
    assert dry_run(headers, Question(1024), cache=tmp_path).kv_cache == 2 * first.kv_cache
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"weights": 1}', "\x00"])
def test_a_damaged_cache_is_asked_anew(starter_path: Path, tmp_path: Path, damage: str) -> None:
    first = dry_run(starter_path, Question(512), cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text(damage)
    assert dry_run(starter_path, Question(512), cache=tmp_path).total == first.total
    assert dry_run(starter_path, Question(512), cache=tmp_path).seconds == 0


def test_a_cache_that_cannot_be_written_is_no_failure(starter_path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert isinstance(dry_run(starter_path, Question(512), cache=tmp_path / "file" / "cache"), Sized)


def test_an_unknown_architecture_is_an_error_with_the_engines_words(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", {"general.architecture": "abacus"}, [("output_norm.weight", (64,), 0)])
    with pytest.raises(EngineStartFailed) as caught:
        dry_run(path, Question(512))
    assert "abacus" in caught.value.message and "--basis formula" in (caught.value.next or "")


def test_a_header_on_which_the_engine_aborts_is_an_error(starter_path: Path, tmp_path: Path) -> None:
    from support.gguf_writer import with_metadata

    path = with_metadata(starter_path, tmp_path / "m.gguf", {"llama.attention.head_count": 0})
    began = time.monotonic()
    with pytest.raises(EngineStartFailed):
        dry_run(path, Question(512), timeout=20)
    assert time.monotonic() - began < 15


def test_an_engine_that_does_not_answer_in_time_is_ended(gemma_path: Path) -> None:
    with pytest.raises(EngineStartFailed) as caught:
        dry_run(gemma_path, Question(512), timeout=0.05)
    assert "0.05 s" in caught.value.message
