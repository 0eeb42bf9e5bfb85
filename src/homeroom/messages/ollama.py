"""Sentences of the gateway's Ollama dialect."""

MESSAGES: dict[str, tuple[str, str]] = {
    "ollama.unknown_option": (
        "There is no option {name!r}; known: {known}.",
        "没有名为 {name!r} 的选项；已知选项：{known}。",
    ),
    "ollama.unknown_option.next": ("Correct or leave out options.{name}.", "请更正或去掉 options.{name}。"),
    "ollama.no_thinking": (
        "{name} does not support thinking: its chat template has no place for it.",
        "{name} 不支持思考：它的对话模板没有思考部分。",
    ),
    "ollama.no_thinking.next": (
        "Leave out 'think', or name a model whose capabilities in /api/show include thinking.",
        "请去掉 'think'，或换用 /api/show 的 capabilities 中含 thinking 的模型。",
    ),
    "ollama.context": (
        "The field 'context' is deprecated and not supported; nothing of the earlier conversation would have been read.",
        "字段 'context' 已弃用且不受支持；否则先前的对话不会被读取。",
    ),
    "ollama.context.next": (
        "Send the conversation as messages to /api/chat.",
        "请将对话以 messages 发送到 /api/chat。",
    ),
    "ollama.raw": (
        "With 'raw' the prompt is sent as it is; {field!r} would have no effect.",
        "使用 'raw' 时提示词原样发送；{field!r} 不会起作用。",
    ),
    "ollama.raw.next": ("Leave out 'raw' or {field!r}.", "请去掉 'raw' 或 {field!r}。"),
    "ollama.no_template": (
        "{name} has no chat template, so it completes the prompt as it is; {field!r} would have no effect.",
        "{name} 没有对话模板，只会原样续写提示词；{field!r} 不会起作用。",
    ),
    "ollama.no_template.next": (
        "Leave out {field!r}, or name an instruct model.",
        "请去掉 {field!r}，或换用指令模型。",
    ),
}
