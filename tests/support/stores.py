"""Small models in a store of the test's own, and a way to see that it is whole."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from homeroom.models.gguf import read_header
from homeroom.models.gguf_write import encode_tensors
from homeroom.models.store import Store, StoredFile, StoredModel
from homeroom.models.store.verify import Checked, verify
from support.gguf_writer import U16, Typed, Value, with_metadata, write_gguf

I32: Final = 5
SHARDS: Final = tuple(f"Big-Q4_K_M-0000{n}-of-00003.gguf" for n in (1, 2, 3))


class Silent:
    """A progress that only counts."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int | None]] = []
        self.read = 0

    def begin(self, label: str, total_bytes: int | None) -> None:
        self.begun.append((label, total_bytes))

    def advance(self, count: int) -> None:
        self.read += count

    def done(self) -> None:
        pass


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob(store: Store, content: bytes, name: str = "m.gguf", role: str = "model") -> StoredFile:
    """A file of the store, as after a download."""
    store.prepare()
    store.blob(digest(content)).write_bytes(content)
    return StoredFile(role, name, digest(content), len(content))


def keep(store: Store, name: str, content: bytes) -> StoredModel:
    """A model of one file."""
    return store.put(name, [blob(store, content)], source="package:x==1", licence="MIT", note="A model")


def keep_split(store: Store, name: str = "big", names: Sequence[str] = SHARDS) -> StoredModel:
    """A model of several files, each of which holds its own name."""
    return store.put(name, [blob(store, part.encode(), part) for part in names], source="hf:o/r")


def check(store: Store, *names: str) -> dict[str, Checked]:
    """What verify says of each model."""
    return {one.name: one for one in verify(store, names or None, progress=Silent())}


def assert_whole(store: Store) -> set[str]:
    """Every model of the store is whole and would be loaded; their names."""
    listing = store.all()
    assert listing.broken == ()
    checked = check(store)
    assert {name: one.faults for name, one in checked.items() if one.faults or one.mended} == {}
    assert {model.name for model in listing} == set(checked)
    for model in listing:
        for path, file in zip(model.paths, model.model_files, strict=True):
            assert path.read_bytes() == store.blob(file.sha256).read_bytes()
    return set(checked)


def split_file(source: Path, folder: Path, name: str, count: int = 3) -> list[Path]:
    """A real GGUF in *count* shards as ``llama-gguf-split`` writes them: all metadata in the first, tensors in order."""
    header = read_header(source)
    lines = [(tensor.name, tensor.shape, tensor.type) for tensor in header.tensors]
    about: dict[str, Value] = {"split.count": Typed(U16, count), "split.tensors.count": Typed(I32, len(lines))}
    paths = [folder / f"{name}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1)]
    whole = with_metadata(source, folder / "whole", about | {"split.no": Typed(U16, 0)}).read_bytes()
    (folder / "whole").unlink()
    table = encode_tensors(lines, header.alignment)[0]
    start = whole.index(table)
    data = source.read_bytes()[header.data_offset :]
    cuts = [len(lines) * number // count for number in range(count + 1)]
    ends = [*(header.tensors[cut].offset for cut in cuts[:-1]), len(data)]
    for number, path in enumerate(paths):
        mine = lines[cuts[number] : cuts[number + 1]]
        part = data[ends[number] : ends[number + 1]]
        if number:
            write_gguf(path, about | {"split.no": Typed(U16, number)}, mine, data=part)
            continue
        head = whole[:8] + struct.pack("<Q", len(mine)) + whole[16:start] + encode_tensors(mine, header.alignment)[0]
        path.write_bytes(head + bytes(-len(head) % header.alignment) + part)
    return paths
