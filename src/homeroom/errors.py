"""Everything that can go wrong, as one tree.

- HomeroomError
    - UsageError            exit 2: wrong words, configuration or unreadable input
        - SettingsError         a setting that cannot be used
        - UnknownModel          no model of that name
        - AmbiguousModel        several models answer to that name
        - BadModelFile          a GGUF that is corrupt, truncated or not supported
        - BadRequest            a request that the gateway cannot accept (HTTP 400)
            - ContextOverflow       more tokens than the context holds
            - TooLarge              a body or header over the limit (HTTP 413, 431)
            - NotSupported          the model, or homeroom, cannot do what is asked
    - SaidNo                exit 1: a well-formed "no"
        - DoesNotFit            the model does not fit the free memory
    - AccessError           exit 3: who asks
        - Unauthorized          no key, a wrong or a revoked one (HTTP 401)
        - Forbidden             a key without the right (HTTP 403)
        - NotServed             a method and path that is not served (HTTP 404)
    - RuntimeFailure        exit 3: the machine, the network or the engine failed
        - PortTaken, DiskFull, StoreFailure
        - NetworkFailure        a source could not be reached
        - SourceFailure         a source answered, but not with what was asked
        - DigestMismatch        what arrived is not what was published
        - GatewayNotRunning     a command that needs a gateway found none
        - EngineFailure
            - EngineStartFailed     the engine would not load the model
            - EngineDied            the engine ended in the middle of a request
            - EngineBusy            no memory or slot came free in time (HTTP 503)
    - Interrupted           exit 130

An error carries a message key and facts, so it can be told in either language; ``next`` tells what to type.
Lower layers' exceptions (aiohttp, sqlite, OSError) are mapped where they are met and never reach a user.
"""

from __future__ import annotations

from typing import ClassVar

from homeroom import text


class HomeroomError(Exception):
    """Base of all. ``HomeroomError("models.unknown", name="x")`` tells message ``models.unknown``."""

    exit_code: ClassVar[int] = 3
    code: ClassVar[str] = "error"
    """Stable name in JSON, never translated."""
    status: ClassVar[int] = 500
    """HTTP status that the gateway answers with."""

    def __init__(self, key: str, /, **facts: object) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts

    @property
    def message(self) -> str:
        """What happened, in the current language."""
        return text.t(self.key, **self.facts)

    @property
    def next(self) -> str | None:
        """What to type next, in the current language; None where the message says it all."""
        key = f"{self.key}.next"
        return text.t(key, **self.facts) if text.has(key) else None

    def __str__(self) -> str:
        return f"{self.message} {self.next}" if self.next else self.message


class UsageError(HomeroomError):
    exit_code, code, status = 2, "usage", 400


class SettingsError(UsageError):
    code = "settings"


class UnknownModel(UsageError):
    code, status = "model_not_found", 404


class AmbiguousModel(UsageError):
    code, status = "model_ambiguous", 400


class BadModelFile(UsageError):
    code, status = "bad_model_file", 422


class BadRequest(UsageError):
    """``param`` names the field of the request that is wrong, where one is."""

    code = "bad_request"

    def __init__(self, key: str, /, *, param: str | None = None, **facts: object) -> None:
        super().__init__(key, **facts)
        self.param = param


class ContextOverflow(BadRequest):
    code = "context_length_exceeded"


class TooLarge(BadRequest):
    code, status = "too_large", 413


class NotSupported(BadRequest):
    code = "not_supported"


class SaidNo(HomeroomError):
    exit_code, code = 1, "no"


class DoesNotFit(SaidNo):
    code, status = "does_not_fit", 507


class AccessError(HomeroomError):
    code = "access"


class Unauthorized(AccessError):
    code, status = "invalid_api_key", 401


class Forbidden(AccessError):
    code, status = "forbidden", 403


class NotServed(AccessError):
    code, status = "not_found", 404


class RuntimeFailure(HomeroomError):
    code = "runtime"


class PortTaken(RuntimeFailure):
    code = "port_taken"


class DiskFull(RuntimeFailure):
    code, status = "disk_full", 507


class StoreFailure(RuntimeFailure):
    code = "store"


class NetworkFailure(RuntimeFailure):
    code, status = "network", 502


class SourceFailure(RuntimeFailure):
    code, status = "source", 502


class DigestMismatch(RuntimeFailure):
    code = "digest_mismatch"


class GatewayNotRunning(RuntimeFailure):
    code = "gateway_not_running"


class EngineFailure(RuntimeFailure):
    code, status = "engine", 502


class EngineStartFailed(EngineFailure):
    code = "engine_start_failed"


class EngineDied(EngineFailure):
    code = "engine_died"


class EngineBusy(EngineFailure):
    code, status = "engine_busy", 503


class Interrupted(HomeroomError):
    exit_code, code = 130, "interrupted"


def by_code(code: object) -> type[HomeroomError] | None:
    """The class whose errors have *code* in JSON, for an error that another process has told."""
    found = [HomeroomError]
    for kind in found:
        if kind.code == code:
            return kind
        found += kind.__subclasses__()
    return None
