"""A client of the server, which needs nothing but Python.

with Client("http://127.0.0.1:8480", key) as server:
    server.enrol("Ada", "ada.jpg")
    [answer] = server.identify("party.jpg")
"""

import http.client
import json
import os
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from mien.errors import MienError

Photo = str | PathLike[str] | bytes  # a path, or the bytes of a file
Row = dict[str, Any]  # as the OpenAPI of the server describes it
Part = tuple[str, str, Photo]  # name of the field, name of the file, content
BLOCK = 1 << 20  # bytes that are sent at once
PAUSE = 1.0  # s between two questions about a job


class ServerError(MienError):
    """The server refused a request, or cannot be reached."""

    def __init__(self, status: int, code: str, message: str, request_id: str = "") -> None:
        """Keep what the server stated.

        Args:
            status: of HTTP; 0: it was not reached.
            code: short text for programs.
            message: for people.
            request_id: number of the request in the log of the server.
        """
        super().__init__(message)
        self.status, self.code, self.request_id = status, code, request_id


class Client:
    """A connection to a server; one request at a time. Not for several threads."""

    def __init__(
        self, url: str, key: str, *, timeout: float = 60.0, patience: float = 30.0
    ) -> None:
        """Connect on the first request.

        Args:
            url: of the server, such as "https://faces.example".
            key: an API key.
            timeout: seconds without an answer, after which a request has failed.
            patience: seconds for which requests are repeated that the server has no room for.

        Raises:
            MienError: the URL is not one of http or https.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        if host is None or parts.scheme not in ("http", "https"):
            raise MienError(
                f"{url!r} is not the address of a server: expected http(s)://HOST:PORT."
            )
        self._place = parts.path.rstrip("/")
        self._key, self._patience = key, patience
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=timeout, context=context
            )
        else:
            self._http = http.client.HTTPConnection(host, port, timeout=timeout)

    # ------------------------------------------------------------------ faces

    def detect(self, *photos: Photo) -> list[Row]:
        """Find the faces of photos; one answer per photo."""
        return self._answers("/detect", photos, {})

    def quality(self, *photos: Photo) -> list[Row]:
        """Assess the quality of the faces of photos."""
        return self._answers("/quality", photos, {})

    def analyze(self, *photos: Photo, heads: str | None = None) -> list[Row]:
        """Read heads off the faces of photos, by the names of their cards."""
        return self._answers("/analyze", photos, {"heads": heads})

    def verify(self, first: Photo, second: Photo, *, rate: float = 1e-3) -> Row:
        """Decide whether two photos show one person, at a false match rate."""
        parts = [("first", *_named(first, 1)), ("second", *_named(second, 2))]
        found: Row = self._form("/verify", parts, {"rate": rate})["decision"]
        return found

    def identify(
        self,
        *photos: Photo,
        gallery: str = "people",
        rate: float = 0.01,
        purpose: str | None = None,
        details: bool = False,
    ) -> list[Row]:
        """Identify the people of photos; one answer per photo.

        Args:
            photos: paths, or bytes of files.
            gallery: name of the gallery.
            rate: share of searches for a stranger that may return a name.
            purpose: code; a governed gallery needs one.
            details: all candidates and quality components.
        """
        fields = {"gallery": gallery, "rate": rate, "purpose": purpose, "details": details}
        return self._answers("/identify", photos, fields)

    # ------------------------------------------------------------------ people

    def galleries(self) -> list[Row]:
        """List the galleries of the tenant."""
        found: list[Row] = self.request("GET", "/galleries")
        return found

    def create_gallery(self, name: str) -> Row:
        """Make a gallery."""
        found: Row = self.request("POST", "/galleries", json={"name": name})
        return found

    def people(self, gallery: str = "people") -> Iterator[Row]:
        """Yield the people of a gallery."""
        return self.pages(f"/galleries/{quote(gallery)}/people")

    def enrol(
        self,
        name: str,
        *photos: Photo,
        gallery: str = "people",
        basis: Row | None = None,
        boxes: Sequence[Sequence[float] | None] | None = None,
        allow_conflicts: bool = False,
        retry: bool = False,
    ) -> Row:
        """Enrol photos of one person; the answer has the person, and the result of each photo.

        Args:
            name: of the person.
            photos: paths, or bytes of files.
            gallery: name of the gallery.
            basis: a legal basis (`NewBasis`), which a governed gallery needs.
            boxes: per photo the face, left, top, right, bottom in px; None: the dominant one.
            allow_conflicts: accept a face that is like that of another person.
            retry: process photos that were refused before.
        """
        fields = {
            "name": name,
            "basis": None if basis is None else json.dumps(basis),
            "boxes": None if boxes is None else json.dumps(boxes),
            "allow_conflicts": allow_conflicts,
            "retry": retry,
        }
        parts = [("photos", *_named(photo, n)) for n, photo in enumerate(photos, 1)]
        found: Row = self._form(f"/galleries/{quote(gallery)}/people", parts, fields)
        return found

    def rename(self, person: int, name: str, *, gallery: str = "people") -> Row:
        """Rename a person."""
        path = f"/galleries/{quote(gallery)}/people/{person}"
        found: Row = self.request("PATCH", path, json={"name": name})
        return found

    def merge(self, person: int, into: int, *, gallery: str = "people") -> Row:
        """Move all templates of a person to another one, and erase the first name."""
        path = f"/galleries/{quote(gallery)}/people/{person}/merge"
        found: Row = self.request("POST", path, json={"into": into})
        return found

    def erase(self, person: int, *, gallery: str = "people", person_file: bool = False) -> Row:
        """Erase a person for good; the answer has the signed receipt."""
        path = f"/galleries/{quote(gallery)}/people/{person}"
        found: Row = self.request("DELETE", path, query={"person_file": person_file})
        return found

    # ------------------------------------------------------------------ films

    def upload_film(
        self,
        film: str | PathLike[str],
        *,
        gallery: str = "people",
        rate: float = 0.01,
        every: float = 0.1,
        purpose: str | None = None,
    ) -> Row:
        """Upload a film, and queue its identification; `wait` for the `job` of the answer."""
        fields = {"gallery": gallery, "rate": rate, "every": every, "purpose": purpose}
        found: Row = self._form("/films", [("film", *_named(film, 1))], fields)
        return found

    def film(self, film: str) -> Row:
        """Return who is on screen when."""
        found: Row = self.request("GET", f"/films/{quote(film)}/answer")["answer"]
        return found

    def wait(self, job: str, *, seconds: float = 3600.0) -> Row:
        """Wait for the end of a job.

        Raises:
            ServerError: it failed or was cancelled, or did not end in time.
        """
        end = time.monotonic() + seconds
        while True:
            found: Row = self.request("GET", f"/jobs/{quote(job)}")
            if found["state"] == "done":
                return found
            if found["state"] not in ("queued", "running"):
                raise ServerError(200, found["state"], found["error"] or f"The job {job} ended.")
            if time.monotonic() > end:
                raise ServerError(200, "timeout", f"The job {job} did not end in {seconds:g} s.")
            time.sleep(PAUSE)

    # ------------------------------------------------------------------ requests

    def pages(self, path: str, **query: Any) -> Iterator[Row]:
        """Yield the rows of all pages of a list, such as "/films"."""
        cursor = None
        while True:
            found = self.request("GET", path, query={**query, "cursor": cursor})
            yield from found["items"]
            cursor = found["next"]
            if cursor is None:
                return

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> Any:
        """Send a request; return the JSON of the answer, bytes of a file, or None.

        Args:
            method: of HTTP.
            path: after "/v1".
            query: None values are left out.
            json: the body.

        Raises:
            ServerError: the server refused it, or cannot be reached.
        """
        body = None if json is None else _dumped(json)
        kind = "application/json"
        asked = urlencode({k: _text(v) for k, v in (query or {}).items() if v is not None})
        return self._send(method, path + (f"?{asked}" if asked else ""), kind, body)

    def _answers(self, path: str, photos: Sequence[Photo], fields: Row) -> list[Row]:
        parts = [("photos", *_named(photo, n)) for n, photo in enumerate(photos, 1)]
        found: list[Row] = self._form(path, parts, fields)["answers"]
        return found

    def _form(self, path: str, parts: Sequence[Part], fields: Row) -> Any:
        form = _Form(parts, {k: _text(v) for k, v in fields.items() if v is not None})
        return self._send("POST", path, form.kind, form)

    def _send(self, method: str, path: str, kind: str, body: "bytes | _Form | None") -> Any:
        """Send a request, again while the server has no room; writes carry one number for all."""
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if method != "GET":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        if body is not None:
            headers |= {"Content-Type": kind, "Content-Length": str(len(body))}
        end = time.monotonic() + self._patience
        while True:
            status, found, wait = self._once(method, path, headers, body)
            if status != 429 or time.monotonic() + wait > end:
                break
            time.sleep(wait)
        if status >= 300:
            raise _refusal(status, found)
        return found

    def _once(
        self, method: str, path: str, headers: dict[str, str], body: "bytes | _Form | None"
    ) -> tuple[int, Any, float]:
        """Return status, content, and the seconds after which to ask again."""
        place = f"{self._place}/v1{path}"
        for last in (False, True):
            content: Any = iter(body) if isinstance(body, _Form) else body
            try:
                self._http.request(method, place, content, headers)
                answer = self._http.getresponse()
                data = answer.read()
                break
            except (OSError, http.client.HTTPException) as error:
                self._http.close()
                if last or not isinstance(error, ConnectionError):
                    message = f"The server cannot be reached: {error}."
                    raise ServerError(0, "unreachable", message) from error
                # else the server has closed an idle connection: once more, with a new one
        kind = answer.headers.get_content_type()
        found = json.loads(data) if kind == "application/json" and data else data or None
        wait = answer.headers.get("Retry-After", "1")
        return answer.status, found, float(wait) if wait.isdecimal() else 1.0

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Form:
    """A form with files, which are read while they are sent."""

    def __init__(self, parts: Sequence[Part], fields: Mapping[str, str]) -> None:
        mark = secrets.token_hex(16)
        self.kind = f"multipart/form-data; boundary={mark}"
        self._pieces: list[bytes | Path] = []
        for name, value in fields.items():
            head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
            self._pieces.append(f"{head}{value}\r\n".encode())
        for name, file, content in parts:
            head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; '
            head += f'filename="{_quoted(file)}"\r\nContent-Type: application/octet-stream\r\n\r\n'
            whole = content if isinstance(content, bytes) else Path(content)
            self._pieces += [head.encode(), whole, b"\r\n"]
        self._pieces.append(f"--{mark}--\r\n".encode())

    def __len__(self) -> int:
        return sum(_size(one) for one in self._pieces)

    def __iter__(self) -> Iterator[bytes]:
        for one in self._pieces:
            if isinstance(one, bytes):
                yield one
                continue
            with one.open("rb") as file:
                while block := file.read(BLOCK):
                    yield block


def _size(piece: bytes | Path) -> int:
    if isinstance(piece, bytes):
        return len(piece)
    try:
        return piece.stat().st_size
    except OSError as error:
        raise MienError(f"{piece} cannot be read ({error.strerror}).") from error


def _named(photo: Photo, number: int) -> tuple[str, Photo]:
    name = f"photo-{number}" if isinstance(photo, bytes) else os.path.basename(photo)
    return str(name), photo


def _quoted(name: str) -> str:
    """Return a file name as browsers write it into a form."""
    for sign, code in (('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        name = name.replace(sign, code)
    return name


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _refusal(status: int, found: Any) -> ServerError:
    facts = found.get("error", {}) if isinstance(found, dict) else {}
    number = found.get("request_id", "") if isinstance(found, dict) else ""
    message = facts.get("message") or f"The server answered with status {status}."
    return ServerError(status, facts.get("code", "http"), message, number)
