"""The OpenAPI document of the API, made of the table of endpoints."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from mtasts_resolver import __version__
from mtasts_resolver.control.api.endpoint import Endpoint
from mtasts_resolver.control.values.problem import Problem

_REF = "#/components/schemas/{name}"
JSON = "application/json"
NDJSON = "application/x-ndjson"

_REFUSED = {
    "400": "What was asked cannot be understood.",
    "404": "There is no such thing.",
    "409": "It cannot be done as things are.",
    "413": "What was sent is too long.",
    "422": "What was sent is understood, and wrong.",
    "503": "It cannot be done now; try again.",
}


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document that describes `endpoints`."""
    endpoints = list(endpoints)
    structs = _structs(endpoints)
    schemas, components = explained_schemas(structs)
    schema_of = dict(zip(structs, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schema_of)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mtasts-resolver",
            "version": __version__,
            "description": "HTTP over the control socket of a running daemon. Versioned by path:"
            " within /v1 fields are added, and none is removed or changes its meaning.",
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _structs(endpoints: Iterable[Endpoint]) -> list[type[Struct]]:
    used: dict[type[Struct], None] = {Problem: None}
    for endpoint in endpoints:
        used[endpoint.result] = None
        if endpoint.body is not None:
            used[endpoint.body] = None
    return list(used)


def _operation(endpoint: Endpoint, schema_of: dict[type[Struct], Any]) -> dict[str, Any]:
    sort = NDJSON if endpoint.stream else JSON
    done = {
        "description": "One value a line." if endpoint.stream else "Done.",
        "content": {sort: {"schema": schema_of[endpoint.result]}},
    }
    refused = {JSON: {"schema": schema_of[Problem]}}
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": {
            "200": done,
            **{
                code: {"description": words, "content": refused} for code, words in _REFUSED.items()
            },
        },
    }
    if endpoint.params is not None:
        operation["parameters"] = list(_parameters(endpoint.path, endpoint.params))
    if endpoint.body is not None:
        sent = NDJSON if endpoint.lines else JSON
        operation["requestBody"] = {
            "required": True,
            "content": {sent: {"schema": schema_of[endpoint.body]}},
        }
    return operation


def _parameters(path: str, params: type[Struct]) -> Iterable[dict[str, Any]]:
    in_path = set(re.findall(r"{(\w+)}", path))
    _, components = explained_schemas([params])
    described = components[params.__name__]
    for name, schema in described["properties"].items():
        place = "path" if name in in_path else "query"
        required = place == "path" or name in described.get("required", ())
        shown = {key: value for key, value in schema.items() if key != "description"}
        parameter = {"name": name, "in": place, "required": required, "schema": shown}
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter


def explained_schemas(
    structs: list[type[Struct]], ref: str = _REF
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the schemas of structs, and of all that is in them by name, fields explained."""
    schemas, components = msgspec.json.schema_components(structs, ref_template=ref)
    _name_null_last([*schemas, components])
    for struct in _with_inner(structs):
        for field, words in _explained(struct).items():
            schema = components[struct.__name__]["properties"][field]
            if "$ref" in schema:  # beside which OpenAPI allows words, and little reads them
                continue
            schema["description"] = words
    return list(schemas), components


def _name_null_last(schema: object) -> None:
    """Have the kinds of a value in one order: that of msgspec differs between its versions."""
    if isinstance(schema, dict):
        if "anyOf" in schema:
            schema["anyOf"].sort(key=lambda kind: kind == {"type": "null"})
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            _name_null_last(inner)


def _with_inner(structs: Iterable[type[Struct]]) -> set[type[Struct]]:
    """Return structs and those that are in their fields, however deep."""
    found: set[type[Struct]] = set()

    def visit(kind: object) -> None:
        if isinstance(kind, msgspec.inspect.StructType):
            if kind.cls in found:
                return
            found.add(kind.cls)
        if isinstance(kind, msgspec.inspect.Type | msgspec.inspect.Field):
            for name in kind.__struct_fields__:
                visit(getattr(kind, name))
        elif isinstance(kind, tuple):
            for item in kind:
                visit(item)

    for struct in structs:
        visit(msgspec.inspect.type_info(struct))
    return found


def _explained(struct: type[Struct]) -> dict[str, str]:
    """Return what the source says below each field."""
    source = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    definition = next(node for node in ast.walk(source) if isinstance(node, ast.ClassDef))
    words: dict[str, str] = {}
    for field, below in itertools.pairwise(definition.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(text))):
                words[name] = " ".join(text.split())
    return words
