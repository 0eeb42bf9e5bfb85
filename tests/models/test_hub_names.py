"""What ``hf:``, ``ms:``, ``ollama:`` and addresses mean before anybody is asked, and who is asked with which token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.errors import SettingsError, UnknownModel
from homeroom.models.hub_names import DEFAULTS, Endpoints, Reference, bare, endpoints, parse


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("hf:org/repo", Reference("hf", "org/repo")),
        (" HF:org/repo:Q4_K_M ", Reference("hf", "org/repo", "Q4_K_M")),
        ("hf:org/repo:UD-Q4_K_XL/model-00001-of-00002.gguf", Reference("hf", "org/repo", "UD-Q4_K_XL/model-00001-of-00002.gguf")),
        ("hf:gpt2", Reference("hf", "gpt2")),
        ("hf:unsloth/Qwen2.5-7B-Instruct-GGUF", Reference("hf", "unsloth/Qwen2.5-7B-Instruct-GGUF")),
        ("ms:Qwen/Qwen3-8B-GGUF:q8_0", Reference("ms", "Qwen/Qwen3-8B-GGUF", "q8_0")),
        ("ollama:deepseek-r1", Reference("ollama", "library/deepseek-r1")),
        ("ollama:deepseek-r1:7b", Reference("ollama", "library/deepseek-r1", "7b")),
        ("ollama:qwen2.5:7b-instruct-q8_0", Reference("ollama", "library/qwen2.5", "7b-instruct-q8_0")),
        ("ollama:someone/model:tag", Reference("ollama", "someone/model", "tag")),
        ("hf.co/org/repo:Q8_0", Reference("hf", "org/repo", "Q8_0")),
        ("HuggingFace.co/org/repo", Reference("hf", "org/repo")),
        ("hf.co/org/repo/blob/main/m.gguf", Reference("url", "https://hf.co/org/repo/blob/main/m.gguf")),
        ("ollama:hf.co/org/repo:Q8_0", Reference("hf", "org/repo", "Q8_0")),
        ("https://host/a/m.gguf?x=1", Reference("url", "https://host/a/m.gguf?x=1")),
    ],
)  # fmt: skip
def test_forms(typed: str, expected: Reference) -> None:
    assert parse(typed) == expected


@pytest.mark.parametrize(
    "typed", ["starter", "deepseek-r1:7b", "a/b", "/home/x.gguf", "./m.gguf", "C:\\m.gguf", "", "x:y:z"]
)
def test_names_and_paths_are_no_references(typed: str) -> None:
    assert parse(typed) is None


@pytest.mark.parametrize(
    "typed",
    ["hf:", "hf:/", "hf:a/b/c", "hf:../x", "hf:a/..", "hf:a/b:c:d", "hf:a b/c", "hf:a/b:\x1b[31m", "hf:a/b?x=1",
     "ms:repo", "ms:a/b:", "ollama:", "ollama:a/b/c", "ollama:a:b:c", "ollama:a:../b", "ollama:a:b/c", "ftp://host/m.gguf",
     "file:///etc/passwd", "http://host/\x1b[2J.gguf"],
)  # fmt: skip
def test_what_begins_as_a_reference_and_is_none(typed: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        parse(typed)
    assert caught.value.key == "hubs.bad_reference"
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["hf:", "ms:", "HF:"])
def test_a_file_after_a_slash_is_told_its_right_form(prefix: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        parse(f"{prefix}org/repo/folder/m-Q4_K_M.gguf")
    assert caught.value.key == "hubs.file_form"
    right = f"{prefix.lower()}org/repo:folder/m-Q4_K_M.gguf"
    assert caught.value.next == f"homeroom pull {right}" and parse(right) is not None


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("unsloth/Qwen3-8B-GGUF", "hf:unsloth/Qwen3-8B-GGUF"),
        ("o/r:Q4_K_M", "hf:o/r:Q4_K_M"),
        ("qwen3:8b", None),
        ("a/b/c", None),
        ("../x", None),
        ("a/..", None),
    ],
)
def test_a_repository_without_its_hub(typed: str, named: str | None) -> None:
    assert bare(typed) == named
    assert named is None or parse(named) is not None


def test_what_is_shown_holds_no_secret() -> None:
    url = parse("https://me:pa55word@host/m.gguf?X-Signature=s3cr3t")
    assert url is not None and url.shown == "https://****@host/m.gguf"
    ollama = parse("ollama:deepseek-r1:7b")
    assert ollama is not None and ollama.shown == "ollama:deepseek-r1:7b"


@given(typed=st.from_regex(r"(hf|ms|ollama):[ -~]{0,40}", fullmatch=True) | st.text(max_size=40))
def test_any_text_is_a_reference_or_not(typed: str) -> None:
    try:
        found = parse(typed)
    except UnknownModel:
        return
    if found is not None and found.hub != "url":
        assert ".." not in found.repository and found.repository.count("/") <= 1


def test_the_usual_servers() -> None:
    assert endpoints(environment={"HF_TOKEN_PATH": "/nowhere"}) == Endpoints(*DEFAULTS.values())


def test_settings_come_before_the_hubs_own_variables() -> None:
    environment = {
        "HF_ENDPOINT": "https://mirror.example/",
        "MODELSCOPE_DOMAIN": "www.modelscope.ai",
        "HF_TOKEN_PATH": "/no",
    }
    assert endpoints(environment=environment) == Endpoints("https://mirror.example", "https://www.modelscope.ai")
    given = endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "registry.example", environment)
    assert given == Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "https://registry.example")


def test_modelscope_s_newer_variable_comes_before_its_older() -> None:
    both = {"MODELSCOPE_ENDPOINT": "https://a.example", "MODELSCOPE_DOMAIN": "b.example", "HF_TOKEN_PATH": "/no"}
    assert endpoints(environment=both).ms == "https://a.example"


def test_modelscope_s_token_is_for_modelscope(tmp_path: Path) -> None:
    here = {"HF_TOKEN_PATH": "/no", "MODELSCOPE_API_TOKEN": " ms-abc ", "MODELSCOPE_ENDPOINT": "https://ms.example"}
    found = endpoints(environment=here)
    assert found.ms_token is not None and found.token is None
    assert found.ms_token.origin == "https://ms.example"
    assert found.ms_token.headers == {"Authorization": "Bearer ms-abc", "Cookie": "m_session_id=ms-abc"}
    assert "ms-abc" not in repr(found) + repr(found.ms_token)
    for bad in ({"MODELSCOPE_API_TOKEN": "two\nlines"}, {"MODELSCOPE_ENDPOINT": "http://ms.example"}):
        assert endpoints(environment={**here, **bad}).ms_token is None


@pytest.mark.parametrize(
    "value", ["ftp://host", "https://", "http://host:99999", "https://host/?q=1", "https://a\x1bb"]
)
def test_a_server_that_is_none(value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        endpoints(environment={"HF_ENDPOINT": value})
    assert caught.value.key == "hubs.bad_endpoint" and "HF_ENDPOINT" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_the_token_of_the_environment_comes_first(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_written\n")
    here = {"HF_HOME": str(tmp_path)}
    assert endpoints(environment=here).hf_secret == "hf_written"
    assert endpoints(environment={"HF_TOKEN_PATH": str(tmp_path / "token")}).hf_secret == "hf_written"
    assert endpoints(environment={"XDG_CACHE_HOME": str(tmp_path)}).hf_secret is None
    assert endpoints(environment={**here, "HF_TOKEN": " hf_given "}).hf_secret == "hf_given"
    assert endpoints(environment={**here, "HF_TOKEN": "two\nlines"}).hf_secret is None


@pytest.mark.parametrize(
    ("server", "sent"),
    [("https://huggingface.co", True), ("http://127.0.0.1:80", True), ("http://mirror.example", False)],
)
def test_a_token_is_not_sent_where_others_can_read_it(server: str, sent: bool) -> None:
    ends = Endpoints(server, hf_secret="hf_secret")
    assert (ends.token is not None) == sent
    assert "hf_secret" not in repr(ends) + repr(ends.token)
