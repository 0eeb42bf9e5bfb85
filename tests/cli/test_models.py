"""``list`` and ``show``: their forms side by side, broken files, and what does not fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homeroom import text
from homeroom.cli.layout import columns
from homeroom.models.starter import starter_facts
from homeroom.models.store import Store
from support.commands import MakeHome, Running, Terminal, cli


@pytest.fixture
def broken(starter_path: Path, tmp_path: Path) -> Path:
    """A folder with a model that was cut off and a file that is none."""
    (tmp_path / "cut.gguf").write_bytes(starter_path.read_bytes()[:1_000_000])
    (tmp_path / "letter.gguf").write_text("Dear engine,\n")
    return tmp_path


@pytest.mark.parametrize(
    ("number", "words"), [(999, "999"), (134_515_008, "135 M"), (7_615_616_512, "7.6 B"), (70_000_000_000, "70 B")]
)
def test_a_number_of_parameters(number: int, words: str) -> None:
    assert text.count(number) == words


def test_list_in_its_three_forms(home: Path) -> None:
    people, data, quiet = cli(home, "list"), cli(home, "list", "--json"), cli(home, "list", "-q")
    (model,) = data.json["models"]
    assert (model["name"], model["quantization"], model["file_bytes"]) == ("starter", "Q4_1", 98_362_432)
    assert model["fit"]["verdict"] == "fits" and model["fit"]["memory"]["total"] > model["file_bytes"]
    heading, row = people.out.splitlines()
    assert heading.split()[:3] == ["NAME", "QUANTIZATION", "PARAMETERS"]
    assert row.startswith("starter") and "135 M" in row and "yes, needs" in row and starter_facts().source in row
    assert quiet.out == "starter\n"
    assert (people.code, data.code, quiet.code) == (0, 0, 0)


def test_list_in_chinese_has_the_same_data(home: Path) -> None:
    assert "是，需要" in cli(home, "list", "--lang", "zh").out
    assert cli(home, "list", "--lang", "zh", "--json").json["models"][0].keys() == (
        cli(home, "list", "--json").json["models"][0].keys()
    )


def test_list_where_nothing_is(tmp_path: Path) -> None:
    assert "homeroom pull starter" in cli(tmp_path, "list").out
    assert cli(tmp_path, "list", "--json").json["models"] == []
    assert list(tmp_path.iterdir()) == []  # a question creates nothing


def test_list_names_what_is_broken(home: Path, broken: Path) -> None:
    told = cli(home, "list", HOMEROOM_MODEL_FOLDERS=str(broken))
    assert told.code == 0 and "starter" in told.out
    assert "cut.gguf" in told.err and "letter.gguf" in told.err and told.err.count("Warning: ") == 2
    assert len(cli(home, "list", "--json", HOMEROOM_MODEL_FOLDERS=str(broken)).json["broken"]) == 2


def test_list_says_in_words_what_does_not_fit(home: Path) -> None:
    told = cli(home, "list", HOMEROOM_MEMORY="100000000")
    assert told.out.splitlines()[1].split()[-2] == "no"
    assert cli(home, "list", "--json", HOMEROOM_MEMORY="100000000").json["models"][0]["fit"]["verdict"] == "too-big"


def test_show_in_its_forms(home: Path) -> None:
    people, data, chinese = (cli(home, "show", "starter", *more) for more in ((), ("--json",), ("--lang", "zh")))
    facts = data.json
    assert facts["architecture"] == "llama" and facts["parameters"] == 134_515_008
    assert facts["plan"]["choices"]["context"] == {
        "value": 8192,
        "reason": "the model's own limit",
        "reason_key": "engine.context.model",
        "reason_facts": {"limit": "8,192"},
    }
    for words in (
        "135 M (134,515,008)",
        "Q4_1, 5.74 bits per weight",
        "apache-2.0",
        facts["path"],
        "the model's own limit",
    ):
        assert words in people.out
    assert "上下文长度" in chinese.out and "每个权重 5.74 位" in chinese.out


def test_show_a_base_model_by_its_path(home: Path, gemma_path: Path) -> None:
    facts = cli(home, "show", str(gemma_path), "--json").json
    assert facts["chats"] is False and facts["architecture"] == "gemma3"
    assert "15 of them with a sliding window" in cli(home, "show", str(gemma_path)).out


def test_show_what_would_not_fit(home: Path) -> None:
    told = cli(home, "show", "starter", "--json", HOMEROOM_MEMORY="100000000")
    assert (told.code, told.json["plan"], told.json["fit"]["verdict"]) == (0, None, "too-big")


def test_show_a_student_of_the_catalogue(home: Path) -> None:
    people, data, chinese, quiet = (
        cli(home, "show", "deepseek-r1:7b", *more) for more in ((), ("--json",), ("--lang", "zh"), ("-q",))
    )
    for words in (
        "DeepSeek-R1-Distill-Qwen-7B",
        "7.6 B (7,615,616,512)",
        "trained on the answers of DeepSeek-R1 671B, on top of Qwen2.5-Math-7B",
        "Q4_K_M, 4.9",
        "% more perplexity",
        "MIT",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
        "MATH-500 pass@1       92.8",
        "CodeForces rating     1189",
        "Next: homeroom fit deepseek-r1:7b",
    ):
        assert words in people.out, words
    assert (people.code, people.err, quiet.out) == (0, "", "deepseek-r1:7b\n")
    facts = data.json
    assert (facts["origin"], facts["path"], facts["traffic"]) == ("catalogue", None, 0)
    assert facts["catalogue"]["teacher"] == "DeepSeek-R1 671B" and facts["catalogue"]["base"] == "Qwen2.5-Math-7B"
    assert facts["catalogue"]["licence"] == facts["license"] == "MIT" and facts["catalogue"]["sources"]
    assert facts["catalogue"]["grades"]["GPQA Diamond pass@1"] == 49.1
    assert facts["architecture"] == "qwen2" and facts["parameters"] == 7_615_616_512
    for words in ("学生模型", "老师", "困惑度", "公布的成绩", "下一步：homeroom fit deepseek-r1:7b"):
        assert words in chinese.out, words


def test_show_every_quantization_with_its_size(home: Path) -> None:
    told = cli(home, "show", "deepseek-r1:7b").out.splitlines()
    top = next(number for number, line in enumerate(told) if line.startswith("QUANTIZATION "))
    sizes = {line.split()[0]: line.split()[1:3] for line in told[top + 1 : told.index("", top)]}
    assert sizes["Q4_K_M"] == ["4.7", "GB"] and sizes["Q8_0"] == ["8.1", "GB"] and sizes["F32"] == ["30.5", "GB"]
    known = {row["quantization"]: row for row in cli(home, "show", "starter", "--json").json["quantizations"]}
    assert known["F32"]["file_bytes"] > known["Q8_0"]["file_bytes"] > known["Q4_K_M"]["file_bytes"]
    assert known["Q8_0"]["verdict"] == "fits" and known["Q8_0"]["max_context"] == 8192


def test_show_names_the_quantization_that_is_best_here_and_no_empty_column(home: Path) -> None:
    told = cli(home, "show", "deepseek-r1:7b").out
    assert re.search(r"\nBest here: (BF16|Q\w+|IQ\w+) \([\d.]+ GB\)", told)
    for name in ("deepseek-r1:7b", "starter"):
        people, data = cli(home, "show", name).out, cli(home, "show", name, "--json").json
        known = {row["quantization"] for row in data["quantizations"]}
        published = known & {*(data["catalogue"] or {}).get("published_sizes", {})}
        assert ("PUBLISHED" in people) == bool(published), name


def test_show_says_what_of_a_model_that_sees_is_not_counted(home: Path) -> None:
    told = cli(home, "show", "qwen2.5vl:7b")
    assert told.code == 0 and "(mmproj)" in told.out
    chinese = cli(home, "show", "qwen2.5vl:7b", "--lang", "zh").out
    assert "视觉语言" in chinese and "mmproj" in chinese


def test_show_a_mixture_of_experts(home: Path) -> None:
    told = cli(home, "show", "deepseek-r1:671b").out
    assert "A mixture of 256 experts, 8 at work for each token" in told and "671 B" in told and "37 B" in told


def test_show_names_what_is_spelled_alike(home: Path) -> None:
    told = cli(home, "show", "deepseek-r1:7")
    assert told.code == 2 and "deepseek-r1:7b" in told.err


def test_a_context_in_the_settings_that_the_model_does_not_have_hides_nothing(home: Path) -> None:
    assert cli(home, "show", "starter", HOMEROOM_CTX="131072").code == 0


@pytest.mark.parametrize("command", ["show", "run"])
def test_a_model_that_is_not_here(command: str, home: Path) -> None:
    told = cli(home, command, "startr", "hi", "--json") if command == "run" else cli(home, command, "startr", "--json")
    assert told.code == 2 and told.json["error"]["code"] == "model_not_found"
    assert "starter" in told.err and "Next: " in told.err


def test_a_broken_model(home: Path, broken: Path) -> None:
    told = cli(home, "show", str(broken / "cut.gguf"))
    assert told.code == 2 and "cut.gguf" in told.err and "Traceback" not in told.err


def test_two_models_that_are_one_file_keep_their_own_sources(make_home: MakeHome) -> None:
    home = make_home()
    store = Store(home / "models")
    store.put("Another", store.all().models[0].files, source="hf:Org/Repo:Q4_1")
    sources = {"Another": "hf:Org/Repo:Q4_1", "starter": starter_facts().source}
    data, people = cli(home, "list", "--json").json["models"], cli(home, "list").out
    assert {model["name"]: model["source"] for model in data} == sources
    assert {row.split()[0]: row.split()[-1] for row in people.splitlines()[1:]} == sources
    for name, source in sources.items():
        assert cli(home, "show", name, "--json").json["source"] == source
        assert source in cli(home, "show", name).out


def test_list_and_verify_have_one_order(make_home: MakeHome) -> None:
    home = make_home()
    store = Store(home / "models")
    for name in ("Zebra", "apple", "hf:Org/Repo:Q4_1"):
        store.put(name, store.all().models[0].files, source="x")
    order = ["apple", "hf:Org/Repo:Q4_1", "starter", "Zebra"]
    assert cli(home, "list", "-q").out.split() == order
    assert [model["name"] for model in cli(home, "verify", "--json").json["models"]] == order


@pytest.mark.parametrize(("width", "gone"), [(70, 4), (90, 3), (108, 1), (200, 0)])
def test_list_is_no_wider_than_the_terminal(width: int, gone: int, home: Path) -> None:
    headings = ("CONTEXT", "LAST USED", "PARAMETERS", "SOURCE")
    with Terminal(home, "list", COLUMNS=str(width)) as terminal:
        told = terminal.expect(r"yes, needs [^\n]*\n")
    heading, row = told.splitlines()[:2]
    assert max(columns(heading), columns(row)) <= width
    assert [word for word in headings if word not in heading] == list(headings[:gone])


def test_list_where_all_is_broken(tmp_path: Path, broken: Path) -> None:
    told = cli(tmp_path / "home", "list", "--model-folders", str(broken))
    assert "No model yet" not in told.out and "can be used" in told.out and told.err.count("Warning: ") == 2
    missing = cli(tmp_path / "home", "list", "--model-folders", str(tmp_path / "nowhere"))
    assert "No model yet" in missing.out and "nowhere" in missing.err


def test_stores_may_be_a_flag(home: Path) -> None:
    for command in (("list",), ("show", "starter")):
        assert cli(home, *command, "--stores", "none").code == 0
        told = cli(home, *command, "--stores", "nobody")
        assert told.code == 2 and "--stores" in told.err


def test_ps_tells_in_one_language_and_with_one_kind_of_figure(gateway: Running) -> None:
    english, chinese = cli(gateway.home, "ps").out, cli(gateway.home, "ps", "--lang", "zh").out
    assert "starter (text)" in english and "by formula" in english and "2,048" in english
    assert "starter（文本）" in chinese and "按公式计算" in chinese and "formula" not in chinese
    assert "8,192" in cli(gateway.home, "show", "starter").out.partition("On this machine")[2]
