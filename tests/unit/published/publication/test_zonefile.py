"""Records are read from a zone file as they were meant: by dnspython, and by ourselves."""

import dns.rdatatype
import dns.zone
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.published.publication.zonefile import ZoneRecord, read_texts, txt_record

TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=600)


@given(TEXTS)
def test_a_text_of_any_length_and_kind_is_read_as_it_was_meant(text: str) -> None:
    record = txt_record("_mta-sts.example.com", text)
    zone = dns.zone.from_text(record.line + "\n", "example.com.", check_origin=False)
    rdata = zone.find_rdataset("_mta-sts", dns.rdatatype.TXT)[0]
    assert b"".join(rdata.strings).decode() == text
    assert zone.find_rdataset("_mta-sts", dns.rdatatype.TXT).ttl == record.ttl
    assert read_texts(f"; a comment\n\n{record.line}\n") == {"_mta-sts.example.com": text}


def test_a_line_of_a_zone_file() -> None:
    text = 'v=TLSRPTv1; rua="\\'
    assert txt_record("_smtp._tls.example.com", text, 60).line == (
        r'_smtp._tls.example.com. 60 IN TXT "v=TLSRPTv1; rua=\"\\"'
    )
    assert ZoneRecord("mta-sts.example.com", "CNAME", "web.example.net.").line == (
        "mta-sts.example.com. 3600 IN CNAME web.example.net."
    )
    long = txt_record("a.example", "x" * 256).data
    assert long == f'"{"x" * 255}" "x"'
