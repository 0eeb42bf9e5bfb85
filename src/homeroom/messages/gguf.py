"""Sentences about model files: what is wrong with a GGUF header, and what to type next."""

from __future__ import annotations

from typing import Final

_AGAIN: Final = (
    "The file is damaged: fetch it again from where it came, or take a model that works with: homeroom pull starter",
    "文件已损坏：请从原处重新下载，或改用可用的模型：homeroom pull starter",
)
_LIST: Final = ("See the models on this machine with: homeroom list", "查看本机已有的模型：homeroom list")
_OTHER: Final = (
    "Take another build of this model, or one that works with: homeroom pull starter",
    "请换用该模型的其他版本，或改用可用的模型：homeroom pull starter",
)

_SENTENCES: Final[dict[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    # What stands at the path.
    "missing": (("There is no file {path}.", "文件 {path} 不存在。"), _LIST),
    "not_a_file": (("{path} is not a regular file.", "{path} 不是普通文件。"), _LIST),
    "unreadable": (
        ("{path} cannot be read: {reason}.", "无法读取 {path}:{reason}。"),
        (
            "Make the file readable for your user, or see the others with: homeroom list",
            "请让当前用户可以读取该文件，或查看其他模型：homeroom list",
        ),
    ),
    "empty": (("{path} is empty.", "{path} 是空文件。"), _AGAIN),
    "not_gguf": (
        (
            "{path} is not a GGUF file: it begins with '{start}' and not with 'GGUF'.",
            "{path} 不是 GGUF 文件：开头是 '{start}'，而不是 'GGUF'。",
        ),
        (
            "Give the path of a .gguf file, or see the models on this machine with: homeroom list",
            "请给出 .gguf 文件的路径，或查看本机已有的模型：homeroom list",
        ),
    ),
    "version": (
        (
            "{path} is GGUF version {version}; homeroom reads versions 2 and 3.",
            "{path} 是第 {version} 版 GGUF;homeroom 只能读取第 2 版和第 3 版。",
        ),
        _OTHER,
    ),
    "missing_shard": (
        (
            "{path} is part of a model in {count} files, and {missing} is not beside it.",
            "{path} 属于一个由 {count} 个文件组成的模型，但同一文件夹中缺少 {missing}。",
        ),
        (
            "Fetch the missing file into the same folder, or see the models on this machine with: homeroom list",
            "请把缺少的文件下载到同一文件夹，或查看本机已有的模型：homeroom list",
        ),
    ),
    "wrong_shard": (
        (
            "{path} does not belong to the model that its name says: {key} is {value}, expected {expected}.",
            "{path} 与文件名所示的模型不符：{key} 为 {value}，应为 {expected}。",
        ),
        _AGAIN,
    ),
    # The file ends too early.
    "cut_off": (
        (
            "{path} ends in the middle of its header: at byte {at}, {what} needs {needed} bytes and {left} are left.",
            "{path} 的文件头不完整：在第 {at} 字节处，{what} 需要 {needed} 字节，只剩 {left} 字节。",
        ),
        _AGAIN,
    ),
    "truncated": (
        (
            "{path} is cut off: it has {size} bytes and its tensors need {needed} ({missing} are missing).",
            "{path} 不完整：文件有 {size} 字节，张量需要 {needed} 字节（缺少 {missing} 字节）。",
        ),
        _AGAIN,
    ),
    # The format is broken.
    "too_large": (
        (
            "The header of {path} is too large: {what} at byte {at} goes beyond {limit} bytes.",
            "{path} 的文件头过大：第 {at} 字节处的 {what} 超出 {limit} 字节的上限。",
        ),
        _AGAIN,
    ),
    "too_many": (
        (
            "The header of {path} is damaged: {count} entries in {what} at byte {at}, at most {limit} are plausible.",
            "{path} 的文件头已损坏：第 {at} 字节处的 {what} 有 {count} 项，合理上限为 {limit}。",
        ),
        _AGAIN,
    ),
    "long_string": (
        (
            "The header of {path} is damaged: {what} at byte {at} is {length} bytes long, at most {limit} are allowed.",
            "{path} 的文件头已损坏：第 {at} 字节处的 {what} 长 {length} 字节，上限为 {limit}。",
        ),
        _AGAIN,
    ),
    "bad_utf8": (
        (
            "The header of {path} is damaged: {what} at byte {at} is not UTF-8 text.",
            "{path} 的文件头已损坏：第 {at} 字节处的 {what} 不是 UTF-8 文本。",
        ),
        _AGAIN,
    ),
    "bad_type": (
        (
            "The header of {path} is damaged: {what} at byte {at} has the unknown type {type}.",
            "{path} 的文件头已损坏：第 {at} 字节处的 {what} 是未知类型 {type}。",
        ),
        _AGAIN,
    ),
    "nested": (
        (
            "The header of {path} is damaged: {what} at byte {at} is an array of arrays.",
            "{path} 的文件头已损坏：第 {at} 字节处的 {what} 是嵌套数组。",
        ),
        _AGAIN,
    ),
    "empty_key": (
        (
            "The header of {path} is damaged: key {index} at byte {at} has no name.",
            "{path} 的文件头已损坏：第 {at} 字节处的第 {index} 个键没有名称。",
        ),
        _AGAIN,
    ),
    "duplicate": (
        (
            "The header of {path} is damaged: {what} at byte {at} is there twice.",
            "{path} 的文件头已损坏：第 {at} 字节处的 {what} 重复出现。",
        ),
        _AGAIN,
    ),
    "bad_alignment": (
        (
            "The header of {path} is damaged: general.alignment is {value}, which is no power of two.",
            "{path} 的文件头已损坏：general.alignment 为 {value}，不是合理的 2 的幂。",
        ),
        _AGAIN,
    ),
    "too_many_dimensions": (
        (
            "The header of {path} is damaged: tensor {what} at byte {at} has {count} dimensions, at most {limit} exist.",
            "{path} 的文件头已损坏：第 {at} 字节处的张量 {what} 有 {count} 维，最多 {limit} 维。",
        ),
        _AGAIN,
    ),
    "unknown_tensor_type": (
        (
            "{path}: tensor {what} at byte {at} has type {type}, which this version does not know.",
            "{path}：第 {at} 字节处的张量 {what} 的类型为 {type}，本版本无法识别。",
        ),
        _OTHER,
    ),
    "overflow": (
        (
            "The header of {path} is damaged: tensor {what} at byte {at} has the impossible shape {shape}.",
            "{path} 的文件头已损坏：第 {at} 字节处的张量 {what} 形状 {shape} 不可能存在。",
        ),
        _AGAIN,
    ),
    "broken_row": (
        (
            "The header of {path} is damaged: tensor {what} at byte {at} has rows of {row} elements, "
            "which is no multiple of {block} as {type} needs.",
            "{path} 的文件头已损坏：第 {at} 字节处的张量 {what} 每行 {row} 个元素，不是 {type} 所需的 {block} 的倍数。",
        ),
        _AGAIN,
    ),
    "bad_offset": (
        (
            "The header of {path} is damaged: tensor {what} at byte {at} begins at {offset}, expected {expected}.",
            "{path} 的文件头已损坏：第 {at} 字节处的张量 {what} 起始于 {offset}，应为 {expected}。",
        ),
        _AGAIN,
    ),
    # The format is right and the model is not.
    "not_a_model": (
        (
            "{path} is a GGUF file of kind '{kind}', which cannot run by itself.",
            "{path} 是类型为 '{kind}' 的 GGUF 文件，不能单独运行。",
        ),
        _LIST,
    ),
    "no_tensors": (("{path} holds no weights.", "{path} 中没有权重。"), _AGAIN),
    "missing_key": (
        (
            "{path} does not say {key}, without which the engine cannot load it.",
            "{path} 缺少 {key}，引擎无法加载。",
        ),
        _AGAIN,
    ),
    "wrong_kind": (
        ("{path}: {key} must be {expected} and is {found}.", "{path}：{key} 应为{expected}，实际为 {found}。"),
        _AGAIN,
    ),
    "bad_value": (
        (
            "{path}: {key} is {value}, allowed is {allowed}.",
            "{path}：{key} 为 {value}，允许的范围是 {allowed}。",
        ),
        _AGAIN,
    ),
    "bad_heads": (
        (
            "{path}: the heads of layer {layer} do not divide: {dividend} by {divisor}.",
            "{path}：第 {layer} 层的注意力头数不能整除：{dividend} 除以 {divisor}。",
        ),
        _AGAIN,
    ),
    "missing_block": (
        (
            "{path} says {key} {count}, and has no tensors of block {block}.",
            "{path} 的 {key} 为 {count}，但缺少第 {block} 层的张量。",
        ),
        _AGAIN,
    ),
    "wrong_shape": (
        (
            "{path}: tensor {tensor} is {found} and {key} asks for {expected}.",
            "{path}：张量 {tensor} 为 {found}，而 {key} 要求 {expected}。",
        ),
        _AGAIN,
    ),
    # What a caller asks for.
    "kv_type": (
        (
            "There is no KV cache type {name!r}; known: {known}.",
            "没有名为 {name!r} 的 KV 缓存类型；已知类型：{known}。",
        ),
        (
            "Take one of those, or leave the choice to homeroom with: --kv-type auto",
            "请使用其中一种，或让 homeroom 自行选择：--kv-type auto",
        ),
    ),
}

MESSAGES: dict[str, tuple[str, str]] = {
    key: sentence
    for name, (told, following) in _SENTENCES.items()
    for key, sentence in ((f"gguf.{name}", told), (f"gguf.{name}.next", following))
}
