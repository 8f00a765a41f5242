"""Who vouches for the sender of a mail.

Anybody can send a report in anybody's name. RFC 8460 §3 has a report that comes by mail be signed
with DKIM by whoever reports, and one that is not be ignored. Its signature can seldom be checked
later, for keys are changed; but the mail server that took the mail checked it then, and may have
written the outcome into Authentication-Results (RFC 8601). Such a header is worth as much as
whoever wrote it: only that counts which bears the name of a server that is trusted (RFC 8601 §5),
and which takes such headers away from mail that comes with them.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

# RFC 8601 §2.2, with CFWS left out:
#
#   authres-payload = authserv-id [ authres-version ] ( no-result / 1*resinfo )
#   resinfo         = ";" methodspec [ reasonspec ] 1*propspec
#   methodspec      = method [ "/" method-version ] "=" result
#   propspec        = ptype "." property "=" pvalue
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s;="()\\]+|[;=()]|\\.|[\s"\\]', re.DOTALL)


class AuthenticationResult(NamedTuple):
    """What one method has shown."""

    method: str
    result: str
    properties: dict[str, str]


def authentication_results(header: str) -> tuple[str, list[AuthenticationResult]]:
    """Return the authserv-id of a header, and the results that it has."""
    server, *rest = _without_comments(header)
    name = server[0].lower() if server else ""
    return name, [result for words in rest if (result := _result(words)) is not None]


def signer(headers: Collection[str], trusted: Collection[str], senders: Collection[str]) -> str:
    """Return the domain that signed, by a trusted server's word, and that speaks for a sender.

    Empty if there is none. A domain speaks for itself, and for what is below it.
    """
    wanted = {name.lower() for name in trusted}
    for header in headers:
        server, results = authentication_results(header)
        if server not in wanted:
            continue
        for method, result, properties in results:
            domain = properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2]
            domain = domain.lower().removesuffix(".")
            speaks = any(f".{sender.lower()}".endswith(f".{domain}") for sender in senders)
            if (method, result) == ("dkim", "pass") and "." in domain and speaks:
                return domain
    return ""


def _without_comments(header: str) -> Iterator[list[str]]:
    """Yield the tokens of each part between semicolons."""
    depth, part = 0, list[str]()
    for found in _TOKEN.finditer(header):
        word = found[0]
        if word in "()":
            depth = max(0, depth + (1 if word == "(" else -1))
        elif depth or word.isspace():
            continue
        elif word == ";":
            yield part
            part = []
        else:
            part.append(word[1:-1].replace("\\", "") if word.startswith('"') else word)
    yield part


def _result(words: list[str]) -> AuthenticationResult | None:
    """Return what `dkim=pass header.d=example.com` says."""
    pairs: list[tuple[str, str]] = []
    place = 0
    while place + 2 < len(words):
        name, equals, value = words[place : place + 3]
        if equals == "=":
            pairs.append((name.lower(), value))
            place += 2
        place += 1
    if not pairs or words[1] != "=":
        return None
    (method, result), *properties = pairs
    return AuthenticationResult(method.partition("/")[0], result.lower(), dict(properties))
