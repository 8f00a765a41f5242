"""Where a connection stands, and what follows from what happens."""

from enum import IntEnum


class State(IntEnum):
    """Where a connection stands.

        AT_REST <-> BUSY <-> PAUSED     `_advance` tells which, whenever something has been done
           |
           |  the server has called finish()
        DRAINING
           |  all is answered, and the kernel held more
        READ_OUT
           |  garbage has come
        GARBLED
           |  the peer has said that nothing more comes
        HEARD_OUT
           |  all is answered; or it is aborted, or lost
         ENDED

    From DRAINING on it only goes down, at once to where the event beside the line leads.
    """

    AT_REST = 0
    """Nothing is in hand: a request that is known may be answered at once."""
    BUSY = 1
    """Half a request has come, or answers are awaited."""
    PAUSED = 2
    """Nothing is read until the peer has taken replies, answers are found, or its turn comes."""
    DRAINING = 3
    """What was read is answered, and then what the kernel has: to close would reset it."""
    READ_OUT = 4
    """What was read is answered, and that is all."""
    GARBLED = 5
    """What came before the garbage is answered. Then the end is said, and what comes dropped."""
    HEARD_OUT = 6
    """What was read is answered, and that is all; the peer has closed its half."""
    ENDED = 7
    """The end is said: `linger` is what the peer has to take its replies, and to close."""
