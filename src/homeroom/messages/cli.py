"""Sentences of the command line: what it shows, and what was typed wrong."""

MESSAGES: dict[str, tuple[str, str]] = {
    # forms
    "cli.error": ("Error: {message}", "错误：{message}"),
    "cli.next": ("Next: {sentence}", "下一步：{sentence}"),
    "cli.warning": ("Warning: {sentence}", "警告：{sentence}"),
    "cli.yes": ("yes", "是"),
    "cli.no": ("no", "否"),
    "cli.beside": ("{words} ({more})", "{words}（{more}）"),
    "cli.free": ("{size} free", "可用 {size}"),
    # what was typed
    "cli.no_such_command": ("There is no command {name!r}.", "没有命令 {name!r}。"),
    "cli.no_such_command.next": ("See the commands with: {command} --help", "查看命令：{command} --help"),
    "cli.no_such_command_but": (
        "There is no command {name!r}. Did you mean: {close}?",
        "没有命令 {name!r}。您是否想用：{close}？",
    ),
    "cli.no_such_command_but.next": ("See the commands with: {command} --help", "查看命令：{command} --help"),
    "cli.no_such_option": ("{command} has no option {name}.", "{command} 没有选项 {name}。"),
    "cli.no_such_option.next": ("See its options with: {command} --help", "查看选项：{command} --help"),
    "cli.no_such_option_but": (
        "{command} has no option {name}. Did you mean: {close}?",
        "{command} 没有选项 {name}。您是否想用：{close}？",
    ),
    "cli.no_such_option_but.next": ("See its options with: {command} --help", "查看选项：{command} --help"),
    "cli.missing": ("{name} is missing.", "缺少 {name}。"),
    "cli.missing.next": ("See how it is typed with: {command} --help", "查看用法：{command} --help"),
    "cli.bad_value": ("{name} must be {expected}.", "{name} 必须是：{expected}。"),
    "cli.bad_value.next": ("See how it is typed with: {command} --help", "查看用法：{command} --help"),
    "cli.expected.integer": ("a whole number", "整数"),
    "cli.expected.number": ("a number", "数字"),
    "cli.expected.other": ("something else", "其他值"),
    "cli.needs_value": ("{name} needs a value after it.", "{name} 后面需要一个值。"),
    "cli.needs_value.next": ("See how it is typed with: {command} --help", "查看用法：{command} --help"),
    "cli.no_value": ("{name} takes no value.", "{name} 不接受值。"),
    "cli.no_value.next": ("See how it is typed with: {command} --help", "查看用法：{command} --help"),
    "cli.extra_words": (
        "{command} does not know what to do with: {words}",
        "{command} 无法处理多余的内容：{words}",
    ),
    "cli.extra_words.next": (
        "See how it is typed with: {command} --help (words with spaces go between quotes)",
        "查看用法：{command} --help（含空格的内容请加引号）",
    ),
    "cli.usage": ("{reason}.", "{reason}。"),
    "cli.usage.next": ("See how it is typed with: {command} --help", "查看用法：{command} --help"),
    # how a command ends
    "cli.interrupted": ("Interrupted.", "已中断。"),
    "cli.a_file": ("a file", "文件"),
    "cli.disk_full": ("The disk is full: {path} could not be written.", "磁盘已满：无法写入 {path}。"),
    "cli.disk_full.next": (
        "Free some space, or use another disk: HOMEROOM_HOME=FOLDER",
        "请释放空间，或使用其他磁盘：HOMEROOM_HOME=文件夹",
    ),
    "cli.file": ("{path} cannot be used: {reason}.", "无法使用 {path}：{reason}。"),
    "cli.file.next": ("See what is wrong with: homeroom doctor", "查看问题：homeroom doctor"),
    "cli.defect": (
        "homeroom has a defect here, which is not your doing ({reason}).",
        "homeroom 在此处出现缺陷，这不是您的问题（{reason}）。",
    ),
    "cli.defect.next": (
        "Please report it with the output of: homeroom doctor (the same command with -v shows where it happened)",
        "请附上 homeroom doctor 的输出并反馈（加 -v 重试可看到出错位置）",
    ),
    # progress
    "cli.progress.begun": ("{label} ({size})…", "{label}（{size}）…"),
    "cli.progress.rate": ("{rate}/s, {left} left", "{rate}/秒，剩余 {left}"),
    "cli.progress.done": ("{label}: {size} in {took}", "{label}：{size}，用时 {took}"),
    "cli.loading": ("Loading {name}", "正在加载 {name}"),
    # up and serve
    "cli.up.none_fits": (
        "No model here fits the free memory ({count} looked at; homeroom list tells more); taking the starter model.",
        "本机没有能放进空闲内存的模型（共 {count} 个，详见 homeroom list）；改用入门模型。",
    ),
    "cli.up.ready": ("homeroom is ready.", "homeroom 已就绪。"),
    "cli.up.model": ("{name} ({quantization}): {reason}", "{name}（{quantization}）：{reason}"),
    "cli.up.key_once": (
        "(shown this once; homeroom keys add NAME makes another)",
        "（仅显示这一次；可用 homeroom keys add NAME 再创建）",
    ),
    "cli.up.key_again": (
        "{name} (id {id}), shown at the first start. The examples take it from the environment; with a key that you have, or "
        "a new one:\nexport HOMEROOM_KEY=$(homeroom -q keys add another)",
        "{name}（id {id}），已在首次启动时显示。示例从环境变量读取；可用已有密钥，或新建一个：\n"
        "export HOMEROOM_KEY=$(homeroom -q keys add another)",
    ),
    "cli.up.context": (
        "{tokens} tokens for a request, {requests} at a time",
        "每个请求 {tokens} token，同时 {requests} 个请求",
    ),
    "cli.up.stop": ("Ctrl-C stops it.", "按 Ctrl-C 停止。"),
    "cli.up.stopping": ("Stopping…", "正在停止…"),
    "cli.up.running": (
        "homeroom is running already: {url} (process {pid}). What it has loaded: homeroom ps. End it: homeroom stop --all",
        "homeroom 已在运行：{url}（进程 {pid}）。查看已加载的模型：homeroom ps；结束：homeroom stop --all",
    ),
    "cli.up.flags_ignored": (
        "the running gateway keeps its own settings; what was given here takes effect after homeroom stop --all",
        "运行中的网关保持原有设置；此处给出的设置需在 homeroom stop --all 之后重新启动才会生效",
    ),
    "cli.only_embeds": (
        "{name} makes embeddings; it cannot chat.",
        "{name} 是嵌入模型，不能对话。",
    ),
    "cli.only_completes": (
        "{name} is a base model without a chat template: it continues text and does not chat.",
        "{name} 是没有对话模板的基础模型：只能续写文本，不能对话。",
    ),
    "cli.example.curl": ("With curl:", "使用 curl："),
    "cli.example.openai": (
        "In Python, with the OpenAI client (pip install openai):",
        "在 Python 中使用 OpenAI 客户端（pip install openai）：",
    ),
    "cli.example.ollama": (
        "In Python, with the Ollama client (pip install ollama):",
        "在 Python 中使用 Ollama 客户端（pip install ollama）：",
    ),
    "cli.serve.no_keys": (
        "There is no key yet. Make one with: homeroom keys add NAME",
        "还没有密钥。创建：homeroom keys add NAME",
    ),
    "cli.serve.foreground": (
        "Serving at {url} (process {pid}). Its log is {log}. Ctrl-C stops it.",
        "服务地址：{url}（进程 {pid}）。日志：{log}。按 Ctrl-C 停止。",
    ),
    "cli.serve.background": (
        "Serving at {url} in the background (process {pid}). Its log is {log}. End it with: homeroom stop --all",
        "后台服务地址：{url}（进程 {pid}）。日志：{log}。结束：homeroom stop --all",
    ),
    # models
    "cli.list.none": ("No model yet. Get one with: homeroom pull starter", "还没有模型。获取：homeroom pull starter"),
    "cli.list.none_whole": (
        "No model here can be used; what is wrong with each:",
        "没有可用的模型，各自的问题如下：",
    ),
    "cli.fit.yes": ("yes, needs {needed}", "是，需要 {needed}"),
    "cli.fit.partly": (
        "with {context} tokens of context, needs {needed}",
        "上下文限 {context} token 时可以，需要 {needed}",
    ),
    "cli.fit.no": ("no", "否"),
    "cli.show.here": ("On this machine, now:", "在本机（当前）："),
    "cli.show.bits": ("{name}, {bits} bits per weight", "{name}，每个权重 {bits} 位"),
    "cli.show.sliding": ("{total}, {sliding} of them with a sliding window", "{total}，其中 {sliding} 层使用滑动窗口"),
    # run
    "cli.run.no_prompt": (
        "There is no prompt, and a conversation needs a terminal.",
        "没有提示词，而对话需要终端。",
    ),
    "cli.run.no_prompt.next": (
        "Give one: homeroom run MODEL PROMPT, or echo PROMPT | homeroom run MODEL",
        "请给出提示词：homeroom run MODEL PROMPT，或 echo PROMPT | homeroom run MODEL",
    ),
    "cli.run.empty": ("The prompt is empty.", "提示词为空。"),
    "cli.run.empty.next": (
        "Give one: homeroom run MODEL PROMPT, or echo PROMPT | homeroom run MODEL",
        "请给出提示词：homeroom run MODEL PROMPT，或 echo PROMPT | homeroom run MODEL",
    ),
    "cli.run.pull": ("{name} is not on this machine. Fetch it now?", "本机没有 {name}。现在下载吗？"),
    "cli.run.chosen": ("Asking {name}: {reason}.", "使用 {name}：{reason}。"),
    "cli.run.loading": ("Loading the model: {percent}", "正在加载模型：{percent}"),
    "cli.run.reading": ("Reading the prompt: {percent}", "正在读取提示词：{percent}"),
    "cli.run.thinking": ("thinking", "思考"),
    "cli.run.thought": ("end of thinking", "思考结束"),
    "cli.run.cut": (
        "The answer was cut after {tokens} tokens, at the limit (--max-tokens, or the context).",
        "回答在 {tokens} 个 token 处达到上限（--max-tokens 或上下文长度）而被截断。",
    ),
    "cli.run.figures": (
        "prompt {prompt} tokens, {read}; answer {answer} tokens, {wrote}",
        "提示词 {prompt} token，{read}；回答 {answer} token，{wrote}",
    ),
    # conversation
    "cli.chat.hint": (
        "{name} listens. /help tells the commands, Ctrl-C stops an answer, Ctrl-D leaves.",
        "正在与 {name} 对话。/help 查看命令，Ctrl-C 停止回答，Ctrl-D 退出。",
    ),
    "cli.chat.leave": ("Ctrl-D or /bye leaves.", "按 Ctrl-D 或输入 /bye 退出。"),
    "cli.chat.stopped": ("(stopped)", "（已停止）"),
    "cli.chat.cleared": ("The conversation begins anew.", "对话已清空。"),
    "cli.chat.system": ("The system prompt is set.", "已设置系统提示词。"),
    "cli.chat.no_system": ("The system prompt is removed.", "已移除系统提示词。"),
    "cli.chat.unknown": ("There is no {name}; /help tells what there is.", "没有 {name}；输入 /help 查看可用命令。"),
    "cli.chat.help": (
        "/clear        forget the conversation\n"
        "/system TEXT  set the system prompt; without TEXT remove it\n"
        "/show         what this model is\n"
        "/bye          leave (or Ctrl-D)\n"
        '"""           begin and end a text of several lines; Alt-Enter begins a new line\n'
        "Ctrl-C        stop the answer",
        "/clear        清空对话\n"
        "/system TEXT  设置系统提示词；不带 TEXT 则移除\n"
        "/show         说明当前模型\n"
        "/bye          退出（或按 Ctrl-D）\n"
        '"""           开始和结束多行文本；Alt-Enter 换行\n'
        "Ctrl-C        停止回答",
    ),
    # ps and stop
    "cli.ps.no_gateway": (
        "No gateway is running. Start one with: homeroom up",
        "没有正在运行的网关。启动：homeroom up",
    ),
    "cli.ps.gateway": ("Running at {url} (process {pid})", "运行于 {url}（进程 {pid}）"),
    "cli.ps.nothing_loaded": (
        "Nothing is loaded; a model loads when it is asked.",
        "尚未加载模型；收到请求时会自动加载。",
    ),
    "cli.ps.took": ("took {took}", "用时 {took}"),
    "cli.ps.basis.formula": ("by formula", "按公式计算"),
    "cli.ps.basis.engine": ("by the engine", "由引擎给出"),
    "cli.purpose.generate": ("text", "文本"),
    "cli.purpose.embed": ("embeddings", "嵌入"),
    "cli.state.loading": ("loading, {percent}", "加载中，{percent}"),
    "cli.state.busy": ("answering {requests}", "正在回答 {requests} 个请求"),
    "cli.state.idle": ("idle", "空闲"),
    "cli.stop.which": (
        "Name a model to unload, or give --all to end the gateway.",
        "请指定要卸载的模型，或用 --all 结束网关。",
    ),
    "cli.stop.which.next": (
        "homeroom stop MODEL, or: homeroom stop --all",
        "homeroom stop MODEL，或：homeroom stop --all",
    ),
    "cli.stop.gateway": (
        "The gateway (process {pid}) and its engines have ended.",
        "网关（进程 {pid}）及其引擎已结束。",
    ),
    "cli.stop.model": (
        "{name} is unloaded; if it is answering, after that answer.",
        "{name} 已卸载；若正在回答，则在回答完成后卸载。",
    ),
    "cli.stop.not_loaded": ("{name} was not loaded.", "{name} 未加载。"),
    # keys
    "cli.keys.added": ("A key for {name} with the right {rights}:", "{name} 的密钥，权限 {rights}："),
    "cli.keys.once": ("It is shown this once; only its hash is kept.", "仅显示这一次；系统只保存其哈希值。"),
    "cli.keys.none": ("No key yet. Make one with: homeroom keys add NAME", "还没有密钥。创建：homeroom keys add NAME"),
    "cli.keys.revoked": ("The key {id} ({name}) is revoked.", "密钥 {id}（{name}）已吊销。"),
    "cli.keys.live": ("live", "有效"),
    "cli.keys.revoked_at": ("revoked {when}", "已于 {when} 吊销"),
    # doctor
    "cli.doctor.versions": ("Versions", "版本"),
    "cli.doctor.engine": ("Engine", "引擎"),
    "cli.doctor.machine": ("Machine", "机器"),
    "cli.doctor.folders": ("Folders", "文件夹"),
    "cli.doctor.settings": ("Settings", "设置"),
    "cli.doctor.gateway": ("Gateway", "网关"),
    "cli.doctor.models": ("Models", "模型"),
    "cli.doctor.network": ("Package indexes", "软件包索引"),
    "cli.doctor.memory": ("{total}, {free} free", "{total}，空闲 {free}"),
    "cli.doctor.no_gateway": ("not running; its port is free: {free}", "未运行；端口可用：{free}"),
    "cli.doctor.well": ("✓ Nothing is wrong.", "✓ 一切正常。"),
    "cli.doctor.problems": ("Wrong ({count}):", "问题（{count}）："),
    # headings and labels
    "cli.head.name": ("NAME", "名称"),
    "cli.head.quantization": ("QUANTIZATION", "量化"),
    "cli.head.parameters": ("PARAMETERS", "参数量"),
    "cli.head.size": ("SIZE", "大小"),
    "cli.head.context": ("CONTEXT", "上下文"),
    "cli.head.fits": ("FITS FREE MEMORY", "能否放入空闲内存"),
    "cli.head.source": ("SOURCE", "来源"),
    "cli.head.id": ("ID", "ID"),
    "cli.head.rights": ("RIGHTS", "权限"),
    "cli.head.created": ("CREATED", "创建时间"),
    "cli.head.state": ("STATE", "状态"),
    "cli.label.address": ("address", "地址"),
    "cli.label.model": ("model", "模型"),
    "cli.label.context": ("context", "上下文"),
    "cli.label.key": ("key", "密钥"),
    "cli.label.state": ("state", "状态"),
    "cli.label.process": ("process", "进程"),
    "cli.label.loaded_at": ("loaded at", "加载时间"),
    "cli.label.memory_now": ("memory now", "当前内存"),
    "cli.label.memory_plan": ("memory planned", "计划内存"),
    "cli.label.memory": ("memory", "内存"),
    "cli.label.device": ("device", "设备"),
    "cli.label.vectors": ("vectors", "向量扩展"),
    "cli.label.note": ("note", "提示"),
    "cli.label.build": ("build", "构建"),
    "cli.label.processor": ("processor", "处理器"),
    "cli.label.cores": ("cores / threads", "核心 / 线程"),
    # an engine's choices
    "cli.choice.threads": ("threads", "线程"),
    "cli.choice.context": ("context", "上下文"),
    "cli.choice.parallel": ("parallel", "并行请求"),
    "cli.choice.flash_attention": ("flash attention", "Flash Attention"),
    "cli.choice.kv_type": ("KV cache", "KV 缓存"),
    "cli.choice.batch": ("batch", "批大小"),
    # a model's facts
    "cli.fact.fit": ("fits free memory", "放得进空闲内存"),
    "cli.fact.title": ("title", "标题"),
    "cli.fact.title.means": ("what its makers call it", "制作者给出的名称"),
    "cli.fact.architecture": ("architecture", "架构"),
    "cli.fact.architecture.means": ("the kind of network; the engine must know it", "网络类型；引擎须支持"),
    "cli.fact.parameters": ("parameters", "参数量"),
    "cli.fact.parameters.means": ("numbers that it has learnt", "学到的数值个数"),
    "cli.fact.quantization": ("quantization", "量化"),
    "cli.fact.quantization.means": (
        "how they are stored, and bits for each; fewer are smaller and coarser",
        "存储方式与每个参数的位数；位数越少越小，也越粗糙",
    ),
    "cli.fact.file": ("file", "文件"),
    "cli.fact.file.means": ("on this disk", "在本机磁盘上的大小"),
    "cli.fact.context_length": ("context length", "上下文长度"),
    "cli.fact.context_length.means": (
        "the most tokens that it was made for, prompt and answer together",
        "模型支持的最大 token 数，含提示词与回答",
    ),
    "cli.fact.layers": ("layers", "层数"),
    "cli.fact.layers.means": ("blocks that each token passes", "每个 token 经过的层"),
    "cli.fact.embedding_length": ("embedding length", "嵌入维度"),
    "cli.fact.embedding_length.means": ("numbers for each token", "每个 token 的数值个数"),
    "cli.fact.vocabulary": ("vocabulary", "词表大小"),
    "cli.fact.vocabulary.means": ("different tokens that it knows", "模型认识的不同 token 数"),
    "cli.fact.chat": ("can chat", "能对话"),
    "cli.fact.chat.means": ("whether its file brings a chat template", "文件是否自带对话模板"),
    "cli.fact.tools": ("tools", "工具调用"),
    "cli.fact.tools.means": (
        "whether its template knows tools; homeroom constrains the answer where it does not",
        "模板是否支持工具；不支持时由 homeroom 约束输出格式",
    ),
    "cli.fact.thinking": ("thinking", "思考"),
    "cli.fact.thinking.means": (
        "whether its template marks reasoning before an answer",
        "模板是否在回答前标出推理过程",
    ),
    "cli.fact.embeds": ("pooling", "池化"),
    "cli.fact.embeds.means": ("it makes embeddings, in this way", "生成嵌入的方式"),
    "cli.fact.license": ("licence", "许可证"),
    "cli.fact.license.means": ("as its makers state it", "制作者所声明"),
    "cli.fact.base": ("made from", "基础模型"),
    "cli.fact.base.means": ("the model that it was trained from", "由该模型训练而来"),
    "cli.fact.download": ("file", "文件"),
    "cli.fact.download.means": ("what would have to be downloaded", "需要下载的大小"),
    "cli.fact.active": ("active", "激活参数"),
    "cli.fact.active.means": (
        "parameters that take part in one token, without the embedding table",
        "每个 token 实际用到的参数，不含嵌入表",
    ),
    "cli.fact.kind": ("kind", "类别"),
    "cli.fact.kind.means": ("what it was made for", "设计用途"),
    "cli.fact.teacher": ("teacher", "老师模型"),
    "cli.fact.teacher.means": ("it was trained on this model's answers", "用该模型的回答训练"),
    "cli.fact.repository": ("repository", "仓库"),
    "cli.fact.repository.means": ("where its makers publish it", "制作者发布的位置"),
    "cli.fact.released": ("released", "发布日期"),
    "cli.fact.released.means": ("the day it was published", "公开发布的日期"),
    "cli.fact.store": ("kept by", "保存于"),
    "cli.fact.store.means": (
        "another program's, read where it is and never changed",
        "其他程序的模型，就地读取，绝不修改",
    ),
    "cli.fact.source": ("source", "来源"),
    "cli.fact.source.means": ("where homeroom got it", "homeroom 的获取来源"),
    "cli.list.no_folder": (
        "The folder {path} in the setting model_folders is not there.",
        "设置 model_folders 中的文件夹 {path} 不存在。",
    ),
    "cli.run.not_utf8": (
        "The piped text is not UTF-8 (from byte {at} on).",
        "管道输入的文本不是 UTF-8（从第 {at} 字节起）。",
    ),
    "cli.run.not_utf8.next": (
        "Convert it first, for example: iconv -f GBK -t UTF-8 FILE | homeroom run",
        "请先转换编码，例如：iconv -f GBK -t UTF-8 FILE | homeroom run",
    ),
}
