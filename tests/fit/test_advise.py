"""Answers for whoever asks: every form of a MODEL, this machine and others, the formula and the engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from homeroom.errors import UnknownModel, UsageError
from homeroom.fit.advise import Advice, Adviser, lineage
from homeroom.fit.ask import Basis
from homeroom.fit.memory import kv_bytes_per_token
from homeroom.fit.placement import usable
from homeroom.hardware import bandwidth
from homeroom.hardware.machine import detect
from homeroom.models import catalogue
from homeroom.models.gguf import read_header
from homeroom.models.library import Library
from homeroom.settings import Settings, load
from support.hub_server import HubServer
from support.shapes import GB, GIB

MIB = 1 << 20


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which this machine's bandwidth is known already."""
    measured = {"machine": bandwidth.fingerprint(detect()), "bandwidth": 50e9, "date": "2026-11-25T00:00:00+00:00"}
    (tmp_path / bandwidth.FILE).write_text(json.dumps(measured))
    return tmp_path


def settings(home: Path, **flags: object) -> Settings:
    return load(flags, {"HOMEROOM_HOME": str(home)})


async def look(home: Path, model: str | Path, basis: Basis | None = None, **flags: object) -> Advice:
    """What is said of *model* on a machine with 64 GB."""
    return await Adviser(settings(home, **flags), ram="64GB").look(str(model), basis)


# ---- DeepSeek-R1's family, as published


@pytest.mark.parametrize(
    ("name", "architecture", "billions", "kv", "file"),
    [
        ("deepseek-r1:1.5b", "qwen2", 1.78, 28_672, 1.12e9),
        ("deepseek-r1:7b", "qwen2", 7.62, 57_344, 4.68e9),
        ("deepseek-r1:8b-llama-distill", "llama", 8.03, 131_072, 4.92e9),
        ("deepseek-r1:14b", "qwen2", 14.77, 196_608, 8.99e9),
        ("deepseek-r1:32b", "qwen2", 32.76, 262_144, 19.85e9),
        ("deepseek-r1:70b", "llama", 70.55, 327_680, 42.5e9),
        ("deepseek-r1:671b", "deepseek2", 671.0, 70_272, 404e9),
    ],
)
async def test_the_seven_of_deepseek_r1(
    name: str, architecture: str, billions: float, kv: int, file: float, home: Path
) -> None:
    fit = (await look(home, name)).fit
    facts = fit.facts
    assert (facts.architecture, facts.quantization) == (architecture, "Q4_K_M")
    assert facts.parameters / 1e9 == pytest.approx(billions, rel=0.002)
    assert kv_bytes_per_token(facts, "f16") == kv
    assert facts.file_bytes == pytest.approx(file, rel=0.005)
    assert fit.memory.kv_cache == kv * 8192 and fit.memory.weights == facts.tensor_bytes


async def test_the_cache_of_671b_in_q8_0_at_32768_tokens(home: Path) -> None:
    fit = (await look(home, "deepseek-r1:671b", ctx="32768", kv_type="q8_0")).fit
    assert fit.memory.kv_cache / MIB == pytest.approx(1166.6, abs=0.05)
    assert fit.facts.active_parameters / 1e9 == pytest.approx(37, rel=0.02)


# ---- every form of a MODEL


async def test_a_name_with_a_quantization(home: Path) -> None:
    advice = await look(home, "deepseek-r1:7b-q8_0")
    facts = advice.fit.facts
    assert (facts.name, facts.quantization, advice.looked.origin) == ("deepseek-r1:7b-q8_0", "Q8_0", "catalogue")
    assert facts.file_bytes == pytest.approx(8.10e9, rel=0.005)


async def test_a_file_here(home: Path, gemma_path: Path) -> None:
    advice = await look(home, gemma_path)
    assert advice.looked.origin == "file" and advice.fit.facts.architecture == "gemma3"
    assert advice.fit.verdict == "fits" and advice.next.key == "advice.next.run"
    assert advice.fit.memory.weights == pytest.approx(gemma_path.stat().st_size, rel=0.05)


async def test_a_header_over_http_is_all_that_travels(home: Path, gemma_path: Path) -> None:
    async with HubServer() as hub:
        url = hub.publish("o/r", "gemma.gguf", gemma_path)
        advice = await look(home, url)
        sent = hub.sent
    there, here = advice.fit, (await look(home, gemma_path)).fit
    assert there.memory == here.memory and there.max_context == here.max_context
    assert 0 < advice.looked.traffic_bytes == advice.row()["source"]["traffic"] <= 12_000_000
    assert advice.looked.traffic_bytes == sent < gemma_path.stat().st_size / 10
    assert any("header" in note for note in advice.notes)


