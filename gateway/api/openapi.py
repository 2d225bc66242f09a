"""The OpenAPI document, made from the operations themselves. https://spec.openapis.org/oas/v3.1.0"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api.operation import Operation
from gateway.api.problem import ProblemDetails

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same request gets the same answer, and has no second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 300, "pattern": "^[ -~]+$"},
}
_ID = {"type": "integer", "minimum": 1, "maximum": 2**53}
_HEADERS = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}, "description": "`Bearer`, and what is wrong with a JWT."}},
    503: {"Retry-After": {"required": True, "schema": {"type": "integer"}, "description": "Seconds."}},
}
_REF = "#/components/schemas/{model}"


def document(operations: Sequence[Operation], version: str, cookie: str) -> dict[str, Any]:
    """The whole document; `cookie` holds the session of the page."""
    inputs = {operation.body for operation in operations if operation.body}
    outputs = {operation.answer for operation in operations if operation.answer} | {ProblemDetails}
    wanted: list[Any] = [(model, "validation") for model in sorted(inputs, key=_name)] + [
        (model, "serialization") for model in sorted(outputs, key=_name)
    ]
    _, definitions = models_json_schema(wanted, ref_template=_REF)
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin", "version": version, "description": "The inbox, the urgent bar and what feeds them."},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.handler.__module__.rsplit('.', 1)[-1]}_{operation.handler.__name__}",
        "summary": operation.summary,
        "description": f"{(operation.handler.__doc__ or operation.summary).strip()}\n\n{_needs(operation)}",
        "security": [{"token": [operation.scope]}, {"session": []}],
        "responses": _responses(operation),
    }
    parameters = _path_parameters(operation.path) + (_query_parameters(operation.query) if operation.query else [])
    parameters += [_IDEMPOTENCY_KEY] if operation.idempotent else []
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(operation.body)}}}
    return described


def _needs(operation: Operation) -> str:
    role = "" if operation.floor == "viewer" else f" and the role {operation.floor}"
    return f"Needs the scope `{operation.scope}`{role}."


def _responses(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer:
        answer["content"] = {"application/json": {"schema": _reference(operation.answer)}}
    elif operation.media != "application/json":
        answer["content"] = {operation.media: {"schema": {"type": "string"}}}
    statuses = {401, 403, 422, 503, *operation.problems, *((400, 413) if operation.body else ())}
    problem = {"application/problem+json": {"schema": _reference(ProblemDetails)}}
    refused = {str(status): {"description": HTTPStatus(status).phrase, "content": problem} for status in sorted(statuses)}
    for status, headers in _HEADERS.items():
        refused[str(status)]["headers"] = headers
    fine = {str(status): {**answer, "description": HTTPStatus(status).phrase} for status in (operation.status, *operation.also)}
    return {**fine, **refused}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"} if name == "slug" else _ID} for name in names]


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    definitions, required = schema.get("$defs", {}), schema.get("required", [])
    return [
        {"name": name, "in": "query", "schema": _inlined(field, definitions), **({"required": True} if name in required else {})}
        for name, field in schema["properties"].items()
    ]


def _inlined(field: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(field, list):
        return [_inlined(item, definitions) for item in field]
    if not isinstance(field, dict):
        return field
    if "$ref" in field:
        return definitions[field["$ref"].rsplit("/", 1)[-1]]
    return {key: _inlined(value, definitions) for key, value in field.items()}
