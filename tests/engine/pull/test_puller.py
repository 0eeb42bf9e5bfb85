"""Sources that fail, and the next one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from homeroom.errors import (
    SourceFailure,
    UnknownModel,
)
from support.hub_server import HubServer
from support.models import Quiet
from support.pulling import REPOSITORY, plan, puller, refused


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