async def test_a_header_over_http_can_be_asked_of_the_engine(home: Path, starter_path: Path) -> None:
    async with HubServer() as hub:
        url = hub.publish("o/r", "m.gguf", starter_path)
        exact, formula = await look(home, url, "engine"), await look(home, url)
    assert exact.fit.memory.basis == "engine"
    assert exact.fit.memory.total == pytest.approx(formula.fit.memory.total, rel=0.01)


async def test_what_nobody_knows_comes_with_names_like_it(home: Path) -> None:
    with pytest.raises(UnknownModel) as caught:
        await look(home, "deepseek-r1:7")
    assert "deepseek-r1:7b" in caught.value.message and "homeroom" in (caught.value.next or "")


# ---- the engine as the basis


@pytest.mark.parametrize(
    ("flags"), [{"ctx": "2048"}, {"ctx": "8192", "parallel": "4", "kv_type": "q8_0"}], ids=["plain", "parallel"]
)
@pytest.mark.parametrize("model", ["starter", "gemma", "deepseek-r1:7b"])
async def test_formula_and_engine_agree(
    model: str, flags: dict[str, str], home: Path, starter_path: Path, gemma_path: Path
) -> None:
    what = {"starter": str(starter_path), "gemma": str(gemma_path)}.get(model, model)
    exact, formula = await look(home, what, "engine", **flags), await look(home, what, "formula", **flags)
    engine, reckoned = exact.fit.memory, formula.fit.memory
    assert (engine.basis, reckoned.basis) == ("engine", "formula")
    assert reckoned.total == pytest.approx(engine.total, rel=0.01)
    assert reckoned.kv_cache == pytest.approx(engine.kv_cache, rel=0.005)
    assert reckoned.compute == pytest.approx(engine.compute, rel=0.15)


async def test_the_engines_answer_is_kept(home: Path, starter_path: Path) -> None:
    for _ in range(2):
        await look(home, starter_path, "engine")
    assert len(list((home / "cache" / "fit").iterdir())) == 1


# ---- the question


async def test_a_question_without_numbers_takes_8192_tokens_or_the_models_limit(home: Path, starter_path: Path) -> None:
    assert (await look(home, "deepseek-r1:7b")).fit.ask.context == 8192
    header = read_header(starter_path)
    looked = (await look(home, starter_path)).looked
    short = replace(looked, facts=replace(looked.facts, context_length=2048))
    assert Adviser(settings(home), ram="64GB").advise(short).fit.ask.context == 2048
    assert header.metadata["llama.context_length"] == 8192


async def test_more_context_than_the_model_has_is_refused_with_its_limit(home: Path) -> None:
    with pytest.raises(UsageError) as caught:
        await look(home, "deepseek-r1:7b", ctx="131073")
    assert "131072" in caught.value.message and "homeroom fit deepseek-r1:7b --ctx 131072" in str(caught.value.next)
    assert (await look(home, "deepseek-r1:7b", ctx="131072")).fit.ask.context == 131_072


async def test_settings_become_the_question(home: Path) -> None:
    ask = (await look(home, "deepseek-r1:7b", ctx="4096", parallel="4", kv_type="q4_0")).fit.ask
    assert (ask.context, ask.parallel, ask.kv_type) == (4096, 4, "q4_0")


# ---- the machine


def test_this_machine_with_its_bandwidth(home: Path) -> None:
    machine = Adviser(settings(home)).machine
    assert (machine.source, machine.bandwidth, machine.bandwidth_basis) == ("detected", 50e9, "measured")
    assert machine.memory_total > 0


def test_the_bandwidth_of_this_machine_is_measured_once_and_kept(tmp_path: Path) -> None:
    first = Adviser(settings(tmp_path)).machine.bandwidth
    assert [path.name for path in tmp_path.iterdir()] == [bandwidth.FILE]
    written = (tmp_path / bandwidth.FILE).stat().st_mtime_ns
    assert first is not None and first > 1e9
    if json.loads((tmp_path / bandwidth.FILE).read_text())["busy"]:
        return  # it is measured again, which test_bandwidth holds
    assert Adviser(settings(tmp_path)).machine.bandwidth == first
    assert (tmp_path / bandwidth.FILE).stat().st_mtime_ns == written


