"""Ollama's folder: what is a model of it, and that nothing in it can lead elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from homeroom.errors import BadModelFile
from homeroom.models.neighbours import Neighbour, ollama
from support import neighbours


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".ollama" / "models"


def found(folder: Path) -> list[Neighbour | BadModelFile]:
    return list(ollama.models({"OLLAMA_MODELS": str(folder)}))


def names(folder: Path) -> list[str]:
    return [one.name for one in found(folder) if isinstance(one, Neighbour)]


def only(folder: Path) -> Neighbour:
    (one,) = found(folder)
    assert isinstance(one, Neighbour), one
    return one


def refused(folder: Path) -> BadModelFile:
    (one,) = found(folder)
    assert isinstance(one, BadModelFile), one
    return one


def test_where_it_keeps_models(tmp_path: Path) -> None:
    usual = ollama.roots({"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)})
    assert usual[0] == tmp_path / ".ollama" / "models"
    assert ollama.roots({"HOME": str(tmp_path), "OLLAMA_MODELS": "/srv/models"}) == (Path("/srv/models"),)


@pytest.mark.parametrize(
    ("name", "host", "shown", "also"),
    [
        ("deepseek-r1:7b", neighbours.REGISTRY, "ollama:deepseek-r1:7b", {"deepseek-r1:7b"}),
        ("deepseek-r1:latest", neighbours.REGISTRY, "ollama:deepseek-r1:latest", {"deepseek-r1", "ollama:deepseek-r1"}),
        ("me/Mario:v1", neighbours.REGISTRY, "ollama:me/Mario:v1", {"me/mario:v1"}),
        (
            "o/r-GGUF:Q4_K_M",
            "hf.co",
            "ollama:hf.co/o/r-GGUF:Q4_K_M",
            {"hf.co/o/r-gguf:q4_k_m", "huggingface.co/o/r-gguf:q4_k_m", "hf:o/r-gguf:q4_k_m"},
        ),
        ("o/r:1", "localhost:5000", "ollama:localhost:5000/o/r:1", {"localhost:5000/o/r:1"}),
    ],
)
def test_what_a_model_is_called(folder: Path, gguf: Path, name: str, host: str, shown: str, also: set[str]) -> None:
    neighbours.ollama(folder, name, gguf, host=host)
    one = only(folder)
    assert one.name == shown and one.aliases >= also | {shown.lower()}
    assert (one.keeper, one.bytes, one.sha256) == ("ollama", 4, neighbours.digest(gguf))
    assert one.paths == (folder / "blobs" / f"sha256-{one.sha256}",)


def test_what_comes_with_it(folder: Path, gguf: Path) -> None:
    told = {
        "system": "You are Mario.",
        "params": '{"temperature": 0.6}',
        "license": ["MIT", "and more"],
        "template": "{{ .Prompt }}",
    }
    neighbours.ollama(folder, "m:1", gguf, layers=told)
    modelfile = only(folder).modelfile
    assert (
        modelfile is not None and modelfile.system == "You are Mario." and modelfile.parameters == {"temperature": 0.6}
    )
    assert (modelfile.licence, modelfile.template) == ("MIT\nand more", "{{ .Prompt }}")
    neighbours.ollama(folder, "m:1", gguf)
    assert only(folder).modelfile is None


def test_the_lists_of_manifests_since_0_40(folder: Path, gguf: Path) -> None:
    neighbours.ollama(folder, "m:1", gguf, layers={"system": "Hi."}, version=2)
    one = only(folder)
    assert one.name == "ollama:m:1" and one.modelfile is not None and one.modelfile.system == "Hi."
    # What older versions need to leave its files alone is the same model, and no second one.
    neighbours.ollama(folder, "m:1", gguf)
    neighbours.ollama(folder, f"llamacpp:{'b' * 64}", gguf)
    assert only(folder) == one


def test_a_link_to_a_manifest_that_was_swept_leaves_the_older_one(folder: Path, gguf: Path) -> None:
    path = neighbours.ollama(folder, "m:1", gguf, version=2)
    neighbours.ollama(folder, "m:1", gguf, layers={"system": "Old."})
    (folder / "blobs" / path.readlink().name).unlink()
    one = only(folder)
    assert one.modelfile is not None and one.modelfile.system == "Old."


def test_what_is_no_gguf_is_no_model(folder: Path, gguf: Path) -> None:
    neighbours.ollama(folder, "cloud:latest", None)
    neighbours.ollama(folder, "mlx:latest", None, layers={"tensor": "x"})
    (folder / "manifests" / ".DS_Store").write_bytes(b"")
    (folder / "manifests" / neighbours.REGISTRY / "library" / "cloud" / ".hidden").write_text("{}")
    assert found(folder) == []


def test_a_part_of_a_model_is_not_run_as_the_model(folder: Path, gguf: Path) -> None:
    neighbours.ollama(folder, "tuned:1", gguf, layers={"adapter": "lora"})
    assert refused(folder).key == "neighbours.several_parts"


def test_a_layer_that_leads_elsewhere_is_not_read(folder: Path, gguf: Path, tmp_path: Path) -> None:
    neighbours.ollama(folder, "m:1", gguf, layers={"system": "Hi."})
    (tmp_path / "secret.txt").write_text("the secret")
    system = next(path for path in (folder / "blobs").iterdir() if path.read_bytes() == b"Hi.")
    system.unlink()
    system.symlink_to(tmp_path / "secret.txt")
    assert refused(folder).key == "neighbours.bad_manifest"


def test_what_is_not_whole_is_told(folder: Path, gguf: Path) -> None:
    neighbours.ollama(folder, "m:1", gguf, layers={"system": "Hi."})
    blob = folder / "blobs" / f"sha256-{neighbours.digest(gguf)}"
    blob.unlink()
    assert refused(folder).key == "neighbours.not_whole" and "ollama:m:1" in str(refused(folder))
    blob.write_bytes(b"GG")
    assert refused(folder).key == "neighbours.not_whole"
    blob.write_bytes(b"GGUF")
    system = next(path for path in (folder / "blobs").iterdir() if path.read_bytes() == b"Hi.")
    system.unlink()
    assert refused(folder).key == "neighbours.not_whole", "without its system prompt it would be another model"


def layer(digest: Any) -> dict[str, Any]:
    return {"mediaType": "application/vnd.ollama.image.model", "digest": digest, "size": 4}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b" " * (1 << 20) + b"{}",
        json.dumps({"layers": [layer("sha256:../../../../secret.gguf")]}).encode(),
        json.dumps({"layers": [layer("sha256-" + "a" * 64)]}).encode(),
        json.dumps({"mediaType": "application/vnd.ollama.manifest.list.v2+json"}).encode(),
        json.dumps(
            {
                "mediaType": "application/vnd.ollama.manifest.list.v2+json",
                "manifests": [{"runner": "llamacpp", "format": "gguf", "digest": "sha256:../../x"}],
            }
        ).encode(),
    ],
)
def test_a_manifest_that_is_broken_or_hostile(folder: Path, gguf: Path, content: bytes) -> None:
    (folder.parent / "secret.gguf").parent.mkdir(parents=True, exist_ok=True)
    (folder.parent / "secret.gguf").write_bytes(b"GGUF")
    neighbours.ollama(folder, "m:1", gguf).write_bytes(content)
    assert refused(folder).key == "neighbours.bad_manifest" and refused(folder).next


def test_names_that_ollama_cannot_have_given(folder: Path, gguf: Path) -> None:
    good = neighbours.ollama(folder, "m:1", gguf)
    for bad in ("-x", "a b", "x" * 200, "\u202egguf"):
        good.with_name(bad).write_bytes(good.read_bytes())
    assert names(folder) == ["ollama:m:1"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_not_waited_for(folder: Path, gguf: Path) -> None:
    path = neighbours.ollama(folder, "m:1", gguf)
    path.unlink()
    os.mkfifo(path)
    assert refused(folder).key == "neighbours.bad_manifest"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert found(tmp_path / "none") == []
