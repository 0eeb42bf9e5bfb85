"""Sentences about one file on its way, wherever it comes from."""

MESSAGES: dict[str, tuple[str, str]] = {
    "download.refused": ("{url} answered with HTTP {status}.", "{url} 返回 HTTP {status}。"),
    "download.refused.next": (
        "Type the same command again later: it goes on where it stopped. If it stays so, check who may read that address "
        "(for a package index: pip config list).",
        "请稍后重新输入同一命令，将从中断处继续。若仍然如此，请检查谁有权读取该网址（软件包索引可用：pip config list）。",
    ),
    "download.bad_range": (
        "{url} does not send the part of the file that was asked for.",
        "{url} 没有返回所请求的文件部分。",
    ),
    "download.bad_range.next": (
        "A proxy may be in between: check HTTPS_PROXY, then type the same command again: it goes on where it stopped.",
        "中间可能有代理：请检查 HTTPS_PROXY，然后重新输入同一命令，将从中断处继续。",
    ),
    "download.changed": (
        "{url} changed while it was being fetched, again and again.",
        "{url} 在下载过程中反复发生变化。",
    ),
    "download.changed.next": (
        "Someone is uploading it just now: type the same command again later.",
        "可能有人正在上传该文件：请稍后重新输入同一命令。",
    ),
    "download.spoilt": (
        "{url} arrived damaged: its bytes are not those that the server says it sent.",
        "{url} 的数据在传输中损坏：收到的字节与服务器所声明的不符。",
    ),
    "download.spoilt.next": (
        "A proxy or a bad cable may be in between: type the same command again, it goes on where it stopped.",
        "中间的代理或线路可能有问题：请重新输入同一命令，将从中断处继续。",
    ),
    "download.wrong_size": (
        "{url} sends {found} bytes where {expected} were published.",
        "{url} 发送了 {found} 字节，而发布的大小是 {expected} 字节。",
    ),
    "download.wrong_size.next": (
        "A sign-in page or a proxy may be in between: check the connection, then type the same command again.",
        "中间可能有登录页面或代理：请检查网络后重试。",
    ),
    "download.digest": (
        "{url} is not what was published, although it was fetched twice: SHA-256 {found}, expected {expected}. It was "
        "not used.",
        "{url} 与发布内容不符，重新下载后仍是如此：SHA-256 为 {found}，应为 {expected}。该文件未被使用。",
    ),
    "download.digest.next": (
        "Its source or a proxy is at fault: take another source, or type the same command again later.",
        "问题出在来源或代理：请换用其他来源，或稍后重新输入同一命令。",
    ),
    "download.no_blob": ("There is no file {path} to mend.", "没有可修复的文件 {path}。"),
    "download.no_blob.next": (
        "See what is here with: homeroom list. Get a model again with: homeroom pull MODEL",
        "查看已有模型：homeroom list；重新获取模型：homeroom pull 模型",
    ),
}
