"""`python -m benchmarks.forgetful serve ...`: this daemon, but it remembers no answers of the DNS.

Its discoverer asks for an MX host as often as domains name it: the measure of what memory saves.
"""

import sys

DISCOVER = "discover"

if __name__ == "__main__" and DISCOVER in sys.argv:
    from mtasts_resolver.discovery.dns.client import DnsClient
    from mtasts_resolver.worker import __main__ as worker

    sys.argv.remove(DISCOVER)
    DnsClient.remembering = lambda self, *_: self  # type: ignore[method-assign]
    worker.main()
elif __name__ == "__main__":
    from mtasts_resolver.cli import main
    from mtasts_resolver.worker import process

    process.COMMAND = (sys.executable, "-P", "-m", "benchmarks.forgetful", DISCOVER)
    main()
