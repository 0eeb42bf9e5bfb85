"""Sentences of the gateway: what a caller did wrong, who may ask, and where it serves."""

MESSAGES: dict[str, tuple[str, str]] = {
    "gateway.no_key": ("A key is required.", "需要密钥。"),
    "gateway.no_key.next": (
        "Send it as 'Authorization: Bearer hr-...'; the owner makes one with: homeroom keys add NAME",
        "请以 'Authorization: Bearer hr-...' 发送；所有者可用 homeroom keys add NAME 创建密钥",
    ),
    "gateway.bad_key": (
        "This key is unknown, revoked, or not a key of this gateway.",
        "该密钥无效、已吊销，或不属于此网关。",
    ),
    "gateway.bad_key.next": (
        "Check it with its owner (homeroom keys list), or make a new one with: homeroom keys add NAME",
        "请向所有者核实（homeroom keys list），或新建密钥：homeroom keys add NAME",
    ),
    "gateway.forbidden": (
        "The key {name!r} does not have the right {right!r}.",
        "密钥 {name!r} 没有 {right!r} 权限。",
    ),
    "gateway.forbidden.next": (
        "The owner can make one that has it: homeroom keys add NAME --right {right}",
        "所有者可创建有此权限的密钥：homeroom keys add NAME --right {right}",
    ),
    "gateway.not_served": ("{method} {path} is not served here.", "此处不提供 {method} {path}。"),
    "gateway.not_served.next": (
        "The routes are listed in docs/api.md.",
        "可用路由见 docs/api.md。",
    ),
    "gateway.bad_json": (
        "The body is not a JSON object: {reason}.",
        "请求体不是 JSON 对象：{reason}。",
    ),
    "gateway.bad_json.next": ("Correct it and send it again.", "请更正后重新发送。"),
    "gateway.dimensions": (
        "This model's embeddings have {dimensions} dimensions and cannot be shortened.",
        "该模型的嵌入为 {dimensions} 维，无法缩短。",
    ),
    "gateway.dimensions.next": (
        "Leave out 'dimensions', or set it to {dimensions}.",
        "请去掉 'dimensions'，或将其设为 {dimensions}。",
    ),
    "gateway.no_model": ("The request names no model.", "请求未指定模型。"),
    "gateway.no_model.next": (
        "Set 'model' to one that homeroom list shows.",
        "请将 'model' 设为 homeroom list 列出的模型。",
    ),
    "gateway.body_too_large": (
        "The body has {size} bytes; the limit is {limit}.",
        "请求体为 {size} 字节；上限为 {limit}。",
    ),
    "gateway.body_too_large.next": (
        "Send less, or raise the limit where the gateway runs: HOMEROOM_MAX_BODY",
        "请减小请求体，或在网关处提高上限：HOMEROOM_MAX_BODY",
    ),
    "gateway.header_too_large": (
        "The request line and header are over the limit of {limit} bytes.",
        "请求行和头部超过 {limit} 字节上限。",
    ),
    "gateway.header_too_large.next": (
        "Send less, or raise the limit where the gateway runs: HOMEROOM_MAX_HEADER",
        "请减小头部，或在网关处提高上限：HOMEROOM_MAX_HEADER",
    ),
    "gateway.defect": (
        "homeroom has a defect here ({reason}).",
        "homeroom 在此处出现缺陷（{reason}）。",
    ),
    "gateway.defect.next": (
        "Please report it with the output of homeroom doctor and the end of logs/gateway.log.",
        "请附上 homeroom doctor 的输出和 logs/gateway.log 的末尾反馈此问题。",
    ),
    "gateway.port_taken": (
        "Port {port} on {host} is taken by another program.",
        "{host} 的端口 {port} 已被其他程序占用。",
    ),
    "gateway.port_taken.next": (
        "Use another, for example: homeroom up --port {other}",
        "请换一个端口，例如：homeroom up --port {other}",
    ),
    "gateway.port_refused": (
        "Port {port} on {host} cannot be opened: {reason}.",
        "无法打开 {host} 的端口 {port}：{reason}。",
    ),
    "gateway.port_refused.next": (
        "Use another: homeroom up --port 11435",
        "请换一个端口：homeroom up --port 11435",
    ),
    "gateway.database": (
        "The database {path} cannot be used: {reason}.",
        "无法使用数据库 {path}：{reason}。",
    ),
    "gateway.database.next": (
        "Check the disk and the file's owner, or use another home: HOMEROOM_HOME=FOLDER homeroom up",
        "请检查磁盘和文件所有者，或使用其他目录：HOMEROOM_HOME=FOLDER homeroom up",
    ),
    "gateway.key_name": (
        "{name!r} cannot name a key: 1 to 64 letters, digits, spaces and . _ - @, beginning with a letter or digit.",
        "{name!r} 不能作为密钥名：1 到 64 个字母、数字、空格及 . _ - @，且以字母或数字开头。",
    ),
    "gateway.key_name.next": ("For example: homeroom keys add laptop", "例如：homeroom keys add laptop"),
    "gateway.key_taken": ("A key named {name!r} exists already.", "名为 {name!r} 的密钥已存在。"),
    "gateway.key_taken.next": (
        "Choose another name, or first: homeroom keys revoke {name!r}",
        "请换一个名称，或先执行：homeroom keys revoke {name!r}",
    ),
    "gateway.key_unknown": (
        "No live key has the id or name {name!r}.",
        "没有 id 或名称为 {name!r} 的有效密钥。",
    ),
    "gateway.key_unknown.next": ("See them with: homeroom keys list", "查看密钥：homeroom keys list"),
    "gateway.database_gone": (
        "The database {path} was deleted or replaced while the gateway runs; no key can be checked.",
        "数据库 {path} 在网关运行期间被删除或替换；无法核对任何密钥。",
    ),
    "gateway.database_gone.next": (
        "Start it again: homeroom stop --all; homeroom up",
        "请重新启动：homeroom stop --all; homeroom up",
    ),
    "gateway.bad_model": (
        "The file of the model {name!r} cannot be read.",
        "无法读取模型 {name!r} 的文件。",
    ),
    "gateway.bad_model.next": (
        "Its owner sees why with: homeroom show {name}",
        "所有者可查看原因：homeroom show {name}",
    ),
    "gateway.no_log": (
        "The log {path} cannot be written ({reason}); the gateway goes on without it.",
        "无法写入日志 {path}（{reason}）；网关将继续运行，但不再记录。",
    ),
}
