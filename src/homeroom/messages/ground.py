"""Sentences of the ground floor: settings and what any command can meet."""

MESSAGES: dict[str, tuple[str, str]] = {
    "ground.bad_setting": (
        "{name} cannot be {value!r}; allowed: {allowed}.",
        "{name} 不能是 {value!r}；允许的值：{allowed}。",
    ),
    "ground.bad_setting.next": (
        "Correct it, or see every setting with: homeroom doctor",
        "请更正；查看全部设置：homeroom doctor",
    ),
    "ground.bad_config": ("{path} cannot be read: {reason}.", "无法读取 {path}：{reason}。"),
    "ground.bad_config.next": (
        "Correct that file, or move it away and start again.",
        "请更正该文件，或将其移走后重试。",
    ),
    "ground.unknown_setting": (
        "{path} has a setting {name!r} that homeroom does not know; known: {known}.",
        "{path} 中有 homeroom 不认识的设置 {name!r}；已知设置：{known}。",
    ),
    "ground.unknown_setting.next": ("Correct or delete that line.", "请更正或删除该行。"),
    "ground.bad_home": (
        "The home folder {path} cannot be used: {reason}.",
        "无法使用主目录 {path}：{reason}。",
    ),
    "ground.bad_home.next": (
        "Use another: HOMEROOM_HOME=FOLDER homeroom up",
        "请换一个目录：HOMEROOM_HOME=FOLDER homeroom up",
    ),
    "ground.foreign_home": (
        "The home folder {path} belongs to another user, who could read keys and models in it.",
        "主目录 {path} 属于其他用户，对方可以读取其中的密钥和模型。",
    ),
    "ground.foreign_home.next": (
        "Use one of your own: HOMEROOM_HOME=FOLDER homeroom up",
        "请使用自己的目录：HOMEROOM_HOME=FOLDER homeroom up",
    ),
}
