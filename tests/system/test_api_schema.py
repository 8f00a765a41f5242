"""The control API of the real daemon does what its OpenAPI document says, whatever is asked.

All its endpoints take part by themselves, those that destroy too: it is a daemon of the test's own.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from msgspec import Struct
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mtasts_resolver.control.api.endpoint import Endpoint
from mtasts_resolver.control.api.endpoints import ENDPOINTS
from mtasts_resolver.control.api.openapi import NDJSON, document
from mtasts_resolver.control.values.problem import Problem
from tests.system.running import ENFORCED, PATIENCE, RunningDaemon

EXAMPLES = 20  # of each endpoint
PIECE = 1 << 16
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
SCHEMA = schemathesis.openapi.from_dict(document(ENDPOINTS))
BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}


@schemathesis.serializer(NDJSON)
def as_lines(_context: object, value: object) -> bytes:
    with suppress(TypeError, ValueError):
        return msgspec.json.encode(value) + b"\n"
    return repr(value).encode()


class ToControl(BaseRequestHandler):
    """Hands on a connection over TCP, which is all that schemathesis speaks."""

    path: Path

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(str(self.path))
            back = Thread(target=pump, args=(control, self.request))
            back.start()
            pump(self.request, control)
            back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
    for sock in (source, target):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the API of a daemon is reached that knows a policy."""
    directory = tmp_path_factory.mktemp("api")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with RunningDaemon(directory, port) as daemon:
        asyncio.run(daemon.store({"good.example": ENFORCED}))
        daemon.start()
        handler = type("Handler", (ToControl,), {"path": daemon.control})
        with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()
        assert "internal-error" not in daemon.log


def value_of(line: bytes, endpoint: Endpoint) -> Struct:
    """Return what a line of a stream says; a Problem ends one that cannot go on."""
    try:
        return msgspec.json.decode(line, type=endpoint.result)
    except msgspec.ValidationError:
        return msgspec.json.decode(line, type=Problem)


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_api_does_what_its_document_says(case: schemathesis.Case[Any], control: str) -> None:
    endpoint = BY_NAME[case.operation.definition.raw["operationId"]]
    response = case.call(base_url=control, headers={"Connection": "close"}, timeout=PATIENCE)
    if endpoint.stream and response.status_code == 200:
        case.validate_response(response, checks=CHECKS)
        for line in response.content.splitlines():
            value_of(line, endpoint)
    else:
        case.validate_response(response, checks=[*CHECKS, response_schema_conformance])
