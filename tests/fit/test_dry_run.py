"""The engine as the oracle: it sizes a model from its header alone, and a bad header is an error, never a figure."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from homeroom.errors import DiskFull, EngineStartFailed
from homeroom.fit import dry_run as module
from homeroom.fit.dry_run import PREFIX, Question, Sized, dry_run
from homeroom.models import gguf_write
from homeroom.models.gguf import read_header
from homeroom.version import engine_version
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


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        '{"weights": 1}',
        "\x00",
        "[" * 100_000,
        *(
            f'{{"weights": {value}, "kv_cache": 1, "state": 0, "compute": 1, "engine": "{engine_version()}"}}'
            for value in ("-1", "true", "1.5", '"7"', "null", "Infinity", "1e999", "9" * 400, str(1 << 63))
        ),
    ],
)
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


@pytest.mark.skipif(os.name != "posix", reason="Windows has no named pipes in folders")
def test_a_pipe_in_the_place_of_an_answer_is_not_waited_for(starter_path: Path, tmp_path: Path) -> None:
    dry_run(starter_path, Question(512), cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.unlink()
    os.mkfifo(kept)
    assert dry_run(starter_path, Question(512), cache=tmp_path).seconds > 0
    kept.unlink()
    kept.symlink_to("/dev/zero")
    assert dry_run(starter_path, Question(512), cache=tmp_path).seconds > 0


def test_the_engines_words_are_told_at_once_and_without_our_paths(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", {"general.architecture": "abacus"}, [("output_norm.weight", (64,), 0)])
    began = time.monotonic()
    with pytest.raises(EngineStartFailed) as caught:
        dry_run(path, Question(512))
    assert caught.value.facts["reason"] == "unknown model architecture: 'abacus'"
    assert time.monotonic() - began < 0.9 or os.getloadavg()[0] > 2  # the engine itself takes a second to end


def test_an_assertion_is_told(starter_path: Path, tmp_path: Path) -> None:
    from support.gguf_writer import with_metadata

    path = with_metadata(starter_path, tmp_path / "m.gguf", {"llama.block_count": 5000})
    with pytest.raises(EngineStartFailed) as caught:
        dry_run(path, Question(512), timeout=20)
    assert str(caught.value.facts["reason"]).startswith("GGML_ASSERT(hparams.n_layer_all")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Fatal Python error: _enter_buffered_busy: could not acquire lock"], ""),
        (["/w/ggml/src/ggml.c:1234: fatal error"], "ggml.c:1234: fatal error"),
        (
            ["0.00.1 E x: failed to load model", "0.00.2 E y: error loading model: error loading model: no"],
            "no",
        ),
        (["0.00.1 E srv load: failed to load"], "srv load: failed to load"),
    ],
)
def test_reasons(lines: list[str], reason: str) -> None:
    log = module._Log()
    for line in lines:
        log.read(line)
    assert log.reason() == reason


def test_a_child_that_fails_ends_without_a_crash(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", {"general.architecture": "abacus"}, [("output_norm.weight", (64,), 0)])
    options = f'{{"path": "{path.as_posix()}", "n_ctx": 512, "n_parallel": 1, "n_batch": 512, '
    options += '"flash_attention": "auto", "kv_type": "f16"}\n'
    command = [sys.executable, "-m", "homeroom.fit.dry_run_child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stderr is not None
        child.stdin.write(options.encode())
        child.stdin.flush()
        log = child.stderr.read()
    assert child.returncode == 1 and b"Fatal Python error" not in log


@pytest.mark.parametrize("question", [Question(1 << 30, parallel=2), Question(1 << 31), Question(512, batch=1 << 31)])
def test_more_tokens_than_the_engine_can_count_are_refused(starter_path: Path, question: Question) -> None:
    with pytest.raises(EngineStartFailed) as caught:
        dry_run(starter_path, question)
    assert caught.value.key == "fit.dry_run_context" and caught.value.next


def test_a_file_larger_than_any_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the file system allows: 16 EiB are too many for all of them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    header = read_header(write_gguf(tmp_path / "m.gguf", {"general.architecture": "llama"}, [("a.weight", (64,), 0)]))
    (line,) = header.tensors
    for rows in (1 << 45, 1 << 53, 1 << 62):
        grown = replace(header, tensors=(replace(line, shape=(1 << 10, rows)),))
        with pytest.raises(EngineStartFailed) as caught:
            dry_run((grown,), Question(512))
        assert caught.value.next and not left_behind()


@pytest.mark.skipif(os.name != "posix", reason="limits of processes are POSIX")
@pytest.mark.parametrize(
    ("limit", "key"), [("RLIMIT_FSIZE", "fit.dry_run_file"), ("RLIMIT_NOFILE", "fit.dry_run_start")]
)
def test_a_limit_of_the_process_is_an_error(starter_path: Path, limit: str, key: str) -> None:
    script = f"""
import resource
from pathlib import Path
from homeroom.errors import EngineStartFailed
from homeroom.fit.dry_run import Question, dry_run
from homeroom.models.gguf import read_header
import homeroom.messages.fit, tempfile, encodings.idna
source = (read_header(Path({str(starter_path)!r})),)
tempfile.gettempdir()
import shutil
low = 4096 if "{limit}" == "RLIMIT_FSIZE" else len(list(Path("/dev/fd").iterdir())) + 1
resource.setrlimit(resource.{limit}, (low, resource.getrlimit(resource.{limit})[1]))
try:
    dry_run(source if "{limit}" == "RLIMIT_FSIZE" else Path({str(starter_path)!r}), Question(512))
except EngineStartFailed as error:
    print(error.key)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert (done.stdout.strip(), done.stderr) == (key, "")


def test_a_full_disk_is_told_as_one(starter_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(gguf_write, "write_headers", full)
    with pytest.raises(DiskFull) as caught:
        dry_run((read_header(starter_path),), Question(512))
    assert "TMPDIR" in (caught.value.next or "")


def left_behind() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_folder_of_a_killed_process_goes_with_the_next(
    starter_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = f"""
from pathlib import Path
from homeroom.fit import dry_run as module
from homeroom.models.gguf import read_header
module._ask = lambda *_: (print("there", flush=True), input())
module.dry_run((read_header(Path({str(starter_path)!r})),), module.Question(512))
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, **pipes) as living:  # type: ignore[call-overload]
        assert living.stdout.readline() == b"there\n"
        with subprocess.Popen([sys.executable, "-c", script], env=environment, **pipes) as killed:  # type: ignore[call-overload]
            assert killed.stdout.readline() == b"there\n"
            both = left_behind()
            killed.send_signal(signal.SIGKILL)
        assert len(both) == 2
        for folder in both:
            os.utime(folder, (time.time() - 3600,) * 2)
        dry_run((read_header(starter_path),), Question(512))
        assert len(left_behind()) == 1 and (left_behind()[0] / "model.gguf").exists()
        living.kill()
