"""How this host's Postfix sends mail, judged: what it asks us, and what it makes of our answers."""

from mtasts_resolver.doctor.outbound.judging import judge_outbound

__all__ = ["judge_outbound"]
