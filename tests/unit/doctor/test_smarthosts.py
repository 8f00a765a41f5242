"""Finding out what smart hosts publish, where nobody answers."""

import socket
from collections.abc import Iterator

import pytest

from mtasts_resolver.config import Config, parse_config
from mtasts_resolver.doctor.smarthosts import policy_finder
from mtasts_resolver.policy import parse_next_hop


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A name server that hears, and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        yield server


def heard(server: socket.socket) -> int:
    """Return how often it was asked."""
    count = 0
    while True:
        try:
            server.recv(1_000)
        except BlockingIOError:
            return count
        count += 1


def test_many_smart_hosts_take_no_longer_than_the_patience_for_all(silent: socket.socket) -> None:
    hop = parse_next_hop("[relay.example]")
    assert hop is not None
    find = policy_finder(config(silent), patience=0.3)
    assert find(hop) is None
    assert heard(silent)
    assert [find(hop) for _ in range(49)] == [None] * 49
    assert not heard(silent)


def config(server: socket.socket) -> Config:
    text = f"dns: {{servers: ['127.0.0.1:{server.getsockname()[1]}'], timeout: 20, dnssec: 'off'}}"
    return parse_config(text.encode(), "config.yaml").config
