"""What can be had of a model, from whom, in the user's order; and what every source answers where none has it."""

from __future__ import annotations

import time
import tomllib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from homeroom import text
from homeroom.errors import AmbiguousModel, HomeroomError, NetworkFailure, NotSupported, SourceFailure, UnknownModel
from homeroom.models import catalogue
from homeroom.models.catalogue import Entry
from homeroom.models.facts import ModelFacts
from homeroom.models.http import Client, Network
from homeroom.models.hub_names import Endpoints, parse
from homeroom.models.inspect import inspect
from homeroom.models.offers import Offers, matches, references
from homeroom.models.remote import inspect_remote
from support.hub_server import HubServer
from support.hubs import ends, had

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        yield server


def entry(name: str) -> Entry:
    found = catalogue.find(name)
    assert found is not None
    return found


async def refused(hub: HubServer, model: str | Entry, key: str, kind: type[HomeroomError], **options: Any) -> str:
    with pytest.raises(kind) as caught:
        await had(hub, model, **options)
    assert caught.value.key == key and caught.value.next
    return caught.value.message


def sources(found: Offers) -> list[str]:
    return [offer.source for offer in found.offers]


# Of a reference: everything that it names.


@pytest.mark.parametrize("prefix", ["hf", "ms"])
async def test_every_gguf_model_of_a_repository(hub: HubServer, prefix: str) -> None:
    shards = [f"Q8_0/m-Q8_0-0000{number}-of-00002.gguf" for number in (2, 1)]
    for name in ("m-Q4_K_M.gguf", "m-UD-Q2_K_XL.gguf", "mmproj-F16.gguf", "pytorch_model.bin", *shards):
        hub.publish("o/r", name, name.encode())
    found = await had(hub, f"{prefix}:o/r")
    assert sources(found) == [f"{prefix}:o/r:{kind}" for kind in ("Q4_K_M", "UD-Q2_K_XL", "Q8_0")]
    whole = found.offers[2]
    assert (whole.hub, whole.repository, whole.quantization) == (prefix, f"{prefix}:o/r", "Q8_0")
    assert [file.name for file in whole.files] == sorted(shards)
    assert whole.size == sum(map(len, shards)) and whole.files[0].sha256 == hub.digest(shards[1].encode())
    assert found.answers == ()


async def test_what_an_offer_is_called_means_it_alone(hub: HubServer) -> None:
    for name in ("a-Q8_0.gguf", "b-Q8_0.gguf", "b-Q4_0.gguf", "plain.gguf"):
        hub.publish("o/r", name, name.encode())
    found = await had(hub, "hf:o/r")
    assert sorted(sources(found)) == ["hf:o/r:Q4_0", "hf:o/r:a-Q8_0.gguf", "hf:o/r:b-Q8_0.gguf", "hf:o/r:plain.gguf"]
    for offer in found.offers:
        assert (await had(hub, offer.source)).offers == (offer,)


async def test_a_choice_is_the_only_offer(hub: HubServer) -> None:
    for name in ("m-Q4_K_M.gguf", "m-Q8_0.gguf"):
        hub.publish("o/r", name, b"GGUF")
    assert sources(await had(hub, "hf:o/r:q8_0")) == ["hf:o/r:q8_0"]
    assert sources(await had(hub, "hf:o/r", quantization="Q8_0")) == ["hf:o/r:Q8_0"]
    assert "Q4_K_M (4 B), Q8_0 (4 B)" in await refused(hub, "hf:o/r:Q2_K", "hubs.no_such_quant", UnknownModel)


async def test_the_only_one_is_called_by_its_quantization_too(hub: HubServer) -> None:
    hub.publish("o/r", "m-Q8_0.gguf", b"GGUF")
    hub.publish("o/plain", "m.gguf", b"GGUF")
    assert sources(await had(hub, "hf:o/r")) == ["hf:o/r:Q8_0"]
    assert sources(await had(hub, "hf:o/plain")) == ["hf:o/plain"]


async def test_half_a_model_is_no_offer(hub: HubServer) -> None:
    hub.publish("o/r", "m-Q8_0-00001-of-00002.gguf", b"GGUF")
    assert "00002-of-00002" in await refused(hub, "hf:o/r", "hubs.shard_missing", UnknownModel)
    hub.publish("o/r", "m-Q4_0.gguf", b"GGUF")
    assert sources(await had(hub, "hf:o/r")) == ["hf:o/r:Q4_0"]


async def test_two_of_one_name_are_for_the_user_to_choose(hub: HubServer) -> None:
    for name in ("a-Q8_0.gguf", "b-Q8_0.gguf"):
        hub.publish("o/r", name, b"GGUF")
    await refused(hub, "hf:o/r:Q8_0", "hubs.choose", AmbiguousModel)


