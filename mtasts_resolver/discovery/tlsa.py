"""Which TLSA records can verify an SMTP server (RFC 7672 §3.1)."""

import asyncio
from collections.abc import Sequence

from dns.rdata import Rdata
from dns.rdtypes.tlsabase import TLSABase

# RFC 7672 §3.1: DANE-TA(2) and DANE-EE(3); PKIX-TA(0) and PKIX-EE(1) are unusable for SMTP.
_USAGES = (2, 3)
_CERTIFICATE, _PUBLIC_KEY = 0, 1  # selectors: RFC 6698 §2.1.2
_FULL = 0  # matching types: RFC 6698 §2.1.3
_DIGEST_LENGTHS = {1: 32, 2: 64}  # SHA-256, SHA-512


def is_usable(record: Rdata) -> bool:
    """Tell whether `record`, a TLSA record, can verify an SMTP server.

    Its usage, selector and matching type are known ones, and its data is what these say: a digest
    of the right length, or a certificate or public key that can be read.
    """
    if not isinstance(record, TLSABase) or record.usage not in _USAGES:
        return False
    if record.selector not in (_CERTIFICATE, _PUBLIC_KEY):
        return False
    if record.mtype == _FULL:
        return _is_readable(record.selector, record.cert)
    return len(record.cert) == _DIGEST_LENGTHS.get(record.mtype, -1)


async def judge_records(records: Sequence[Rdata]) -> tuple[bool, str]:
    """Tell whether any of the TLSA `records` is usable, and name them: `3 1 1, 1 1 1 (unusable)`.

    Whole certificates and keys are read in a thread: the library for it is slow to load.
    """
    tlsa = [record for record in records if isinstance(record, TLSABase)]
    if any(record.mtype == _FULL for record in tlsa):
        usable = await asyncio.to_thread(lambda: [is_usable(record) for record in tlsa])
    else:
        usable = [is_usable(record) for record in tlsa]
    names = (
        f"{record.usage} {record.selector} {record.mtype}" + ("" if good else " (unusable)")
        for record, good in zip(tlsa, usable, strict=True)
    )
    return any(usable), ", ".join(names)


def _is_readable(selector: int, data: bytes) -> bool:
    # Imported here: it takes long, and hardly anybody publishes whole certificates.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_der_public_key,
    )

    try:
        if selector == _CERTIFICATE:
            x509.load_der_x509_certificate(data).public_key()
        else:
            load_der_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return False
    return True