def test_nothing_is_measured_for_a_machine_that_is_not_at_hand(tmp_path: Path) -> None:
    machine = Adviser(settings(tmp_path), machine="M4 Max 64GB").machine
    assert machine.source == "preset" and machine.memory_total == 64 * GIB and machine.bandwidth == 546e9
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("what", "total", "cards"),
    [
        ({"ram": "32GB"}, 32 * GIB, 0),
        ({"vram": "24GB,24GB", "ram": "64GB"}, 64 * GIB, 2),
        ({"machine": "RTX 4090"}, 32 * GIB, 1),
        ({"machine": "2x 3090", "ram": "128GB"}, 128 * GIB, 2),
    ],
)
def test_a_machine_in_words(what: dict[str, str], total: int, cards: int, home: Path) -> None:
    machine = Adviser(settings(home), **what).machine
    assert machine.memory_total == total and machine.source in ("given", "preset")
    assert sum(not device.integrated for device in machine.devices) == cards


async def test_a_bigger_machine_holds_what_a_smaller_one_does_not(home: Path) -> None:
    verdicts = [
        (await Adviser(settings(home), **what).look("deepseek-r1:70b")).fit.verdict
        for what in ({"ram": "16GB"}, {"machine": "RTX 4090", "ram": "64GB"}, {"machine": "2x 3090", "ram": "64GB"})
    ]
    assert verdicts == ["too-big", "fits-partly", "fits"]


