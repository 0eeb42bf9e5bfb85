"""Sentences about the models that other programs keep on this machine, and about Modelfiles."""

MESSAGES: dict[str, tuple[str, str]] = {
    "neighbours.bad_manifest": (
        "{name} cannot be used: {path} cannot be understood ({reason}).",
        "{name} 无法使用：无法解读 {path}（{reason}）。",
    ),
    "neighbours.bad_manifest.next": (
        "Fetch it again with the program that it belongs to, or: homeroom pull {name}",
        "请用所属程序重新下载，或：homeroom pull {name}",
    ),
    "neighbours.not_whole": (
        "{name} cannot be used: its file {path} is missing or not whole.",
        "{name} 无法使用：其文件 {path} 缺失或不完整。",
    ),
    "neighbours.not_whole.next": (
        "Let the program that it belongs to finish the download, or: homeroom pull {name}",
        "请让所属程序完成下载，或：homeroom pull {name}",
    ),
    "neighbours.several_parts": (
        "{name} cannot be used: it is made of several parts (an adapter, or more than one file), and running only one of "
        "them would be another model.",
        "{name} 无法使用：它由多个部分组成（含适配器或多个文件），只运行其中一个就成了另一个模型。",
    ),
    "neighbours.several_parts.next": (
        "Run it with Ollama, or take another model: homeroom list",
        "请用 Ollama 运行，或换用其他模型：homeroom list",
    ),
    "neighbours.leads_out": (
        "{name} is not used: {path} is a link that leads out of the stores.",
        "{name} 未被使用：{path} 是指向各模型库之外的链接。",
    ),
    "neighbours.leads_out.next": (
        "If it is yours, add the folder that it leads to with the setting model_folders (HOMEROOM_MODEL_FOLDERS).",
        "若是您自己的链接，请通过设置 model_folders（HOMEROOM_MODEL_FOLDERS）加入它指向的文件夹。",
    ),
    # list and show
    "neighbours.head.used": ("LAST USED", "最近使用"),
    "neighbours.title": ("From its Modelfile", "来自其 Modelfile"),
    "neighbours.fact.system": ("system", "系统提示"),
    "neighbours.fact.system.means": (
        "the system message of a conversation that brings none",
        "对话没有系统消息时使用",
    ),
    "neighbours.fact.messages": ("messages", "示例消息"),
    "neighbours.fact.messages.means": ("an example, put before each conversation", "置于每次对话之前的示例"),
    "neighbours.fact.parameter.means": ("unless a request says otherwise", "请求未另行指定时使用"),
    "neighbours.fact.unfollowed.means": (
        "not followed: homeroom decides this for the machine, or you do with a setting",
        "不采用：由 homeroom 根据本机条件决定，或由您的设置决定",
    ),
    "neighbours.fact.template": ("template", "模板"),
    "neighbours.template.own": ("the file's own is used", "使用文件自带的模板"),
    "neighbours.template.own.means": (
        "Ollama's is a Go template, which is not rendered here",
        "Ollama 的是 Go 模板，此处不渲染",
    ),
    "neighbours.template.format": ("{name}", "{name}"),
    "neighbours.template.format.means": (
        "the file has none; Ollama's has the marks of this format, which the engine knows",
        "文件没有模板；Ollama 的模板具有此格式的标记，引擎支持该格式",
    ),
    "neighbours.template.none": ("not used", "未使用"),
    "neighbours.template.none.means": (
        "the file has none, and Ollama's cannot be rendered here: the model only completes",
        "文件没有模板，而 Ollama 的模板无法在此渲染：该模型只能续写",
    ),
}
