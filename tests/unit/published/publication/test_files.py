"""The files that are handed on, and what is read of them again."""

from datetime import timedelta

import pytest

from mtasts_resolver.published.publication import (
    WEB_SERVERS,
    WELL_KNOWN,
    PolicySite,
    PublicationError,
    Wishes,
    find_way,
    read_files,
    write_files,
)
from tests.unit.published.publication.seen import DAY, FRESH, NOW, SITE, document, domain

MX = "mx.example.com"
WAY = find_way(domain(MX), Wishes(), SITE, NOW)


def test_the_files_of_a_step() -> None:
    files = write_files(WAY, WAY.next_step, SITE)
    assert list(files) == [
        ".well-known/mta-sts.txt",
        "zone.txt",
        "nginx.conf",
        "apache.conf",
        "Caddyfile",
        "README.md",
    ]
    assert files[WELL_KNOWN] == document("testing", MX)
    assert f"id={FRESH};" in files["zone.txt"]
    assert "## 1. Serve the policy, in mode testing (these files)\n" in files["README.md"]
    assert "## 4. Have senders keep the policy for 30d\n" in files["README.md"]


def test_the_files_of_a_later_step() -> None:
    files = write_files(WAY, WAY.steps[2], SITE)
    assert files[WELL_KNOWN] == document("enforce", MX, max_age=7 * DAY)


def test_what_was_written_is_the_same_a_day_later() -> None:
    files = write_files(WAY, WAY.next_step, SITE)
    written = read_files("example.com", files)
    later = find_way(domain(MX), Wishes(), SITE, NOW + timedelta(days=1), written)
    assert write_files(later, later.next_step, SITE) == files


def test_for_what_is_to_go_nothing_is_written() -> None:
    way = find_way(domain(MX, policy=document("none")), Wishes(), SITE, NOW)
    assert list(write_files(way, way.next_step, SITE)) == ["README.md"]


def test_they_are_read_back() -> None:
    files = write_files(WAY, WAY.next_step, SITE)
    assert read_files("example.com", files) == WAY.present
    assert read_files("example.net", files) is None
    for name in (WELL_KNOWN, "zone.txt"):
        assert read_files("example.com", files | {name: "another\n"}) is None
        assert read_files("example.com", {k: v for k, v in files.items() if k != name}) is None


@pytest.mark.parametrize("kind", WEB_SERVERS)
def test_each_web_server_is_told_all_that_it_needs(kind: str) -> None:
    fragment = WEB_SERVERS[kind](SITE)
    for words in ("mta-sts.example.com", SITE.root, SITE.certificate, SITE.key, "text/plain"):
        assert words in fragment


@pytest.mark.parametrize(
    "path", ["relative", "/a b", "/a;b", "/a{b", '/a"b', "/a\nb", "/a/../b", "/a/", "/", "/$a"]
)
def test_a_path_that_a_configuration_could_read_otherwise_is_refused(path: str) -> None:
    with pytest.raises(PublicationError):
        PolicySite(domain="example.com", root=path, certificate="/a", key="/b")