@pytest.mark.parametrize("what", [{"machine": "RTX 4091"}, {"ram": "much"}, {"vram": "24GB", "machine": "RTX 4090"}])
def test_a_machine_that_cannot_be_is_refused(what: dict[str, str], home: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Adviser(settings(home), **what)
    assert caught.value.next


# ---- what is said about it


async def test_a_student_is_told_with_its_teacher_and_what_rounding_costs(home: Path) -> None:
    said = [str(line) for line in (await look(home, "deepseek-r1:7b")).lineage]
    assert "DeepSeek-R1 671B" in said[0] and "Qwen2.5-Math-7B" in said[0]
    assert "4.9 bits" in said[1] and "% more perplexity" in said[1]


async def test_a_mixture_is_told_with_what_takes_memory_and_what_takes_time(home: Path) -> None:
    said = " ".join(str(line) for line in (await look(home, "deepseek-r1:671b")).lineage)
    assert "256 experts, 8 at work" in said and "all 671 B" in said and "37 B take time" in said


async def test_full_precision_costs_nothing_and_nothing_is_said(home: Path) -> None:
    facts = (await look(home, "deepseek-r1:7b-bf16")).fit.facts
    assert all("perplexity" not in str(line) for line in lineage(facts, None))


async def test_changes_for_a_catalogue_name_can_be_typed(home: Path) -> None:
    fit = (await Adviser(settings(home), ram="12GB").look("deepseek-r1:14b-q6_k")).fit
    (change,) = [change for change in fit.changes if change.key == "fit.change.quantization"]
    name = str(dict(change.facts)["name"])
    again = await Adviser(settings(home), ram="12GB").look(name)
    assert again.fit.verdict == "fits" and again.fit.facts.name == name != "deepseek-r1:14b-q6_k"


async def test_changes_for_a_file_send_nobody_to_the_same_file_again(home: Path, gemma_path: Path) -> None:
    library = Library(settings(home))
    looked = await library.look(str(gemma_path))
    adviser = Adviser(settings(home), ram="64GB")
    whole = adviser.advise(looked).fit
    adviser.machine = replace(adviser.machine, memory_free=int((whole.memory.total - 10 * 10**6) / 0.9))
    keys = {change.key for change in adviser.advise(looked).fit.changes}
    assert "fit.change.quantization_other" in keys and "fit.change.quantization" not in keys


async def test_the_next_command_suits_where_the_model_is(home: Path, gemma_path: Path) -> None:
    assert str((await look(home, gemma_path)).next) == f"homeroom run {gemma_path}"
    assert "homeroom pull deepseek-r1:7b" in str((await look(home, "deepseek-r1:7b")).next)
    assert (await look(home, "deepseek-r1:671b")).next.key == "advice.next.smaller"


# ---- many


def test_the_whole_catalogue_is_ranked_once(home: Path) -> None:
    rows = Adviser(settings(home), ram="32GB").ranking()
    names = [row.fit.facts.name for row in rows]
    assert sorted(names) == sorted(entry.name for entry in catalogue.entries() if entry.kind != "embedding")
    assert any(
        row.candidate.kind == "embedding" for row in Adviser(settings(home), ram="32GB").ranking(kind="embedding")
    )
    assert rows[0].worth >= rows[1].worth > 0


def test_the_ranking_can_be_filtered(home: Path) -> None:
    adviser = Adviser(settings(home), ram="32GB")
    assert {row.candidate.kind for row in adviser.ranking(kind="code")} == {"code"}
    found = adviser.ranking(words="DISTILL")
    assert found and len(found) < 30
    with pytest.raises(UnknownModel):
        adviser.ranking(words="no such words")


def test_the_chart_is_of_the_family_or_of_what_was_asked(home: Path) -> None:
    adviser = Adviser(settings(home), ram="32GB")
    assert all(row.name.startswith("deepseek-r1") for row in adviser.chart().rows)
    assert {row.name for row in adviser.chart("smollm2").rows} >= {"smollm2:135m", "smollm2:1.7b"}


def test_the_public_charts_figure_stands_beside_the_exact_one(home: Path) -> None:
    note = Adviser(settings(home), ram="512GB").public_note()
    assert note is not None
    said, facts = str(note), dict(note.facts)
    assert facts["public"] == "285.6 GB" and "70,553,706,560 parameters" in said
    assert abs(float(str(facts["exact"]).split()[0]) - 285.6) < 1.5
    assert Adviser(settings(home), ram="512GB").public_note("no:such") is None


async def test_every_quantization_of_a_model_at_hand(home: Path, gemma_path: Path) -> None:
    adviser = Adviser(settings(home), ram="64GB")
    for model in ("deepseek-r1:7b", str(gemma_path)):
        grid = adviser.grid(await Library(settings(home)).look(model))
        sizes = [one.facts.file_bytes for one in grid]
        assert len(grid) >= 10 and sizes[0] > 3 * sizes[-1]
        assert all(one.verdict == "fits" and one.max_context > 0 for one in grid)
        assert max(sizes) < 64 * GB


async def test_a_context_over_the_limit_in_the_settings_does_not_forbid_to_look(home: Path, starter_path: Path) -> None:
    wide = settings(home, ctx="131072")
    grid = Adviser(wide, ram="64GB").grid(await Library(wide).look(str(starter_path)))
    assert {one.ask.context for one in grid} == {8192}


def test_a_limit_of_memory_in_the_settings_holds_here_and_not_elsewhere(home: Path) -> None:
    here = Adviser(settings(home, memory="100000000")).machine
    assert usable(here) == pytest.approx(100_000_000, abs=2)
    assert Adviser(settings(home, memory="100000000"), ram="32GB").machine.memory_free > 20 * GB


# ---- what the engine cannot do


async def test_more_requests_than_a_batch_has_tokens(home: Path) -> None:
    """A large model is read 8 tokens at a time; the engine aborts on 9 requests unless it is 9."""
    fit = (await look(home, "deepseek-r1:7b", "engine", ctx="512", parallel="9")).fit
    assert fit.memory.basis == "engine" and fit.ask.batch >= 9


async def test_a_cache_that_the_engine_cannot_quantize_is_refused(home: Path) -> None:
    """phi:2.7b has heads of 80 elements."""
    with pytest.raises(UsageError) as caught:
        await look(home, "phi:2.7b", kv_type="q8_0")
    assert caught.value.key == "fit.no_kv_type" and "--kv-type f16" in (caught.value.next or "")


async def test_a_title_to_the_letter_is_that_model(home: Path) -> None:
    """Ollama's ``deepseek-r1`` is a student; ``DeepSeek-R1`` is the teacher's own name."""
    assert (await look(home, "DeepSeek-R1")).fit.facts.parameters > 600e9
    assert (await look(home, "deepseek-r1")).fit.facts.parameters < 10e9


def test_the_ranking_holds_only_what_has_the_context_asked_for(home: Path) -> None:
    rows = Adviser(settings(home, ctx="131072"), ram="64GB").ranking()
    assert rows and all(row.fit.ask.context == 131_072 for row in rows)
    assert len(rows) < len(Adviser(settings(home), ram="64GB").ranking())
