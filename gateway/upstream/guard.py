"""Connections that are made to the address that was checked: a name is looked up once, and what it gave is looked at before it is used."""

import errno
import socket
from collections.abc import Callable
from typing import Any

import aiohttp

from gateway.domain.outgoing import Reach, said


class NotReached(OSError):
    """The address is none that may be connected to; nothing was sent."""


def refused_by(error: BaseException) -> NotReached | None:
    """The refusal behind an error of the library, where there is one."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return cause if isinstance(cause, NotReached) else None


def connector(reach: Reach, **options: Any) -> aiohttp.TCPConnector:
    """For one session alone: a connection that is kept belongs to the reach it was made under."""
    return aiohttp.TCPConnector(socket_factory=_checked(reach), **options)


def _checked(reach: Reach) -> Callable[[Any], socket.socket]:
    """A socket for the very address it is then connected to, however the host was written and whatever it resolved to."""

    def made(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        why = reach.refusal(address[0])
        if why:
            raise NotReached(errno.EACCES, said(address[0], why))
        return socket.socket(family=family, type=kind, proto=protocol)

    return made
