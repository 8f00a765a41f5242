"""Asking the daemon as Postfix does, for the commands; see control/lookupclient.py."""

from mtasts_resolver.cli.errors import DaemonUnreachableError, NotPermittedError
from mtasts_resolver.config import Address
from mtasts_resolver.control.client import ControlError, NoDaemonError
from mtasts_resolver.control.lookupclient import look_up
from mtasts_resolver.postfix.reply import Reply


def ask(address: Address, map_name: str, key: str) -> Reply:
    """Return the reply of the daemon at `address`, or end with the reason why there is none."""
    try:
        return look_up(address, map_name, key)
    except NoDaemonError as error:
        raise DaemonUnreachableError(str(error)) from None
    except ControlError as error:
        raise NotPermittedError(str(error)) from None
