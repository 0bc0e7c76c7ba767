"""What went wrong with a request, told from the exception litellm raised: one of few kinds, and a sentence.

litellm's own classes differ by version and provider (a refused connection is an `InternalServerError`, an overloaded
provider an `APIError` 529), so the chain of causes is asked first, then a few classes and codes, then the status.
Classes are known by name: this module imports neither litellm nor what it is built on. Checked against litellm
1.106.2.
"""

import contextlib
import email.utils
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from sessions.models.protocol import Failed, FailureKind

_LONGEST_DETAIL = 400

_SENTENCES: dict[FailureKind, str] = {
    "cut_off": "The answer was cut off",
    "stalled": "The model went silent",
    "unreachable": "The server cannot be reached",
    "no_key": "There is no key for this model",
    "refused_key": "The provider refused the key",
    "unknown_model": "The provider does not know this model",
    "rate_limited": "The provider limits the rate of requests",
    "out_of_credit": "The account has no credit left",
    "overloaded": "The provider is overloaded",
    "context_too_long": "The conversation is longer than the model's context window",
    "content_refused": "The provider refused the content",
    "bad_request": "The provider did not accept the request",
    "server_error": "The provider failed",
    "host_lost": "The model host was lost",
    "budget": "The budget is used up",
}

_UNREACHABLE = {
    "ConnectError", "ConnectTimeout", "ClientConnectorError", "ClientConnectorDNSError",
    "ClientConnectorCertificateError", "ConnectionRefusedError", "SSLCertVerificationError", "gaierror",
}  # fmt: skip
_SILENT = {"ReadTimeout", "Timeout", "APITimeoutError", "SocketTimeoutError", "ServerTimeoutError"}
_DROPPED = {
    "RemoteProtocolError", "ServerDisconnectedError", "ClientOSError", "ConnectionResetError", "ReadError",
    "ClientPayloadError", "IncompleteReadError", "BrokenPipeError",
}  # fmt: skip

_BY_STATUS: dict[int, FailureKind] = {
    401: "refused_key",
    402: "out_of_credit",
    403: "refused_key",
    404: "unknown_model",
    408: "stalled",
    413: "context_too_long",
    429: "rate_limited",
    529: "overloaded",
}

_BY_CODE: dict[str, FailureKind] = {
    "context_length_exceeded": "context_too_long",
    "content_filter": "content_refused",
    "content_policy_violation": "content_refused",
    "insufficient_quota": "out_of_credit",
    "invalid_api_key": "refused_key",
    "model_not_found": "unknown_model",
    "overloaded_error": "overloaded",
    "rate_limit_exceeded": "rate_limited",
}

# Several servers say it only in words, each in its own.
_TOO_LONG = re.compile(
    r"context (?:window|length|size)|maximum context|prompt is too long|input is too long|too many (?:input )?tokens"
    r"|reduce the length",
    re.IGNORECASE,
)
_OVERLOADED = re.compile(r"\boverloaded\b", re.IGNORECASE)
_RETRY_DELAY = re.compile(r'"retryDelay":\s*"(\d+(?:\.\d+)?)s"')
# "litellm.RateLimitError: RateLimitError: OpenAIException - slow down" says only "slow down".
_WRAPPING = re.compile(r"^(?:(?:litellm\.)?[A-Z][A-Za-z]+(?:Error|Exception|Timeout)\s*[:-]\s*)+")


def classify(error: BaseException, *, partial: str = "", begun: bool = False, now: datetime | None = None) -> Failed:
    """Return the failure an exception means.

    Args:
        partial: The text that came before it, carried along.
        begun: Whether anything visible came before it, so that the answer counts as cut off.
        now: The time a `Retry-After` date is measured from; the clock's when not given.
    """
    kind = _kind(error, begun)
    status = _status(error)
    detail = _detail(error)
    sentence = _SENTENCES[kind] + (f" ({status})" if status else "")
    wait = _retry_after(error, now or datetime.now(UTC)) if kind in ("rate_limited", "overloaded") else None
    return Failed(kind, f"{sentence}: {detail}" if detail else sentence, wait, partial)


