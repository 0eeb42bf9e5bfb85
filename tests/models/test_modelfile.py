"""Modelfiles: their layers read and bounded, their template's marks, and how they are written again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.models import modelfile
from homeroom.models.modelfile import Modelfile, read

Write = Callable[..., Modelfile | None]


@pytest.fixture
def make(tmp_path: Path) -> Write:
    """Reads a Modelfile of layers that are given as texts."""

    def make(*layers: tuple[str, str | bytes]) -> Modelfile | None:
        found = []
        for number, (kind, content) in enumerate(layers):
            path = tmp_path / f"{number}-{kind}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            found.append((kind, path))
        return read(found)

    return make


def test_what_the_layers_say(make: Write) -> None:
    told = make(
        ("model", b"GGUF"),
        ("template", "{{ .System }} {{ .Prompt }}"),
        ("system", "You are Mario."),
        ("params", '{"temperature": 0.6, "stop": ["<|a|>", "<|b|>"], "num_ctx": 4096, "use_mmap": true}'),
        ("messages", '[{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me, Mario."}]'),
        ("license", "MIT"),
        ("license", "and more"),
        ("projector", b"\xff"),
    )
    assert told == Modelfile(
        system="You are Mario.",
        template="{{ .System }} {{ .Prompt }}",
        parameters={"temperature": 0.6, "stop": ["<|a|>", "<|b|>"], "num_ctx": 4096, "use_mmap": True},
        licence="MIT\nand more",
        messages=(("user", "Who?"), ("assistant", "Me, Mario.")),
    )
    assert told is not None and told.speaks and hash(told)
    assert not Modelfile(template="x", parameters={"seed": 1}).speaks


def test_where_nothing_is_said(make: Write) -> None:
    assert make() is None
    assert make(("model", b"GGUF"), ("system", "  \n"), ("params", "{}"), ("messages", "[]"), ("license", "")) is None
    assert make(("params", "null"), ("messages", "null")) is None


def test_the_template_s_first_name(make: Write) -> None:
    told = make(("prompt", "{{ .Prompt }}"))
    assert told is not None and told.template == "{{ .Prompt }}"


@pytest.mark.parametrize(
    "layer",
    [
        ("params", "[]"),
        ("params", "{"),
        ("params", "[" * 100_000),
        ("messages", "{}"),
        ("messages", "[3]"),
        ("messages", '[{"role": "user"}]'),
        ("messages", '[{"role": "root", "content": "x"}]'),
        ("messages", json.dumps([{"role": "user", "content": ""}] * 257)),
        ("system", "x" * ((1 << 20) + 1)),
        ("license", b"x" * ((1 << 20) + 1)),
    ],
)
def test_what_is_malformed_or_too_much(make: Write, layer: tuple[str, str]) -> None:
    with pytest.raises(ValueError):
        make(layer)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular"):
        read([("system", tmp_path / "pipe")])


def test_parameters_that_none_can_have_are_left_out(make: Write) -> None:
    bad = {
        "A": 1,
        "a b": 1,
        "x": None,
        "y": {"z": 1},
        "w": [1],
        "v": "x" * 1001,
        "u": ["x"] * 65,
        "big": 10**400,
        "ok": 1,
    }
    told = make(("params", json.dumps(bad)))
    assert told is not None and told.parameters == {"ok": 1}
    assert make(("params", '{"x": 1e999, "y": NaN}')) is None
    many = make(("params", json.dumps({f"p{number}": 1 for number in range(1000)})))
    assert many is not None and len(many.parameters) == modelfile.MOST_PARAMETERS


@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    for kind in ("system", "template", "params", "messages", "license"):
        try:
            told = read([(kind, path)])
        except ValueError:
            continue
        assert told is None or isinstance(told.written("m"), str)


# Templates of Ollama's library and of its own list (template/*.gotmpl).
CHATML = (
    "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n"
)
LLAMA_3 = "<|start_header_id|>user<|end_header_id|>\n\n{{ .Prompt }}<|eot_id|>"


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (CHATML, "chatml"),
        (LLAMA_3, "llama3"),
        ("[INST] {{ if .System }}{{ .System }} {{ end }}{{ .Prompt }} [/INST]", "mistral-v1"),
        ("[INST] <<SYS>>{{ .System }}<</SYS>>{{ .Prompt }} [/INST]", "llama2-sys"),
        ("<start_of_turn>user\n{{ .Prompt }}<end_of_turn>\n<start_of_turn>model\n", "gemma"),
        ("<|system|>\n{{ .System }}<|end|>\n<|user|>\n{{ .Prompt }}<|end|>\n<|assistant|>\n", "phi3"),
        ("<|im_start|>user<|im_sep|>{{ .Prompt }}<|im_end|>", "phi4"),
        ("{{ .System }}\n\nUSER: {{ .Prompt }}\nASSISTANT: {{ .Response }}", "vicuna"),
        ("<|system|>\n{{ .System }}</s>\n<|user|>\n{{ .Prompt }}</s>\n<|assistant|>\n", None),
        ("[AVAILABLE_TOOLS] [INST] [/INST]", None),
        ("{{ .Prompt }}", None),
        (None, None),
    ],
)
def test_the_format_that_a_template_s_marks_tell(template: str | None, name: str | None) -> None:
    assert Modelfile(template=template).chat_format == name


def test_a_modelfile_written_again() -> None:
    told = Modelfile("Be brief.", CHATML, {"temperature": 0.6, "stop": ["<|im_end|>", "\n"]}, "MIT", (("user", "Hi"),))
    assert told.parameter_lines() == (
        "temperature                    0.6",
        'stop                           "<|im_end|>"',
        'stop                           "\\n"',
    )
    assert told.written("m:1").splitlines()[0] == "FROM m:1"
    for line in (
        "PARAMETER temperature 0.6",
        'PARAMETER stop "<|im_end|>"',
        'SYSTEM """Be brief."""',
        'MESSAGE user """Hi"""',
    ):
        assert line in told.written("m:1")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("one", "one"), ("one\ntwo", "one\u2026"), ("\x1b[2Jx", "\ufffd[2Jx"), ("x" * 300, "x" * 200 + "\u2026")],
)
def test_what_people_see_of_a_text(text: str, shown: str) -> None:
    assert modelfile.seen(text) == shown


def values() -> Any:
    return st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner))


@given(st.dictionaries(st.text(), values()))
def test_any_parameters(tmp_path_factory: pytest.TempPathFactory, told: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "params"
    path.write_text(json.dumps(told))
    found = read([("params", path)])
    assert found is None or all(
        isinstance(value, bool | int | float | str | list) for value in found.parameters.values()
    )


def test_a_link_is_no_layer(tmp_path: Path) -> None:
    """It could lead to anything on this machine, which would become words of each conversation."""
    (tmp_path / "secret.txt").write_text("the secret")
    (tmp_path / "layer").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(ValueError):
        read([("system", tmp_path / "layer")])


def test_many_layers_are_bounded_together(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * (1 << 20))
    with pytest.raises(ValueError):
        read([("license", tmp_path / "one")] * 5)
    (tmp_path / "small").write_text("x")
    with pytest.raises(ValueError):
        read([("license", tmp_path / "small")] * 1500)


def test_half_a_character_is_no_text(make: Write) -> None:
    assert make(("params", '{"stop": ["\\ud800"], "temperature": 1}')) == Modelfile(parameters={"temperature": 1})
    told = make(("messages", '[{"role": "user", "content": "a\\ud800b"}]'))
    assert told is not None and told.messages == (("user", "a?b"),)
