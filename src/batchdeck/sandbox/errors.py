"""Refusals, in the service's words and in those of its copies."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than 200."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
        self.retry_after = retry_after

    def body(self, shape: str) -> tuple[str, Any]:
        """The content type, and what to send: an object for JSON, else text."""
        if shape == "html":
            text = (
                f"<html><head><title>{self.status}</title></head><body><h1>{self.message}</h1></body></html>"
            )
            return "text/html; charset=utf-8", text
        if shape == "broken":
            return "application/json", '{"error": {"message": "' + self.message.replace('"', "'")
        if shape == "message":
            return "application/json", {"error": {"message": self.message}}
        if shape == "detail":
            return "application/json", {
                "detail": [{"loc": ["body", self.param], "msg": self.message, "type": "value"}]
            }
        if shape == "problem":
            problem = {"type": "about:blank", "title": self.message, "status": self.status}
            return "application/problem+json", problem
        code = str(self.status) if shape == "digits" else self.code
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": code}
        return "application/json", {"error": error}


def no_such_batch(batch_id: str) -> ApiError:
    """404 for a batch."""
    return ApiError(404, f"No batch found with id '{batch_id}'.")


def no_such_file(file_id: str) -> ApiError:
    """404 for a file."""
    return ApiError(404, f"No such File object: {file_id}", param="id")


def missing_parameter(name: str) -> ApiError:
    """400 for a parameter that is not there."""
    message = f"Missing required parameter: '{name}'."
    return ApiError(400, message, param=name, code="missing_required_parameter")


def invalid_parameter(name: str, message: str) -> ApiError:
    """400 for a parameter that does not fit."""
    return ApiError(400, message, param=name, code="invalid_value")


def rate_limited(message: str, retry_after: float) -> ApiError:
    """429 with the seconds to wait."""
    return ApiError(429, message, kind="requests", code="rate_limit_exceeded", retry_after=retry_after)
