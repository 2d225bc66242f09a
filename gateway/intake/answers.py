"""What a sender is told."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.logs import request_id

_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}


def accepted(event_id: int, *, duplicate: bool) -> web.Response:
    """202 for what was stored now, 200 for what was stored before."""
    text = f'{{"status": "duplicate", "id": {event_id}}}' if duplicate else f'{{"id": {event_id}, "status": "accepted"}}'
    return web.Response(body=text.encode(), status=200 if duplicate else 202, headers=_JSON)


class Refused(Exception):
    """A request is not taken: the status to answer with, the reason to note, and what to tell the sender."""

    def __init__(
        self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None, *, body_size: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail, self.headers, self.body_size = status, reason, detail, headers, body_size

    def response(self) -> web.Response:
        """The answer, as RFC 9457 problem details."""
        problem = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        if said := request_id():
            problem["request_id"] = said
        return web.Response(text=json.dumps(problem), status=self.status, headers=self.headers, content_type="application/problem+json")
