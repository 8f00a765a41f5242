"""`publish`: what is shown, written and compared, for a domain as it may be seen.

What is seen of a real one is asked for in tests/lab/test_publish.py.
"""

import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from msgspec.structs import replace

from mtasts_resolver.cli import main
from mtasts_resolver.cli.publishing import look
from mtasts_resolver.published.observed import (
    Observed,
    SeenAddress,
    SeenCertificate,
    SeenFailure,
    SeenHost,
    SeenTls,
)
from tests.runner import CliRunner
from tests.unit.published.publication.seen import DAY, NOW, OLD, REPORTS, document, domain

MX = "mx.example.com"
TESTING = document("testing", MX)
FAILURE = SeenFailure("dns-timeout", "no name server answered")

Publish = Callable[..., Result]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Return what runs the command about a domain that is seen as it is told."""

    class Seer:
        seen: Observed
        smtp: bool

        @classmethod
        def configured(cls, _config: object) -> "Seer":
            return cls()

        async def observe(self, name: str, *, smtp: bool, tell: Callable[[str], None]) -> Observed:
            tell(name)
            Seer.smtp = smtp
            return replace(self.seen, domain=name)

    def run(seen: Observed, *arguments: str) -> Result:
        Seer.seen = seen
        config = Path(os.devnull)
        result = CliRunner().invoke(
            main, ["publish", "example.com", "--config", str(config), *arguments]
        )
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    monkeypatch.setattr(look, "Observer", Seer)
    return run


def test_the_guide_says_where_the_domain_is_and_what_is_next(publish: Publish) -> None:
    result = publish(domain(MX))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "example.com: no policy is published"
    assert "next  1. serve          Serve the policy, in mode testing" in lines
    assert "1. Serve the policy, in mode testing" in lines
    assert "    'mx: mx.example.com' \\" in lines
    assert "    server_name mta-sts.example.com;" in lines
    assert "<VirtualHost *:443>" not in lines
    assert "2. Publish the records" not in result.stdout


@pytest.mark.parametrize("server", ["apache", "caddy"])
def test_one_web_server_is_shown_or_all(publish: Publish, server: str) -> None:
    one = publish(domain(MX), "--web-server", server).stdout
    assert f"{server}, for mta-sts.example.com:" in one
    assert "nginx" not in one
    every = publish(domain(MX), "--web-server", "all").stdout
    assert f"{server}, for" in every
    assert "nginx, for" in every


def test_a_step_or_all_can_be_shown(publish: Publish) -> None:
    by_name = publish(domain(MX), "--step", "announce").stdout
    assert (
        publish(domain(MX), "--step", "2").stdout.splitlines()[-9:] == (by_name.splitlines()[-9:])
    )
    assert '_smtp._tls.example.com. 3600 IN TXT "v=TLSRPTv1; rua=' in by_name
    assert "server_name" not in by_name
    every = publish(domain(MX), "--all").stdout
    for number, words in enumerate(("Serve", "Publish", "Enforce", "Have senders"), start=1):
        assert f"\n{number}. {words}" in every
    wrong = publish(domain(MX), "--step", "fly")
    assert wrong.exit_code == 2
    assert "1 serve, 2 announce, 3 enforce, 4 lengthen" in wrong.stderr


def test_where_all_is_done_there_is_nothing_to_do(publish: Publish) -> None:
    lasting = document("enforce", MX, max_age=30 * DAY)
    shown = publish(domain(MX, policy=lasting)).stdout
    assert "There is nothing to do" in shown
    assert "done  3. enforce" in shown
    assert "nothing to take back" in publish(domain(MX), "--retire").stdout


def test_what_would_hold_mail_comes_first(publish: Publish) -> None:
    plain = SeenAddress(address="192.0.2.25", starttls=False)
    seen = replace(domain(MX), mx_hosts=(SeenHost(name=MX, preference=10, addresses=(plain,)),))
    tested = publish(seen).stdout
    assert tested.startswith("warning: mx.example.com: it does not offer STARTTLS")
    enforced = publish(seen, "--mode", "enforce").stdout
    assert enforced.startswith("error: mx.example.com: it does not offer STARTTLS")
    assert "--mode testing begins with that" in enforced
    there = replace(domain(MX, policy=TESTING), mx_hosts=seen.mx_hosts)
    assert "Put that right before the step enforce." in publish(there).stdout
    shown = json.loads(publish(seen, "--mode", "enforce", "--json").stdout)
    assert [finding["code"] for finding in shown["findings"]] == ["mx-host-without-starttls"]


def test_what_is_better_known(publish: Publish) -> None:
    broad = publish(domain(MX), "--mx", "*.example.com").stdout
    assert "*.example.com fits every host one label below example.com" in broad
    assert f"--mx {MX}" in broad
    provider = publish(domain("mx.provider.example")).stdout
    assert "mx.provider.example: where that is a provider's" in provider
    assert "note" not in publish(domain(MX)).stdout
    there = document("testing", "mx.provider.example")
    assert "note" not in publish(domain("mx.provider.example", policy=there)).stdout


def shows(name: str, *dns_names: str, failure: SeenFailure | None = None) -> SeenHost:
    """Return an MX host with a certificate for some names."""
    certificate = SeenCertificate(
        dns_names=dns_names,
        common_name="",
        issuer="An Authority",
        not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=80),
        key="EC secp256r1",
        sha256="0" * 64,
    )
    tls = SeenTls(version="TLSv1.3", cipher="", certificate=certificate, failure=failure)
    address = SeenAddress(address="192.0.2.25", starttls=True, tls=tls)
    return SeenHost(name=name, preference=10, addresses=(address,))


def test_a_providers_certificate_tells_which_pattern_is_likely(publish: Publish) -> None:
    names = ("mx1.mail.provider.example", "mx2.mail.provider.example")
    hosts = tuple(shows(name, "*.mail.provider.example", "*.provider.example") for name in names)
    said = publish(replace(domain(), mx_hosts=hosts)).stdout
    assert f"{', '.join(names)}: where that is a provider's" in said
    assert "Its certificate is for *.mail.provider.example.\n" in said


def test_a_host_under_a_name_of_ones_own_needs_another_mx_record(publish: Publish) -> None:
    failure = SeenFailure("certificate-names-another", "it is for mx1.provider.example")
    seen = replace(domain(), mx_hosts=(shows(MX, "mx1.provider.example", failure=failure),))
    assert f"{MX} has a certificate for mx1.provider.example" in publish(seen).stdout
    assert "has a certificate for" not in publish(replace(seen, mx_hosts=(shows(MX, MX),))).stdout


def test_what_was_not_looked_at_is_told(publish: Publish) -> None:
    unreached = SeenAddress(address="192.0.2.25", failure=SeenFailure("unreachable", "refused"))
    host = SeenHost(name=MX, preference=10, addresses=(unreached,))
    said = publish(replace(domain(), mx_hosts=(host,), smtp_blocked=True)).stdout
    assert f"no connection to {MX}" in said


def test_a_program_gets_all_of_it(publish: Publish) -> None:
    shown = json.loads(publish(domain(MX, policy=TESTING), "--json").stdout)
    assert shown["domain"] == "example.com"
    assert shown["standing"]["stage"] == "testing"
    assert shown["next"] == "enforce"
    assert [step["name"] for step in shown["steps"]] == ["serve", "announce", "enforce", "lengthen"]
    assert shown["publication"]["policy"]["mode"] == "enforce"
    assert shown["records"][0].startswith("_mta-sts.example.com. 3600 IN TXT")
    assert shown["findings"] == []
    assert shown["files"] is None


# -- options -----------------------------------------------------------------------------------


def test_names_are_written_as_dns_has_them(publish: Publish) -> None:
    shown = json.loads(
        publish(
            domain(MX),
            *("--mx", "MX.bücher.example.", "--mx", "*.Bücher.example"),
            *("--policy-host", "Web.example.net", "--reports", "tls@bücher.example", "--json"),
        ).stdout
    )
    assert shown["publication"]["policy"]["mx"] == [
        "mx.xn--bcher-kva.example",
        "*.xn--bcher-kva.example",
        MX,
    ]
    assert shown["publication"]["reports"] == ["mailto:tls@xn--bcher-kva.example"]
    assert "CNAME web.example.net." in shown["steps"][0]["parts"][0]["text"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--mx", "192.0.2.1"), "'192.0.2.1' is no host name"),
        (("--mx", "mx.*.example"), "'mx.*.example' is no host name"),
        (("--max-age", "400d"), "0 to 31,557,600"),
        (("--max-age", "soon"), "not a duration"),
        (("--id", "2026-11-26"), "letters and digits"),
        (("--mode", "strict"), "'strict' is not one of"),
        (("--reports", "nobody"), "no mail address"),
        (("--policy-host", "[web]"), "no name of a host"),
        (("--web-root", "srv"), "no absolute path"),
        (("--certificate", "/a.pem"), "go together"),
        (("--force",), "goes with --output"),
        (("--verify", "--all"), "leads nowhere"),
        (("--verify", "--step", "1"), "leads nowhere"),
        (("--verify", "--retire"), "leads nowhere"),
    ],
)
def test_wrong_usage_is_told(publish: Publish, arguments: tuple[str, ...], words: str) -> None:
    result = publish(domain(MX), *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert words in json.loads(publish(domain(MX), *arguments, "--json").stdout)["error"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("a@example.com", "did you mean 'example.com'?"),
        ("[example.com]", "publish example.com"),
        ("example.com:25", "publish example.com"),
        ("example", "single label"),
    ],
)
def test_what_is_no_domain_is_told(typed: str, words: str) -> None:
    result = CliRunner().invoke(main, ["publish", typed, "--config", os.devnull])
    assert result.exit_code == 2
    assert words in result.stderr


# -- what cannot be known ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "arguments", "code", "words"),
    [
        (replace(domain(), mx_failure=SeenFailure("mx-null", "null MX")), (), 2, "--retire"),
        (replace(domain(), mx_failure=SeenFailure("mx-null", "")), ("--retire",), 0, "take back"),
        (replace(domain(), mx_failure=SeenFailure("mx-null", "")), ("--mx", MX), 0, MX),
        (replace(domain(), mx_failure=SeenFailure("domain-unknown", "NXDOMAIN")), (), 2, "right?"),
        (
            replace(domain(), mx_failure=SeenFailure("domain-unknown", "NXDOMAIN")),
            ("--mx", MX),
            0,
            MX,
        ),
        (replace(domain(), mx_failure=FAILURE), (), 75, "Try again later"),
        (replace(domain(), mx_failure=FAILURE), ("--mx", MX), 75, "Try again later"),
        (replace(domain(MX), more_mx_hosts=3), (), 2, "4 MX hosts"),
        (replace(domain(MX), more_mx_hosts=3), ("--mx", "*.example.com"), 0, "*.example.com"),
        (domain(), (), 2, "--mx"),
        (replace(domain(MX), record=replace(domain().record, failure=FAILURE)), (), 75, "_mta-sts"),
        (replace(domain(MX), reports=replace(domain().reports, failure=FAILURE)), (), 75, "_smtp"),
        (
            replace(domain(MX), policy_host=replace(domain().policy_host, failure=FAILURE)),
            (),
            75,
            "mta-sts.example.com cannot be looked up",
        ),
        (
            replace(domain(MX), reports=replace(domain().reports, failure=FAILURE)),
            ("--reports", "tls@example.com"),
            0,
            "tls@example.com",
        ),
    ],
)
def test_what_cannot_be_known_is_told(
    publish: Publish, seen: Observed, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = publish(seen, *arguments, *(["--all"] if code == 0 else []))
    assert result.exit_code == code
    assert words in result.stdout + result.stderr


def test_a_policy_that_nobody_can_see_is_neither_written_nor_called_wrong(
    publish: Publish, tmp_path: Path
) -> None:
    lost = domain(MX, records=(f"v=STSv1; id={OLD};",), reports=(REPORTS,))
    assert "Leave its file as it is" in publish(lost).stdout
    written = publish(lost, "--output", str(tmp_path))
    assert written.exit_code == 2
    assert "--mode" in written.stderr
    assert not list(tmp_path.iterdir())
    assert json.loads(publish(lost, "--json").stdout)["publication"] is None
    compared = publish(lost, "--verify")
    assert compared.exit_code == 1
    assert compared.stdout.splitlines()[0] == "mta-sts.example.com: it has no address"
    assert "mode:" not in compared.stdout


# -- files -------------------------------------------------------------------------------------


def test_files_are_written_once_and_only_replaced_by_force(
    publish: Publish, tmp_path: Path
) -> None:
    directory = tmp_path / "out"
    old = os.umask(0o077)
    try:
        result = publish(domain(MX), "--output", str(directory))
    finally:
        os.umask(old)
    assert result.exit_code == 0
    policy = directory / ".well-known" / "mta-sts.txt"
    assert policy.read_bytes() == TESTING.encode()
    for path in (policy, directory / "zone.txt", directory / "README.md"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    for path in (directory, policy.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert f"  {'.well-known/mta-sts.txt':<24}written" in result.stdout

    again = publish(domain(MX), "--output", str(directory))
    assert again.exit_code == 0, again.stderr
    assert again.stdout.count("as it was\n") == 6

    other = publish(domain("other.example.com"), "--output", str(directory))
    assert other.exit_code == 2
    assert ".well-known/mta-sts.txt" in other.stderr
    assert "nothing was written" in other.stderr
    assert policy.read_bytes() == TESTING.encode()

    forced = publish(domain("other.example.com"), "--output", str(directory), "--force")
    assert forced.exit_code == 0
    assert policy.read_text() == document("testing", "other.example.com").replace("\r\n", "\n")
    assert not list(directory.glob("**/*.new"))


def test_a_directory_that_cannot_be_written_is_told(publish: Publish, tmp_path: Path) -> None:
    nowhere = publish(domain(MX), "--output", str(tmp_path / "no" / "such"))
    assert nowhere.exit_code == 2
    assert "No such file or directory" in nowhere.stderr
    (tmp_path / "file").touch()
    assert publish(domain(MX), "--output", str(tmp_path / "file")).exit_code == 2
    (tmp_path / "out" / "zone.txt").mkdir(parents=True)
    taken = publish(domain(MX), "--output", str(tmp_path / "out"))
    assert taken.exit_code == 2
    assert "Is a directory" in taken.stderr
    assert not (tmp_path / "out" / ".well-known").exists()


# -- comparing ---------------------------------------------------------------------------------


def test_colour_is_there_where_it_is_asked_for(publish: Publish) -> None:
    assert "\x1b[1m" in publish(domain(MX), "--color", "always").stdout
    assert "\x1b" not in publish(domain(MX)).stdout


def test_what_is_as_it_should_be(publish: Publish) -> None:
    result = publish(domain(MX, policy=TESTING), "--verify")
    assert result.exit_code == 0
    assert result.stdout == "example.com: what is out there is what would be written\n"
    shown = json.loads(publish(domain(MX, policy=TESTING), "--verify", "--json").stdout)
    assert shown == {"domain": "example.com", "same": True, "differences": []}


def test_each_difference_is_shown_in_lines(publish: Publish) -> None:
    result = publish(domain(MX, policy=TESTING, reports=()), "--verify", "--mode", "enforce")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "TXT _mta-sts.example.com"
    assert lines[1] == f"-v=STSv1; id={OLD};"
    assert "mta-sts.example.com (192.0.2.1)" in lines
    assert {"-mode: testing", "+mode: enforce", " mx: mx.example.com"} <= set(lines)
    assert f"+{REPORTS}" in lines
    assert lines[-1] == "example.com: 3 things differ from what would be written"
    shown = json.loads(
        publish(domain(MX, policy=TESTING), "--verify", "--mode", "enforce", "--json").stdout
    )
    assert not shown["same"]
    assert len(shown["differences"]) == 2


def test_what_was_written_is_compared(publish: Publish, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    shown = json.loads(publish(domain(MX), "--output", out, "--json").stdout)
    assert set(shown["files"].values()) == {True}
    policy_id = shown["publication"]["policy_id"]
    assert publish(domain(MX), "--verify", "--output", out).exit_code == 1
    there = domain(MX, policy=TESTING, policy_id=policy_id)
    assert publish(there, "--verify", "--output", out).exit_code == 0
    half_done = domain(MX, policy=TESTING, policy_id="1")
    assert publish(half_done, "--verify").exit_code == 0
    assert publish(half_done, "--verify", "--output", out).exit_code == 1
    empty = publish(there, "--verify", "--output", str(tmp_path))
    assert empty.exit_code == 2
    assert "to compare with" in empty.stderr


def test_a_strangers_words_are_not_more_than_somebody_reads(publish: Publish) -> None:
    long = TESTING + "".join(f"x{number}: y\n" for number in range(900)) + f"z: {'z' * 9_000}\n"
    shown = publish(domain(MX, policy=long), "--verify", "--max-age", "2d").stdout
    assert "... and" in shown
    assert len(shown) < 9_000
    assert len(shown.splitlines()) < 100


@pytest.mark.threat("words-at-terminal")
def test_a_strangers_words_do_nothing_to_a_terminal(publish: Publish) -> None:
    evil = f"{TESTING}x: \x1b]0;evil\x07\n"
    result = publish(domain(MX, policy=evil), "--verify")
    assert "\x1b" not in result.stdout
