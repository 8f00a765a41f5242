"""The namespace: a network, a mount table and a process tree of its own, gone with the test run."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from .internet import IPV6_ADDRESSES, SENDER_ADDRESS
from .stream import LabError, end, text_stream

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: commands run here, so that Python finds the package and the tests."""

TOOLS = (
    "setpriv",
    "unshare",
    "nsenter",
    "mount",
    "ip",
    "dig",
    "unbound",
    "unbound-control",
    "postfix",
    "postconf",
    "postmap",
    "postsuper",
    "sendmail",
)

# A root server. Who has no way there is taken for a host without a network; nobody is there.
FAR_AWAY = ("198.41.0.4", "2001:503:ba3e::2:30")

# Every address of a prefix on lo is local, so one address brings in a whole network.
# PID 1 is `cat` on a pipe that the test run holds: when the run ends, however it ends, the pipe
# closes, PID 1 ends, and the kernel kills every process of the namespace. The parent death
# signals say the same, should a child of the run ever inherit the pipe.
INIT = f"""
ip link set lo up
ip address add 192.0.2.1/24 dev lo
ip address add 198.51.100.1/24 dev lo
ip address add 2001:db8::1/64 dev lo nodad || echo "no IPv6 here"
for address in {" ".join(IPV6_ADDRESSES)}; do
    ip address add "$address/128" dev lo nodad || break
done
for address in {" ".join(FAR_AWAY)}; do
    ip route add "$address" dev lo || break
done
ip address add {SENDER_ADDRESS}/32 dev lo
mount --bind "$1" /etc/resolv.conf
echo up
exec cat
"""


def missing() -> str:
    """Return why the lab cannot run here, or nothing if it can."""
    if sys.platform != "linux":
        return "the lab needs Linux"
    if os.geteuid() != 0:
        return "the lab needs root for its network namespace and for Postfix"
    if not _root_is_mounted():
        return (
            "the lab needs /proc, and / to be a mount:"
            " mount --bind the directory on itself before chroot"
        )
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    absent = [tool for tool in TOOLS if shutil.which(tool, path=path) is None]
    return f"the lab needs {', '.join(absent)}" if absent else ""


def _root_is_mounted() -> bool:
    """Tell whether / is a mount, as proc_pid_mountinfo(5) has it.

    In a chroot to a plain directory it is none, and unshare(1) cannot keep its mounts to itself.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.split(" ")[4] == "/" for line in mounts)


class Namespace:
    """One network in which the addresses of the lab's internet are local."""

    def __init__(self, directory: Path) -> None:
        resolv_conf = directory / "resolv.conf"
        resolv_conf.write_text("nameserver 127.0.0.1\n")
        die_with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
        unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        init = ["sh", "-euc", INIT, "init", str(resolv_conf)]
        self._holder = subprocess.Popen(
            [*die_with_us, *unshare, "--mount-proc", "--", *init],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._said = text_stream("the namespace", self._holder.stdout)
        self._said.wait(0, lambda line: line == "up" or None, "its addresses")
        self.has_ipv6 = "no IPv6 here" not in self._said.since(0)
        holder = self._holder.pid
        self._init = Path(f"/proc/{holder}/task/{holder}/children").read_text().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End every process of the namespace."""
        if self._holder.stdin is not None:
            self._holder.stdin.close()
        end(self._holder)
        self._said.join()

    def command(self, argv: Sequence[str | Path]) -> list[str]:
        """Return the command that runs `argv` inside."""
        # --root: of a chroot, too, if the run is in one.
        nsenter = ["nsenter", f"--target={self._init}", "--root", "--net", "--mount", "--pid"]
        return [*nsenter, f"--wd={ROOT}", "--", *map(str, argv)]

    def on_its_network(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` on the network alone, and as our process."""
        return ["nsenter", f"--target={self._init}", "--net", "--", *argv]

    def lay_cable(self, ours: str, its: str, process: str) -> None:
        """Connect the network with that of a process by a pair of interfaces, one in each."""
        add = ["ip", "link", "add", ours, "type", "veth", "peer", "name", its, "netns", process]
        # Ids of processes are ours there.
        subprocess.run(self.on_its_network(add), check=True, env=environment())

    @contextmanager
    def blocked(self, port: int) -> Iterator[None]:
        """Have nobody get through to a TCP port meanwhile, as where a provider blocks it.

        The first rule finds what is local here, and that is every host: it comes later meanwhile.
        """
        rules = ["lookup local pref 2", f"unreachable ipproto tcp dport {port} pref 1"]
        for family in ("-4", "-6"):
            for rule in rules:
                self.run("ip", family, "rule", "add", *rule.split())
            self.run("ip", family, "rule", "del", "pref", "0")
        try:
            yield
        finally:
            for family in ("-4", "-6"):
                self.run("ip", family, "rule", "add", "lookup", "local", "pref", "0")
                for rule in rules:
                    self.run("ip", family, "rule", "del", *rule.split())

    def run(self, *argv: str | Path, given: bytes | None = None, check: bool = True) -> str:
        """Run a command inside to its end and return what it wrote; LabError if it fails."""
        done = subprocess.run(
            self.command(argv),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env=environment(),
        )
        wrote = done.stdout.decode("utf-8", "replace")
        if check and done.returncode:
            raise LabError(f"{argv[0]} ended with {done.returncode}: {wrote.strip()}")
        return wrote

    def start(
        self,
        *argv: str | Path,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.STDOUT,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command inside. The process returned is nsenter, which ends as its child does."""
        return subprocess.Popen(
            self.command(argv), stdin=stdin, stdout=stdout, stderr=stderr, env=environment(env)
        )

    def signal(self, pid_file: Path, number: signal.Signals) -> None:
        """Send a signal to the process whose id, as the namespace counts, is in a file."""
        self.run("kill", "-s", number.name.removeprefix("SIG"), pid_file.read_text().strip())


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a small environment of our own, so that the caller's cannot change an outcome."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(more or {})}
