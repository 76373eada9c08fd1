"""Download one file over HTTPS: resumed after an interruption, retried after server errors."""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from mien.errors import WeightsError
from mien.zoo.weights.cache import writing

TIMEOUT = 60.0  # seconds without a byte
PAUSES = (1.0, 3.0, 10.0)  # seconds before each further try
BLOCK = 1 << 18  # bytes between two progress reports
PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses that justify another try


class _RestartError(Exception):
    """The partial file does not fit the file of the server; start again."""


def download(
    address: str, part: Path, size: int | None, on_bytes: Callable[[int, int], None] | None = None
) -> None:
    """Download the rest of `part`, from where an earlier try was interrupted.

    Args:
        address: https://..., or http:// on this machine.
        part: kept when the download is interrupted, so that the next call resumes it.
        size: bytes that the file must have; None if only the server knows.
        on_bytes: called with bytes done and bytes in all (0 if unknown).

    Raises:
        WeightsError: the address is refused, cannot be reached, or offers another size.
    """
    refuse(address)
    for pause in (*PAUSES, None):
        try:
            return _go_on(address, part, size, on_bytes)
        except _RestartError:
            part.unlink(missing_ok=True)
            why = "the server changed the file meanwhile"
        except urllib.error.HTTPError as error:
            error.close()
            why = f"the server answered {error.code} {error.reason}"
            if error.code not in PASSING:
                pause = None
        except TimeoutError:
            why = f"no byte arrived for {TIMEOUT:g} seconds"
        except (
            OSError,
            http.client.HTTPException,
        ) as error:  # OSErrors of the disk are not caught here
            why = str(getattr(error, "reason", None) or error) or type(error).__name__
        if pause is None:
            raise WeightsError(f"Cannot download {address} ({why}); {_way_out(part)}")
        time.sleep(pause)


def refuse(address: str) -> None:
    """Refuse every address that is not HTTPS; plain HTTP only from this machine."""
    url = urlsplit(address)
    local = url.scheme == "http" and url.hostname in {"127.0.0.1", "localhost"}
    if url.scheme != "https" and not local:
        raise WeightsError(
            f"{address} is not an https:// address; weights are only fetched over HTTPS."
        )


def _way_out(part: Path) -> str:
    got = part.stat().st_size if part.is_file() else 0
    kept = f"the {got} bytes received are kept, so another try resumes there" if got else ""
    other = "check the network or the proxy settings, or pass the file with --from-dir."
    return f"{kept}; {other}" if kept else other


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # type: ignore[no-untyped-def]
        self, req, fp, code, msg, headers, newurl
    ) -> urllib.request.Request | None:
        refuse(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _go_on(
    address: str, part: Path, size: int | None, on_bytes: Callable[[int, int], None] | None
) -> None:
    done = part.stat().st_size if part.is_file() else 0
    if size is not None and done > size:
        raise _RestartError
    if done == size:
        return  # complete; the hash is checked later
    request = urllib.request.Request(address, headers={"User-Agent": "mien"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    opener = urllib.request.build_opener(_Redirects)
    try:
        answer = opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:  # nothing after our last byte
            error.close()
            raise _RestartError from None
        raise
    with answer:
        done, total = _span(address, answer, done, size)
        _pour(answer, part, done, total, size, on_bytes)


def _span(
    address: str, answer: http.client.HTTPResponse, done: int, size: int | None
) -> tuple[int, int | None]:
    """Start of the response in the file, and the length of the file that the server states."""
    length = answer.headers.get("Content-Length")
    span = answer.headers.get("Content-Range", "")
    if answer.status != 206:
        done = 0  # the server does not resume: it sends the whole file again
    elif not span.startswith(f"bytes {done}-"):
        raise _RestartError
    total = done + int(length) if length and length.isdecimal() else None
    if size is not None and total is not None and total != size:
        if done:
            raise _RestartError
        raise WeightsError(
            f"{address} offers {total} bytes, but the card states {size}; nothing was kept. The "
            "file changed at its source: check for a newer version of mien."
        )
    return done, total


@contextmanager
def _writer(part: Path, done: int) -> Iterator[Callable[[bytes], None]]:
    """Write after the first `done` bytes; distinguish a full disk from a network error."""
    with writing(part.parent):
        out = part.open("r+b" if done else "wb")
        out.truncate(done)
        out.seek(done)

    def write(block: bytes) -> None:
        with writing(part):
            out.write(block)
            out.flush()

    with out:
        yield write


def _pour(
    answer: IO[bytes],
    part: Path,
    done: int,
    total: int | None,
    size: int | None,
    on_bytes: Callable[[int, int], None] | None,
) -> None:
    whole = total if size is None else size
    with _writer(part, done) as write:
        while True:
            if on_bytes:
                on_bytes(done, whole or 0)
            block = answer.read(BLOCK)
            if not block:
                break
            done += len(block)
            if whole is not None and done > whole:
                break
            write(block)
    if whole is not None and done > whole:
        part.unlink()
        raise WeightsError(
            f"The server sends more than the {whole} bytes of the card; nothing was kept. "
            "The file changed at its source: check for a newer version of mien."
        )
    if whole is not None and done < whole:
        raise ConnectionError(f"the connection ended {whole - done} bytes before the end")
