"""Exceptions shaped like litellm's, without litellm: the real ones are raised in test_models_litellm.py."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sessions.models.failures import classify
from sessions.models.protocol import FailureKind


class APIError(Exception):
    def __init__(self, message: str = "", status: int | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.status_code = status
        for name, value in fields.items():
            setattr(self, name, value)


class RateLimitError(APIError):
    pass


class InternalServerError(APIError):
    pass


class MidStreamFallbackError(APIError):
    pass


class ContextWindowExceededError(APIError):
    pass


class OpenAIError(Exception):
    __module__ = "openai"


class ReadTimeout(Exception):
    pass


def _caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (APIError("no", 401), "refused_key"),
        (APIError("no", 403), "refused_key"),
        (APIError("no", 402), "out_of_credit"),
        (APIError("no", 404), "unknown_model"),
        (APIError("no", 400), "bad_request"),
        (APIError("no", 422), "bad_request"),
        (APIError("no", 413), "context_too_long"),
        (APIError("no", 500), "server_error"),
        (APIError("no", 502), "server_error"),
        (APIError("no", 503), "overloaded"),
        (APIError("no", 529), "overloaded"),
        (APIError("no"), "server_error"),
        (RateLimitError("slow down", 429), "rate_limited"),
        (RateLimitError("no", 429, body={"code": "insufficient_quota"}), "out_of_credit"),
        (RateLimitError("no", 429, body={"error": {"type": "insufficient_quota"}}), "out_of_credit"),
        (InternalServerError("AnthropicError - Overloaded", 500), "overloaded"),
        (_caused(InternalServerError("Connection error.", 500), ConnectionRefusedError()), "unreachable"),
        (_caused(InternalServerError("Connection error.", 500), ConnectionResetError()), "unreachable"),
        (_caused(InternalServerError("Missing credentials", 500), OpenAIError()), "no_key"),
        (_caused(InternalServerError("no", 500), ReadTimeout()), "stalled"),
        (ContextWindowExceededError("no", 400), "context_too_long"),
        (APIError("prompt is too long: 210000 tokens > 200000 maximum", 400), "context_too_long"),
        (APIError("exceeds the available context size", 400), "context_too_long"),
        (APIError("no", 400, code="content_policy_violation"), "content_refused"),
        (APIError("LLM Provider NOT provided. You passed model=x", 400), "unknown_model"),
        (MidStreamFallbackError("broken", 500), "cut_off"),
        (MidStreamFallbackError("x", 500, original_exception=InternalServerError("Overloaded", 500)), "overloaded"),
        (MidStreamFallbackError("x", 500, original_exception=RateLimitError("x", 429)), "rate_limited"),
        (ValueError("something of litellm's own"), "server_error"),
    ],
)
def test_every_exception_is_of_one_kind(error: BaseException, kind: FailureKind) -> None:
    assert classify(error).kind == kind


@pytest.mark.parametrize(
    "error",
    [
        APIError("no", 500),
        _caused(InternalServerError("x", 500), ConnectionResetError()),
        MidStreamFallbackError("x", 500, original_exception=InternalServerError("Overloaded", 500)),
    ],
)
def test_once_something_was_shown_the_answer_was_cut_off(error: BaseException) -> None:
    failure = classify(error, partial="so far", begun=True)

    assert (failure.kind, failure.partial) == ("cut_off", "so far")


def test_the_message_is_the_providers_own_without_the_wrapping() -> None:
    error = RateLimitError("litellm.RateLimitError: RateLimitError: OpenAIException - slow\n  down", 429)

    assert classify(error).text == "The provider limits the rate of requests (429): slow down"


def test_a_page_for_a_message_is_cut() -> None:
    assert len(classify(APIError("x" * 100_000, 500)).text) < 500


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("-3", 0.0),
    ],
)
def test_a_wait_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    error = RateLimitError("no", 429, litellm_response_headers={"retry-after": value})

    assert classify(error, now=datetime(2026, 10, 21, 7, 28, tzinfo=UTC)).retry_after == seconds


def test_a_wait_told_in_the_body_counts_when_no_header_does() -> None:
    error = RateLimitError('VertexAIException - {"error": {"details": [{"retryDelay": "34.5s"}]}}', 429)

    assert classify(error).retry_after == 34.5


def test_causes_that_go_in_a_circle_end() -> None:
    first, second = APIError("a", 500), APIError("b", 500)
    first.__cause__, second.__cause__ = second, first

    assert classify(first).kind == "server_error"
