"""``homeroom fit`` in its forms: one model, the ranking and the chart; what it answers and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from homeroom.cli.commands.fit import KINDS
from homeroom.cli.layout import columns
from homeroom.models import catalogue, mix
from support.commands import Answer, MakeHome, Terminal, cli
from support.hub_server import HubServer

MODEL = "deepseek-r1:7b"
CELL = re.compile(r"(fits|partly) [\d.]+ [MG]B [\d.,]+/s|too big [\d.]+ [MG]B|-")
LINE = re.compile(r"\x1b\[[0-9;]*m|\r")
WIDTH = 120
"""Of ``support.commands.Terminal``."""


@pytest.fixture(scope="module")
def place(make_home: MakeHome) -> Path:
    """A home with the starter model, where this machine's bandwidth has been measured."""
    home = make_home()
    assert cli(home, "fit", "starter").code == 0
    return home


def fit(home: Path, *words: str, **more: str) -> Answer:
    """``homeroom fit`` for a machine of 64 GB."""
    return cli(home, "fit", *words, "--ram", "64GB", **more)


# ---- one model


def test_one_model_in_its_forms(place: Path) -> None:
    people, data, quiet, chinese = (fit(place, MODEL, *more) for more in ((), ("--json",), ("-q",), ("--lang", "zh")))
    assert [one.code for one in (people, data, quiet, chinese)] == [0, 0, 0, 0]
    assert people.err == data.err == quiet.err == ""
    assert people.out.startswith(f"{MODEL}: DeepSeek-R1-Distill-Qwen-7B, 7.6 B parameters, Q4_K_M")
    for words in ("Fits. It needs 5.", "4.7 GB", "469.8 MB", "8,192 tokens", "131,072", "tokens/s (", "64 GB RAM"):
        assert words in people.out, words
    assert people.out.splitlines()[-1].startswith("Next: homeroom pull deepseek-r1:7b")
    assert quiet.out == "fits\n"
    assert "放得下。" in chinese.out and "下一步：" in chinese.out and "tokens" not in chinese.out
    assert data.json["verdict"] == "fits" and data.json["memory"]["basis"] == "formula"
    assert data.json["memory"]["kv_cache"] == 57_344 * 8192


def test_the_machine_comes_first_and_the_figures_of_a_block_stand_in_one_column(place: Path) -> None:
    lines = fit(place, MODEL).out.splitlines()
    machine = next(number for number, line in enumerate(lines) if line.startswith("64 GB RAM"))
    verdict = next(number for number, line in enumerate(lines) if line.startswith("Fits."))
    memory, speed = lines.index("Memory:"), lines.index("Speed and context:")
    assert machine < verdict < memory < speed
    ends = {line.index("B  ") for line in lines[memory + 1 : memory + 6] if "B  " in line}
    assert max(ends) < 30
    assert lines[-1] == f"Next: homeroom pull {MODEL}"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "words", [("deepseek-r1:32b", "--vram", "12GB"), (), ("--chart",)], ids=["one", "all", "chart"]
)
def test_on_a_narrow_terminal_no_line_is_too_long_and_no_command_is_broken(
    words: tuple[str, ...], lang: str, place: Path
) -> None:
    with Terminal(place, "fit", *words, "--ram", "64GB", "--lang", lang, COLUMNS="80", NO_COLOR="1") as terminal:
        assert terminal.ended() == 0
    lines = LINE.sub("", terminal.raw).split("\n")
    assert max(columns(line) for line in lines) <= 80, max(lines, key=columns)
    said = fit(place, *words, *(["--lang", lang])).out
    for command in re.findall(r"homeroom fit [\w.:-]+(?: --[\w-]+ \w+)?", said, re.ASCII):
        assert any(command in line for line in lines), command


def test_the_parts_of_a_placement_add_up(place: Path) -> None:
    told = cli(place, "fit", "deepseek-r1:32b", "--machine", "RTX 3060 12GB", "--ram", "64GB").out.splitlines()
    top = told.index("Where it goes:")
    card, rest, total = (re.findall(r"  ([\d.]+) GB", line)[0] for line in told[top + 1 : top + 4])
    assert float(card) + float(rest) == pytest.approx(float(total), abs=0.11)


def test_a_machine_in_the_place_of_a_model(place: Path) -> None:
    told = fit(place, "RTX 4090")
    assert told.code == 2 and 'Next: See what it can run: homeroom fit --machine "RTX 4090"' in told.err


