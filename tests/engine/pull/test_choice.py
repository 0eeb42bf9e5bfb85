"""Plans made from real headers: which file, why, how large, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeroom import settings
from homeroom.engine.pull.plan import LEAST_SEEN, Meter
from homeroom.errors import (
    AmbiguousModel,
    DoesNotFit,
    HomeroomError,
    SaidNo,
    SourceFailure,
    UnknownModel,
    UsageError,
)
from homeroom.models.library import Library
from homeroom.models.store import Store
from support.hub_server import HubServer
from support.models import Quiet
from support.pulling import REPOSITORY, bodies, keys, plan, pull, puller, refused
from support.pulls import hubs_at
from support.quantizations import in_quantization


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
