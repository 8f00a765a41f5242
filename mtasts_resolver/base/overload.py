"""Nothing is known, through no fault of the domain: it is for Postfix to ask again."""

TOO_MANY = "too many new domains are being looked up"
TOO_BUSY = "this host is too busy"


class OverloadedError(Exception):
    """Nothing can be found out now, for a reason of our own; the look-up should be tried again."""

    introduction = "overloaded"


class MisconfiguredError(OverloadedError):
    """Nothing can be found out until an administrator mends what the configuration names."""

    introduction = "new domains cannot be looked up"
