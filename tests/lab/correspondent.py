"""A Postfix that sends and receives, and logs about TLS as it does at most sites.

Its queue is tried again when a test says so, and one process serves after another as usual; so its
log holds what a log of a working host holds. A second, small one is the far end of some sessions,
for what a host of Python's ssl module cannot do.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .internet import GOOD, SENDER_ADDRESS
from .postfix import SOCKETMAP, STATUS, Postfix
from .stream import LabError

RECEIVING = "203.0.113.2"
"""Where it takes mail at ports 25, 465 and 587."""
SCREENED = "203.0.113.3"
"""The same at port 25, behind postscreen(8) with its tests after the greeting."""
REMOTE = "203.0.113.4"
"""The far end."""
FILTER_PORT, LMTP_PORT = 10024, 24
"""Of this host: a content filter, and where own mail ends."""

OLD = 4
"""Seconds from which on `fallsback` tries again in plain text what TLS came to nothing for."""

OWN_DOMAIN = "own.example"
NOBODY = "nobody"
"""The local part that no host takes mail for."""

COMMON_CF = """\
compatibility_level = 3.6
config_directory = {directory}/etc
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = /dev/stdout
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_protocols = ipv4
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_chain_files = {certificate}
smtpd_recipient_restrictions =
  check_recipient_access inline:{{ {{ nobody@ = reject No such user here }} }}
