"""Sentences about what is wrong with an installation (``gateway/checkup.py``)."""

MESSAGES: dict[str, tuple[str, str]] = {
    "checkup.missing": ("The package {name} is not installed in this Python.", "此 Python 中未安装软件包 {name}。"),
    "checkup.missing.next": ("Install it with: python -m pip install {name}", "安装命令：python -m pip install {name}"),
    "checkup.engine": ("The engine (xllamacpp) does not start: {reason}.", "引擎（xllamacpp）无法启动：{reason}。"),
    "checkup.engine.next": (
        "Install it anew with: python -m pip install --force-reinstall xllamacpp",
        "重新安装：python -m pip install --force-reinstall xllamacpp",
    ),
    "checkup.no_folder": (
        "The folder {path} of the setting model_folders does not exist.",
        "设置 model_folders 中的文件夹 {path} 不存在。",
    ),
    "checkup.no_folder.next": (
        "Create it, or correct model_folders (HOMEROOM_MODEL_FOLDERS, config.toml).",
        "请创建该文件夹，或更正 model_folders（HOMEROOM_MODEL_FOLDERS 或 config.toml）。",
    ),
    "checkup.not_writable": ("{path} cannot be written.", "{path} 不可写。"),
    "checkup.not_writable.next": (
        "Make it yours to write, or use another folder: HOMEROOM_HOME=FOLDER homeroom up",
        "请取得写权限，或使用其他文件夹：HOMEROOM_HOME=文件夹 homeroom up",
    ),
    "checkup.little_space": (
        "The disk of {path} has only {free} free.",
        "{path} 所在磁盘仅剩 {free} 可用。",
    ),
    "checkup.little_space.next": (
        "Free some space, or use another disk: HOMEROOM_HOME=FOLDER homeroom up",
        "请释放空间，或使用其他磁盘：HOMEROOM_HOME=文件夹 homeroom up",
    ),
    "checkup.open_secret": (
        "{path} can be read by other users (permissions {mode}).",
        "其他用户可以读取 {path}（权限 {mode}）。",
    ),
    "checkup.open_secret.next": ("Close it with: chmod 600 {path}", "修正：chmod 600 {path}"),
}