def test_the_kinds_are_those_of_the_catalogue() -> None:
    assert set(KINDS) == {entry.kind for entry in catalogue.entries()}


def test_json_is_the_same_in_both_languages_but_for_its_sentences(place: Path) -> None:
    english, chinese = (fit(place, MODEL, "--json", "--lang", lang).json for lang in ("en", "zh"))
    assert english.keys() == chinese.keys()
    said = ("reason", "notes", "changes")
    machine = english["machine"], chinese["machine"]
    assert [one["memory_total"] for one in machine] == [64 << 30, 64 << 30]
    assert english["reason"] != chinese["reason"]
    assert all(english[key] == chinese[key] for key in english.keys() - {*said, "machine"})


def test_the_engines_own_figures(place: Path) -> None:
    exact, formula = (fit(place, MODEL, "--json", "--basis", basis).json["memory"] for basis in ("engine", "formula"))
    assert (exact["basis"], formula["basis"]) == ("engine", "formula")
    assert formula["total"] == pytest.approx(exact["total"], rel=0.01)
    assert "the engine's own figures" in fit(place, MODEL, "--basis", "engine").out


def test_what_does_not_fit_says_what_would_and_exits_1(place: Path) -> None:
    told = cli(place, "fit", "deepseek-r1:32b", "--ram", "16GB")
    assert told.code == 1 and told.err == ""
    assert "Too big. It needs 22." in told.out and "What would have to change:" in told.out
    assert re.search(r"Coarser, as \w+ \([\d.]+ GB\), it fits: homeroom fit deepseek-r1:32b-\w+", told.out)
    assert re.search(r"[\d.]+ GB of free memory are missing: a module of \d+ GB more", told.out)
    assert cli(place, "fit", "deepseek-r1:32b", "--ram", "16GB", "--force").code == 0
    quiet = cli(place, "fit", "deepseek-r1:32b", "--ram", "16GB", "-q")
    assert (quiet.out, quiet.code) == ("too-big\n", 1)


def test_what_is_proposed_can_be_typed(place: Path) -> None:
    told = cli(place, "fit", "deepseek-r1:14b-q8_0", "--ram", "16GB").out
    (command,) = re.findall(r"homeroom (fit deepseek-r1:14b-\w+)", told)
    assert cli(place, *command.split(), "--ram", "16GB", "-q").out == "fits\n"


def test_a_model_that_fits_partly_is_shown_with_where_it_goes(place: Path) -> None:
    told = cli(place, "fit", "deepseek-r1:32b", "--machine", "RTX 3060 12GB", "--ram", "64GB")
    assert told.code == 0 and "Fits partly. Only " in told.out
    card, rest = (line for line in told.out.splitlines() if line.endswith(" layers"))
    assert card.strip().startswith("RTX 3060") and rest.strip().startswith("CPU")
    layers = [int(re.findall(r"(\d+) layers$", line)[0]) for line in (card, rest)]
    assert sum(layers) == 64 and all(layers)


