"""What keeps a log from being read.

InputError                  what was named cannot be read at all
└── LogReadError            it cannot be read any further; what came before counts
"""


class InputError(ValueError):
    """What was named as an input cannot be read; the text says why, and what to do."""


class LogReadError(InputError):
    """The log cannot be read any further; the text says why."""
