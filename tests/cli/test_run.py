"""``run`` once: words, pipes, JSON, base models, thinking; with the running gateway and with an engine of its own."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from homeroom.cli.commands.run import read_prompt
from homeroom.errors import UsageError
from support.commands import MakeHome, Running, Terminal, cli
from support.gateways import DISTILLED
from support.gguf_writer import with_metadata

STEADY = ("--temperature", "0", "--seed", "1", "--max-tokens", "8")


def test_an_engine_of_its_own_and_the_gateway_answer_alike(home: Path, gateway: Running) -> None:
    alone = cli(home, "run", "starter", "Say", "hello", *STEADY, "--json")
    shared = cli(gateway.home, "run", "starter", "Say hello", *STEADY, "--json")
    assert alone.code == shared.code == 0
    assert alone.json["text"] == shared.json["text"] != ""
    assert alone.json["usage"]["completion_tokens"] == 8 and alone.json["finish_reason"] == "length"
    assert alone.json["model"] == "starter" and alone.json["decode_tokens_per_second"] > 0


def test_the_answer_alone_goes_to_standard_output(gateway: Running) -> None:
    data, people = (cli(gateway.home, "run", "starter", "Say hello", *STEADY, *more) for more in (("--json",), ("-v",)))
    assert people.out.strip() == data.json["text"].strip() and people.out.endswith("\n")
    assert "cut after 8 tokens" in people.err and "tok/s" in people.err
    assert cli(gateway.home, "run", "starter", "Say hello", *STEADY, "-q").err == ""


def test_words_and_a_pipe_are_one_prompt(gateway: Running) -> None:
    """The prompt's tokens tell that both arrived: as many as the same text typed as one."""
    both = cli(gateway.home, "run", "starter", "Summarize this:", *STEADY, "--json", stdin="A long\nstory.\n")
    typed = cli(gateway.home, "run", "starter", "Summarize this:\n\nA long\nstory.", *STEADY, "--json")
    piped = cli(gateway.home, "run", "starter", *STEADY, "--json", stdin="Summarize this:\n\nA long\nstory.")
    assert both.json["text"] == typed.json["text"] == piped.json["text"]
    assert both.json["usage"]["prompt_tokens"] == typed.json["usage"]["prompt_tokens"]


def test_the_system_prompt_counts(gateway: Running) -> None:
    plain, told = (
        cli(gateway.home, "run", "starter", "Hi", *STEADY, "--json", *more)
        for more in ((), ("--system", "Speak like a pirate."))
    )
    assert plain.json["usage"]["prompt_tokens"] != told.json["usage"]["prompt_tokens"]


def test_without_a_name_the_gateways_model_answers(gateway: Running) -> None:
    assert cli(gateway.home, "run", *STEADY, "--json", stdin="Hi").json["model"] == "starter"


@pytest.mark.parametrize(
    ("words", "stdin"), [(("run", "starter"), ""), (("run", "starter", " "), None), (("run",), "\n")]
)
def test_no_prompt(words: tuple[str, ...], stdin: str | None, home: Path) -> None:
    told = cli(home, *words, stdin=stdin)
    assert told.code == 2 and "homeroom run MODEL PROMPT" in told.err


def test_a_conversation_needs_a_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Terminal(home, "run", "starter", "--json") as terminal:
        terminal.expect("a conversation needs a terminal")
        assert terminal.ended() == 2


def test_a_base_model_continues_the_text(home: Path, gemma_path: Path) -> None:
    told = cli(home, "run", str(gemma_path), "The capital of France is", *STEADY)
    assert told.code == 0 and told.out.strip()
    assert "no chat template" in told.err or "without a chat template" in told.err


def test_more_prompt_than_context(home: Path) -> None:
    told = cli(home, "run", "starter", "--json", stdin="word " * 3000, HOMEROOM_CTX="512")
    assert told.code == 2 and told.json["error"]["code"] == "context_length_exceeded"


def test_no_memory(home: Path) -> None:
    told = cli(home, "run", "starter", "hi", HOMEROOM_MEMORY="100000000")
    assert told.code == 1 and told.out == ""


def test_on_a_terminal_the_starter_is_offered(tmp_path: Path) -> None:
    with Terminal(tmp_path, "run", "starter", "hi") as terminal:
        terminal.expect(r"Fetch it now\? \[y/N\]")
        terminal.send("n\n")
        terminal.expect("homeroom pull starter")
        assert terminal.ended() == 2


@pytest.fixture(scope="module")
def thinker(starter_path: Path, make_home: MakeHome) -> Path:
    """A home with a model whose template opens with thinking."""
    home = make_home()
    with_metadata(starter_path, home / "thinker.gguf", {"tokenizer.chat_template": DISTILLED})
    return home


def test_thinking_is_told_apart(thinker: Path) -> None:
    """On a terminal dimmed, without colours between words, in JSON in a field, in a pipe not at all."""
    model = str(thinker / "thinker.gguf")
    data = cli(thinker, "run", model, "Say hello", *STEADY, "--json").json
    assert data["thinking"] and not data["text"]
    assert data["thinking"].strip() not in cli(thinker, "run", model, "Say hello", *STEADY).out
    words = ("run", model, "Say hello", *STEADY)
    with Terminal(thinker, *words) as terminal:
        terminal.expect("cut after")
        assert f"\x1b[2m{data['thinking'].split()[0]}" in terminal.raw
    with Terminal(thinker, *words, NO_COLOR="1") as terminal:
        assert "[thinking]" in terminal.expect("cut after") and "\x1b[2m" not in terminal.raw


def test_read_prompt_joins_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("piped 文本\n".encode())))
    assert read_prompt(("typed", "words")) == "typed words\n\npiped 文本"


def test_piped_text_in_another_encoding_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("你好".encode("gbk"))))
    with pytest.raises(UsageError, match=r"UTF-8.*iconv -f GBK"):
        read_prompt(())
