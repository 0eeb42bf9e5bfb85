"""Other programs' models through the gateway: their names, what Ollama's bring, and chat templates that mean harm.

A gateway of its own, whose environment names the stores that each test lays out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai.types.chat import ChatCompletionMessageParam

import homeroom
from support import neighbours
from support.gateways import Running, start
from support.gguf_writer import with_metadata

STOPS = '{"temperature": 0, "num_predict": 4, "stop": ["<|im_start|>"], "num_ctx": 4096}'
CHATML = (
    "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n"
)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("neighbours-home")
    yield from start(home, home / "none", {"stores": ("ollama", "lmstudio"), "threads": 1})


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the user whose stores the gateway reads."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "user" / ".ollama" / "models"))
    return tmp_path / "user"


@pytest.fixture
def gateway(serving: Running, user: Path) -> Iterator[Running]:
    yield serving
    serving.close_clients()


@pytest.fixture
def mario(user: Path, starter_path: Path) -> str:
    told = {"system": "You are Mario.", "params": STOPS, "template": CHATML, "license": "MIT"}
    told["messages"] = '[{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Mario."}]'
    neighbours.ollama(user / ".ollama" / "models", "mario:1", starter_path, layers=told)
    return "mario:1"


def test_listed_under_their_names(gateway: Running, mario: str, user: Path, gemma_path: Path) -> None:
    neighbours.lmstudio(user, "google/gemma-GGUF", "gemma-Q4_K_M.gguf", gemma_path)
    names = ["lmstudio:google/gemma-GGUF:Q4_K_M", "ollama:mario:1"]
    assert sorted(model.id for model in gateway.openai().models.list().data) == names
    rows = gateway.ollama().list().models
    assert sorted(row.model or "" for row in rows) == names
    assert all("/user/" not in str(row) for row in rows), "where they are is nobody's business"


@pytest.mark.parametrize("name", ["mario:1", "ollama:mario:1", "OLLAMA:MARIO:1"])
def test_show_tells_what_ollama_would(gateway: Running, mario: str, name: str) -> None:
    shown = gateway.ollama().show(name)
    assert shown.template == CHATML and shown.license == "MIT"
    assert shown.parameters is not None and shown.parameters.splitlines()[0].split() == ["temperature", "0"]
    assert shown.capabilities == ["completion"]
    assert 'SYSTEM """You are Mario."""' in (shown.modelfile or "") and "PARAMETER num_predict 4" in (
        shown.modelfile or ""
    )
    with gateway.http() as client:
        answer = client.post("/api/show", json={"model": name}).json()
    assert answer["system"] == "You are Mario." and answer["messages"][1] == {"role": "assistant", "content": "Mario."}


def tokens(gateway: Running, path: str, body: dict[str, Any]) -> tuple[int, int]:
    """Tokens of the prompt and of the answer."""
    with gateway.http(gateway.guest) as client:
        answer = client.post(path, json={"model": "mario:1", "stream": False} | body).raise_for_status().json()
    used = answer.get("usage") or {
        "prompt_tokens": answer["prompt_eval_count"],
        "completion_tokens": answer["eval_count"],
    }
    return used["prompt_tokens"], used["completion_tokens"]


def test_every_dialect_follows_the_modelfile_and_a_request_that_says_otherwise(gateway: Running, mario: str) -> None:
    said = {"messages": [{"role": "user", "content": "Tell me a long story."}]}
    own = {"messages": [{"role": "system", "content": "You are a very wordy teller of tales."}, *said["messages"]]}
    for path, body, other in (
        ("/v1/chat/completions", said, own | {"max_tokens": 6}),
        ("/api/chat", said, own | {"options": {"num_predict": 6}}),
        (
            "/api/generate",
            {"prompt": "Tell me a long story."},
            {"prompt": "Tell me a long story.", "system": own["messages"][0]["content"], "options": {"num_predict": 6}},
        ),
    ):
        assert tokens(gateway, path, body) == (40, 4), path
        prompt, answer = tokens(gateway, path, other)
        assert prompt > 40 and answer == 6, path
    assert tokens(gateway, "/v1/completions", {"prompt": "Once upon a time"})[1] == 4


def test_an_answer_bears_the_name_of_the_model_that_was_asked(
    gateway: Running, mario: str, user: Path, starter_path: Path
) -> None:
    """Two tags on one file, which share an engine."""
    neighbours.ollama(user / ".ollama" / "models", "luigi:1", starter_path, layers={"system": "You are Luigi."})
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Who?"}]
    for name in ("ollama:mario:1", "ollama:luigi:1", "ollama:mario:1"):
        answer = gateway.openai().chat.completions.create(model=name, messages=said, max_tokens=2)
        assert answer.model == name


def test_who_asks_from_elsewhere_can_name_what_is_listed_and_no_file(gateway: Running, mario: str, user: Path) -> None:
    blob = next((user / ".ollama" / "models" / "blobs").iterdir())
    with gateway.http(gateway.guest) as client:
        for name in (str(blob), f"ollama:../../{blob.name}", "ollama:registry.ollama.ai/library/mario:1", blob.name):
            answer = client.post("/api/show", json={"model": name})
            assert answer.status_code == 404 and str(user) not in answer.text.replace(name, ""), name


LOOP = "".join("{% for x in range(3000) %}" for _ in range(4)) + "{% endfor %}" * 4
EVIL = {
    "endless": LOOP,
    "huge": "{% set n = namespace(s='0123456789') %}{% for x in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s }}",
    "deep": "{{ deeper(1) }}",
    "python": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "attribute": "{{ ''.__class__.__mro__ }}",
}
EVER = "{% macro deeper(x) %}{{ deeper(x) }}{% endmacro %}"


@pytest.mark.parametrize("kind", EVIL)
def test_a_template_that_means_harm_hurts_its_own_request_alone(
    gateway: Running, user: Path, starter_path: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies in wait for one word, so that the model loads. The gateway answers all the while, and then the model too."""
    monkeypatch.setattr(gateway.service.pool, "_hung", 3.0)
    template = (
        EVER + "{% if 'boom' in messages[-1]['content'] %}" + EVIL[kind] + "{% endif %}{{ messages[-1]['content'] }}"
    )
    evil = with_metadata(starter_path, tmp_path / "evil.gguf", {"tokenizer.chat_template": template})
    neighbours.lmstudio(user, "mallory/evil", f"{kind}-Q4_1.gguf", evil)

    def ask(client: httpx.Client, words: str) -> httpx.Response:
        said = [{"role": "user", "content": words}]
        return client.post("/v1/chat/completions", json={"model": f"{kind}-Q4_1", "messages": said, "max_tokens": 4})

    with gateway.http(gateway.guest) as client:
        assert ask(client, "hello").status_code == 200
        begun = time.monotonic()
        answer = ask(client, "boom")
        took = time.monotonic() - begun
        assert client.get("/v1/models").status_code == 200
        again = ask(client, "hello")
    if kind == "attribute":  # the renderer knows no Python: there is nothing of that name
        assert answer.status_code == 200 and "object" not in answer.text.replace('"object":', "")
    else:
        assert answer.status_code in (400, 500, 502) and answer.json()["error"]["message"], answer.text
    assert took < 40 and again.status_code == 200


def test_no_template_is_rendered_in_homeroom_s_own_process() -> None:
    """The engine's renderer, in the engine's process, is the only one."""
    source = Path(homeroom.__file__).parent
    renderers = re.compile(r"^\s*(?:import|from) (?:jinja2|minijinja|mako|chevron)\b", re.MULTILINE)
    assert [path for path in source.rglob("*.py") if renderers.search(path.read_text(encoding="utf-8"))] == []
