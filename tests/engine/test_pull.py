"""Plans made from real headers on loopback hubs, and what is fetched by them: choosing, sources that fail, disks, mending."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeroom import settings
from homeroom.engine.pull import Puller
from homeroom.engine.pull.fetch import arrived, validator
from homeroom.engine.pull.plan import LEAST_SEEN, Meter, PullPlan
from homeroom.errors import (
    AmbiguousModel,
    DiskFull,
    DoesNotFit,
    HomeroomError,
    NetworkFailure,
    NotSupported,
    SaidNo,
    SourceFailure,
    UnknownModel,
    UsageError,
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
from support.pulls import hubs_at, known_home
from support.quantizations import in_quantization

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
NAMES = ("F16", "Q8_0", "Q6_K", "Q4_K_M", "Q3_K_M", "Q2_K")


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return known_home(tmp_path / "home")


@pytest.fixture(scope="session")
def sparse(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The starter in quantizations of which only header and size are real."""
    folder = tmp_path_factory.mktemp("sparse")
    return {name: in_quantization(starter_path, name, folder / f"{name}.gguf") for name in NAMES}


@pytest.fixture
def offered(hub: HubServer, sparse: dict[str, Path], starter_path: Path) -> HubServer:
    """The starter's repository with seven quantizations, of which Q4_1 has its weights."""
    for name, path in sparse.items():
        hub.publish(REPOSITORY, f"SmolLM2-135M-Instruct-{name}.gguf", path)
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q4_1.gguf", starter_path)
    return hub


async def no_wait(seconds: float) -> None:
    """Sleep that takes no time."""
    await asyncio.sleep(0)


def puller(hub: HubServer, home: Path, **flags: Any) -> Puller:
    environment = hubs_at(hub, home)
    network = Network(timeout=5, retries=1)
    return Puller(settings.load(flags, environment), network=network, environment=environment, sleep=no_wait)


async def plan(
    hub: HubServer, home: Path, model: str, /, flags: dict[str, Any] | None = None, **wants: Any
) -> PullPlan:
    return await puller(hub, home, **(flags or {})).plan(model, **wants)


async def pull(hub: HubServer, home: Path, model: str, /, **wants: Any) -> PullPlan:
    one = puller(hub, home)
    planned = await one.plan(model, **wants)
    await one.fetch(planned, progress=Quiet())
    return planned


async def refused(
    hub: HubServer, home: Path, model: str, kind: type[HomeroomError], key: str, **wants: Any
) -> HomeroomError:
    with pytest.raises(kind) as caught:
        await plan(hub, home, model, **wants)
    assert caught.value.key == key
    assert caught.value.next
    return caught.value


def keys(planned: PullPlan) -> list[str]:
    return [reason.key.removeprefix("pull.why.") for reason in planned.reasons]


def bodies(hub: HubServer) -> int:
    """Bytes of files that travelled."""
    return sum(one.sent for one in hub.requests("files"))


# ---- choosing


async def test_a_name_of_the_catalogue_in_what_suits_this_machine(offered: HubServer, home: Path) -> None:
    planned = await plan(offered, home, "smollm2:135m")
    assert planned.source == f"hf:{REPOSITORY}:F16" and keys(planned) == ["best"]
    assert planned.name == "smollm2:135m"  # F16 is its usual one
    assert planned.fit is not None and planned.fit.verdict == "fits" and planned.licence == "Apache-2.0"
    assert planned.fit.memory.basis == "formula" and planned.fit.facts.quantization == "F16"
    assert bodies(offered) < 1_000_000 and not (home / "models").exists()  # a header, and nothing is kept


async def test_on_a_small_machine_what_fits_there_and_why(offered: HubServer, home: Path) -> None:
    usual = await plan(offered, home, "smollm2:135m", quantization="q4_k_m")
    assert usual.fit is not None
    memory = usual.fit.memory.total + 1_000_000
    planned = await plan(offered, home, "smollm2:135m", {"memory": memory})
    assert planned.quantization == "Q4_K_M" and planned.name == "smollm2:135m-q4_k_m"
    assert keys(planned) == ["best", "finer_too_big"] and "Q6_K" in str(planned.reasons[1])


