"""What smtpd(8) asks whether a user is who it says: dovecot's protocol, and everybody is believed.

The protocol is dovecot's doc/auth-protocol.txt, version 1.1: words between tabs.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GREETING: tuple[tuple[str, ...], ...] = (
    ("VERSION", "1", "1"),
    ("MECH", "PLAIN", "plaintext"),
    ("SPID", "1"),
    ("CUID", "1"),
    ("COOKIE", "0" * 32),
    ("DONE",),
)


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for words in GREETING:
            self._say(*words)
        for line in self.rfile:
            command, *arguments = line.decode().rstrip("\n").split("\t")
            if command == "AUTH":
                self._say("OK", arguments[0], "user=someone")

    def _say(self, *words: str) -> None:
        self.wfile.write("\t".join(words).encode() + b"\n")


@contextmanager
def everybody_is_believed(path: Path) -> Iterator[None]:
    """Have users log in by the unix socket at `path`."""
    with socketserver.ThreadingUnixStreamServer(str(path), _Conversation) as server:
        server.daemon_threads = True
        path.chmod(0o666)
        thread = threading.Thread(target=server.serve_forever, name="lab sasl")
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