async def test_a_tag_of_ollama_with_all_its_layers(hub: HubServer) -> None:
    hub.push("library/x", "7b", [("model", b"GGUF"), ("template", b"t"), ("params", b"{}")], file_type="Q4_K_M")
    (offer,) = (await had(hub, "ollama:x:7b")).offers
    assert (offer.source, offer.quantization, offer.size) == ("ollama:x:7b", "Q4_K_M", 4)
    assert [file.name for file in offer.extras] == ["template", "params"]
    assert offer.note is not None and "Q4_K_M" in offer.note


async def test_an_address_and_its_shards(hub: HubServer) -> None:
    (offer,) = (await had(hub, f"{hub.url}/files/o/r/m-Q8_0-00002-of-00003.gguf?download=true")).offers
    assert len(offer.files) == 3 and (offer.hub, offer.quantization, offer.size) == ("url", "Q8_0", None)
    assert offer.source == f"{hub.url}/files/o/r/m-Q8_0-00002-of-00003.gguf"


async def test_the_page_of_a_repository_is_the_repository(hub: HubServer) -> None:
    hub.publish("o/r", "m-Q8_0.gguf", b"GGUF")
    assert sources(await had(hub, f"{hub.url}/o/r/tree/main")) == ["hf:o/r:Q8_0"]


@pytest.mark.parametrize(
    ("file", "key", "kind"),
    [
        ("pytorch_model.bin", "hubs.pickles", NotSupported),
        ("model.safetensors", "hubs.other_format", NotSupported),
        ("README.md", "hubs.empty", UnknownModel),
    ],
)
async def test_a_repository_without_gguf(hub: HubServer, file: str, key: str, kind: type[HomeroomError]) -> None:
    hub.publish("o/r", file, b"")
    hub.publish("o/r", "config.json", b"{}")
    await refused(hub, "hf:o/r", key, kind)


async def test_pickles_are_refused_by_name_before_anybody_is_asked(hub: HubServer) -> None:
    await refused(hub, "hf:o/r:m.ckpt", "hubs.pickle", NotSupported)
    await refused(hub, f"{hub.url}/files/o/r/m.pkl", "hubs.pickle", NotSupported)
    assert hub.asked == []


# Of a name of the catalogue: sources in the user's order.


async def test_the_publisher_is_asked_first_then_who_is_known_for_it(hub: HubServer) -> None:
    model = entry("qwen3:8b")
    hub.publish("bartowski/Qwen_Qwen3-8B-GGUF", "Qwen_Qwen3-8B-Q4_K_M.gguf", b"GGUF")
    assert sources(await had(hub, model)) == ["hf:bartowski/Qwen_Qwen3-8B-GGUF:Q4_K_M"]
    hub.publish("unsloth/Qwen3-8B-GGUF", "Qwen3-8B-Q8_0.gguf", b"GGUF")
    assert sources(await had(hub, model)) == ["hf:unsloth/Qwen3-8B-GGUF:Q8_0"]
    hub.publish("Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q6_K.gguf", b"GGUF")
    hub.asked.clear()
    assert sources(await had(hub, model)) == ["hf:Qwen/Qwen3-8B-GGUF:Q6_K"]
    assert len(hub.asked) == 1


async def test_the_order_is_the_user_s(hub: HubServer) -> None:
    model = entry("deepseek-r1:7b")
    hub.publish("unsloth/DeepSeek-R1-Distill-Qwen-7B-GGUF", "m-Q4_K_M.gguf", b"GGUF")
    hub.push("library/deepseek-r1", "7b", [("model", b"GGUF")], file_type="Q4_K_M")
    for order in (("ms", "hf"), ("ollama", "hf"), ("hf",)):
        found = await had(hub, model, order=order)
        assert [offer.hub for offer in found.offers] == [order[0]] and found.answers == ()


