"""Policy texts, for the grammar here and for a real Postfix there."""

_SHA256 = ":".join(["0A"] * 32)
_SHA1 = "0a" * 20

# Postfix reads each of them, in every version from 3.4 on unless NEWER names it.
ACCEPTED = [
    "none",
    "may",
    "encrypt",
    "verify",
    "secure",
    "dane",
    "dane-only",
    "may ciphers=medium protocols=!SSLv2:!SSLv3 exclude=aNULL:RC4",
    "encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1 ciphers=high",
    "encrypt protocols=TLSv1.2:TLSv1.3",
    "encrypt,ciphers=high,\t connection_reuse=no",
    "encrypt connection_reuse=yes servername=mx.partner.example",
    "verify match=mx.partner.example:.partner.example:nexthop:dot-nexthop:hostname",
    "secure match=nexthop match=.partner.example servername=hostname",
    "secure tafile=/etc/ssl/certs/ca-certificates.crt match=MX.partner.example",
    f"fingerprint match={_SHA256}|{_SHA1} match={_SHA1}",
    "dane-only servername=mx.partner.example exclude=SHA1",
    "encrypt protocols=>=TLSv1.2",
    "encrypt protocols=>=TLSv1.2:<=TLSv1.3",
    "secure match=nexthop enable_rpk=no",
]

# What older versions do not know, and since when it is known.
NEWER = {
    "encrypt protocols=>=TLSv1.2": (3, 6),
    "encrypt protocols=>=TLSv1.2:<=TLSv1.3": (3, 6),
    "secure match=nexthop enable_rpk=no": (3, 9),
}

# Postfix holds the mail.
REFUSED = [
    "",
    " , ",
    "strict",
    "secure match",
    "secure =mx.partner.example",
    "secure match=",
    "secure nexthop",
    "secure match=nexthop, .partner.example",
    "encrypt match=nexthop",
    "may match=nexthop",
    "dane match=nexthop",
    "encrypt tafile=/etc/ssl/certs/ca-certificates.crt",
    "fingerprint tafile=/etc/ssl/certs/ca-certificates.crt",
    "secure tafile=",
    "secure mach=nexthop",
    "encrypt ciphers=",
    "encrypt ciphers=strong",
    "encrypt ciphers=high ciphers=medium",
    "encrypt protocols=TLSv1.2 protocols=TLSv1.3",
    "encrypt protocols=TLS1.2",
    "encrypt exclude=RC4 exclude=MD5",
    "encrypt servername=",
    "encrypt servername=a..example",
    "encrypt servername=mx.partner.example servername=hostname",
    "encrypt connection_reuse=maybe",
    "encrypt enable_rpk=maybe",
    "secure match=nexthop policy_domain=partner.example",
]

# Postfix takes them, and does something else than what was meant: with a certificate that has
# another name, or with TLS off.
MISREAD = [
    "secure match=nexthop; servername=hostname",
    "none ciphers=high",
    "secure match=mx.partner.example;mx2.partner.example",
    "secure match=*.partner.example",
    "secure match=nexthopp",
    "secure match=mx.partner.example|mx2.partner.example",
    "verify match=nexthop:",
    "fingerprint",
    "fingerprint match=nexthop",
    "fingerprint match=0A:0B",
    "secure match=nexthop policy_type=sts policy_domain=partner.example",
    "Secure match=nexthop",
    "encrypt CIPHERS=high",
    "encrypt {ciphers=high}",
    "encrypt exclude=",
    "encrypt servername=localhost",
    "encrypt connection_reuse=yes connection_reuse=no",
    "encrypt ciphers=export",
    "secure tafile=certs/ca.pem",
]
