"""Which key exchange withstands a quantum computer: what is recorded today is read later."""


def is_post_quantum(group: str) -> bool:
    """Tell whether a group, as Postfix logs it after `key-exchange`, is of ML-KEM (FIPS 203).

    IANA's registry of TLS supported groups has MLKEM512, MLKEM768, MLKEM1024, and beside a curve
    X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024, curveSM2MLKEM768; OpenSSL 3.5 spells them
    so, the Open Quantum Safe provider `x25519_mlkem768`, `p256_mlkem768`. X25519Kyber768Draft00 and
    SecP256r1Kyber768Draft00 are what ML-KEM was before it was a standard: obsolete, but as hard to
    break. A curve beside it never makes it weaker. Other algorithms (Frodo, BIKE, HQC) have no code
    point, and their names are not looked for: that would promise what no standard does.
    """
    name = group.lower().replace("-", "").replace("_", "")
    return "mlkem" in name or "kyber" in name
