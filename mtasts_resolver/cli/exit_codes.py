"""What each exit code says; 69, 75 and 77 are those of sysexits(3)."""

NEGATIVE = 1  # the answer is no: not found, no policy
USAGE = 2  # wrong usage or configuration
WARNINGS_FOUND = 1  # where a set-up was looked over, nothing worse
ERRORS_FOUND = 2
UNAVAILABLE = 69  # the daemon cannot be reached
TEMPORARY = 75  # try again later
NOT_PERMITTED = 77  # the daemon's socket is not for this user, or may be a stranger's
INTERRUPTED = 130  # by Ctrl-C, as a shell says of a program that SIGINT ended
