"""The sockets that Postfix asks, asked as Postfix does: as its user, and in its chroot."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from mtasts_resolver.base.privileges import PrivilegeError, said_as
from mtasts_resolver.base.quoting import printable
from mtasts_resolver.config import Address, ProtocolName, UnixAddress, parse_address
from mtasts_resolver.control.client import ControlError, NotAllowedError
from mtasts_resolver.control.lookupclient import look_up
from mtasts_resolver.doctor.instance import MasterService, PostfixInstance, list_items
from mtasts_resolver.postfix.reply import Status

# Postfix asks such a key for each destination without a policy. It is answered at once, and nothing
# is looked up for it.
KEY = ".invalid"
PATIENCE = 10.0  # seconds for such an answer; a daemon that systemd has to start takes one or two
MAX_SOCKETS = 32  # that are tried: each may take PATIENCE

# `otherwise` is another answer than this daemon gives.
_Outcome = Literal["answered", "otherwise", "silent", "denied"]


class PolicySocket(Struct, frozen=True, kw_only=True):
    """A socket that some service of Postfix asks for TLS policies."""

    table: str
    """As Postfix has it, such as `socketmap:inet:127.0.0.1:8461:default`."""
    protocol: ProtocolName
    address: Address
    map_name: str
    instance: str
    """The label of the instance; empty for the only one."""
    user: str = ""
    """As whom Postfix asks."""
    directory: str = ""
    """The queue directory, to which a unix socket's path is relative."""
    chroot: bool = False
    """Whether that directory is the root of the service's paths."""


class TriedSocket(Struct, frozen=True, kw_only=True):
    """What came of asking there."""

    socket: PolicySocket
    outcome: Literal["answered", "otherwise", "silent", "denied", "untried"]
    said: str
    """The answer; or why there is none."""
    as_postfix: bool = False
    """Whether it was asked as Postfix's user; that takes root."""
    outside: bool = False
    """There is an answer outside of the chroot."""


def policy_sockets(instance: PostfixInstance) -> Iterator[PolicySocket]:
    """Yield each socket that the smtp(8) services of an instance ask, once."""
    seen = set()
    for service in instance.outbound:
        prefix = "lmtp" if service.prefix == "lmtp" else "smtp"
        for table in list_items(service.value(f"{prefix}_tls_policy_maps")):
            found = _socket(table, instance, service)
            if found is not None and found not in seen:
                seen.add(found)
                yield found


def configured_socket(protocol: ProtocolName, address: Address) -> PolicySocket:
    """Return the socket of a listener that no Postfix asks yet."""
    kind = "socketmap" if protocol == "socketmap" else "tcp"
    table = f"{kind}:{address}"
    return PolicySocket(
        table=table, protocol=protocol, address=address, map_name="default", instance=""
    )


def try_socket(asked: PolicySocket) -> TriedSocket:
    """Ask there, as Postfix would where root asks."""
    as_postfix = os.geteuid() == 0 and bool(asked.user)
    jail = Path(asked.directory) if asked.chroot and as_postfix else None
    try:
        outcome, said = _asked_as(asked, asked.user if as_postfix else None, jail)
    except PrivilegeError as error:
        return TriedSocket(socket=asked, outcome="untried", said=str(error))
    outside = False
    if outcome != "answered" and jail is not None:
        outside = _asked_as(asked, asked.user, None)[0] == "answered"
    return TriedSocket(
        socket=asked, outcome=outcome, said=said, as_postfix=as_postfix, outside=outside
    )


def _socket(table: str, instance: PostfixInstance, service: MasterService) -> PolicySocket | None:
    """Return the socket that a table names; None where it is another kind of table."""
    proxied = table.startswith("proxy:")
    kind, _, rest = table.removeprefix("proxy:").partition(":")
    address, map_name = rest, ""
    if kind == "socketmap":
        address, _, map_name = rest.rpartition(":")
    elif kind == "tcp":
        address = f"inet:{rest}"
    parsed = _address(address)
    if kind not in ("socketmap", "tcp") or parsed is None:
        return None
    return PolicySocket(
        table=table,
        protocol="socketmap" if kind == "socketmap" else "tcp_table",
        address=parsed,
        map_name=map_name,
        instance=instance.label,
        user=instance.mail_owner,
        directory=instance.queue_directory,
        # proxymap(8) asks in the place of smtp(8).
        chroot=_is_chrooted(instance, "proxymap") if proxied else service.chroot,
    )


def _is_chrooted(instance: PostfixInstance, name: str) -> bool:
    service = instance.service(name)
    return service is not None and service.chroot


def _address(text: str) -> Address | None:
    """Return an address as Postfix spells it: the path of a unix socket may be relative."""
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest and not rest.startswith("/"):
        return UnixAddress(rest)
    try:
        return parse_address(text)
    except ValueError:
        return None


def _asked_as(asked: PolicySocket, user: str | None, jail: Path | None) -> tuple[_Outcome, str]:
    """Ask in a process that has become `user`. Raise PrivilegeError."""
    address = asked.address
    if isinstance(address, UnixAddress) and jail is None:
        # What is absolute stays as it is.
        address = UnixAddress(str(Path(asked.directory, address.path)))
    ask = partial(_ask, asked, address)
    if user is None:
        return ask()
    said = said_as(user, lambda: msgspec.json.encode(ask()).decode(), jail)
    return msgspec.json.decode(said, type=tuple[_Outcome, str])


def _ask(asked: PolicySocket, address: Address) -> tuple[_Outcome, str]:
    try:
        reply = look_up(address, asked.map_name, KEY, protocol=asked.protocol, timeout=PATIENCE)
    except NotAllowedError:
        return "denied", f"may not connect to {address}"
    except ControlError as error:
        return "silent", str(error)
    said = printable(str(reply))
    return ("answered" if reply.status is Status.NOTFOUND else "otherwise"), said
