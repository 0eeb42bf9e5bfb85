"""Help pages: of each command (its first line stands in the list of commands) and of each option."""

MESSAGES: dict[str, tuple[str, str]] = {
    "help.heading.usage": ("Usage: ", "用法："),
    "help.heading.commands": ("Commands:", "命令："),
    "help.heading.options": ("Options:", "选项："),
    "help.heading.settings": (
        "Settings (also in config.toml, or as HOMEROOM_NAME):",
        "设置（也可写入 config.toml 或 HOMEROOM_名称）：",
    ),
    "help.heading.common": ("Common options:", "通用选项："),
    # commands
    "help.homeroom": (
        "Run open models on this machine, and share them behind a key.\n\n"
        "Begin with: homeroom up\n"
        "More about a command: homeroom COMMAND --help\n"
        "Exit codes: 0 ok, 1 a well-formed no, 2 wrong usage or unreadable input, 3 failure, 130 interrupted.",
        "在本机运行开放模型，并凭密钥共享。\n\n"
        "从这里开始：homeroom up\n"
        "查看某个命令的帮助：homeroom COMMAND --help\n"
        "退出码：0 成功；1 结果为“否”；2 用法错误或输入无法读取；3 运行失败；130 被中断。",
    ),
    "help.up": (
        "Start everything: get a model if none is here, load it, serve it\n\n"
        "Takes the best model on this machine that fits its free memory, or fetches the small starter model where there "
        "is none. Prints the address, the key (once) and examples. Ctrl-C stops all of it.\n\n"
        "  homeroom up\n"
        "  homeroom up --model starter --port 8080",
        "一步启动：没有模型就获取，加载并提供服务\n\n"
        "选用本机适合空闲内存的最佳模型；若没有，则下载小巧的入门模型。显示地址、密钥（仅一次）和示例。"
        "按 Ctrl-C 全部停止。\n\n"
        "  homeroom up\n"
        "  homeroom up --model starter --port 8080",
    ),
    "help.run": (
        "Ask a model once, or talk with it\n\n"
        "With a PROMPT, or text through a pipe, the answer goes to standard output; with both, the text follows the "
        "prompt. With neither, a conversation begins: Ctrl-C stops an answer, Ctrl-D leaves, /help tells more.\n\n"
        "  homeroom run starter\n"
        "  homeroom run starter Say hello in French\n"
        '  homeroom run starter "Summarize this:" < notes.txt',
        "向模型提一个问题，或与它对话\n\n"
        "给出 PROMPT 或通过管道输入文本时，回答写到标准输出；两者都有时，文本接在提示词之后。都没有时进入对话："
        "Ctrl-C 停止当前回答，Ctrl-D 退出，/help 查看更多。\n\n"
        "  homeroom run starter\n"
        "  homeroom run starter 用法语打个招呼\n"
        '  homeroom run starter "总结这段文字：" < notes.txt',
    ),
    "help.pull": (
        "Get a model: the file of it that suits this machine\n\n"
        "MODEL is a name of the catalogue (deepseek-r1, deepseek-r1:7b, deepseek-r1:7b-q8_0), hf:ORG/REPO[:QUANT] (Hugging "
        "Face), ms:ORG/REPO[:QUANT] (ModelScope), ollama:NAME[:TAG], the address of a .gguf file, or starter.\n\n"
        "Says which quantization it takes and why, what it needs and how fast it will be, and fetches it: checked, and on "
        "from where an earlier pull was cut off. What the disk cannot hold or this machine cannot run is not begun. When it "
        "is here already, nothing is fetched.\n\n"
        "  homeroom pull deepseek-r1:7b\n"
        "  homeroom pull deepseek-r1 --max-size 5GB --dry-run\n"
        "  homeroom pull hf:unsloth/Qwen3-8B-GGUF --quant Q5_K_M",
        "获取模型：选取最适合本机的文件\n\n"
        "MODEL 可以是目录中的名称（deepseek-r1、deepseek-r1:7b、deepseek-r1:7b-q8_0）、hf:组织/仓库[:量化]（Hugging Face）、"
        "ms:组织/仓库[:量化]（ModelScope）、ollama:名称[:标签]、.gguf 文件的网址，或 starter。\n\n"
        "先说明选了哪种量化、为什么、需要多少内存、预计多快，然后下载并校验；若此前中断，则从断点继续。磁盘放不下或本机无法运行的"
        "不会开始下载。已在本机的不会重复下载。\n\n"
        "  homeroom pull deepseek-r1:7b\n"
        "  homeroom pull deepseek-r1 --max-size 5GB --dry-run\n"
        "  homeroom pull hf:unsloth/Qwen3-8B-GGUF --quant Q5_K_M",
    ),
    "help.list": (
        "Models on this machine, and whether each fits free memory\n\nFiles that cannot be read are named too.",
        "列出本机模型，以及各自能否放入空闲内存\n\n无法读取的文件也会列出。",
    ),
    "help.rm": (
        "Delete models that homeroom has fetched\n\n"
        "Frees the files that no other model needs and tells how much that is; asks first on a terminal. Models of Ollama, "
        "LM Studio and others are read where they are and never deleted: it says whose they are and how to.\n\n"
        "  homeroom rm deepseek-r1:7b\n"
        "  homeroom rm hf:ORG/REPO:Q4_K_M starter --yes",
        "删除 homeroom 获取的模型\n\n"
        "释放其他模型不需要的文件并说明释放了多少；在终端上会先询问。Ollama、LM Studio 等的模型只读取、从不删除："
        "会说明它属于谁以及如何删除。\n\n"
        "  homeroom rm deepseek-r1:7b\n"
        "  homeroom rm hf:ORG/REPO:Q4_K_M starter --yes",
    ),
    "help.prune": (
        "Free the disk of what no model needs\n\n"
        "Deletes files of the store that belong to no model, and parts of downloads that nobody has gone on with for a day; "
        "leaves them while a model is being fetched. Never touches a model.",
        "清理磁盘上没有模型需要的内容\n\n"
        "删除模型库中不属于任何模型的文件，以及一天内无人继续的下载片段；有模型正在下载时予以保留。不会触及任何模型。",
    ),
    "help.verify": (
        "Read every byte of the stored models again and compare digests\n\n"
        "Without a MODEL, all of them. Exit 0 where all is whole, 1 where something is damaged or missing, with what to type "
        "to mend it. A damaged model is not run until it is mended.\n\n"
        "  homeroom verify\n"
        "  homeroom verify deepseek-r1:7b",
        "重新读取已存模型的每个字节并核对摘要\n\n"
        "不给出 MODEL 时校验全部。全部完好时退出码为 0；有损坏或缺失时为 1，并说明如何修复。损坏的模型在修复之前不会运行。\n\n"
        "  homeroom verify\n"
        "  homeroom verify deepseek-r1:7b",
    ),
    "help.show": (
        "What a model is, and how it would run here, with reasons\n\nReads the header of its file only.",
        "说明一个模型是什么、在本机如何运行及其原因\n\n只读取文件头。",
    ),
    "help.serve": (
        "Serve the models here behind keys; load them on demand\n\n"
        "Downloads nothing. Runs in the foreground until Ctrl-C, or with --background until: homeroom stop --all",
        "凭密钥提供本机模型的服务，按需加载\n\n"
        "不下载任何内容。前台运行，按 Ctrl-C 结束；使用 --background 时用 homeroom stop --all 结束。",
    ),
    "help.ps": (
        "What the running gateway has loaded, each choice with its reason",
        "显示运行中的网关已加载的模型，以及每项选择的原因",
    ),
    "help.stop": (
        "Unload a model, or end the gateway with --all\n\nA model that is answering is unloaded after its last answer.",
        "卸载一个模型，或用 --all 结束网关\n\n正在回答的模型会在回答完成后卸载。",
    ),
    "help.keys": (
        "Who may ask: add, list and revoke keys\n\nWorks with a running gateway and without one; changes hold at once.",
        "管理访问密钥：添加、列出、吊销\n\n无论网关是否在运行均可使用，立即生效。",
    ),
    "help.keys_add": (
        "Make a key; it is shown this once\n\n"
        "  homeroom keys add laptop\n  homeroom keys add ops --right inference --right admin",
        "创建密钥；仅显示这一次\n\n  homeroom keys add laptop\n  homeroom keys add ops --right inference --right admin",
    ),
    "help.keys_list": ("Every key, without its secret", "列出所有密钥（不含密文）"),
    "help.keys_revoke": ("Revoke a key by its id or name, at once", "按 id 或名称立即吊销密钥"),
    "help.bench": (
        "Measure how fast a model runs here, or what this processor can do\n\n"
        "With a MODEL that is here (without one: the best that fits), tokens a second after a short and a longer prompt. "
        "With --calibrate, for half a minute, the processor itself by models of no weights: homeroom fit then tells the "
        "speed of any model.\n\n"
        "  homeroom bench starter\n"
        "  homeroom bench --calibrate",
        "测量模型在本机的速度，或处理器本身的能力\n\n"
        "给出本机已有的 MODEL（不给则选最佳的）：测量短、长提示词之后每秒的 token 数。加 --calibrate：用无权重的模型测量处理器"
        "约半分钟，此后 homeroom fit 可估算任何模型的速度。\n\n"
        "  homeroom bench starter\n"
        "  homeroom bench --calibrate",
    ),
    "help.doctor": (
        "A report ready to paste, and what is wrong with the fix\n\n"
        "Holds no key and no password. Exit 0 where all is well, 1 where something is wrong.",
        "生成可直接粘贴的诊断报告，指出问题与解决方法\n\n不含密钥和密码。一切正常时退出码为 0，有问题时为 1。",
    ),
    "help.completion": (
        "Print the script for completion in bash, zsh or fish\n\n"
        '  eval "$(homeroom completion bash)"\n'
        '  eval "$(homeroom completion zsh)"\n'
        "  homeroom completion fish | source",
        "输出 bash、zsh 或 fish 的补全脚本\n\n"
        '  eval "$(homeroom completion bash)"\n'
        '  eval "$(homeroom completion zsh)"\n'
        "  homeroom completion fish | source",
    ),
    "help.fit": (
        "What this machine can run: memory, speed and context, with reasons\n\n"
        "With a MODEL: whether it fits, before any download. A MODEL is a name of the catalogue (deepseek-r1:7b, "
        "deepseek-r1:7b-q8_0), a .gguf path or URL, hf:ORG/REPO:QUANT, ms:ORG/REPO:QUANT, ollama:NAME:TAG, or a model here. "
        "Without one: the catalogue, best first. Exit 1 where it does not fit.\n\n"
        "  homeroom fit\n"
        "  homeroom fit deepseek-r1:7b --ctx 32768\n"
        '  homeroom fit deepseek-r1:70b --machine "M4 Max 64GB"\n'
        "  homeroom fit --chart --find deepseek-r1 --ram 32GB --vram 24GB,24GB",
        "本机能运行什么：内存、速度、上下文，以及原因\n\n"
        "给出 MODEL 时：在下载之前就判断放不放得下。MODEL 可以是目录中的名称（deepseek-r1:7b、deepseek-r1:7b-q8_0）、"
        ".gguf 路径或网址、hf:ORG/REPO:QUANT、ms:ORG/REPO:QUANT、ollama:NAME:TAG，或本机已有的模型。"
        "不给时：列出目录，最合适的在前。放不下时退出码为 1。\n\n"
        "  homeroom fit\n"
        "  homeroom fit deepseek-r1:7b --ctx 32768\n"
        '  homeroom fit deepseek-r1:70b --machine "M4 Max 64GB"\n'
        "  homeroom fit --chart --find deepseek-r1 --ram 32GB --vram 24GB,24GB",
    ),
    # options
    "help.option.json": ("Print data as JSON; errors too", "以 JSON 输出数据，错误也是"),
    "help.option.quiet": ("Print bare values only; no notes, no progress", "只输出值本身，不显示提示和进度"),
    "help.option.verbose": ("Tell more: speed, tracebacks, the engine's own log", "显示更多：速度、错误追踪、引擎日志"),
    "help.option.lang": ("The language: en or zh", "界面语言：en 或 zh"),
    "help.option.help": ("Show this page", "显示本页"),
    "help.option.version": ("Show the version", "显示版本"),
    "help.option.background": (
        "Go on after this command has ended; the log is logs/serve.log",
        "命令结束后继续在后台运行；日志为 logs/serve.log",
    ),
    "help.option.system": ("The system prompt", "系统提示词"),
    "help.option.temperature": (
        "How varied the answer is; 0 always takes the likeliest word",
        "回答的多样性；0 表示始终选最可能的词",
    ),
    "help.option.max_tokens": ("The most tokens to answer with", "回答的最大 token 数"),
    "help.option.seed": (
        "Begin the randomness here: the same seed gives the same answer",
        "随机种子：相同种子得到相同回答",
    ),
    "help.option.hide_thinking": ("Do not show how the model thinks", "不显示模型的思考过程"),
    "help.option.rm_yes": ("Do not ask", "不询问，直接删除"),
    "help.option.prune_dry_run": ("Tell what would be deleted, and delete nothing", "只说明将删除什么，不实际删除"),
    "help.option.all": ("End the gateway and every engine", "结束网关和所有引擎"),
    "help.option.right": (
        "What the key may do: inference (the default) or admin; may be given twice",
        "密钥的权限：inference（默认）或 admin；可重复指定",
    ),
    "help.option.calibrate": (
        "Measure the processor with models of no weights, and keep the rates (half a minute)",
        "用无权重的模型测量处理器并保存速率（约半分钟）",
    ),
    "help.option.network": (
        "Also ask the package index whether the starter model is there",
        "同时询问软件包索引是否提供入门模型",
    ),
    "help.option.chart": (
        "Draw the grid of models and quantizations (the DeepSeek-R1 family, or what --find finds)",
        "绘制模型与量化的表格（默认 DeepSeek-R1 系列，或 --find 找到的模型）",
    ),
    "help.option.basis": (
        "Where the bytes come from: formula (at once) or engine (a dry run from the header, about a second)",
        "字节数的依据：formula（立即）或 engine（仅凭文件头试运行，约一秒）",
    ),
    "help.option.ram": (
        "Judge for this much main memory instead, e.g. 32GB (as it is sold: GiB)",
        "改按这么大的内存判断，例如 32GB（按出售时的标称，即 GiB）",
    ),
    "help.option.vram": (
        "Judge for GPUs with this much memory, e.g. 24GB,24GB",
        "改按这样的 GPU 显存判断，例如 24GB,24GB",
    ),
    "help.option.machine": (
        'Judge for another machine or GPU by name, e.g. "M4 Max 64GB", "RTX 4090"',
        "改按另一台机器或 GPU 判断，例如 “M4 Max 64GB”、“RTX 4090”",
    ),
    "help.option.sort": ("Best first by this", "按此排序，最好的在前"),
    "help.option.kind": ("Only models of this kind", "只看这一类模型"),
    "help.option.find": ("Only models with this in their name", "只看名称中含有此文字的模型"),
    "help.option.limit": ("At most so many rows", "最多显示的行数"),
    "help.option.fit_all": ("Also what does not fit", "也显示放不下的"),
    "help.option.quant": (
        "take this quantization instead of the one that suits best: Q4_K_M, Q8_0...",
        "指定量化，而不是由 homeroom 选择：Q4_K_M、Q8_0 等",
    ),
    "help.option.max_size": (
        "take nothing larger than this: 5GB",
        "不选取大于此值的文件：5GB",
    ),
    "help.option.yes": ("do not ask before fetching", "下载前不询问"),
    "help.option.pull_dry_run": (
        "say what would be fetched, judged from its real header, and fetch nothing",
        "只根据真实文件头说明会下载什么，不下载",
    ),
    "help.option.pull_force": (
        "fetch it though this machine cannot run it",
        "即使本机无法运行也下载",
    ),
    "help.option.fit_force": ("Exit 0 even where it does not fit", "放不下时也以 0 退出"),
}
