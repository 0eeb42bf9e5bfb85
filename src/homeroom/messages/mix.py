"""Sentences about the tensor mix of a quantization."""

from __future__ import annotations

from typing import Final

MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "mix.unknown": (
        "'{name}' is not a quantization that llama.cpp makes. Known: {known}.",
        "“{name}”不是 llama.cpp 能生成的量化格式。已知的有：{known}。",
    ),
    "mix.unknown.next": ("See what each costs with: homeroom fit --chart", "各格式的大小请查看：homeroom fit --chart"),
    "mix.no_layers": (
        "The header of this '{architecture}' model has no layer count, so the size of a quantization is unknown.",
        "此“{architecture}”模型的文件头没有层数，因此无法得知量化后的大小。",
    ),
    "mix.no_layers.next": ("See the models on this machine with: homeroom list", "查看本机已有的模型：homeroom list"),
    "mix.no_layer": (
        "llama.cpp cannot quantize this model: it finds no layer number below {layers} in the tensor name '{tensor}'.",
        "llama.cpp 无法量化此模型：张量名“{tensor}”中没有小于 {layers} 的层号。",
    ),
    "mix.no_layer.next": (
        "Take a quantized file that its maker publishes, or another model: homeroom list",
        "请使用发布者提供的量化文件，或换用其他模型：homeroom list",
    ),
    "mix.no_fallback": (
        "llama.cpp cannot make {name} of this model: rows of {row} elements do not divide into blocks of {block}.",
        "llama.cpp 无法为此模型生成 {name}：每行 {row} 个元素不能按 {block} 个一块划分。",
    ),
    "mix.no_fallback.next": (
        "Take another quantization: homeroom fit --chart",
        "请换用其他量化格式：homeroom fit --chart",
    ),
}
