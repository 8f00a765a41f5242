r"""What is hidden within a text: Postfix's words, a stranger's, a name.

    <local@domain>  <local>  "local"@domain  local@domain   the local part
    192.0.2.1  [192.0.2.1]  2001:db8::1  ::ffff:192.0.2.1   the address
    host-192-0-2-1.isp.example                              the address in a name
    said: 550 5.1.1 <...> ...                               all that the other server said
    /home/somebody/mail                                     what is not customary in a path

and with domains: each name of at least two labels, each name that a field of the report has, links,
and who a certificate is of. In doubt a text loses more than it must.
"""

import re
from collections.abc import Iterable

from mtasts_resolver.report.redaction.paths import hidden_path
from mtasts_resolver.report.redaction.pseudonyms import Hidden, Pseudonyms

KEPT_NAMES = frozenset({"", "(others)", "unknown", "localhost", "journal", "-"})
"""What stands in a name's place and is none."""

_LEVELS = frozenset({"none", "anonymous", "untrusted", "trusted", "verified"})
"""A host that is called so is not found out by it."""
_ROLES = frozenset(
    {"postmaster", "abuse", "root", "info", "mail", "admin", "webmaster", "hostmaster", "noreply"}
)
"""Local parts that name nobody (RFC 2142), and words of many texts: hidden in addresses alone."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
# In this order. What has no `@` is no address; within `<>` it is a local part all the same.
_MAIL = re.compile(rf"<(?P<bracketed>(?:{_QUOTED}|[^<>\"])*)>|[^\s<>\"]*{_QUOTED}(?=@)|[^\s<>\"]+")
_BEFORE = re.compile(
    r"[(\[{'`,;:=]*(?:(?:to|from|orig_to|sender|recipient|sasl_username|user|mailto|rfc[0-9]{3})[=:;])?"
)
"""What stands before a local part without being of it: `to=`, `mailto:`."""

_IPV4 = re.compile(r"(?<![0-9])(?<![0-9]\.)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9])(?!\.[0-9])")
_IPV6 = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{0,4}:){2,8}"
    r"(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4})"
)
_DASHED = re.compile(
    r"(?<![0-9])[0-9]{1,3}(?:[-_x][0-9]{1,3}){3}(?![0-9])"
    r"|(?<![0-9A-Fa-f])[0-9A-Fa-f]{1,4}(?:-[0-9A-Fa-f]{0,4}){5,7}(?![0-9A-Fa-f])"
    r"|(?<![0-9A-Fa-f.])(?:[0-9A-Fa-f]\.){31}[0-9A-Fa-f](?=\.ip6)",
)
"""Addresses within names: `192-0-2-1.isp.example`, `2001-db8-...`, and those of `ip6.arpa`."""
_SAID = re.compile(
    r"(?P<who>\bsaid|\brefused [A-Za-z ]+): (?P<code>[0-9]{3}(?:[ -][0-9.]{5,9})?)?.*", re.DOTALL
)
_PATH = re.compile(r"(?<![\w/.:@<])/[^\s:,;\"'<>()\[\]]+")

_HEX = re.compile(r"[A-Fa-f]|--|(?:-.*){4}|\.")

_LINK = re.compile(r"\w+://\S+")
_CERTIFIED = re.compile(r"\b(?P<what>issuer|subject)(?P<sign>[=: ]+)(?=/|\w+ ?=).*", re.DOTALL)
_NAME = re.compile(r"(?:[\w*-]+\.)+(?=[\w-]*[^\W\d_])[\w-]+\.?")
"""Of at least two labels, the last of which has a letter: no version, no number."""
_WHOLE_NAME = re.compile(r"[\w*-]+(?:\.[\w-]+)*\.?\Z")
_WORD = re.compile(r"[\w-]+(?:[.+=][\w-]+)*")
_PARTS = re.compile(r"([+=])")
MOST_ODD = 500
"""Local parts with a blank or a bracket in them, which are looked for one by one in each text."""
_FILES = frozenset({"main.cf", "master.cf", "mail.log", "config.yaml", "e.g", "i.e"})


class Texts:
    """What is hidden within the texts of one report."""

    def __init__(self, pseudonyms: Pseudonyms, *, domains: bool) -> None:
        self._pseudonyms = pseudonyms
        self._domains = domains
        self._locals: set[str] = set()
        self._hosts: set[str] = set()
        self._words: frozenset[str] = frozenset()
        self._odd: re.Pattern[str] | None = None

    def learn(self, texts: Iterable[str], names: Iterable[str]) -> None:
        """Note the local parts within texts, and names: they are hidden where they stand alone."""
        for text in texts:
            self._without_local_parts(text)
        if self._domains:
            self._hosts = {name.lower() for name in names} - KEPT_NAMES - _LEVELS
        alone = {word for word in self._locals if len(word) > 1} - _ROLES
        known = {word.casefold() for word in alone | self._hosts}
        self._words = frozenset(word for word in known if _WORD.fullmatch(word))
        if odd := sorted(known - self._words, key=len, reverse=True)[:MOST_ODD]:
            self._odd = re.compile("|".join(map(re.escape, odd)), re.IGNORECASE)

    def hide(self, text: str, *, own_words: bool = False) -> str:
        """Return a text without what is to be hidden; in `own_words` no single word is."""
        text = _SAID.sub(_code_alone, text)
        if self._domains:
            text = _LINK.sub(lambda found: self._of(Hidden.LINK, found[0]), text)
            text = _CERTIFIED.sub(self._without_subject, text)
        text = self._without_local_parts(text)
        text = _PATH.sub(lambda found: hidden_path(found[0], self._pseudonyms), text)
        text = _IPV6.sub(self._without_address, text)
        text = _IPV4.sub(self._without_address, text)
        text = _DASHED.sub(self._without_dashed, text)
        if self._domains:
            text = _NAME.sub(self._without_name, text)
        if not own_words:
            if self._words:
                text = _WORD.sub(self._without_known, text)
            if self._odd is not None:
                text = self._odd.sub(lambda found: self._local_part(found[0]), text)
        return text

    def hide_name(self, text: str) -> str:
        """Return what a field with a name has in its place."""
        if text in KEPT_NAMES or not self._domains:
            return self.hide(text, own_words=True)
        if address := self._pseudonyms.of_address(text):
            return address
        if _WHOLE_NAME.match(text):
            return self._pseudonyms.of_name(text)
        hidden = self.hide(text)
        return hidden if hidden != text else self._of(Hidden.NAME, text)

    def hide_organization(self, text: str) -> str:
        return self._of(Hidden.ORGANIZATION, text) if self._domains and text else self.hide(text)

    def hide_file(self, text: str) -> str:
        return hidden_path(text, self._pseudonyms)

    def hide_line(self, text: str) -> str:
        """Return a line that nobody knows as its program, and a pseudonym of the rest."""
        program, colon, _ = text.partition(":")
        rest = self._of(Hidden.LINE, text)
        return f"{program}: {rest}" if colon and re.fullmatch(r"[a-z]{1,20}", program) else rest

    def _of(self, kind: Hidden, text: str) -> str:
        return self._pseudonyms.of(kind, text)

    def _without_local_parts(self, text: str) -> str:
        if "@" not in text and "<" not in text:
            return text
        return _MAIL.sub(self._without_local_part, text)

    def _without_local_part(self, found: re.Match[str]) -> str:
        """Hide a local part, and note it."""
        bracketed = found["bracketed"]
        if bracketed is not None:
            return f"<{self._address(bracketed) if bracketed else ''}>"
        text = found[0]
        if text.endswith('"'):
            return self._address(f"{text}@").removesuffix("@")
        return self._address(text) if "@" in text else text

    def _address(self, text: str) -> str:
        start = _BEFORE.match(text)
        before = start[0] if start else ""
        local, at, domain = text[len(before) :].rpartition("@")
        if not at:
            local, domain = domain, ""
        return f"{before}{self._local_part(local) if local else ''}{at}{domain}"

    def _local_part(self, text: str) -> str:
        self._locals.add(text)
        self._locals.add(text.strip('"'))
        return self._pseudonyms.of_local_part(text)

    def _without_address(self, found: re.Match[str]) -> str:
        """Hide an address, which may stand behind something that looks like its beginning."""
        text = found[0]
        for start in (0, *(at.end() for at in re.finditer(":", text))):
            for end in (len(text), len(text.rstrip(":"))):
                if end > start and (hidden := self._pseudonyms.of_address(text[start:end])):
                    return text[:start] + hidden + text[end:]
        return text

    def _without_dashed(self, found: re.Match[str]) -> str:
        return self._of(Hidden.IPV6 if _HEX.search(found[0]) else Hidden.IPV4, found[0])

    def _without_subject(self, found: re.Match[str]) -> str:
        return f"{found['what']}{found['sign']}{self._of(Hidden.SUBJECT, found[0])}"

    def _without_name(self, found: re.Match[str]) -> str:
        text = found[0]
        if text.rstrip(".") in _FILES:
            return text
        return self._pseudonyms.of_name(text) + ("." if text.endswith(".") else "")

    def _without_known(self, found: re.Match[str]) -> str:
        """Hide a word that is known, also behind `user=` or before `+tag`."""
        word = found[0]
        if word.casefold() not in self._words and _PARTS.search(word):
            parts = (self._without_known_word(part) for part in _PARTS.split(word))
            return "".join(parts)
        return self._without_known_word(word)

    def _without_known_word(self, word: str) -> str:
        if word.casefold() not in self._words:
            return word
        if word.lower() in self._hosts:
            return self._pseudonyms.of_name(word)
        return self._pseudonyms.of_local_part(word)


def _code_alone(found: re.Match[str]) -> str:
    code = f" {found['code']}" if found["code"] else ""
    return f"{found['who']}:{code} (what it said is left out)"
