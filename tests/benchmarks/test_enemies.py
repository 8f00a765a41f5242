"""What the benchmarks' hostile domains say."""

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from benchmarks.enemies import KINDS, answer_of, enemy

LONG = 60_000


def ask(name: str, rdtype: str, *, tcp: bool) -> bytes | None:
    return answer_of(dns.message.make_query(name, rdtype).to_wire(), tcp=tcp)


@pytest.mark.parametrize("kind", ["cnames", "txt"])
def test_a_long_answer_comes_over_tcp_as_long_as_may_be(kind: str) -> None:
    name = f"_mta-sts.{enemy(kind, 1)}"
    short = ask(name, "TXT", tcp=False)
    assert short is not None
    assert dns.message.from_wire(short).flags & dns.flags.TC
    long = ask(name, "TXT", tcp=True)
    assert long is not None
    assert LONG < len(long) < 2**16


def test_other_hostile_domains_have_a_record_and_a_host() -> None:
    for kind in set(KINDS) - {"cnames", "txt", "silent"}:
        for name, rdtype in ((f"_mta-sts.{enemy(kind, 7)}", "TXT"), (enemy(kind, 7), "A")):
            said = ask(name, rdtype, tcp=False)
            assert said is not None
            answer = dns.message.from_wire(said).answer
            assert [rrset.rdtype for rrset in answer] == [dns.rdatatype.from_text(rdtype)]
    assert ask(enemy("silent", 1), "TXT", tcp=False) == b""


def test_questions_about_others_are_for_the_real_resolver() -> None:
    assert ask("d1.wild.example", "TXT", tcp=False) is None
