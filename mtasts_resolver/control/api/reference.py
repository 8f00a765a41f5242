"""The page docs/api.md, made of the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

import click

from mtasts_resolver.control.api.endpoints import ENDPOINTS
from mtasts_resolver.control.api.openapi import document

_INTRODUCTION = """\
<!-- Made by `make docs` out of mtasts_resolver/control/api: change the code, not this page. -->

# The control API

The commands speak to the running daemon over a unix socket, `/run/mtasts-resolver/control.sock`
unless [`control.socket`](configuration.md#control) says otherwise. Programs may do the same: it is
HTTP with JSON.

    curl --unix-socket /run/mtasts-resolver/control.sock http://control/v1/status

- **Who may.** Root and the daemon's user; with `control.group`, its members, too. Whoever may can
  do everything that is below. Nothing of it can be reached over TCP.
- **Versions.** Within `/v1` fields and paths are added. None is removed, and none changes its
  meaning: ignore the fields that you do not know.
- **Values.** Times are RFC 3339 in UTC, spans of time are seconds, domains are A-label names.
- **Streams** are NDJSON: one value a line, as each is known. A stream that cannot go on ends with
  a `Problem`.
- **Refusals** are a `Problem`, with the status 400, 404, 405, 409, 413, 422 or 503.
- **Bounds.** 32 connections at a time, others wait; the head of a request must come within 5
  seconds and have at most 16 KiB and 100 lines; a body has at most a mebibyte, a line of a stream
  half of one. A request ends with its connection: who hangs up ends a refresh, too.

`GET /v1/openapi.json` is the same as an OpenAPI 3.1 document.
"""


def api_reference() -> str:
    """Return the page, in Markdown."""
    described = document(ENDPOINTS)
    parts = [_INTRODUCTION, "\n## Endpoints\n"]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts += _endpoint(method.upper(), path, operation)
    parts.append("\n## Values\n")
    for name, schema in described["components"]["schemas"].items():
        parts += _schema(name, schema)
    return "".join(parts)


def _endpoint(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"\n### `{method} {path}`\n\n{operation['summary']}\n\n"
    if "requestBody" in operation:
        yield f"- sent: {_content(operation['requestBody'])}\n"
    yield f"- answered: {_content(operation['responses']['200'])}\n"
    if parameters := operation.get("parameters"):
        yield "\n| parameter | in | type | default | meaning |\n|---|---|---|---|---|\n"
        for parameter in parameters:
            schema = parameter["schema"]
            default = "required" if parameter["required"] else f"`{schema.get('default')}`"
            meaning = parameter.get("description", "")
            yield (
                f"| `{parameter['name']}` | {parameter['in']} | {_type(schema)} | {default} |"
                f" {meaning} |\n"
            )


def _content(described: dict[str, Any]) -> str:
    ((media, content),) = described["content"].items()
    each = "lines, each " if media.endswith("ndjson") else ""
    return f"{each}{_type(content['schema'])}"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"\n### {name}\n\n{schema.get('description', '')}\n\n"
    yield "| field | type | meaning |\n|---|---|---|\n"
    for field, inner in schema.get("properties", {}).items():
        yield f"| `{field}` | {_type(inner)} | {inner.get('description', '')} |\n"


def _type(schema: dict[str, Any]) -> str:
    """Return a type in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        # Where what stands in it has a fixed number, that is what OpenAPI calls them.
        each = schema.get("prefixItems") or [schema.get("items", {})]
        return f"list of {' and '.join(map(_type, each))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping to {_type(schema['additionalProperties'])}"
    return str(kind)


if __name__ == "__main__":
    click.echo(api_reference(), nl=False)