async def test_with_a_quantization_who_has_none_is_passed_over(hub: HubServer) -> None:
    model = entry("deepseek-r1:7b")
    title = "DeepSeek-R1-Distill-Qwen-7B"
    hub.publish(f"unsloth/{title}-GGUF", f"{title}-Q4_K_M.gguf", b"GGUF")
    hub.publish(f"bartowski/{title}-GGUF", f"{title}-Q6_K.gguf", b"GGUF")
    assert sources(await had(hub, model, quantization="Q6_K")) == [f"hf:bartowski/{title}-GGUF:Q6_K"]
    hub.publish(f"bartowski/{title}-GGUF", f"{title}-Q4_0_4_4.gguf", b"GGUF")  # which nothing runs any more
    hub.publish(f"bartowski/{title}-GGUF", f"{title}-Q3_K_M.gguf", b"GGUF")
    hub.push("library/deepseek-r1", "7b", [("model", b"GGUF")], file_type="Q4_K_M")
    told = await refused(hub, model, "offers.nowhere", UnknownModel, quantization="Q2_K", order=("hf", "ollama"))
    assert f"hf:unsloth/{title}-GGUF has no Q2_K, only Q4_K_M" in told
    assert f"hf:bartowski/{title}-GGUF has no Q2_K, only Q3_K_M (4 B), Q6_K (4 B)." in told
    assert "Ollama: ollama:deepseek-r1:7b has no Q2_K, only Q4_K_M." in told


async def test_a_failure_says_what_each_source_answered(hub: HubServer) -> None:
    told = await refused(hub, entry("deepseek-r1:7b"), "offers.nowhere", UnknownModel)
    assert "Hugging Face: not there: hf:deepseek-ai/DeepSeek-R1-Distill-Qwen-7B-GGUF, hf:unsloth/" in told
    assert "\n  ModelScope: not there: ms:deepseek-ai/" in told and told.count("\n") == 3
    assert told.endswith("Ollama: not there: ollama:deepseek-r1:7b.")


@pytest.mark.parametrize(("order", "more"), [(("hf", "ms", "ollama"), None), (("ms",), "--sources ms,hf,ollama")])
async def test_others_are_named_only_where_there_are_some(
    hub: HubServer, order: tuple[str, ...], more: str | None
) -> None:
    with pytest.raises(UnknownModel) as caught:
        await had(hub, entry("deepseek-r1:7b"), order=order)
    assert ("--sources" in str(caught.value.next)) == (more is not None) and (more or "") in str(caught.value.next)


async def test_the_repositories_of_a_hub_are_asked_together_and_the_first_is_taken(hub: HubServer) -> None:
    """The likeliest first and alone; each answer takes 0.3 s, and five of them are waited for together."""
    title = "DeepSeek-R1-Distill-Qwen-7B"
    for owner in ("bartowski", "unsloth"):
        hub.publish(f"{owner}/{title}-GGUF", f"{title}-Q4_K_M.gguf", b"GGUF")
    hub.behaviour.api_silence = 0.3
    began = time.monotonic()
    found = await had(hub, entry("deepseek-r1:7b"), order=("hf",))
    assert sources(found) == [f"hf:unsloth/{title}-GGUF:Q4_K_M"] and time.monotonic() - began < 0.3 * 4
    assert len(hub.asked) > 2


async def test_in_chinese_there_is_no_space_after_a_full_stop(hub: HubServer) -> None:
    text.set_language("zh")
    try:
        told = await refused(hub, entry("deepseek-r1:7b"), "offers.nowhere", UnknownModel)
    finally:
        text.set_language("en")
    assert "。 " not in told


async def test_the_next_source_is_asked_where_one_cannot_be_reached(hub: HubServer) -> None:
    title = "DeepSeek-R1-Distill-Qwen-7B"
    hub.publish(f"unsloth/{title}-GGUF", f"{title}-Q4_K_M.gguf", b"GGUF")
    found = await had(hub, entry("deepseek-r1:7b"), servers=replace(ends(hub), hf=NOBODY))
    assert sources(found) == [f"ms:unsloth/{title}-GGUF:Q4_K_M"]
    (answer,) = found.answers
    assert answer.source == "Hugging Face" and "could not be reached" in answer.reason


