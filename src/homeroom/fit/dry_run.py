"""Asks the engine itself how much memory a model takes, from its header alone, without allocating or reading a weight.

The engine (llama.cpp's ``common_fit_params``) builds model, cache and graphs with no memory behind them and logs the size of
each buffer. A header without its weights is written as a sparse file. Does not know what the answer is good for.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import selectors
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, Literal

from homeroom import text
from homeroom.errors import DiskFull, EngineStartFailed, HomeroomError
from homeroom.kept import read_json, whole
from homeroom.models import gguf_write
from homeroom.models.gguf import Header, read_header
from homeroom.models.gguf_reader import plain
from homeroom.models.temporary import temporary_folder
from homeroom.version import engine_version

PREFIX: Final = "homeroom-fit-"
"""Of the folders that headers are written in, for as long as the engine reads them."""
_MIB: Final = 1 << 20
_LINE: Final = 1 << 16
_KEPT: Final = 40
"""Last lines of the log that an error may be told from."""
_FIGURE: Final = re.compile(r"=\s*(?P<mib>\d+\.\d\d) MiB")
_HOST: Final = re.compile(r"common_memory_breakdown_print: \|\s+- (?P<device>.+?)\s*\|.*=\s*(?P<rest>[\d =+()-]+)")
_GAVE_UP: Final = "error loading model: "
"""The engine says why and then takes a second to end."""
_REASONS: Final = (
    re.compile(r"(?:error loading model: )+(?:error loading model hyperparameters: )?(.+)"),
    re.compile(r"(GGML_ASSERT\(.*)"),
    re.compile(r"^(?:\S*/)?(\S+:\d+: .+)"),  # GGML_ABORT: the place in the source, then what was wrong
    re.compile(r"^(?:[\d.]+ [A-Z] )?(.*(?:fatal error|error: |failed to |unknown model architecture).*)"),
)
"""Lines that say what was wrong, the best first."""
_OURS: Final = re.compile(r"Fatal Python error|Python runtime state|Current thread|^\s*File \"")
MOST_TOKENS: Final = (1 << 31) - 256
"""The engine counts in 32 bits with a sign, and rounds up to 256."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the engine is asked: its ``n_ctx`` is ``context`` x ``parallel``; ``batch`` is n_batch and n_ubatch."""

    context: int
    parallel: int = 1
    kv_type: str = "f16"
    batch: int = 512
    flash_attention: Literal["auto", "enabled", "disabled"] = "auto"


@dataclass(frozen=True, slots=True)
class Sized:
    """The engine's own figures in bytes (of 1/100 MiB precision); weights are the tensors that it would hold.

    ``compute`` is scratch of the largest batch and the logits handed out; ``state`` recurrent state, part of
    ``kv_cache``. ``seconds`` is what the answer took, 0 where it was known from before.
    """

    weights: int
    kv_cache: int
    state: int
    compute: int
    engine: str
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.compute


def dry_run(
    source: Path | tuple[Header, ...], question: Question, *, cache: Path | None = None, timeout: float = 60.0
) -> Sized:
    """Size a model: *source* is a file (the first shard of a split one) or the headers of one that is elsewhere.

    *cache* is a folder for answers, by header, question and engine. *timeout* in seconds. Raises EngineStartFailed where
    the engine would not load the model, ends in the middle or does not answer in time (a header is never half believed),
    or where no file of the model's size is possible; DiskFull where the disk has no room for one.
    """
    if max(question.context * question.parallel, question.batch) > MOST_TOKENS:
        facts = {"context": question.context, "parallel": question.parallel, "most": f"{MOST_TOKENS:,}"}
        raise EngineStartFailed("fit.dry_run_context", **facts)
    key = None if cache is None else _key(source, question)
    if cache is not None and key is not None and (known := _recall(cache / f"{key}.json")) is not None:
        return known
    began = time.monotonic()
    with ExitStack() as stack:
        path = source if isinstance(source, Path) else _file(source, stack)
        weights, cached, state, compute = _ask(path, question, timeout)
    weights = min(weights, _tensor_bytes(source))
    spent = round(time.monotonic() - began, 3)
    sized = Sized(weights, cached, state, compute, engine=engine_version(), seconds=spent)
    if cache is not None and key is not None:
        _remember(cache / f"{key}.json", sized)
    return sized


# ---- the file


def _file(headers: tuple[Header, ...], stack: ExitStack) -> Path:
    """A file of *headers* with holes for weights, which is gone when *stack* ends."""
    try:
        return gguf_write.write_headers(headers, stack.enter_context(temporary_folder(PREFIX)) / "model.gguf")
    except OSError as error:
        raise _no_file(headers, error) from error
    except (OverflowError, ValueError, struct.error) as error:  # numbers or names that no file can have
        raise EngineStartFailed("fit.dry_run", path="model.gguf", reason=plain(str(error))) from error


def _no_file(headers: tuple[Header, ...], error: OSError) -> HomeroomError:
    size = text.size(sum(tensor.size for header in headers for tensor in header.tensors))
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else EngineStartFailed
    return kind("fit.dry_run_file", size=size, folder=_temporary(), reason=error.strerror or error)


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # there is none that can be written
        return "TMPDIR"


