"""The settings of a server, which its processes share as JSON."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mien.decision import FPIR
from mien.film.scanner import EVERY
from mien.media import Limits
from mien.zoo import DETECTOR, EMBEDDER

DATABASE = "MIEN_DATABASE"  # of the environment: address of the database


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one request may cost; each limit is checked before the work begins."""

    request_bytes: int = 200_000_000  # of a whole request, films excepted
    photo_bytes: int = 40_000_000
    photos: int = 50  # per request
    pixels: int = 60_000_000  # of a photo
    memory: int = 2**29  # bytes that decoding a photo may take at its peak
    decode_seconds: float = 20.0  # after which the decoder is ended
    faces: int = 500  # in one photo
    film_bytes: int = 8_000_000_000
    film_seconds: float = 6 * 3600.0
    silence: float = 20.0  # s without a byte of the body, after which a request ends
    running: int = 0  # requests that compute at the same time; 0: one per core
    waiting: int = 24  # requests that wait for that; more are refused with 429

    @property
    def photo(self) -> Limits:
        """The limits of the decoder."""
        return Limits(self.photo_bytes, self.pixels, self.memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera that the operator of a server named. Requests cannot name one."""

    name: str
    source: str  # number of a camera, URL of a stream, or path of a film
    gallery: str = "people"
    tenant: str = "default"
    rate: float = FPIR  # share of searches for a stranger that may return a name
    purpose: str | None = None  # code; a governed gallery needs one
    every: float = EVERY  # s between sampled frames
    days: float = 30.0  # for which events are kept
    webhook: str | None = None  # URL that each event is sent to
    secret: str = ""  # that signs what is sent
    mqtt: str | None = None  # mqtts://USER:PASSWORD@HOST, broker that each event is published to


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The settings of a server. Its folder holds all that it keeps."""

    folder: Path
    detector: str = DETECTOR
    embedder: str = EMBEDDER  # of new galleries
    device: str = "cpu"
    commercial_only: bool = False
    portraits: bool = False  # keep a small picture of each template, erased with the person
    idle: float = 1800.0  # s without a request, after which the models are released
    origins: tuple[str, ...] = ()  # of pages on other hosts that may use the API
    secure: bool = False  # reached over TLS: cookies are sent over TLS only
    limits: ServerLimits = field(default_factory=ServerLimits)
    cameras: tuple[Camera, ...] = ()
    database: str | None = (
        None  # postgresql://..., of galleries and jobs; None: files in the folder
    )
    compat: tuple[str, ...] = ()  # other programs whose REST is answered, too: "compreface"

    def packed(self) -> str:
        """Return the settings as JSON, for another process.

        The address of the database may have a password. It is not among them, since everybody on
        the machine sees the words of a process: the environment has it (DATABASE).
        """
        return json.dumps({**asdict(self), "database": None}, default=str)

    @classmethod
    def unpacked(cls, text: str) -> "ServerSettings":
        """Return the settings that `packed` wrote, and the database of the environment."""
        row = json.loads(text)
        known = {
            "database": os.environ.get(DATABASE) or None,
            "folder": Path(row["folder"]),
            "origins": tuple(row["origins"]),
            "compat": tuple(row["compat"]),
            "limits": ServerLimits(**row["limits"]),
            "cameras": tuple(Camera(**one) for one in row["cameras"]),
        }
        return cls(**{**row, **known})
