"""What a plan fetches, what goes on where it was cut off, and what is mended."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from homeroom import settings
from homeroom.engine.pull import Puller
from homeroom.engine.pull.fetch import arrived, validator
from homeroom.errors import (
    AmbiguousModel,
    DiskFull,
    NetworkFailure,
    NotSupported,
    SaidNo,
    SourceFailure,
    UnknownModel,
)
from homeroom.models.download.fetching import Pace
from homeroom.models.download.pieces import LENGTH
from homeroom.models.http import Network
from homeroom.models.library import Library
from homeroom.models.remote import RemoteFile
from homeroom.models.store import Store
from homeroom.models.store.verify import verify
from support.gguf_writer import with_metadata
from support.hub_server import HubServer
from support.models import Quiet
from support.pulling import REPOSITORY, bodies, keys, plan, pull, puller, refused
from support.pulls import hubs_at


async def test_what_is_pulled_is_found_by_the_words_that_were_typed(offered: HubServer, home: Path) -> None:
    planned = await pull(offered, home, "smollm2:135m", quantization="Q4_1")
    assert planned.name == "smollm2:135m-q4_1"
    library = Library(settings.load({}, hubs_at(offered, home)))
    for words in ("smollm2:135m", "smollm2:135m-q4_1", "smollm2", f"hf:{REPOSITORY}", f"hf:{REPOSITORY}:Q4_1"):
        assert library.find(words).name == "smollm2:135m-q4_1", words
    with pytest.raises(UnknownModel):
        library.find("smollm2:135m-q8_0")
    await pull(offered, home, "smollm2:135m", quantization="Q2_K")
    with pytest.raises(AmbiguousModel):
        library.find("smollm2:135m")
    assert library.find(f"hf:{REPOSITORY}:Q2_K").quantization == "Q2_K"


async def test_what_is_here_touches_no_network(offered: HubServer, home: Path) -> None:
    await pull(offered, home, "smollm2:135m", quantization="Q4_1")
    await pull(offered, home, f"hf:{REPOSITORY}:Q2_K")
    offered.asked.clear()
    for words in ("smollm2:135m", "smollm2:135m-q4_1", f"hf:{REPOSITORY}:Q2_K"):
        planned = await plan(offered, home, words)
        assert planned.here and planned.path is not None and planned.path.is_file()
    assert offered.asked == []


async def test_another_quantization_than_the_one_that_is_here(offered: HubServer, home: Path) -> None:
    await pull(offered, home, "smollm2:135m", quantization="Q2_K")
    assert (await plan(offered, home, "smollm2:135m")).name == "smollm2:135m-q2_k"
    for quantization in ("F16", "Q8_0"):  # the first is the usual one, which has no suffix
        planned = await plan(offered, home, "smollm2:135m", quantization=quantization)
        assert not planned.here and planned.quantization == quantization
    await pull(offered, home, "smollm2:135m", quantization="F16")
    assert (await plan(offered, home, "smollm2:135m", quantization="F16")).name == "smollm2:135m"


async def test_of_open_words_the_hub_is_asked_and_without_it_what_is_here_is_told(
    offered: HubServer, home: Path
) -> None:
    await pull(offered, home, f"hf:{REPOSITORY}", max_size=100_000_000)
    offered.asked.clear()
    again = await plan(offered, home, f"hf:{REPOSITORY}", max_size=100_000_000)
    assert again.here and offered.asked and not again.reasons
    flags = {"hf_endpoint": "http://127.0.0.1:9"}
    lonely = await plan(offered, home, f"hf:{REPOSITORY}", flags)
    assert lonely.here and lonely.reasons[0].key == "pull.is_here_unasked"


async def test_an_address(hub: HubServer, home: Path, starter_path: Path, sparse: dict[str, Path]) -> None:
    """Nobody publishes its digest: it is here where the server calls it the same version, and fetched anew where not."""
    url = hub.publish("a/b", "My Model-Q4_1.gguf", starter_path).replace(" ", "%20")
    await pull(hub, home, url)
    stored = Store(home / "models").get("My-Model-Q4_1")
    assert stored is not None and stored.sha256 == hashlib.sha256(starter_path.read_bytes()).hexdigest()
    assert (await plan(hub, home, url)).here
    assert Library(settings.load({}, hubs_at(hub, home))).find(url).name == "My-Model-Q4_1"
    hub.publish("a/b", "My Model-Q4_1.gguf", sparse["Q2_K"])
    assert not (await plan(hub, home, url)).here


async def test_an_ollama_model_with_all_its_layers(hub: HubServer, home: Path, starter_path: Path) -> None:
    layers: list[tuple[str, Path | bytes]] = [
        ("model", starter_path),
        ("template", b"{{ .Prompt }}"),
        ("system", b"You are terse."),
        ("params", json.dumps({"temperature": 0.5}).encode()),
        ("license", b"Apache"),
    ]
    hub.push("library/smollm2", "135m", layers)
    planned = await pull(hub, home, "ollama:smollm2:135m")
    stored = Store(home / "models").get("ollama:smollm2:135m")
    assert stored is not None and [file.role for file in stored.files] == [kind for kind, _ in layers]
    assert planned.bytes == sum(file.bytes for file in stored.files)
    facts = Library(settings.load({}, hubs_at(hub, home))).find("ollama:smollm2:135m")
    assert facts.modelfile is not None and facts.modelfile.system == "You are terse."


@pytest.mark.parametrize("layer", [("params", b"no JSON"), ("system", b"x" * (1 << 20) + b"x")])
async def test_layers_that_cannot_be_understood_are_told_before_the_weights_come(
    hub: HubServer, home: Path, starter_path: Path, layer: tuple[str, bytes]
) -> None:
    hub.push("library/odd", "1", [("model", starter_path), layer])
    with pytest.raises(SourceFailure) as caught:
        await pull(hub, home, "ollama:odd:1")
    assert caught.value.key == "pull.bad_layer" and hub.sent < 5_000_000
    assert not Store(home / "models").all().names


async def test_an_adapter_is_not_left_out_in_silence(hub: HubServer, home: Path, starter_path: Path) -> None:
    hub.push("library/tuned", "1", [("model", starter_path), ("adapter", b"lora")])
    with pytest.raises(NotSupported) as caught:
        await pull(hub, home, "ollama:tuned:1")
    assert caught.value.key == "hubs.adapter"


async def test_a_file_that_is_called_like_a_device_has_another_name_here(
    hub: HubServer, home: Path, starter_path: Path
) -> None:
    hub.publish("a/con-GGUF", "con.gguf", starter_path)
    await pull(hub, home, "hf:a/con-GGUF")
    (stored,) = Store(home / "models").all()
    assert [file.name for file in stored.files] == ["model-con.gguf"]


async def test_shards_are_fetched_whole_and_load(hub: HubServer, home: Path, shards: list[Path]) -> None:
    for path in shards:
        hub.publish("a/split-GGUF", f"Q4_1/{path.name}", path)
    planned = await pull(hub, home, "hf:a/split-GGUF")
    assert len(planned.wanted) == 2
    facts = Library(settings.load({}, hubs_at(hub, home))).find("hf:a/split-GGUF")
    assert len(facts.paths) == 2 and facts.parameters == 134_515_008


async def test_two_at_once_fetch_it_once(offered: HubServer, home: Path, starter_path: Path) -> None:
    offered.behaviour.rate = 100_000_000
    await asyncio.gather(*(pull(offered, home, "smollm2:135m", quantization="Q4_1") for _ in range(2)))
    headers = 2 * 3_000_000
    assert bodies(offered) < starter_path.stat().st_size + headers
    assert len(Store(home / "models").all()) == 1
    assert not list((home / "models" / "partial").iterdir())


async def test_it_goes_on_where_it_was_cut_off(hub: HubServer, home: Path, starter_path: Path) -> None:
    hub.publish("a/b", "m-Q4_1.gguf", starter_path)
    one = puller(hub, home, connections=1)
    planned = await one.plan("hf:a/b")
    hub.behaviour.cuts.extend([30_000_000, 0, 0, 0, 0, 0, 0])
    with pytest.raises(NetworkFailure):
        await one.fetch(planned, progress=Quiet())
    hub.behaviour.cuts.clear()
    later = await one.plan("hf:a/b")
    whole = starter_path.stat().st_size
    assert whole - 31_000_000 <= later.download_bytes <= whole - 1_000_000
    before = bodies(hub)
    await one.fetch(later, progress=Quiet())
    assert bodies(hub) - before <= later.download_bytes + LENGTH


async def test_a_disk_that_cannot_hold_it_is_told_before_the_first_byte(offered: HubServer, home: Path) -> None:
    one = puller(offered, home)
    planned = replace(await one.plan("smollm2:135m"), free_bytes=1_000_000)
    before = bodies(offered)
    assert isinstance(planned.refusal(), DiskFull)
    with pytest.raises(DiskFull) as caught:
        await one.fetch(planned, progress=Quiet())
    assert caught.value.facts["needed_bytes"] == planned.download_bytes and bodies(offered) == before


async def test_a_file_whose_name_cannot_be_a_models(hub: HubServer, home: Path, sparse: dict[str, Path]) -> None:
    for name, quantization in (("my model (1).gguf", "Q2_K"), ("other.gguf", "Q8_0")):
        hub.publish("a/b", f"folder/{name}", sparse[quantization])
    words = "hf:a/b:folder/my model (1).gguf"
    assert (await pull(hub, home, words)).name == "hf:a/b:folder/my-model-(1).gguf"
    assert Library(settings.load({}, hubs_at(hub, home))).find(words).name == "hf:a/b:folder/my-model-(1).gguf"


async def test_of_an_address_the_size_is_known_by_its_header(
    hub: HubServer, home: Path, sparse: dict[str, Path]
) -> None:
    url = hub.publish("a/b", "m-Q8_0.gguf", sparse["Q8_0"])
    await refused(hub, home, url, SaidNo, "pull.over_size", max_size=100_000_000)


# ---- damage


async def test_a_damaged_model_is_mended_by_its_piece(offered: HubServer, home: Path) -> None:
    await pull(offered, home, "smollm2:135m", quantization="Q4_1")
    store = Store(home / "models")
    stored = store.get("smollm2:135m-q4_1")
    assert stored is not None
    with stored.path.open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"\xff\x00\xff")
    assert [one.state for one in verify(store, progress=Quiet())] == ["damaged"]
    open_words = await plan(offered, home, "smollm2:135m", quantization="Q4_1")
    assert keys(open_words) == ["asked", "mending"] and not open_words.here
    offered.asked.clear()
    planned = await pull(offered, home, "smollm2:135m-q4_1")
    assert planned.mends and planned.wanted[0].damaged
    assert keys(planned) == ["mending"] and planned.name == "smollm2:135m-q4_1"
    assert [one.state for one in verify(store, progress=Quiet())] == ["whole"]
    header = 3_000_000
    assert bodies(offered) < LENGTH + header


async def test_a_model_whose_file_is_gone_is_fetched_again(offered: HubServer, home: Path) -> None:
    await pull(offered, home, "smollm2:135m", quantization="Q4_1")
    store = Store(home / "models")
    stored = store.get("smollm2:135m-q4_1")
    assert stored is not None
    stored.path.unlink()
    await pull(offered, home, "smollm2:135m-q4_1")
    assert store.get("smollm2:135m-q4_1") is not None


# ---- what is on the disk


def test_what_has_arrived_of_a_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    file = RemoteFile("m", "http://h/m", 100 << 20, "a" * 64)
    assert arrived(store, file) == 0
    with (store.partial / f"{'a' * 64}.part").open("wb") as part:
        part.write(bytes(1 << 20))
        part.truncate(100 << 20)
    assert 1 << 20 <= arrived(store, file) < 2 << 20  # a hole has not arrived
    store.blob("a" * 64).write_bytes(bytes(5))
    assert arrived(store, file) == 5


@pytest.mark.parametrize("content", ["", "[]", "{", '{"validator": 5}', "\x00"])
def test_a_table_that_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "t").write_text(content)
    assert validator(tmp_path / "t") is None and validator(tmp_path / "none") is None


async def test_the_pace_is_kept(hub: HubServer, home: Path, starter_path: Path, tmp_path: Path) -> None:
    small = with_metadata(starter_path, tmp_path / "s.gguf", {})
    hub.publish("a/b", "m-Q4_1.gguf", small)
    waits: list[float] = []

    async def slept(seconds: float) -> None:
        waits.append(seconds)

    environment = hubs_at(hub, home)
    one = Puller(settings.load({}, environment), network=Network(timeout=5), environment=environment, sleep=slept)
    await one.fetch(await one.plan("hf:a/b"), progress=Quiet(), pace=Pace(connections=1, rate=10_000_000))
    assert sum(waits) > 5  # 98 MB at 10 MB/s, in time that is not waited for
