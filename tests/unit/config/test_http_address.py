"""Where HTTP is spoken, and the control socket."""

import pytest

from mtasts_resolver.config import ConfigError, HttpAddress, parse_config


def address(text: str) -> HttpAddress | None:
    return parse_config(f"http: {{address: '{text}'}}".encode(), "c.yaml").config.http.address


@pytest.mark.parametrize("text", ["127.0.0.1:8463", "[::1]:80", "status.example:0"])
def test_an_address_is_spelled_as_it_was(text: str) -> None:
    assert str(address(text)) == text


def test_an_empty_address_is_none() -> None:
    assert address("") is None


@pytest.mark.parametrize("text", ["8463", ":8463", "::1:80", "localhost", "a_b:1", "127.0.0.1:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\$\.http\.address"):
        address(text)


@pytest.mark.parametrize("text", ["relative", "/a/", "/" + "x" * 107])
def test_what_is_no_socket(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\$\.control\.socket"):
        parse_config(f"control: {{socket: '{text}'}}".encode(), "c.yaml")
