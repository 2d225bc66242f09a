"""Errors as RFC 9457 problem details."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.logs import request_id

_log = logging.getLogger("tocsin.api")


class FieldError(BaseModel):
    """One refused field."""

    place: str
    """Where: `body.ids.0`, `query.limit`."""
    message: str
    """What is allowed there."""


class ProblemDetails(BaseModel):
    """Why a request was not done. https://www.rfc-editor.org/rfc/rfc9457"""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None
    """By which the log knows this request."""
    errors: list[FieldError] = []


class Problem(Exception):
    """Raised anywhere below an operation; answered as problem details."""

    def __init__(self, status: int, detail: str, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, list(errors), dict(headers or {})

    def response(self) -> web.Response:
        """The problem as an answer."""
        details = ProblemDetails(
            title=HTTPStatus(self.status).phrase, status=self.status, detail=self.detail, request_id=request_id(), errors=self.errors
        )
        text = details.model_dump_json(exclude_none=True, exclude={"errors"} if not self.errors else None)
        return web.Response(status=self.status, text=text, content_type="application/problem+json", headers=self.headers)


@web.middleware
async def as_problem(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """Answers what the router itself refuses under `/api` and `/webhooks` as problem details too."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or not request.path.startswith(("/api/", "/webhooks/")):
            raise
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        detail = f"{request.method} {request.path} is not served here; see /api/openapi.json."
        return Problem(error.status, detail, headers=allow).response()
    except Exception:
        if not request.path.startswith(("/api/", "/webhooks/")):
            raise
        _log.exception("a request failed")
        return Problem(500, "This is a fault of the gateway's own. It was written to its log.").response()


def refused(where: str, error: ValidationError) -> Problem:
    """A 422 that names each refused place of `where` (`body` or `query`) and what is allowed there."""
    errors = [FieldError(place=".".join([where, *(str(part) for part in one["loc"])]), message=_message(one)) for one in error.errors()]
    return Problem(422, f"{len(errors)} field{'s' if len(errors) != 1 else ''} cannot be used; see errors.", errors)


def _message(error: Any) -> str:
    return "there is no such field" if error["type"] == "extra_forbidden" else str(error["msg"]).removeprefix("Value error, ")
