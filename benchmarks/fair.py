"""`python -m benchmarks.fair serve ...`: this daemon, but its discoverer keeps the usual policy.

What fair shares of the processors would give: the measure of what it makes of a busy host.
"""

from mtasts_resolver.cli import main
from mtasts_resolver.worker import process

if __name__ == "__main__":
    process.COMMAND = (*process.COMMAND, "not")  # and then, as ever: "idle"
    main()
