"""Sentences about who has a model, and who has not."""

MESSAGES: dict[str, tuple[str, str]] = {
    "offers.nowhere": (
        "No source has {model}.\n{answers}",
        "没有来源提供 {model}。\n{answers}",
    ),
    "offers.nowhere.next": (
        "Name a repository that has GGUF files of {repository}: homeroom pull hf:ORG/REPO-GGUF{more}",
        "请指定含有 {repository} 的 GGUF 文件的仓库：homeroom pull hf:组织/仓库-GGUF{more}",
    ),
    "offers.more": (". Or ask others: --sources {sources}", "；或查询其他来源：--sources {sources}"),
    "offers.no_network": (
        "No source of {model} could be reached.\n{answers}",
        "无法访问 {model} 的任何来源。\n{answers}",
    ),
    "offers.no_network.next": (
        "Check the connection (behind a proxy set HTTPS_PROXY) and type the same command again, or use mirrors: "
        "{settings}. Without any network: homeroom list",
        "请检查网络（使用代理时设置 HTTPS_PROXY）后重试，或使用镜像：{settings}。没有网络时可用：homeroom list",
    ),
    "offers.answer": ("  {source}: {reason}", "  {source}：{reason}"),
    "offers.absent": ("not there: {names}.", "没有：{names}。"),
    "offers.lacks": ("{source} has no {wanted}, only {choices}.", "{source} 没有 {wanted}，仅有 {choices}。"),
    "offers.another_model": ("{source} holds another model.", "{source} 中是另一个模型。"),
    "offers.tag_is": (
        "{source} means {quantization} at present; a tag may come to mean another file.",
        "{source} 目前指 {quantization}；标签所指的文件可能会变。",
    ),
    "offers.architecture": (
        "its header says {found}, the model is {expected}.",
        "文件头为 {found}，而该模型为 {expected}。",
    ),
    "offers.layers": (
        "it has {found} layers, the model has {expected}.",
        "它有 {found} 层，而该模型有 {expected} 层。",
    ),
    "offers.parameters": (
        "it has {found} parameters, the model has {expected}.",
        "它有 {found} 个参数，而该模型有 {expected} 个。",
    ),
}
