"""The catalogue says what models really are, in no time, and its data file is what its sources give."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from homeroom.errors import AmbiguousModel, NotSupported, UsageError
from homeroom.fit.dry_run import Question, dry_run
from homeroom.models import catalogue, mix
from homeroom.models.catalogue import Entry
from support.hub_server import HubServer

FOLDER = Path(__file__).parents[2] / "catalogue"


def _load_make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogue_make", FOLDER / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = _load_make()
ENTRIES = catalogue.entries()


def entry(name: str) -> Entry:
    found = catalogue.find(name)
    assert found is not None
    return found


def raw(name: str) -> dict[str, Any]:
    return copy.deepcopy(next(one for one in make.load() if one["name"] == name))


# ---- what the models are


def test_the_7b_is_a_student_on_qwens_base() -> None:
    model = entry("deepseek-r1:7b")
    facts = model.summary()
    assert model.title == "DeepSeek-R1-Distill-Qwen-7B"
    assert (model.teacher, model.base, model.licence) == ("DeepSeek-R1 671B", "Qwen2.5-Math-7B", "MIT")
    assert (facts.architecture, facts.quantization) == ("qwen2", "Q4_K_M")
    assert facts.parameters == 7_615_616_512
    assert facts.bits_per_weight == pytest.approx(4.9, abs=0.05)
    assert model.grades["MATH-500 pass@1"] == 92.8
    assert model.thinks


def test_the_catalogue_holds_what_people_run() -> None:
    assert len(ENTRIES) >= 150
    families = {model.name.partition(":")[0] for model in ENTRIES}
    assert families >= {
        "deepseek-r1",
        "qwen2.5",
        "qwen3",
        "qwen3.5",
        "llama3.1",
        "llama3.3",
        "gemma3",
        "gemma4",
        "gpt-oss",
    }


@pytest.mark.parametrize("model", ENTRIES, ids=lambda model: model.name)
def test_an_entry_says_where_it_has_its_facts(model: Entry) -> None:
    assert model.sources or model.checked == "single-source"
    assert model.date >= "2026"
    assert not model.grades or model.grades_source
    assert model.default_quantization in model.quantizations
    assert set(model.sizes) <= set(model.quantizations)


def test_experts_are_told_from_those_that_work() -> None:
    model = entry("qwen3:30b-a3b")
    facts = model.summary()
    assert facts.parameters == pytest.approx(30.5e9, rel=0.01)
    assert facts.active_parameters == pytest.approx(3.3e9, rel=0.1)
    assert (facts.experts, facts.experts_used) == (128, 8)


def test_a_hybrids_context_is_the_published_one() -> None:
    """The converter writes 1,048,576 for whatever recurs."""
    assert entry("granite4:tiny-h").context_length == 131_072


# ---- names


@pytest.mark.parametrize(
    ("typed", "name", "quantization"),
    [
        ("deepseek-r1:7b", "deepseek-r1:7b", "Q4_K_M"),
        ("DeepSeek-R1:7B", "deepseek-r1:7b", "Q4_K_M"),
        ("deepseek-r1:7b-q8_0", "deepseek-r1:7b", "Q8_0"),
        ("deepseek-r1:7b-qwen-distill-q4_K_M", "deepseek-r1:7b", "Q4_K_M"),
        ("deepseek-r1:7b-fp16", "deepseek-r1:7b", "F16"),
        ("DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1:7b", "Q4_K_M"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1:7b", "Q4_K_M"),
        ("DeepSeek-R1-Distill-Qwen-7B-IQ2_XXS", "deepseek-r1:7b", "IQ2_XXS"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-r1:671b-0120", "Q4_K_M"),
        ("llama3.1:latest", "llama3.1:8b", "Q4_K_M"),
    ],
)
def test_what_a_name_means(typed: str, name: str, quantization: str) -> None:
    found = catalogue.resolve(typed)
    assert found is not None
    assert (found.entry.name, found.quantization) == (name, quantization)


@pytest.mark.parametrize("typed", ["", "nothing", "deepseek-r1:9b", "qwen", "-q8_0", "x" * 10_000])
def test_what_is_no_name(typed: str) -> None:
    assert catalogue.resolve(typed) is None


def test_a_familys_name_lists_the_choices() -> None:
    with pytest.raises(AmbiguousModel, match=r"mamba:130m.*mamba:2.8b"):
        catalogue.resolve("mamba")


def test_a_quantization_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="Q9_K"):
        catalogue.resolve("deepseek-r1:7b-q9_k")
    with pytest.raises(NotSupported, match="Q9_K"):
        entry("deepseek-r1:7b").summary("Q9_K")


def test_names_that_are_spelled_alike() -> None:
    assert catalogue.close("deepseek-r1:7")[0] == "deepseek-r1:7b"


def test_no_name_means_two_models() -> None:
    names = [name for model in ENTRIES for name in (model.name, *model.aliases)]
    assert len(names) == len({name.lower() for name in names})


# ---- the two ways to the facts


def _sample() -> list[tuple[Entry, str]]:
    """For each architecture its smallest model, in its usual quantization and in one more."""
    smallest: dict[str, Entry] = {}
    for model in sorted(ENTRIES, key=lambda model: model.parameters):
        smallest.setdefault(model.architecture, model)
    picked = [(model, model.default_quantization) for model in smallest.values()]
    return picked + [
        (model, model.quantizations[number % len(model.quantizations)]) for number, (model, _) in enumerate(picked)
    ]


@pytest.mark.parametrize(("model", "quantization"), _sample(), ids=lambda value: getattr(value, "name", value))
def test_the_digest_is_what_the_header_gives(model: Entry, quantization: str) -> None:
    assert model.summary(quantization) == model.facts(quantization)


@pytest.mark.parametrize("name", ["mamba:130m", "granite4:350m-h", "lfm2:8b", "deepseek-r1:671b-0120"])
def test_the_engine_takes_the_header(name: str) -> None:
    headers = entry(name).headers()
    sized = dry_run(headers, Question(512))
    assert sized.weights == pytest.approx(sum(tensor.size for tensor in headers[0].tensors), rel=0.01)


def test_70b_in_float32_is_the_charts() -> None:
    """The public chart counts 70.6 billion times 4 bytes."""
    assert entry("deepseek-r1:70b").summary("F32").tensor_bytes == pytest.approx(70.6e9 * 4, rel=0.001)


# Files of these were made when llama.cpp's quantizer treated their fused or narrow tensors otherwise.
_OTHERWISE = {"bert", "nomic-bert", "phi3"}


@pytest.mark.parametrize(
    "model",
    [model for model in ENTRIES if model.sizes and model.architecture not in _OTHERWISE],
    ids=lambda model: model.name,
)
def test_published_sizes_are_what_the_shapes_give(model: Entry) -> None:
    for quantization, size in model.sizes.items():
        rounding = 0 if size % 10**7 else 5 * 10**6 if size % 10**8 else 5 * 10**7
        assert model.summary(quantization).file_bytes == pytest.approx(size, rel=0.005, abs=rounding)


# ---- time


def best(what: Callable[[], object], times: int = 7) -> float:
    """Seconds of the fastest of some runs: what it takes where nobody disturbs."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        taken.append(time.perf_counter() - began)
    return min(taken)


