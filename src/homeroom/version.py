"""The version, in its one home; pyproject.toml reads it from here. And that of the engine, without importing it."""

from functools import lru_cache

__version__ = "0.1.0"


@lru_cache(maxsize=1)
def engine_version() -> str:
    """Version of the engine that is installed; ``none`` where it is not."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("xllamacpp")
    except PackageNotFoundError:
        return "none"
