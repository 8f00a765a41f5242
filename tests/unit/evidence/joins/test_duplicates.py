"""What was seen is remembered, as far as memory goes."""

from mtasts_resolver.evidence.joins.duplicates import SeenLines
from mtasts_resolver.maillog.events import LoggedPeer, MailAccepted

CLIENT = LoggedPeer("mx.a.example", "192.0.2.1")


def test_what_was_seen_is_known_again_until_as_much_has_come_as_is_remembered() -> None:
    seen = SeenLines(limit=10)
    messages = [MailAccepted(f"AAAA{n:03}", CLIENT, authenticated=False) for n in range(30)]
    assert not seen.message(messages[0])
    assert [seen.message(each) for each in messages[:10]] == [True, *[False] * 9]
    assert seen.message(messages[0])
    assert not any(seen.message(each) for each in messages[10:])
    assert seen.message(messages[25])
    assert not seen.message(messages[0])
