"""What the daemon sends along for TLS reports, as RFC 8460 §4.4 and TLSRPT_README have it."""

from .internet import DOMAINS
from .published import Domain


def named(name: str) -> Domain:
    """Return a domain by its name, in whatever spelling."""
    label = name.encode("idna").decode().lower()
    return next(domain for domain in DOMAINS if domain.name == label)


def policy_lines(domain: Domain) -> list[str]:
    """Return the lines of the policy as they are served, blank ones left out."""
    lines = (domain.document or b"").decode().replace("\r\n", "\n").split("\n")
    return [line for line in lines if line]


def with_policy(answer: str, name: str) -> str:
    """Return what the map for TLS reports answers where the others answer `answer`."""
    if not answer.startswith("OK secure "):
        return answer
    domain = named(name)
    lines = policy_lines(domain)
    mx = (line.removeprefix("mx: ") for line in lines if line.startswith("mx: "))
    patterns = "".join(f" mx_host_pattern={pattern}" for pattern in mx)
    strings = "".join(f" {{ policy_string = {line} }}" for line in lines)
    return f"{answer} policy_type=sts policy_domain={domain.name}{patterns}{strings}"
