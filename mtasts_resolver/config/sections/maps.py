"""How the look-ups in each map are answered: `maps`."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from mtasts_resolver.config import kinds
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import SWITCH, choice

# As others spell them. Case does not count in the name of a map: whoever has `querywithtlsrpt` in
# main.cf means one of these, and would lose its reports and its comparison of MX hosts.
BUILTIN_MAPS = ("default", "QUERY", "postfix", "tlsrpt", "QUERYwithTLSRPT")

Testing = Literal["observe", "enforce"]
Answering = Literal["live", "observe"]


class MapOptions(Section, frozen=True, kw_only=True):
    """How the look-ups in one map are answered."""

    tlsrpt: Annotated[
        bool,
        Key(
            "Add the policy to the answer `secure`, in attributes that Postfix 3.10 and later need"
            " to report over TLSRPT (RFC 8460), and with which 3.10.5 and later compare the MX"
            " host's name with the policy. Postfix 3.9 and earlier reject such an answer and defer"
            " the mail.",
            SWITCH,
        ),
    ] = False
    sni: Annotated[
        bool,
        Key(
            "Add `servername=hostname`, so that Postfix names the MX host in the TLS handshake"
            " (RFC 8461 §7.1).",
            SWITCH,
        ),
    ] = True
    testing: Annotated[
        Testing,
        Key(
            "What a policy in mode `testing` does: `observe` answers as though there were no"
            " policy, as RFC 8461 §5 asks; `enforce` treats it as mode `enforce`.",
            choice(Testing),
        ),
    ] = "observe"
    dane: Annotated[
        bool | Literal["only"],
        Key(
            "Let DANE (RFC 7672) take part in the answer. `only` is for a Postfix whose"
            " `smtp_tls_security_level` is `encrypt` or stricter, which the answer `dane` would"
            " weaken: it is `dane-only` where every host can be verified, and never `dane`. `false`"
            " is for a Postfix without `smtp_dns_support_level = dnssec`, which would defer mail at"
            " the level `dane-only`.",
            kinds.SWITCH_OR_ONLY,
        ),
    ] = True
    answer: Annotated[
        Answering | None,
        Key(
            '`live` answers; `observe` answers "not found" to everything, and counts, logs and'
            " shows what the answer would have been. Null: as the key `answer` at the top.",
            choice(Answering),
        ),
    ] = None


def builtin_options(name: str, maps: Mapping[str, MapOptions]) -> MapOptions:
    """Return the options that the map `name` has as far as its own entry does not say otherwise.

    They are those of `default`; `tlsrpt` and `QUERYwithTLSRPT` have `tlsrpt: true` besides. Names
    are in lower case.
    """
    if name == "default":
        return MapOptions()
    if name == "querywithtlsrpt" and "tlsrpt" in maps:
        return maps["tlsrpt"]
    options = maps.get("default", MapOptions())
    if name in {"tlsrpt", "querywithtlsrpt"}:
        return msgspec.structs.replace(options, tlsrpt=True)
    return options
