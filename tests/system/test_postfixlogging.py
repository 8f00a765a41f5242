"""What a real postconf(1) says is logged of TLS, by which service."""

import os
import socket
from pathlib import Path

from mtasts_resolver.doctor.reading import read_postfix
from mtasts_resolver.evidence.postfixlogging import LONGEST_LIFE, configured_logging
from mtasts_resolver.maillog.events import LogLine
from tests.system.postfixes import settle, write_postfix

CHANGED = 1_790_000_000.0

MAIN_CF = """\
myhostname = mx.own.example
smtp_tls_loglevel = 1
smtpd_tls_loglevel = 0
"""
MASTER_CF = """\
smtp      inet  n - n - - smtpd
submission inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_loglevel=1
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
  -o syslog_name=postfix/$service_name
quiet     unix  - - n - - smtp
  -o syslog_name=postfix-quiet
  -o smtp_tls_loglevel=0
"""


def line(host: str, service: str, daemon: str) -> LogLine:
    return LogLine(time=CHANGED, host=host, service=service, daemon=daemon, pid=1, message="")


def test_the_services_that_log_tls_and_since_when(tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, MAIN_CF, MASTER_CF)
    settle(etc)
    for name in ("main.cf", "master.cf"):
        os.utime(etc / name, (CHANGED, CHANGED))
    (instance,) = read_postfix(etc).instances
    logging = configured_logging([instance])
    since = CHANGED + LONGEST_LIFE
    assert logging.services == {
        "postfix/smtp": since,
        "postfix/relay/smtp": since,
        "postfix/submission/smtpd": since,
    }
    here = socket.gethostname()
    assert logging.since(line(here, "postfix/relay", "smtp")) == since
    assert logging.since(line("mx.own.example", "postfix", "smtp")) == since
    assert logging.since(line(here, "postfix-quiet", "smtp")) is None
    assert logging.since(line(here, "postfix", "smtpd")) is None
    assert logging.since(line("elsewhere.example", "postfix", "smtp")) is None