relay_recipient_maps =
"""

MAIN_CF = """\
myhostname = mail.sender.example
inet_interfaces = {sender}, {receiving}, {screened}, 127.0.0.1
mynetworks = 127.0.0.0/8
relay_domains = own.example
relay_transport = lmtp:inet:127.0.0.1:{lmtp_port}
smtpd_relay_restrictions = permit_sasl_authenticated, defer_unauth_destination
smtpd_tls_ask_ccert = yes
smtpd_tls_CAfile = {ca_file}
smtpd_error_sleep_time = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
postscreen_greet_wait = 1s
postscreen_pipelining_enable = yes
postscreen_cache_map = {cache}:$data_directory/postscreen_cache
smtp_bind_address = {sender}
smtp_host_lookup = dns
smtp_dns_support_level = dnssec
smtputf8_enable = yes
smtp_helo_timeout = 3s
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtp_tls_CAfile = {ca_file}
smtp_tls_session_cache_database = {cache}:$data_directory/smtp_scache
smtp_tls_policy_maps = socketmap:{socketmap}:{map_name}
transport_maps = inline:{{ {{ sender.example = discard: }} {routes} }}
queue_run_delay = 1d
minimal_backoff_time = 1d
maximal_backoff_time = 1d
default_destination_concurrency_failed_cohort_limit = 0
suspends_destination_concurrency_failed_cohort_limit = 1
suspends_initial_destination_concurrency = 1
"""

REMOTE_CF = """\
myhostname = mx.remote.example
syslog_name = remote
inet_interfaces = {remote}
mynetworks =
relay_domains = remote-open.example, anonymous-open.example
relay_transport = discard:
smtpd_relay_restrictions = defer_unauth_destination
"""

POLICY = "smtp_tls_policy_maps="
REUSES = ("smtp_tls_connection_reuse=yes", "smtp_connection_cache_destinations=static:all")
TRANSPORTS = {
    "none": (POLICY, "smtp_tls_security_level=none"),
    "encrypt": (POLICY, "smtp_tls_security_level=encrypt"),
    "dane": (POLICY, "smtp_tls_security_level=dane"),
    "daneonly": (POLICY, "smtp_tls_security_level=dane-only"),
    "invalid": (f"{POLICY}static:nonsense",),
    "twelve": ("smtp_tls_protocols=TLSv1.2",),
    "reuse": REUSES,
    "suspends": (),
    "unasked": (f"{POLICY}socketmap:inet:127.0.0.1:9:default",),
    "fallsback": ("smtp_tls_protocols=>=TLSv1.2", f"minimal_backoff_time={OLD}s"),
    "quiet": ("smtp_tls_loglevel=0", "syslog_name=postfix/quiet"),
    "filter": (),
}
"""The transports besides `smtp`, and what is otherwise there."""

ROUTES = {
    "untrusted-open.example": "smtp:[untrusted.mx.example]",
    "self-signed-open.example": "smtp:[self-signed.mx.example]",
    "plain-open.example": "smtp:[no-starttls.mx.example]",
    "remote-open.example": f"smtp:[{REMOTE}]",
    "anonymous-open.example": f"twelve:[{REMOTE}]",
    "off-open.example": "none:[good.mx.example]",
    "encrypted.example": "encrypt:[wrong-name.mx.example]",
    "encrypted-plain.example": "encrypt:[no-starttls.mx.example]",
    "encrypted-refused.example": "encrypt:[refuses-starttls.mx.example]",
    "first-has-tlsa.example": "dane:",
    "unsigned-mx.example": "dane:",
    "tlsa-fails.example": "dane:",
    "tlsa-unusable.example": "dane:",
    "unusable-0-0-1.example": "daneonly:",
    "unsigned-host.example": "daneonly:",
    "invalid.example": "invalid:[good.mx.example]",
    "hosted.example": "reuse:",
    "expired.example": "reuse:",
    "mx-outdated-only.example": "reuse:",
    "reused-open.example": "reuse:[good.mx.example]",
    "reused-plain.example": "reuse:[no-starttls.mx.example]",
    "self-signed.example": "suspends:",
    "down-open.example": "suspends:[down.mx.example]",
    "unasked.example": "unasked:[good.mx.example]",
    "outdated-open.example": "fallsback:[outdated-only.mx.example]",
    "quiet-open.example": "quiet:[good.mx.example]",
    "filtered.example": f"filter:[127.0.0.1]:{FILTER_PORT}",
    "relayed.example": "smtp:[relay.example]",
}
"""The recipient domains that do not go by way of `smtp` and their own MX hosts."""

SERVICES = """\
pickup     unix        n  -  n  60     1    pickup
cleanup    unix        n  -  n  -      0    cleanup
qmgr       unix        n  -  n  300    1    qmgr
tlsmgr     unix        -  -  n  1000?  1    tlsmgr
rewrite    unix        -  -  n  -      -    trivial-rewrite
bounce     unix        -  -  n  -      0    bounce
defer      unix        -  -  n  -      0    bounce
trace      unix        -  -  n  -      0    bounce
flush      unix        n  -  n  1000?  0    flush
proxymap   unix        -  -  n  -      -    proxymap
proxywrite unix        -  -  n  -      1    proxymap
smtp       unix        -  -  n  -      -    smtp
lmtp       unix        -  -  n  -      -    lmtp
tlsproxy   unix        -  -  n  -      0    tlsproxy
showq      unix        n  -  n  -      -    showq
error      unix        -  -  n  -      -    error
retry      unix        -  -  n  -      -    error
discard    unix        -  -  n  -      -    discard
anvil      unix        -  -  n  -      1    anvil
scache     unix        -  -  n  -      1    scache
postlog    unix-dgram  n  -  n  -      1    postlogd
"""

MASTER_CF = """\
{receiving}:25   inet  n  -  n  -      -    smtpd
{receiving}:587  inet  n  -  n  -      -    smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
{receiving}:465  inet  n  -  n  -      -    smtpd
  -o syslog_name=postfix/smtps
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:25     inet  n  -  n  -      -    smtpd
{screened}:25    inet  n  -  n  -      1    postscreen
smtpd      pass        -  -  n  -      -    smtpd
dnsblog    unix        -  -  n  -      0    dnsblog
"""


class Correspondent(Postfix):
    """The Postfix whose log is recorded."""

    def submit(self, sender: str, *recipients: str, header: str = "") -> str:
        """Hand in a message, and return its queue id."""
        mark = self.log.mark()
        message = f"From: {sender}\nTo: {recipients[0]}\nSubject: The lab\n{header}\n\nHello.\n"
        sendmail = ("sendmail", "-C", self.etc, "-f", sender)
        self._run(*sendmail, *recipients, given=message.encode())
        picked = self.log.wait(mark, lambda line: line if "pickup[" in line else None, "a pick-up")
        return picked.split("]: ")[1].partition(":")[0]

    def await_statuses(
        self, mark: int, recipients: Iterable[str], status: str | None = None
    ) -> None:
        """Wait until each of these has a status; one that is named twice, two.

        LabError if one is not what it must be.
        """
        left = Counter(list(recipients))

        def last(line: str) -> bool | None:
            match = STATUS.search(line)
            if match and match["to"] in left:
                left[match["to"]] -= 1
                if status not in {None, match["status"]}:
                    raise LabError(f"not {status}: {line}")
            return not +left or None

        self.log.wait(mark, last, f"the statuses of {', '.join(left)}")

    def try_again(self, queue_id: str) -> None:
        self._run("postqueue", "-c", self.etc, "-i", queue_id)

    def delete(self, queue_id: str) -> None:
        self._run("postsuper", "-c", self.etc, "-d", queue_id)

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Have mail expire meanwhile that is not delivered at its next try."""
        self.set("maximal_queue_lifetime=1s", "bounce_queue_lifetime=1s")
        yield
        self.set("maximal_queue_lifetime=5d", "bounce_queue_lifetime=5d")

    def set(self, *settings: str) -> None:
        """Set something in main.cf, and return when Postfix has read it."""
        self._run("postconf", "-c", self.etc, "-e", *settings)
        mark = self.log.mark()
        self._run("postfix", "-c", self.etc, "reload")
        self.log.wait(mark, lambda line: "reload -- version" in line or None, "its reload")

    def _write_configuration(self, directory: Path, ca_file: Path) -> None:
        self.etc.mkdir(parents=True)
        kinds = self._run("postconf", "-m").split()
        values = {
            "directory": directory,
            "ca_file": ca_file,
            "certificate": ca_file.with_name(f"{GOOD.name}.pem"),
            "sender": SENDER_ADDRESS,
            "receiving": RECEIVING,
            "screened": SCREENED,
            "remote": REMOTE,
            "lmtp_port": LMTP_PORT,
            "socketmap": SOCKETMAP,
            "map_name": self.map_name,
            "cache": "lmdb" if "lmdb" in kinds else "btree",
            "routes": " ".join(f"{{ {domain} = {to} }}" for domain, to in ROUTES.items()),
        }
        main_cf = (COMMON_CF + self._main_cf()).format(**values)
        (self.etc / "main.cf").write_text(main_cf)
        (self.etc / "master.cf").write_text(SERVICES + self._master_cf().format(**values))

    def _main_cf(self) -> str:
        if not self.modern:
            return MAIN_CF
        return (
            f"{MAIN_CF}smtp_tlsrpt_enable = yes\nsmtp_tlsrpt_socket_name = {self.tlsrpt_socket}\n"
        )

    def _master_cf(self) -> str:
        lines = []
        for name, options in TRANSPORTS.items():
            lines.append(f"{name} unix - - n - - smtp")
            lines += [f"  -o {option}" for option in options]
        return MASTER_CF + "\n".join(lines) + "\n"


class RemotePostfix(Correspondent):
    """The far end: it takes mail, and throws it away."""

    def _main_cf(self) -> str:
        return REMOTE_CF

    def _master_cf(self) -> str:
        return "{remote}:25 inet n - n - - smtpd\n"
