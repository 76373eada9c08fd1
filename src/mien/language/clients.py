"""A model behind one call: a server on an address that the user names."""

import base64
import http.client
import ipaddress
import json
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.errors import LanguageError, TooManyImagesError
from mien.types import Pixels

Respond = Callable[[Pixels | None, str], str]  # (H, W, 3) or None, and a prompt -> the answer
Weigh = Callable[[Pixels | None, str], Mapping[str, float]]  # the same -> first tokens, log-probs


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A question and its answer that come before the question: an example for the model."""

    image: Pixels | None  # (H, W, 3)
    prompt: str
    answer: str


RespondAfter = Callable[[Pixels | None, str, Sequence[Turn]], str]  # the same, after examples
ADDRESS = "http://127.0.0.1:8000/v1"  # of a server on this machine
SECONDS = 120.0  # for one answer
LONGEST = 1_000_000  # bytes of an answer that are read
LARGEST = 20_000_000  # bytes of an image; hosted servers refuse larger ones
LISTED = 20  # tokens with a log-probability that are asked for: the most that the interface allows


class ServerClient:
    """A server with the chat interface of OpenAI, such as vLLM, llama.cpp or Ollama."""

    def __init__(
        self,
        model: str,
        *,
        address: str = ADDRESS,
        key: str = "",
        allow_remote: bool = False,
        seconds: float = SECONDS,
        images: int | None = None,
    ) -> None:
        """Name a server; nothing is sent yet.

        Args:
            model: the name under which the server knows the model.
            address: up to /v1.
            key: sent as bearer token, if given.
            allow_remote: permit an address outside this machine. Pictures are then sent there.
            seconds: for one answer.
            images: that the model takes at once, examples included; None: not known.

        Raises:
            LanguageError: the address is not http(s), or is another machine without permission.
        """
        try:
            parts = urllib.parse.urlsplit(address)
            host = parts.hostname if parts.scheme in ("http", "https") else None
        except ValueError:
            host = None
        if not host:
            raise LanguageError(
                f"'{address}' is not an address; expected something like {ADDRESS}."
            )
        if not allow_remote and not _is_local(host):
            raise LanguageError(
                f"'{address}' is another machine, and pictures of people would be sent there; "
                "allow it explicitly (allow_remote), or run the model on this machine."
            )
        self.name, self.address = model, address.rstrip("/")
        self._key, self._seconds, self._images = key, seconds, images

    def __call__(self, image: Pixels | None, prompt: str, turns: Sequence[Turn] = ()) -> str:
        """Return the answer of the model at temperature 0; `turns` come before the question.

        Raises:
            TooManyImagesError: there are more images than the model takes. Nothing is sent.
            LanguageError: the server cannot be reached, refuses, or answers with something else.
        """
        return str(self._ask(image, prompt, turns, ("message", "content")) or "")

    def first_tokens(
        self, image: Pixels | None, prompt: str, turns: Sequence[Turn] = ()
    ) -> dict[str, float]:
        """Return natural logarithms of the probabilities of the first token of the answer.

        Servers list the most likely ones, up to 20.

        Raises:
            LanguageError: as for an answer; also if the server lists none.
        """
        path = ("logprobs", "content", 0, "top_logprobs")
        more = {"max_tokens": 1, "logprobs": True, "top_logprobs": LISTED}
        listed = self._ask(image, prompt, turns, path, **more)
        try:
            return {str(one["token"]): float(one["logprob"]) for one in listed}
        except (LookupError, TypeError, ValueError) as error:
            raise self._strange() from error

    def _ask(
        self, image: Pixels | None, prompt: str, turns: Sequence[Turn],
        path: tuple[str | int, ...], **more: Any,
    ) -> Any:  # fmt: skip
        """Ask once; `path` leads to what is wanted of the first choice."""
        count = sum(one is not None for one in (image, *(turn.image for turn in turns)))
        if self._images is not None and count > self._images:
            raise TooManyImagesError(
                f"'{self.name}' takes {self._images} image(s) at once, but the question has "
                f"{count} with its examples; give fewer examples."
            )
        body = {
            "model": self.name,
            "temperature": 0,
            "messages": [
                *(message for turn in turns for message in _messages(turn)),
                {"role": "user", "content": _content(image, prompt)},
            ],
            **more,
        }
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(
            f"{self.address}/chat/completions", json.dumps(body).encode(), headers
        )
        try:
            with _opener().open(request, timeout=self._seconds) as response:
                answer = json.loads(_read(response, time.monotonic() + self._seconds))
            found = answer["choices"][0]
            for step in path:
                found = found[step]
        except urllib.error.HTTPError as error:
            more_than_one = f" It had {count} images: the model may take fewer." * (count > 1)
            raise LanguageError(
                f"{self.address} refused the request ({error.code} {error.reason}); check the name "
                f"of the model, '{self.name}', and the key.{more_than_one}"
            ) from error
        except (OSError, http.client.HTTPException) as error:  # also a timeout, or half an answer
            raise LanguageError(
                f"{self.address} gives no answer ({getattr(error, 'reason', error)}); start the "
                "server, or name its address."
            ) from error
        except (ValueError, LookupError, TypeError) as error:
            raise self._strange("logprobs" in path) from error
        return found

    def _strange(self, scores: bool = True) -> LanguageError:
        """The error for an answer of another form."""
        if scores:
            return LanguageError(
                f"{self.address} gives no probabilities of tokens; ask it for answers instead, or "
                "use a server that lists them (logprobs)."
            )
        return LanguageError(
            f"{self.address} does not answer like a chat server; name the address up to /v1."
        )


def _messages(turn: Turn) -> list[dict[str, Any]]:
    """A question and its answer."""
    return [{"role": "user", "content": _content(turn.image, turn.prompt)},
            {"role": "assistant", "content": turn.answer}]  # fmt: skip


def _content(image: Pixels | None, prompt: str) -> list[dict[str, Any]]:
    """The parts of one message.

    Raises:
        LanguageError: the image is too large, or none.
    """
    content: list[dict[str, Any]] = [{"type": "text", "text": prompt}]
    if image is not None:
        packed = png(image)
        if len(packed) > LARGEST:
            raise LanguageError(
                f"An image of {len(packed):,} bytes is too large for a server: at most "
                f"{LARGEST:,} are sent; reduce it."
            )
        data = "data:image/png;base64," + base64.b64encode(packed).decode()
        content.append({"type": "image_url", "image_url": {"url": data}})
    return content


def _read(response: Any, until: float) -> bytes:
    """The answer, up to LONGEST bytes; a server that sends it byte by byte is stopped in time."""
    parts: list[bytes] = []
    left = LONGEST
    while left > 0 and (part := response.read1(min(left, 65_536))):
        parts.append(part)
        left -= len(part)
        if time.monotonic() > until:
            raise TimeoutError("the answer takes too long")
    return b"".join(parts)


def png(image: Pixels) -> bytes:
    """Return (H, W, 3) uint8 pixels as a PNG file. Source: RFC 2083."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise LanguageError(
            f"An array of shape {image.shape} and type {image.dtype} is not an image; expected "
            "(H, W, 3) uint8."
        )
    height, width = image.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _opener() -> urllib.request.OpenerDirector:
    """An opener without proxies: a proxy would be another machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead to another machine."""

    def redirect_request(self, *args: Any, **options: Any) -> None:
        """Refuse it; urllib then raises HTTPError."""
        return


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
