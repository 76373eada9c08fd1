"""Decoding of untrusted images in a process that may die: `python -m mien.server.decoder`.

The process has no gallery and no key. Its memory is limited by the system, its time by the
server. It reads one image after the other from stdin, and writes pixels to stdout.
"""

import json
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import ImageError
from mien.media import Limits, read_change, read_depth, read_image, read_infrared

KINDS: dict[str, Callable[..., NDArray[Any]]] = {  # by "kind" of the message
    "photo": read_image,
    "depth": read_depth,
    "infrared": read_infrared,
}

HEAD = struct.Struct("<QQ")  # bytes of the JSON header, bytes of the body
ROOM = 3 * 2**29  # bytes of address space beyond what decoding may take: Python and its libraries


def send(stream: IO[bytes], header: dict[str, object], body: bytes | memoryview = b"") -> None:
    """Write one message."""
    text = json.dumps(header).encode()
    stream.write(HEAD.pack(len(text), len(body)) + text)
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, object], bytes] | None:
    """Read one message; None at the end of the stream."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    text, body = HEAD.unpack(head)
    header = stream.read(text)
    data = stream.read(body)
    if len(header) < text or len(data) < body:
        return None
    return json.loads(header), data


def confine(memory: int) -> None:
    """Limit the memory of this process, and forbid it new files and core dumps."""
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory + ROOM, memory + ROOM))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    """Decode images until the server closes the stream."""
    limits = Limits(*map(int, sys.argv[1:4]))
    confine(limits.max_memory)
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not write into the pixels
    while message := receive(stdin):
        header, data = message
        try:
            kind = str(header.get("kind", "photo"))
            pixels = KINDS[kind](data, limits=limits, where=str(header["where"]))
            change = read_change(data) if kind == "photo" else None
        except ImageError as error:
            send(stdout, {"error": str(error)})
        except MemoryError:
            send(stdout, {"error": f"{header['where']} takes too much memory to decode."})
        else:
            facts: dict[str, object] = {
                "shape": pixels.shape,
                "type": pixels.dtype.name,
                "change": change,
            }
            send(stdout, facts, np.ascontiguousarray(pixels).data.cast("B"))


if __name__ == "__main__":
    main()