async def test_without_the_catalogue_one_header_tells_of_the_others(offered: HubServer, home: Path) -> None:
    by_name = await plan(offered, home, "smollm2:135m", {"memory": 360_000_000})
    by_header = await plan(offered, home, f"hf:{REPOSITORY}", {"memory": 360_000_000})
    assert by_header.quantization == by_name.quantization != "F16"
    assert by_header.name == by_header.source == f"hf:{REPOSITORY}:{by_name.quantization}"


async def test_what_is_asked_for_is_taken(offered: HubServer, home: Path) -> None:
    named: list[tuple[str, dict[str, Any]]] = [
        ("smollm2:135m", {"quantization": "q2_k"}),
        ("smollm2:135m-q2_k", {}),
        ("SMOLLM2:135M", {"quantization": "Q2_K"}),
    ]
    for model, wants in named:
        planned = await plan(offered, home, model, **wants)
        assert (planned.name, planned.quantization, keys(planned)) == ("smollm2:135m-q2_k", "Q2_K", ["asked"])
    for model in (f"hf:{REPOSITORY}:Q2_K", f"ms:{REPOSITORY}:q2_k"):
        planned = await plan(offered, home, model)
        assert planned.fit is not None and planned.fit.facts.quantization == "Q2_K" and keys(planned) == ["asked"]


async def test_the_best_of_those_that_are_small_enough(offered: HubServer, home: Path) -> None:
    planned = await plan(offered, home, "smollm2:135m", max_size=120_000_000)
    assert planned.bytes <= 120_000_000 and keys(planned)[0] == "under" and planned.flags == " --max-size 120MB"
    told = await refused(offered, home, "smollm2:135m", SaidNo, "pull.over_size", max_size=50_000_000)
    assert told.facts["quantization"] == "Q2_K" and told.exit_code == 1


async def test_another_makers_mix_goes_by_its_size_and_then_by_its_header(
    hub: HubServer, home: Path, starter_path: Path, tmp_path: Path
) -> None:
    """Its name says nothing that the mix knows; the header, once read, says that it does not fit: the next is taken."""
    dynamic = in_quantization(starter_path, "Q8_0", tmp_path / "d.gguf")
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-UD-Q6_K_XL.gguf", dynamic)
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q2_K.gguf", in_quantization(starter_path, "Q2_K", tmp_path / "q"))
    planned = await plan(hub, home, "smollm2:135m")
    assert planned.name == "smollm2:135m-ud-q6_k_xl" and planned.quantization == "UD-Q6_K_XL"
    assert planned.fit is not None
    # By its size it seems smaller by the vocabulary that this file has not: between the two only the header tells.
    tight = planned.fit.memory.total - 200_000
    again = await plan(hub, home, "smollm2:135m-ud-q6_k_xl")
    assert again.source == planned.source and keys(again) == ["asked"]
    planned = await plan(hub, home, "smollm2:135m", {"memory": tight})
    assert planned.quantization == "Q2_K" and keys(planned)[0] == "not" and "UD-Q6_K_XL" in str(planned.reasons[0])


async def test_the_size_of_a_family_that_suits_this_machine(offered: HubServer, home: Path) -> None:
    planned = await plan(offered, home, "smollm2", {"memory": 360_000_000})
    assert planned.name.startswith("smollm2:135m") and keys(planned)[0] == "size"
    assert "smollm2:135m" in str(planned.reasons[0]) and " 3 sizes" in str(planned.reasons[0])


