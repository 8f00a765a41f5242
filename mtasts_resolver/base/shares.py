"""Shares, as they are written wherever a person reads one."""


def share_of(numerator: int, denominator: int) -> str:
    """Return the share of at least one, never rounded to what it is not: 100% is all, 0% none."""
    if numerator in (0, denominator):
        return f"{100 * numerator // denominator}%"
    hundredths = 10_000 * numerator // denominator
    return f"{hundredths // 100}.{hundredths % 100:02}%" if hundredths else "under 0.01%"