def _tensor_bytes(source: Path | tuple[Header, ...]) -> int:
    """Bytes of all tensors: a dry run counts the tied embedding of Gemma 3n and 4 twice, which is mapped once."""
    if isinstance(source, Path):
        from homeroom.models.inspect import shards

        source = tuple(read_header(path) for path in shards(source))
    return sum(tensor.size for header in source for tensor in header.tensors)


def _key(source: Path | tuple[Header, ...], question: Question) -> str:
    """What the answer depends on: the header (a file's by its size and date, which stand for it), question, engine."""
    digest = hashlib.sha256()
    if isinstance(source, Path):
        status = source.stat()
        digest.update(f"{source.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    else:
        for header in source:
            digest.update(repr(sorted(header.metadata.items())).encode())
            digest.update(repr(header.tensors).encode())
    digest.update(json.dumps(asdict(question), sort_keys=True).encode())
    digest.update(engine_version().encode())
    return digest.hexdigest()


def _recall(path: Path) -> Sized | None:
    try:
        kept = read_json(path)
        sizes = {name: whole(kept[name]) for name in ("weights", "kv_cache", "state", "compute")}
        return Sized(**sizes, engine=engine_version()) if kept["engine"] == engine_version() else None
    except (OSError, ValueError, KeyError, TypeError):  # not known, or damaged: the engine is asked again
        return None


def _remember(path: Path, sized: Sized) -> None:
    with suppress(OSError):  # a cache that cannot be written costs a second next time, no more
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(asdict(sized)), encoding="utf-8")
        partial.replace(path)


# ---- the engine


def _ask(path: Path, question: Question, timeout: float) -> tuple[int, int, int, int]:
    options = {
        "path": str(path),
        "n_ctx": question.context * question.parallel,
        "n_parallel": question.parallel,
        "n_batch": question.batch,
        "flash_attention": question.flash_attention,
        "kv_type": question.kv_type,
    }
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "homeroom.fit.dry_run_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
        )
    except OSError as error:  # no process, no memory or no descriptor is left
        raise _not_started(path, error) from error
    assert child.stdin is not None
    assert child.stderr is not None
    log = _Log()
    try:
        child.stdin.write(json.dumps(options).encode() + b"\n")
        child.stdin.flush()
        for line in _lines(child.stderr, time.monotonic() + timeout):
            if log.read(line):
                return log.answer()
            if _GAVE_UP in line:
                break
        reason = log.reason()
    except (BrokenPipeError, TimeoutError):
        reason = log.reason() or f"> {timeout:g} s"
    except OSError as error:
        raise _not_started(path, error) from error
    finally:
        child.kill()
        child.wait()
        with suppress(OSError):  # what was not read by the child is of no use to it now
            child.stdin.close()
        child.stderr.close()
    reason = plain(reason.replace(str(path), path.name))
    raise EngineStartFailed("fit.dry_run", path=path.name, reason=reason or f"exit {child.returncode}")


def _not_started(path: Path, error: OSError) -> EngineStartFailed:
    return EngineStartFailed("fit.dry_run_start", path=path.name, reason=error.strerror or error)


def _lines(stream: IO[bytes], until: float) -> Iterator[str]:
    """Lines of *stream* as they come. Raises TimeoutError at *until* (monotonic seconds)."""
    descriptor, rest = stream.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            piece = os.read(descriptor, _LINE)
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[-_LINE:]
            yield from (line.decode("utf-8", "replace") for line in lines)
    if rest:
        yield rest.decode("utf-8", "replace")


class _Log:
    """Gathers the figures of the first sizing from the engine's log, line by line."""

    def __init__(self) -> None:
        self.last: list[str] = []
        self.cache = self.state = self.compute = 0.0
        self.weights: int | None = None

    def read(self, line: str) -> bool:
        """Take *line*; whether it was the last one of the sizing."""
        if "llama_graph_n_input_tensors" in line:
            return False
        self.last = [*self.last[-_KEPT:], line]
        figure = _FIGURE.search(line)
        if figure is not None:
            mib = float(figure["mib"])
            if "llama_memory_recurrent: size" in line:
                self.state += mib
            elif ": size =" in line and "cache" in line:
                self.cache += mib
            elif "compute buffer size" in line or "output buffer size" in line:
                self.compute += mib
        host = _HOST.search(line)
        if host is None:
            return False
        numbers = [int(word) for word in re.findall(r"\d+", host["rest"])]
        self.weights = numbers[0] * _MIB
        return True

    def answer(self) -> tuple[int, int, int, int]:
        assert self.weights is not None
        state = round(self.state * _MIB)
        return self.weights, round(self.cache * _MIB) + state, state, round(self.compute * _MIB)

    def reason(self) -> str:
        """What was wrong, in the engine's words without the log's prefix; empty where it did not say."""
        lines = [line for line in self.last if not _OURS.search(line)]
        for pattern in _REASONS:
            for line in lines:
                if (found := pattern.search(line)) is not None:
                    return found[1].strip()[:300]
        return ""