def test_a_file_and_its_header_over_http(place: Path, gemma_path: Path) -> None:
    here = fit(place, str(gemma_path), "--json").json

    async def elsewhere() -> tuple[Answer, Answer]:
        async with HubServer() as hub:
            url = hub.publish("o/r", "gemma.gguf", gemma_path)
            words = ("--ram", "64GB")
            fits = await asyncio.to_thread(cli, place, "fit", url, "--json", *words)
            return fits, await asyncio.to_thread(cli, place, "show", url)

    there, shown = asyncio.run(elsewhere())
    assert there.json["memory"] == here["memory"]
    traffic = there.json["source"]["traffic"]
    assert here["source"]["traffic"] == 0 < traffic < 12_000_000
    assert shown.code == 0 and f"Only the header was read: {traffic / 1e6:.1f} MB." in shown.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("deepseek-r1:7",), "deepseek-r1:7b"),
        (("deepsek-r1:70b",), "deepseek-r1:70b"),
        (("qwen3.6",), "qwen3.6:35b"),
        ((MODEL, "--ram", "much"), "32GB"),
        ((MODEL, "--machine", "RTX 4091"), "RTX 4090"),
        ((MODEL, "--machine", "RTX 4090", "--vram", "24GB"), "homeroom fit"),
        ((MODEL, "--ctx", "200000"), "--ctx 131072"),
        ((MODEL, "--kv-type", "q3_0"), "q8_0"),
        (("--find", "no such words"), "homeroom fit"),
        ((MODEL, "other"), "other"),
        (("--limit", "0"), "--limit must be 1 or more"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_question_that_cannot_be_answered_exits_2(words: tuple[str, ...], told: str, place: Path) -> None:
    answer = cli(place, "fit", *words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Error: ") and told in answer.err and "Next: " in answer.err
    assert "Traceback" not in answer.err


def test_an_error_as_json(place: Path) -> None:
    told = cli(place, "fit", "deepseek-r1:7", "--json")
    assert told.code == 2 and told.json["error"]["code"] == "model_not_found"
    assert cli(place, "fit", MODEL, "--ctx", "200000", "--json").json["error"]["code"] == "usage"


def test_a_file_that_is_no_model(place: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.gguf").write_text("Dear engine,\n")
    told = cli(place, "fit", str(tmp_path / "letter.gguf"))
    assert told.code == 2 and "letter.gguf" in told.err and "Traceback" not in told.err


# ---- the ranking


def test_the_ranking_in_its_forms(place: Path) -> None:
    people, data, quiet, chinese = (
        fit(place, "--limit", "5", *more) for more in ((), ("--json",), ("-q",), ("--lang", "zh"))
    )
    names = [row["model"]["name"] for row in data.json["rows"]]
    assert len(names) == 5 and quiet.out.split() == names
    assert listed(people, "NAME") == listed(chinese, "名称") == names
    assert f"Next: homeroom fit {names[0]}" in people.out
    assert data.json["machine"]["memory_total"] == 64 << 30
    worth = [row["worth"] for row in data.json["rows"]]
    assert worth == sorted(worth, reverse=True) and all(row["verdict"] != "too-big" for row in data.json["rows"])


def listed(answer: Answer, heading: str) -> list[str]:
    """The first column below *heading*."""
    lines = answer.out.splitlines()
    top = next(number for number, line in enumerate(lines) if line.startswith(heading))
    return [line.split()[0] for line in lines[top + 1 : lines.index("", top)]]


def rows(answer: Answer) -> list[dict[str, Any]]:
    found = answer.json["rows"]
    assert answer.code == 0 and found
    return list(found)


def test_the_ranking_can_be_sorted_and_filtered(place: Path) -> None:
    fast = rows(fit(place, "--json", "--sort", "speed", "--limit", "10"))
    speeds = [row["speed"]["decode"]["expected"] for row in fast]
    assert speeds == sorted(speeds, reverse=True) and speeds[0] > speeds[-1]
    assert {row["kind"] for row in rows(fit(place, "--json", "--kind", "code"))} == {"code"}
    assert all("gemma" in row["model"]["name"] for row in rows(fit(place, "--json", "--find", "gemma3:")))


def test_what_does_not_fit_is_shown_when_asked_for_and_last(place: Path) -> None:
    few, everything = (
        cli(place, "fit", "--ram", "8GB", "--json", "--find", "deepseek-r1", "--limit", "500", *more).json
        for more in ((), ("--all",))
    )
    assert few["left_out"] > 0 and everything["left_out"] == 0
    assert len(everything["rows"]) == len(few["rows"]) + few["left_out"]
    verdicts = [row["verdict"] for row in everything["rows"]]
    assert verdicts == sorted(verdicts, key="too-big".__eq__) and verdicts[-1] == "too-big"
    assert "do not fit" not in cli(place, "fit", "--ram", "8GB", "--all").out
    none = cli(place, "fit", "--ram", "4GB", "--find", "671b")
    assert none.code == 1 and "homeroom fit --ram" in none.out


def test_chinese_columns_align(place: Path) -> None:
    lines = fit(place, "--limit", "6", "--lang", "zh").out.splitlines()
    table = next(number for number, line in enumerate(lines) if line.startswith("名称"))
    starts = {columns(line[: re.search(r"\s{2,}\S", line).end() - 1]) for line in lines[table : table + 7]}  # type: ignore[union-attr]
    ends = {columns(line) for line in lines[table : table + 7]}
    assert len(starts) == 1 and len(ends) == 1


# ---- the chart


def test_each_cell_of_the_chart_has_a_word_the_size_and_the_speed(place: Path) -> None:
    told = fit(place, "--chart")
    lines = told.out.splitlines()
    top = next(number for number, line in enumerate(lines) if line.startswith("NAME"))
    assert lines[top].split() == ["NAME", *mix.GRID]
    seen: list[str] = []
    for line in lines[top + 1 : lines.index("", top)]:
        name, *cells = re.split(r"\s{2,}", line)
        assert name.startswith("deepseek-r1") and len(cells) == len(mix.GRID)
        seen += cells
    assert all(CELL.fullmatch(cell) for cell in seen), [cell for cell in seen if not CELL.fullmatch(cell)]
    assert any(cell.startswith("fits") for cell in seen) and any(cell.startswith("too big") for cell in seen)
    assert "285.6 GB" in told.out and told.code == 0


def test_the_chart_as_json(place: Path) -> None:
    data = fit(place, "--chart", "--json", "--find", "smollm2").json
    assert data["quantizations"] == [*mix.GRID] and data["context"] == 8192
    assert "285.6 GB" not in fit(place, "--chart", "--find", "smollm2").out  # that is about the 70B
    (small,) = [row for row in data["rows"] if row["name"] == "smollm2:135m"]
    cells = {cell["quantization"]: cell for cell in small["cells"] if cell}
    assert cells["Q8_0"]["verdict"] == "fits" and cells["Q8_0"]["total"] > 134_515_008
    assert {row["name"] for row in data["rows"]} == set(fit(place, "--chart", "-q", "--find", "smollm2").out.split())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chart_fits_a_terminal_in_panels(lang: str, place: Path) -> None:
    with Terminal(place, "fit", "--chart", "--ram", "64GB", "--lang", lang) as terminal:
        assert terminal.ended() == 0
    lines = LINE.sub("", terminal.raw).split("\n")
    head = {"en": "NAME", "zh": "名称"}[lang]
    tops = [number for number, line in enumerate(lines) if line.startswith(head)]
    assert len(tops) > 1
    assert [name for top in tops for name in lines[top].split()[1:]] == [*mix.GRID]
    grid = [line for top in tops for line in lines[top : lines.index("", top)]]
    assert max(columns(line) for line in grid) <= WIDTH
    assert sum(line.startswith("deepseek-r1:70b ") for line in grid) == len(tops)


def test_colours_only_where_they_are_wanted(place: Path) -> None:
    raw = {}
    for name, more in {"plain": {"NO_COLOR": "1"}, "coloured": {}}.items():
        with Terminal(place, "fit", "--limit", "2", "--ram", "64GB", **more) as terminal:
            assert terminal.ended() == 0
        raw[name] = terminal.raw
    assert "\x1b[" not in raw["plain"] and "\x1b[" in raw["coloured"]
    assert LINE.sub("", raw["coloured"]) == LINE.sub("", raw["plain"])


# ---- what a question leaves behind


def left(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}


def test_an_empty_home_keeps_the_bandwidth_and_nothing_else(tmp_path: Path) -> None:
    assert cli(tmp_path, "fit", MODEL, "-q").code in (0, 1)
    assert left(tmp_path) == {"bandwidth.json"}
    kept = (tmp_path / "bandwidth.json").read_bytes()
    assert cli(tmp_path, "fit", "--limit", "1").code == 0
    assert cli(tmp_path, "show", MODEL).code == 0
    assert left(tmp_path) == {"bandwidth.json"}
    if not json.loads(kept)["busy"]:  # else it is measured again
        assert (tmp_path / "bandwidth.json").read_bytes() == kept


def test_the_engines_answer_goes_to_the_cache_alone(tmp_path: Path) -> None:
    assert cli(tmp_path, "fit", "smollm2:135m", "--basis", "engine", "--machine", "M4 Max 64GB").code == 0
    (kept,) = left(tmp_path)
    assert kept.startswith("cache/fit/") and kept.endswith(".json")


def test_another_machine_leaves_nothing(tmp_path: Path) -> None:
    assert cli(tmp_path, "fit", MODEL, "--machine", "RTX 4090").code == 0
    assert left(tmp_path) == set()


def test_a_home_that_cannot_keep_anything_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "bandwidth.json").mkdir()
    (tmp_path / "cache").write_text("")
    told = cli(tmp_path, "fit", "smollm2:135m", "-q", "--ram", "64GB", "--basis", "engine")
    assert (told.out, told.code) == ("fits\n", 0)
