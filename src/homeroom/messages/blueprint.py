"""What is said about models whose tensors have to be worked out."""

from __future__ import annotations

from typing import Final

MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "blueprint.unknown_architecture": (
        "{path}: homeroom does not know which tensors a model of architecture {architecture!r} has.",
        "{path}：homeroom 不知道架构 {architecture!r} 的模型由哪些张量组成。",
    ),
    "blueprint.unknown_architecture.next": (
        "Give a GGUF file of it (a path or a URL): homeroom show PATH",
        "请给出该模型的 GGUF 文件（路径或网址）：homeroom show PATH",
    ),
}