async def test_one_that_does_not_answer_is_not_waited_for_long(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeroom.models.offers.PATIENCE", 0.3)
    hub.behaviour.api_silence = 9  # of Hugging Face's listing
    hub.publish("unsloth/Qwen3-8B-GGUF", "m-Q4_0.gguf", b"GGUF")
    found = await had(hub, entry("qwen3:8b"))
    assert sources(found) == ["ms:unsloth/Qwen3-8B-GGUF:Q4_0"]
    assert "Hugging Face was not read within" in found.answers[0].reason


async def test_no_network_is_told_as_that(hub: HubServer) -> None:
    servers = Endpoints(NOBODY, NOBODY, NOBODY)
    told = await refused(hub, entry("qwen3:8b"), "offers.no_network", NetworkFailure, servers=servers)
    assert all(f"{title}: http://127.0.0.1:9" in told for title in ("Hugging Face", "ModelScope", "Ollama"))


@pytest.mark.parametrize(
    ("status", "requests", "says"),
    [(429, 3, "asked too often"), (503, 3, "HTTP 503"), (403, 6, "may not be read without permission")],
)
async def test_a_hub_that_refuses_is_asked_no_more_than_it_takes(
    hub: HubServer, status: int, requests: int, says: str
) -> None:
    """One that is busy or broken is so for every name; one that forbids a repository may have another."""
    hub.behaviour.api_statuses = deque([status] * 20)
    told = await refused(hub, entry("qwen3:8b"), "offers.nowhere", SourceFailure, order=("hf",))
    assert says in told
    assert len(hub.asked) == requests


async def test_one_that_is_gated_says_so_and_the_next_is_asked(hub: HubServer) -> None:
    hub.behaviour.gated = True
    told = await refused(hub, entry("gemma3:4b"), "offers.nowhere", SourceFailure, order=("hf",))
    assert "hf:google/gemma-3-4b-it-GGUF is gated" in told


async def test_repositories_that_hold_another_model_are_skipped(hub: HubServer) -> None:
    model, title = entry("deepseek-r1:7b"), "DeepSeek-R1-Distill-Qwen-7B"
    for owner in ("unsloth", "bartowski"):
        hub.publish(f"{owner}/{title}-GGUF", f"{title}-Q4_K_M.gguf", b"GGUF")
    found = await had(hub, model, skip={f"hf:unsloth/{title}-GGUF"})
    assert sources(found) == [f"hf:bartowski/{title}-GGUF:Q4_K_M"]


# What is there against what it should be.


@pytest.fixture(scope="session")
def gemma(gemma_path: Path) -> ModelFacts:
    return inspect(gemma_path, "gemma")


def test_the_real_model_is_the_catalogue_s(gemma: ModelFacts) -> None:
    assert matches(entry("gemma3:270m"), gemma) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [("qwen3:0.6b", "its header says gemma3"), ("gemma3:1b", "18 layers, the model has 26")],
)
def test_another_model_is_told_from_it(gemma: ModelFacts, name: str, says: str) -> None:
    assert says in str(matches(entry(name), gemma))


def test_the_parameters_are_the_same_within_a_hundredth(gemma: ModelFacts) -> None:
    model = entry("gemma3:270m")
    for factor, good in ((1.009, True), (0.991, True), (1.02, False), (0.98, False)):
        there = replace(gemma, parameters=round(model.parameters * factor))
        assert (matches(model, there) is None) == good


def test_an_output_that_is_written_out_is_the_same_model(gemma: ModelFacts) -> None:
    model = entry("gemma3:270m")
    assert model.tied
    written = gemma.parameters + gemma.vocabulary * gemma.embedding_length
    assert matches(model, replace(gemma, parameters=written)) is None
    assert matches(replace(model, tied=False), replace(gemma, parameters=written)) is not None


async def test_from_a_name_to_the_header_of_the_real_model(hub: HubServer, gemma_path: Path) -> None:
    model = entry("gemma3:270m")
    hub.publish("unsloth/gemma-3-270m-it-GGUF", "gemma-3-270m-it-Q4_K_M.gguf", gemma_path)
    (offer,) = (await had(hub, model)).offers
    async with Client(Network()) as client:
        facts, header = await inspect_remote(client, offer.files)
    assert matches(model, facts) is None
    assert sum(header.file_bytes) == offer.size == gemma_path.stat().st_size


# The customs.


def test_every_custom_has_its_source() -> None:
    data = tomllib.loads(files("homeroom.models").joinpath("data/sources.toml").read_text("utf-8"))
    assert data["format"] == 1 and data["date"]
    for custom in data["repository"]:
        assert custom["name"].endswith("-GGUF") and custom["title"]
        assert set(custom["hubs"]) <= {"hf", "ms"}
        for hub, server in (("hf", "https://huggingface.co/"), ("ms", "https://modelscope.cn/models/")):
            assert (server in custom["source"]) == (hub in custom["hubs"])


def test_the_title_is_tried_where_the_repository_s_name_says_its_format() -> None:
    asked = [reference.repository for reference in references(entry("ernie-4.5:300b"), "hf")]
    assert asked[2:4] == ["unsloth/ERNIE-4.5-300B-A47B-Paddle-GGUF", "unsloth/ERNIE-4.5-300B-A47B-GGUF"]


def test_every_name_of_the_catalogue_can_be_asked_for() -> None:
    for model in catalogue.entries():
        for hub in ("hf", "ms", "ollama"):
            for reference in references(model, "hf" if hub == "hf" else "ms" if hub == "ms" else "ollama"):
                assert parse(reference.shown) == reference
