"""Fuzzes the reader of GGUF headers, guided by coverage: any bytes give facts or a BadModelFile, quickly and in little memory.

    python -m pip install atheris        (Linux, Python 3.11 to 3.13)
    python bench/fuzz_gguf.py --seeds CORPUS [MODEL.gguf ...]
    python bench/fuzz_gguf.py CORPUS -max_len=8192 -timeout=300 -rss_limit_mb=200 -len_control=0 -max_total_time=600

The first line writes small headers to begin with, and the heads of the real files that are named. Everything after CORPUS is
libFuzzer's own. An input that takes more than a second of the processor is a finding (-timeout goes by the clock, which says
little on a busy machine). An input is two bytes that say how it is read (with thrift as over a network, and how many bytes of
what follow it), then the file. ``tests/models/test_gguf_fuzz.py`` is the short form that runs with every test run.
"""

from __future__ import annotations

import importlib
import struct
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WHOLE_HEAD = 1 << 16
MOST_SECONDS = 1.0
TOKEN = b"\x09\0\0\0\0\0\0\0"
FILLINGS = (b"\0", TOKEN + b"a token..", TOKEN + b"a token.." + TOKEN + b"general.b", b"\xff")
"""What follows an input: nothing, a vocabulary without end, one in which every other token looks like a key, nonsense."""


def one_input(data: bytes) -> None:
    """Read *data* as the module says. Anything but a BadModelFile that tells itself leaves this function as an error."""
    from homeroom.errors import BadModelFile
    from homeroom.models.gguf import read_header
    from homeroom.models.inspect import facts_from
    from support.holed import Holed

    if len(data) < 2:
        return
    thrifty, hole = bool(data[0] & 1), (1 << (data[1] % 34)) - 1
    filling = FILLINGS[data[0] >> 1 & 3]
    begun = time.process_time()
    try:
        header = read_header(Holed(data[2:], hole, filling), thrifty=thrifty)
        facts = facts_from([header], ["fuzz.gguf"], name="fuzz")
    except BadModelFile as error:
        assert error.message and error.next
        assert time.process_time() - begun < MOST_SECONDS
        return
    assert time.process_time() - begun < MOST_SECONDS
    assert facts.parameters > 0 and facts.file_bytes == len(data) - 2 + hole


def seeds(folder: Path, models: list[Path]) -> int:
    """Write the inputs to begin with; how many there are."""
    writer, gguf = importlib.import_module("support.gguf_writer"), importlib.import_module("homeroom.models.gguf")
    folder.mkdir(parents=True, exist_ok=True)
    common: dict[str, Any] = {
        "context_length": 512,
        "embedding_length": 64,
        "attention.head_count": 4,
        "attention.head_count_kv": [2, 0],
    }
    special: dict[str, dict[str, Any]] = {
        "llama": {},
        "gemma3": {"attention.sliding_window": 128, "attention.key_length": 16},
        "gemma4": {"attention.shared_kv_layers": 1, "attention.sliding_window_pattern": [True, False]},
        "deepseek2": {"attention.key_length_mla": 24, "attention.value_length_mla": 16, "attention.kv_lora_rank": 32},
        "qwen3moe": {"expert_count": 8, "expert_used_count": 2, "expert_feed_forward_length": 32},
        "qwen3next": {"ssm.inner_size": 64, "ssm.state_size": 16, "full_attention_interval": 2},
        "mamba2": {"ssm.inner_size": 64, "ssm.state_size": 16, "ssm.conv_kernel": 4, "ssm.group_count": 1},
        "bert": {"pooling_type": 2},
        "gpt-oss": {"attention.sliding_window": 128, "expert_count": 4, "expert_used_count": 2},
    }
    tensors = [
        ("token_embd.weight", (64, 10), 1),
        ("blk.0.attn_k.weight", (64, 32), 2),
        ("blk.1.ffn_up.weight", (64, 64), 0),
    ]
    count = 0
    for architecture, keys in special.items():
        metadata = {"general.architecture": architecture, "general.file_type": 2, f"{architecture}.block_count": 2}
        metadata |= {f"{architecture}.{key}": value for key, value in (common | keys).items()}
        metadata |= {
            "tokenizer.ggml.tokens": [str(number) for number in range(10)],
            "tokenizer.chat_template": "{{ tools }}",
        }
        for big_endian in (False, True):
            path = folder / "seed.tmp"
            writer.write_gguf(path, metadata, tensors, big_endian=big_endian)
            header = path.read_bytes()[: gguf.read_header(path).data_offset]
            for way in (b"\x00\x14", b"\x01\x1e"):
                (folder / f"seed-{count:02d}").write_bytes(way + header)
                count += 1
            path.unlink()
    tokens = b"GGUF" + struct.pack("<IQQ", 3, 0, 3) + struct.pack("<Q", 9) + b"general.a" + struct.pack("<IB", 7, 1)
    tokens += struct.pack("<Q", 9) + b"general.t" + struct.pack("<IIQ", 9, 8, 100_000)
    for way in (b"\x03\x18", b"\x05\x18", b"\x02\x18"):
        (folder / f"seed-{count:02d}").write_bytes(way + tokens)
        count += 1
    for model in models:
        with model.open("rb") as file:
            (folder / f"seed-{count:02d}").write_bytes(b"\x01\x1e" + file.read(WHOLE_HEAD))
        count += 1
    return count


def main(arguments: list[str]) -> None:
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    if arguments[1:2] == ["--seeds"]:
        print(f"{seeds(Path(arguments[2]), [Path(name) for name in arguments[3:]])} inputs written to {arguments[2]}")
        return
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["homeroom.models"]):
        importlib.import_module("homeroom.models.inspect")
    importlib.import_module("homeroom.text").set_language("en")
    importlib.import_module("homeroom.messages.gguf")
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
