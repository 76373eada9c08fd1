"""An audit contacts no other machine: sockets that leave this one are refused while it runs."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mien.errors import ScopeError

CALLS = ("connect", "connect_ex", "sendto")
NAMES = ("", "localhost")
_LOCK = threading.Lock()  # two audits at once would restore each other's guard


@contextmanager
def offline() -> Iterator[None]:
    """Refuse connections to other machines, in all threads of this process.

    Loopback addresses and Unix sockets stay usable. This guards against a subject that phones
    home by mistake; a program that wants to deceive can start another process.

    Raises:
        ScopeError: instead of the connection, in the code that tried it.
    """
    with _LOCK:
        kept: dict[str, Any] = {name: getattr(socket.socket, name) for name in CALLS}
        resolve = socket.getaddrinfo
        try:
            for name in CALLS:
                setattr(socket.socket, name, _guarded(kept[name]))
            socket.getaddrinfo = _resolving(resolve)
            yield
        finally:
            for name, call in kept.items():
                setattr(socket.socket, name, call)
            socket.getaddrinfo = resolve


def _guarded(call: Any) -> Any:
    def guarded(self: socket.socket, *args: Any) -> Any:
        where = args[-1]
        if isinstance(where, tuple) and not is_local(str(where[0])):
            raise _refusal(f"{where[0]}:{where[1]}")
        return call(self, *args)

    return guarded


def _resolving(call: Any) -> Any:
    def resolving(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name is not None and not is_local(str(name)):
            raise _refusal(str(name))
        return call(host, *args, **options)

    return resolving


def is_local(host: str) -> bool:
    """Return whether a host is this machine: a loopback address, or localhost."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in NAMES


def _refusal(where: str) -> ScopeError:
    return ScopeError(
        f"The model or the audit tried to contact {where}, and an audit runs without a network; "
        "use a model that works in this process, with weights that are fetched already."
    )
