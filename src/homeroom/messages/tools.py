"""Sentences about tool calls."""

MESSAGES: dict[str, tuple[str, str]] = {
    "tools.malformed": (
        "The tools, or the messages beside them, are not in the shape that the API documents.",
        "tools 或相应的 messages 不符合 API 文档规定的格式。",
    ),
    "tools.malformed.next": (
        'Each tool is {{"type": "function", "function": {{"name": ..., "parameters": ...}}}}.',
        '每个工具的格式：{{"type": "function", "function": {{"name": ..., "parameters": ...}}}}。',
    ),
    "tools.unknown_choice": (
        "tool_choice names {choice!r}, which is none of the tools.",
        "tool_choice 指定了 {choice!r}，但它不在 tools 之中。",
    ),
    "tools.unknown_choice.next": (
        'Use "auto", "none", "required" or the name of a tool in tools.',
        '请使用 "auto"、"none"、"required" 或 tools 中的工具名。',
    ),
    "tools.with_format": (
        "This model's template knows no tools; homeroom holds it to a schema, which excludes another response format.",
        "该模型的模板不支持工具；homeroom 用 schema 约束其输出，因此不能再指定其他输出格式。",
    ),
    "tools.with_format.next": (
        "Leave out tools or response_format.",
        "请去掉 tools 或 response_format。",
    ),
}
