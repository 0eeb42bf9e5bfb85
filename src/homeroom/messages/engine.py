"""Sentences of the engine floor: choices with their reasons, and what can go wrong while a model runs."""

MESSAGES: dict[str, tuple[str, str]] = {
    "engine.threads.cores": (
        "one for each of the {cores} cores this process may use",
        "本进程可用的 {cores} 个核心，每核一个线程",
    ),
    "engine.given": ("given by {origin}", "由 {origin} 指定"),
    "engine.context.default": (
        "the default, 8,192, within the model's own limit of {limit}",
        "默认值 8192，未超过模型自身上限 {limit}",
    ),
    "engine.context.model": ("the model's own limit", "模型自身的上限"),
    "engine.context.clamped": (
        "the model's own limit; {asked} was asked",
        "模型自身的上限；要求的是 {asked}",
    ),
    "engine.context.memory": (
        "the longest that fits {free} of free memory (the model allows {limit})",
        "在 {free} 空闲内存中可容纳的最大长度（模型允许 {limit}）",
    ),
    "engine.parallel.default": (
        "one request at a time is fastest for one person; --parallel raises it",
        "单人使用时一次一个请求最快；可用 --parallel 提高",
    ),
    "engine.flash_attention.auto": (
        "on where the engine has it for this model: about 10 % faster, smaller buffers",
        "引擎支持该模型时启用：约快 10%，缓冲区更小",
    ),
    "engine.kv_type.f16": (
        "full precision of the cache; it fits the free memory",
        "缓存使用完整精度；空闲内存足够",
    ),
    "engine.kv_type.q8_0": (
        "half the memory of f16, needed to reach this context",
        "内存为 f16 的一半，达到该上下文长度所需",
    ),
    "engine.batch.size": (
        "about a quarter of a second of prompt reading, so that a client who leaves frees the engine",
        "约四分之一秒的提示词处理量，使离开的客户端能及时释放引擎",
    ),
    "engine.batch.embed": (
        "a whole text at once, as pooling needs",
        "池化需要一次处理整段文本",
    ),
    "engine.does_not_fit": (
        "{name} needs {needed} with a context of {context} tokens; of {free} free memory, {usable} may be used.",
        "{name} 在 {context} token 上下文下需要 {needed}；空闲内存 {free}，其中可用 {usable}。",
    ),
    "engine.does_not_fit.next": (
        "Close other programs, ask for less with --ctx, or use a smaller model: homeroom up --model starter",
        "请关闭其他程序，用 --ctx 减小上下文，或改用更小的模型：homeroom up --model starter",
    ),
    "engine.ctx_over_model": (
        "{name} was made for at most {limit} tokens of context; {asked} was asked.",
        "{name} 最多支持 {limit} token 上下文；请求的是 {asked}。",
    ),
    "engine.ctx_over_model.next": ("Use --ctx {limit} or less.", "请使用 --ctx {limit} 或更小的值。"),
    "engine.start_failed": (
        "The engine could not load {name}: {reason}.",
        "引擎无法加载 {name}：{reason}。",
    ),
    "engine.start_failed.next": (
        "Check the file with: homeroom show {name}; the engine's log is in the folder logs of the home (see homeroom doctor).",
        "检查文件：homeroom show {name}；引擎日志在主目录的 logs 中（见 homeroom doctor）。",
    ),
    "engine.not_installed": (
        "The engine (xllamacpp) is not installed in this Python.",
        "此 Python 中未安装引擎（xllamacpp）。",
    ),
    "engine.not_installed.next": (
        "Install it with: python -m pip install xllamacpp",
        "安装命令：python -m pip install xllamacpp",
    ),
    "engine.exit": ("it ended with {status}", "进程已结束，状态为 {status}"),
    "engine.too_large": (
        "it took far more memory than the model needs",
        "占用的内存远超模型所需",
    ),
    "engine.stalled": ("it made no progress for {seconds} s", "{seconds} 秒内没有任何进展"),
    "engine.died": (
        "The engine ended in the middle of this request ({status}); what had arrived is all there is.",
        "引擎在处理此请求时意外结束（{status}）；已收到的内容即为全部。",
    ),
    "engine.died.next": (
        "Send the request again: a running gateway starts a new engine by itself. Its log is in the folder logs of the home.",
        "请重新发送请求：运行中的网关会自动启动新引擎。日志在主目录的 logs 中。",
    ),
    "engine.busy": (
        "No memory came free for {name} within {seconds} s: other models are answering.",
        "{seconds} 秒内没有为 {name} 腾出内存：其他模型正在回答。",
    ),
    "engine.busy.next": (
        "Try again, or unload one with: homeroom stop MODEL (homeroom ps lists them)",
        "请重试，或卸载一个模型：homeroom stop MODEL（用 homeroom ps 查看）",
    ),
    "engine.closing": ("The engine is being stopped.", "引擎正在停止。"),
    "engine.closing.next": ("Start it again with: homeroom up", "重新启动：homeroom up"),
    "engine.refused": ("The engine refused the request: {reason}.", "引擎拒绝了该请求：{reason}。"),
    "engine.refused.next": ("Correct the request and send it again.", "请修改请求后重新发送。"),
    "engine.overflow": (
        "The prompt has {tokens} tokens, but the context holds {context}. Nothing was cut and nothing was answered.",
        "提示词有 {tokens} 个 token，而上下文只能容纳 {context} 个。未截断，也未作答。",
    ),
    "engine.overflow.next": (
        "Shorten the prompt, or start again with a longer context: homeroom stop --all; homeroom up --ctx {suggested}",
        "请缩短提示词，或使用更长的上下文重新启动：homeroom stop --all; homeroom up --ctx {suggested}",
    ),
    "engine.overflow_limit": (
        "The prompt has {tokens} tokens, but the context holds {context}. Nothing was cut and nothing was answered.",
        "提示词有 {tokens} 个 token，而上下文只能容纳 {context} 个。未截断，也未作答。",
    ),
    "engine.overflow_limit.next": (
        "Shorten the prompt or split it: this model's own limit is {limit} tokens. Others: homeroom list",
        "请缩短或拆分提示词：该模型自身的上限为 {limit} 个 token。其他模型：homeroom list",
    ),
    "engine.over_memory": (
        "{name} needs {needed} with a context of {context} tokens; the setting memory allows {limit}.",
        "{name} 在 {context} token 上下文下需要 {needed}；设置 memory 只允许 {limit}。",
    ),
    "engine.over_memory.next": (
        "Raise it (--memory, HOMEROOM_MEMORY), ask for less with --ctx, or take a smaller model: homeroom list",
        "请提高该设置（--memory、HOMEROOM_MEMORY），用 --ctx 减小上下文，或选择更小的模型：homeroom list",
    ),
    "engine.embed_overflow": (
        "One text has {tokens} tokens, but an embedding takes at most {context}.",
        "其中一段文本有 {tokens} 个 token，而嵌入最多接受 {context} 个。",
    ),
    "engine.embed_overflow.next": (
        "Split the text into shorter pieces.",
        "请将文本拆分为更短的片段。",
    ),
    "engine.no_generation": (
        "{name} makes embeddings; it cannot generate text.",
        "{name} 是嵌入模型，不能生成文本。",
    ),
    "engine.no_generation.next": (
        "Name another model; homeroom list shows them.",
        "请换用其他模型；用 homeroom list 查看。",
    ),
    "engine.no_images": ("{name} cannot see images.", "{name} 不支持图像输入。"),
    "engine.no_images.next": ("Send text only.", "请只发送文本。"),
    "engine.no_chat_template": (
        "{name} has no chat template: it is a base model, which completes text and does not chat.",
        "{name} 没有对话模板：它是基础模型，只能续写文本，不能对话。",
    ),
    "engine.no_chat_template.next": (
        "Use completions (/v1/completions or /api/generate with raw), or an instruct model: homeroom up --model starter",
        "请使用补全接口（/v1/completions 或带 raw 的 /api/generate），或换用指令模型：homeroom up --model starter",
    ),
    "engine.unreadable": (
        "The engine answered with something that is not JSON.",
        "引擎返回了无法解析的内容。",
    ),
    "engine.unreadable.next": (
        "Please report it with the output of: homeroom doctor",
        "请附上 homeroom doctor 的输出并反馈此问题。",
    ),
    "engine.told": ("{message}", "{message}"),
    "engine.bad_field": (
        "The field {field!r} must be {expected}.",
        "字段 {field!r} 必须为 {expected}。",
    ),
    "engine.bad_field.next": ("Correct it and send it again.", "请更正后重新发送。"),
    "engine.unsupported_field": (
        "This value of {field!r} is not supported; it was not ignored but refused.",
        "不支持 {field!r} 的这个取值；请求已被拒绝，而不是被忽略。",
    ),
    "engine.unsupported_field.next": ("Leave {field!r} out.", "请去掉 {field!r}。"),
    "engine.unknown_option": (
        "There is no option {name!r}; it would have had no effect.",
        "没有名为 {name!r} 的选项；它不会产生任何效果。",
    ),
    "engine.unknown_option.next": (
        "Leave it out. Those that there are: {known}",
        "请去掉它。可用的选项：{known}",
    ),
    "engine.closed": ("This model has been closed.", "该模型已关闭。"),
    "engine.closed.next": (
        "Open it again: homeroom.open(NAME); in a forked process, open one of its own.",
        "请重新打开：homeroom.open(NAME)；在 fork 出的进程中需自行打开。",
    ),
}