async def test_what_does_not_fit_is_planned_and_not_fetched(offered: HubServer, home: Path) -> None:
    one = puller(offered, home, memory=200_000_000)
    planned = await one.plan("smollm2:135m")
    assert planned.too_big and keys(planned) == ["smallest"] and planned.quantization == "Q2_K"
    assert any("homeroom pull smollm2:135m --ctx 1792" in str(change) for change in planned.changes)
    before = bodies(offered)
    with pytest.raises(DoesNotFit) as caught:
        await one.fetch(planned, progress=Quiet())
    assert caught.value.exit_code == 1 and "--force" in str(caught.value.next)
    assert bodies(offered) == before
    forced = await one.plan("smollm2:135m", force=True)
    await one.fetch(forced, progress=Quiet())
    assert Store(home / "models").get("smollm2:135m-q2_k") is not None


async def test_a_coarser_one_is_named_where_the_one_asked_for_does_not_fit(offered: HubServer, home: Path) -> None:
    planned = await plan(offered, home, "smollm2:135m", {"memory": 360_000_000}, quantization="F16")
    assert planned.too_big
    assert any("homeroom pull smollm2:135m --quant Q" in str(change) for change in planned.changes)


@pytest.mark.parametrize(
    ("model", "kind", "key", "wants"),
    [
        ("llama-that-is-none", UnknownModel, "pull.unknown", {}),
        ("smollm2:135", UnknownModel, "pull.unknown_but", {}),
        ("unsloth/Qwen3-8B-GGUF", UnknownModel, "pull.which_hub", {}),
        ("hf:nobody/nothing", UnknownModel, "hubs.not_there", {}),
        ("nothing.gguf", UnknownModel, "models.no_file", {}),
        (f"hf:{REPOSITORY}:Q2_K", UsageError, "pull.two_quantizations", {"quantization": "Q4_K_M"}),
        ("smollm2:135m-q2_k", UsageError, "pull.two_quantizations", {"quantization": "Q4_K_M"}),
        (f"hf:{REPOSITORY}", UnknownModel, "hubs.no_such_quant", {"quantization": "IQ1_S"}),
    ],
)
async def test_what_cannot_be_understood(
    offered: HubServer, home: Path, model: str, kind: type[HomeroomError], key: str, wants: dict[str, Any]
) -> None:
    await refused(offered, home, model, kind, key, **wants)


@pytest.mark.parametrize(
    "files", [("small.gguf", "large.gguf"), ("x-Q4_K_M.gguf", "y-Q4_K_M.gguf"), ("m-1b-Q4_K_M.gguf", "m-7b-Q8_0.gguf")]
)
async def test_several_models_in_one_place(
    hub: HubServer, home: Path, sparse: dict[str, Path], files: tuple[str, str]
) -> None:
    for name, path in zip(files, (sparse["Q2_K"], sparse["Q8_0"]), strict=True):
        hub.publish("a/b", name, path)
    told = await refused(hub, home, "hf:a/b", AmbiguousModel, "pull.no_choice")
    assert files[0] in told.message
    assert (await plan(hub, home, f"hf:a/b:{files[0]}")).fit is not None


async def test_the_only_one_is_stored_and_found_with_its_choice(hub: HubServer, home: Path, starter_path: Path) -> None:
    hub.publish("a/b-GGUF", "m-Q4_1.gguf", starter_path)
    assert (await pull(hub, home, "hf:a/b-GGUF")).name == "hf:a/b-GGUF:Q4_1"
    for words in ("hf:a/b-GGUF:Q4_1", "hf:a/b-GGUF", "hf.co/a/b-GGUF:q4_1"):
        assert (await plan(hub, home, words)).here, words
        assert Library(settings.load({}, hubs_at(hub, home))).find(words).name == "hf:a/b-GGUF:Q4_1"
    assert len(Store(home / "models").all()) == 1


async def test_what_was_stored_without_its_choice_is_not_fetched_again(
    hub: HubServer, home: Path, starter_path: Path
) -> None:
    hub.publish("a/b-GGUF", "m-Q4_1.gguf", starter_path)
    planned = await plan(hub, home, "hf:a/b-GGUF")
    one = puller(hub, home)
    await one.fetch(replace(planned, name="hf:a/b-GGUF", source="hf:a/b-GGUF"), progress=Quiet())
    for words in ("hf:a/b-GGUF:Q4_1", "hf:a/b-GGUF"):
        assert (await plan(hub, home, words)).name == "hf:a/b-GGUF" and (await plan(hub, home, words)).here, words


