"""Sentences about configurations and the catalogue."""

MESSAGES: dict[str, tuple[str, str]] = {
    # config.json
    "catalogue.unknown_type": (
        "{path} describes a model of type {kind!r}, which homeroom does not know.",
        "{path} 描述的模型类型为 {kind!r}，homeroom 尚不支持。",
    ),
    "catalogue.unknown_type.next": (
        "A GGUF of it can be read: homeroom show PATH_OR_URL_OF_A.gguf",
        "可改为读取它的 GGUF 文件：homeroom show 路径或网址.gguf",
    ),
    "catalogue.missing_key": ("{path} has no {key}.", "{path} 缺少 {key}。"),
    "catalogue.missing_key.next": (
        "Get config.json again from where the model is published, or use a GGUF: homeroom show PATH.gguf",
        "请从模型发布处重新获取 config.json，或使用 GGUF 文件：homeroom show 路径.gguf",
    ),
    "catalogue.wrong_kind": (
        "In {path}, {key} should be {expected}, and is {found}.",
        "{path} 中的 {key} 应为 {expected}，实际为 {found}。",
    ),
    "catalogue.wrong_kind.next": (
        "Get config.json again from where the model is published, or use a GGUF: homeroom show PATH.gguf",
        "请从模型发布处重新获取 config.json，或使用 GGUF 文件：homeroom show 路径.gguf",
    ),
    "catalogue.wrong_length": (
        "In {path}, {key} should have {expected} values, and has {found}.",
        "{path} 中的 {key} 应有 {expected} 个值，实际为 {found} 个。",
    ),
    "catalogue.wrong_length.next": (
        "Get config.json again from where the model is published, or use a GGUF: homeroom show PATH.gguf",
        "请从模型发布处重新获取 config.json，或使用 GGUF 文件：homeroom show 路径.gguf",
    ),
    "catalogue.note.vision": (
        "Its vision tower is a file of its own (mmproj) and is not counted here.",
        "其视觉部分是单独的文件（mmproj），此处未计入。",
    ),
    "catalogue.note.audio": (
        "Its audio tower is a file of its own (mmproj) and is not counted here.",
        "其音频部分是单独的文件（mmproj），此处未计入。",
    ),
    "catalogue.note.differs": (
        "Its files hold {published} parameters, its configuration describes {computed}: sizes may be off by as much.",
        "其文件包含 {published} 个参数，而配置描述的是 {computed} 个：大小可能有同等偏差。",
    ),
    # the catalogue
    "catalogue.unknown_but": (
        "There is no model {model!r} on this machine, and none in the catalogue. Did you mean: {close}?",
        "本机没有名为 {model!r} 的模型，目录中也没有。您是否想用：{close}？",
    ),
    "catalogue.unknown_but.next": (
        "Search the catalogue: homeroom fit --all --find TEXT. See what is here: homeroom list",
        "搜索目录：homeroom fit --all --find 文字；查看本机已有：homeroom list",
    ),
    "catalogue.ambiguous": (
        "{name!r} means several models of the catalogue: {choices}.",
        "{name!r} 对应目录中的多个模型：{choices}。",
    ),
    "catalogue.ambiguous.next": ("Name one of them: homeroom fit {first}", "请指定其中一个：homeroom fit {first}"),
    "catalogue.no_quantization": (
        "{name} has no quantization {quantization!r}. There are: {known}.",
        "{name} 没有量化类型 {quantization!r}。可用的有：{known}。",
    ),
    "catalogue.no_quantization.next": (
        "Type for example: homeroom fit {name}",
        "例如输入：homeroom fit {name}",
    ),
}