def test_it_loads_in_milliseconds() -> None:
    def load() -> None:
        catalogue.entries.cache_clear()
        catalogue.entries()

    assert best(load) / len(catalogue.entries()) < 15e-3 / 200


def test_a_summary_takes_microseconds() -> None:
    def all_of_them() -> None:
        for model in ENTRIES:
            for quantization in mix.GRID:
                if quantization in model.quantizations:
                    model.summary(quantization)

    assert best(all_of_them, 3) / (len(ENTRIES) * len(mix.GRID)) < 100e-6


# ---- making it


def test_the_data_file_is_what_the_sources_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main(["--check"]) == 0, capsys.readouterr().out


def made(*entries: dict[str, Any]) -> tuple[list[str], str]:
    """Names that are in, and the table of problems."""
    models, problems = make.make(entries)
    return [model["name"] for model in models], make.table(problems)


def test_a_sound_entry_is_in() -> None:
    assert made(raw("deepseek-r1:7b")) == (["deepseek-r1:7b"], "")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"parameters": 7_615_616_513}, "the shapes hold 7,615,616,512 parameters"),
        ({"published_parameters": 8_000_000_000}, "published_parameters 8,000,000,000"),
        ({"colour": "red"}, "unknown fields: colour"),
        ({"licence": 3}, "licence is no str"),
        ({"parameters": "7B"}, "parameters is no int"),
        ({"name": "DeepSeek R1"}, "no name that can be typed"),
        ({"released": "yesterday"}, "released is no date"),
        ({"sources": [], "checked": "parameters"}, "no sources"),
        ({"grades_source": ""}, "grades without grades_source"),
        ({"default_quantization": "Q9_K"}, "Q9_K"),
        ({"aliases": ["deepseek-r1:7b"]}, "twice"),
        ({"config": {"model_type": "unheard-of"}}, "unheard-of"),
    ],
)
def test_a_wrong_entry_is_left_out_and_told(change: dict[str, Any], told: str) -> None:
    names, table = made({**raw("deepseek-r1:7b"), **change})
    assert names == []
    assert "left out" in table
    assert told in table


def test_a_published_size_that_the_shapes_do_not_give_is_told() -> None:
    names, table = made({**raw("deepseek-r1:7b"), "sizes_gb": {"Q4_K_M": 4.2}})
    assert names == ["deepseek-r1:7b"]
    assert "Q4_K_M: 4.683 GB by its shapes, published 4.2" in table


def test_one_name_for_two_models_is_told() -> None:
    names, table = made(raw("deepseek-r1:7b"), {**raw("deepseek-r1:14b"), "aliases": ["deepseek-r1:7b"]})
    assert names == ["deepseek-r1:7b"]
    assert "is a name of deepseek-r1:7b too" in table


async def test_an_entry_is_compared_with_its_repository() -> None:
    config = raw("deepseek-r1:7b")["config"]
    repository = "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
    async with HubServer() as hub:
        hub.publish(repository, "model.safetensors", b"weights")
        hub.publish(repository, "config.json", json.dumps(config).encode())
        environment = {"HF_ENDPOINT": hub.url}
        assert await make.fetch("deepseek-r1:7b", make.load(), environment) == []
        hub.publish(repository, "config.json", json.dumps({**config, "num_key_value_heads": 8}).encode())
        lines = await make.fetch("deepseek-r1:7b", make.load(), environment)
    assert lines == ["qwen2.attention.head_count_kv: 4 here, 8 published"]


def test_rounded_words() -> None:
    assert make.rounds_to(567_754_752, "567M")
    assert make.rounds_to(33_360_000, "33.4M")
    assert not make.rounds_to(565_400_000, "567M")