async def test_a_file_that_is_not_what_its_name_says(hub: HubServer, home: Path, sparse: dict[str, Path]) -> None:
    """Told where nobody asked for a quantization; refused where somebody did, unless it is forced."""
    hub.publish("a/b", "m-Q8_0.gguf", sparse["Q4_K_M"])
    planned = await plan(hub, home, "hf:a/b")
    assert keys(planned) == ["only", "mislabelled"] and planned.quantization == "Q4_K_M"
    assert "says Q8_0, but its header says Q4_K_M" in str(planned.reasons[1])
    asked: list[tuple[str, dict[str, Any]]] = [("hf:a/b", {"quantization": "Q8_0"}), ("hf:a/b:Q8_0", {})]
    for model, wants in asked:
        told = await refused(hub, home, model, SourceFailure, "pull.mislabelled", **wants)
        assert "is called Q8_0, but its header says Q4_K_M" in told.message and "--force" in str(told.next)
        assert keys(await plan(hub, home, model, force=True, **wants)) == ["asked", "mislabelled"]
    assert keys(await plan(hub, home, "hf:a/b:m-Q8_0.gguf")) == ["asked", "mislabelled"]


async def test_of_a_name_the_next_source_has_it_right(hub: HubServer, home: Path, sparse: dict[str, Path]) -> None:
    last = REPOSITORY.partition("/")[2]
    hub.publish(f"unsloth/{last}", "SmolLM2-135M-Instruct-Q8_0.gguf", sparse["Q4_K_M"])
    with pytest.raises(SourceFailure):
        await plan(hub, home, "smollm2:135m", quantization="Q8_0")
    assert (await plan(hub, home, "smollm2:135m")).name == "smollm2:135m-q4_k_m"
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q8_0.gguf", sparse["Q8_0"])
    planned = await plan(hub, home, "smollm2:135m", quantization="Q8_0")
    assert planned.source == f"hf:{REPOSITORY}:Q8_0"
    assert len({answer.source for answer in planned.answers}) == len(planned.answers)


# ---- rates


def test_the_rate_is_what_came_in_the_time_that_it_took() -> None:
    now = [0.0]
    meter = Meter(clock=lambda: now[0])
    assert meter.rate is None
    for second in range(3):
        now[0] = second
        meter(second * LEAST_SEEN)
    assert meter.rate == LEAST_SEEN


def test_of_a_few_bytes_no_rate_is_told() -> None:
    now = [0.0]
    meter = Meter(clock=lambda: now[0])
    meter(0)
    now[0] = 1.0
    meter(LEAST_SEEN - 1)
    assert meter.rate is None


def test_a_limit_bounds_the_rate_and_another_header_begins_anew() -> None:
    now = [0.0]
    meter = Meter(limit=1000, clock=lambda: now[0])
    for count in (LEAST_SEEN * 4, 100, LEAST_SEEN * 2):
        meter(count)
        now[0] += 1.0
    assert meter.rate == 1000


async def test_the_time_is_told_from_the_header_of_a_real_file(hub: HubServer, home: Path, starter_path: Path) -> None:
    hub.behaviour.rate = 5_000_000
    hub.publish("a/b", "m-Q4_1.gguf", starter_path)
    planned = await plan(hub, home, "hf:a/b")
    assert planned.rate is not None and 1_000_000 < planned.rate < 20_000_000
    assert planned.seconds == planned.download_bytes / planned.rate
    limited = await plan(hub, home, "hf:a/b", {"limit_rate": "1MB"})
    assert limited.rate == 1_000_000


# ---- fetching


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