def failed(kind: FailureKind, detail: str, partial: str = "") -> Failed:
    """Return a failure nobody raised: the kind's sentence and a detail of our own."""
    return Failed(kind, f"{_SENTENCES[kind]}: {detail}", partial=partial)


def _kind(error: BaseException, begun: bool) -> FailureKind:
    chain = list(_chain(error))
    names = {name for link in chain for name in _names(link)}
    told = _told_kind(chain)
    if "MidStreamFallbackError" in names:
        # Before the first visible piece the provider's own reason says more: an overload may be told inside the
        # stream.
        early = told in ("overloaded", "rate_limited", "out_of_credit", "context_too_long", "content_refused")
        return told if told and early and not begun else "cut_off"
    if begun:
        return "cut_off"
    if names & _UNREACHABLE:
        return "unreachable"
    if names & _SILENT:
        return "stalled"
    # litellm has a class of this name too, for any status; the client's own bare one says that it was given no key.
    if any((type(link).__module__, type(link).__name__) == ("openai", "OpenAIError") for link in chain):
        return "no_key"
    if "ContextWindowExceededError" in names:
        return "context_too_long"
    if "ContentPolicyViolationError" in names:
        return "content_refused"
    return told or _kind_by_status(error, names)


def _told_kind(chain: list[BaseException]) -> FailureKind | None:
    """Return the kind the provider's own code or words say."""
    for link in chain:
        for code in _codes(link):
            if code in _BY_CODE:
                return _BY_CODE[code]
    words = " ".join(str(link) for link in chain)
    status = _status(chain[0])
    if status in (400, 413, 422, 500) and _TOO_LONG.search(words):
        return "context_too_long"
    if "LLM Provider NOT provided" in words:
        return "unknown_model"
    # Anthropic's overload arrives as a plain 500.
    if status in (500, 503, 529) and _OVERLOADED.search(words):
        return "overloaded"
    return "rate_limited" if any(_status(link) == 429 for link in chain) else None


def _kind_by_status(error: BaseException, names: set[str]) -> FailureKind:
    status = _status(error)
    if status is None or status >= 500:
        dropped = bool(names & _DROPPED)
        return _BY_STATUS.get(
            status or 0, "overloaded" if status == 503 else "unreachable" if dropped else "server_error"
        )
    return _BY_STATUS.get(status, "bad_request")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything it came from, each once."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        link = waiting.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [getattr(link, "original_exception", None), link.__cause__, link.__context__]


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    try:
        return int(status) if status else None
    except (TypeError, ValueError):
        return None


def _codes(error: BaseException) -> Iterator[str]:
    yield str(getattr(error, "code", ""))
    body: object = getattr(error, "body", None)
    while isinstance(body, dict):
        fields = cast(dict[str, object], body)
        yield str(fields.get("code", ""))
        yield str(fields.get("type", ""))
        body = fields.get("error")


def _detail(error: BaseException) -> str:
    said = str(getattr(error, "message", "") or error)
    said = _WRAPPING.sub("", " ".join(said.split()))
    return said if len(said) <= _LONGEST_DETAIL else said[: _LONGEST_DETAIL - 1] + "…"


def _retry_after(error: BaseException, now: datetime) -> float | None:
    for link in _chain(error):
        response = getattr(link, "response", None)
        for headers in (getattr(link, "litellm_response_headers", None), getattr(response, "headers", None)):
            value: Any = headers.get("retry-after") if headers is not None else None
            if value and (seconds := _seconds(str(value), now)) is not None:
                return seconds
    told = _RETRY_DELAY.search(str(error))
    return float(told[1]) if told else None


def _seconds(value: str, now: datetime) -> float | None:
    """Return the wait a `Retry-After` header asks for: a number of seconds or a date (RFC 9110)."""
    with contextlib.suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        until = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
