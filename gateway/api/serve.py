"""Runs operations behind aiohttp: who is asking, what is asked, the answer or the problem."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Final, get_origin

from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api.means import Means
from gateway.api.operation import Answer, Call, Download, Operation
from gateway.api.problem import FieldError, Problem, refused
from gateway.api.sign_in import SignIn
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.people import ROLES, Person

MAX_BODY: Final = 256 * 1024
_log = logging.getLogger("tocsin.api")


class Api:
    """Every operation as a route."""

    def __init__(
        self,
        database: Database,
        sign_in: SignIn,
        clock: Callable[[], datetime],
        public_url: str,
        means: Means,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        """`ring` is called when there may be work for the workers."""
        self._database, self._sign_in, self._clock, self._public_url, self._ring = database, sign_in, clock, public_url, ring
        self._means = means

    def add_routes(self, router: web.UrlDispatcher, operations: Iterable[Operation]) -> None:
        """Routes in the order given, so that fixed paths go before those with an id."""
        for operation in operations:
            handler = self._handler(operation)
            for path in {operation.route, operation.route.rstrip("/")}:  # a slash more or less is nobody's mistake
                router.add_route(operation.method, path, handler)

    def _handler(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await self._call(operation, request)
            except Problem as problem:
                return problem.response()
            except StorageUnavailable:
                return Problem(503, "The database cannot be reached. Try again.", headers={"Retry-After": "2"}).response()

        return handle

    async def _call(self, operation: Operation, request: web.Request) -> web.Response:
        person = await self._sign_in.person(request)
        if person is None:
            raise Problem(401, "Sign in, or send an API token as `Authorization: Bearer …`.", headers={"WWW-Authenticate": "Bearer"})
        _admit(operation, person)
        call = Call(
            person=person,
            database=self._database,
            now=self._clock(),
            path=dict(request.match_info),
            query=_query(operation.query, request),
            body=await _body(operation.body, request),
            public_url=self._public_url,
            means=self._means,
            idempotency_key=_idempotency_key(request) if operation.idempotent else None,
        )
        answer = await operation.handler(call)
        if operation.writes:
            self._ring()
        if isinstance(answer, Download):
            headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{answer.filename}"'}
            return web.Response(text=answer.text, content_type=operation.media, charset="utf-8", headers=headers)
        status, model = (answer.status, answer.model) if isinstance(answer, Answer) else (operation.status, answer)
        return web.Response(
            status=status,
            text=model.model_dump_json() if model else None,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )


def _admit(operation: Operation, person: Person) -> None:
    if operation.scope not in person.scopes:
        challenge = f'Bearer error="insufficient_scope", scope="{operation.scope}"'  # https://www.rfc-editor.org/rfc/rfc6750#section-3
        raise Problem(403, f"This token lacks the scope `{operation.scope}`.", headers={"WWW-Authenticate": challenge})
    if operation.floor != ROLES[0] and not person.is_at_least(operation.floor):
        raise Problem(403, f"This needs the role {operation.floor} in the team.")


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 300 and key.isprintable() and key.isascii()):
        raise Problem(422, "Idempotency-Key must have 1 to 300 printable ASCII characters.")
    return key


def _query(model: type[BaseModel] | None, request: web.Request) -> Any:
    if model is None:
        if request.query:
            raise Problem(
                422, "This takes no query.", [FieldError(place=f"query.{name}", message="there is no such field") for name in request.query]
            )
        return None
    values: dict[str, Any] = {}
    for name in request.query:
        given = request.query.getall(name)
        field = model.model_fields.get(name)
        values[name] = given if field is not None and get_origin(field.annotation) is list else given[-1]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise refused("query", error) from None


async def _body(model: type[BaseModel] | None, request: web.Request) -> Any:
    if model is None:
        return None
    try:
        raw = await request.content.read(MAX_BODY + 1)
        while not request.content.at_eof() and len(raw) <= MAX_BODY:
            raw += await request.content.read(MAX_BODY + 1 - len(raw))
    except (web.RequestPayloadError, ConnectionError, ValueError):
        raise Problem(400, "The body could not be read: it was cut off, or its encoding is not what its headers say.") from None
    if len(raw) > MAX_BODY:
        raise Problem(413, f"The body is larger than {MAX_BODY} bytes.")
    try:
        return model.model_validate_json(raw, strict=True)  # as the document says: 0 is not false, "1" is no number
    except ValidationError as error:
        raise refused("body", error) from None