@pytest.fixture(scope="session")
def shards(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The starter as two sparse shards."""
    from homeroom.models.gguf import read_header
    from homeroom.models.gguf_write import for_sizing, write

    folder, header = tmp_path_factory.mktemp("shards"), read_header(starter_path)
    lines = [(line.name, line.shape, line.type) for line in header.tensors]
    halves, made = (lines[:100], lines[100:]), []
    for number, half in enumerate(halves):
        metadata = for_sizing(header.metadata, header.tensors) if number == 0 else {}
        told = {"split.no": number, "split.count": 2, "split.tensors.count": len(lines)}
        made.append(write(metadata | told, half, folder / f"m-Q4_1-{number + 1:05d}-of-00002.gguf"))
    return made


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


# ---- sources


async def test_a_source_that_fails_is_left_for_the_next(offered: HubServer, home: Path) -> None:
    """Hugging Face refuses; ModelScope has the same file, and what was said is told."""
    planned = await plan(offered, home, "smollm2:135m", {"hf_endpoint": "http://127.0.0.1:9"}, quantization="Q4_1")
    assert planned.source.startswith("ms:") and [answer.source for answer in planned.answers] == ["Hugging Face"]


async def test_a_source_that_fails_in_the_middle(offered: HubServer, home: Path) -> None:
    """Its file is another than it was listed as: the next source has the right one, in the same quantization."""
    said: list[str] = []
    one = puller(offered, home)
    one._tell = said.append
    planned = await one.plan("smollm2:135m", quantization="Q4_1")
    (wanted,) = planned.wanted
    bad = replace(wanted, file=replace(wanted.file, url=f"{offered.url}/nothing/there/resolve/main/x.gguf"))
    stored = await one.fetch(replace(planned, wanted=(bad,)), progress=Quiet())
    assert stored.source.startswith("ms:") and stored.name == "smollm2:135m-q4_1"
    assert len(said) == 1 and said[0].startswith(f"hf:{REPOSITORY}")


async def test_where_no_other_source_has_it_all_answers_are_told(offered: HubServer, home: Path) -> None:
    one = puller(offered, home, sources="hf,ms")
    planned = await one.plan("smollm2:135m", quantization="Q4_1")
    (wanted,) = planned.wanted
    bad = replace(wanted, file=replace(wanted.file, url=f"{offered.url}/nothing/there/resolve/main/x.gguf"))
    lonely = puller(offered, home, sources="hf,ms", modelscope_endpoint="http://127.0.0.1:9")
    with pytest.raises(SourceFailure) as caught:
        await lonely.fetch(replace(planned, wanted=(bad,)), progress=Quiet())
    assert caught.value.key == "pull.all_failed" and "goes on where it stopped" in str(caught.value.next)
    assert all(word in caught.value.message for word in (f"hf:{REPOSITORY}:Q4_1", "ModelScope"))


async def test_where_all_fail_each_answer_is_told(hub: HubServer, home: Path) -> None:
    told = await refused(hub, home, "smollm2:135m", UnknownModel, "offers.nowhere")
    assert all(word in told.message for word in ("Hugging Face", "ModelScope", "Ollama"))


async def test_another_model_under_the_name_is_not_taken(
    hub: HubServer, home: Path, gemma_path: Path, sparse: dict[str, Path]
) -> None:
    hub.publish(f"unsloth/{REPOSITORY.partition('/')[2]}", "SmolLM2-135M-Instruct-Q4_K_M.gguf", gemma_path)
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q4_K_M.gguf", sparse["Q4_K_M"])
    planned = await plan(hub, home, "smollm2:135m")
    assert planned.source.startswith(f"hf:{REPOSITORY}")
    assert any("gemma3" in answer.reason for answer in planned.answers)


async def test_gated(offered: HubServer, home: Path) -> None:
    offered.behaviour.gated = True
    told = await refused(offered, home, f"hf:{REPOSITORY}", SourceFailure, "hubs.gated")
    assert "HF_TOKEN" in str(told.next)


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
