"""Small pictures of enrolled faces, if the operator of the server wants them.

A gallery has no pictures. These are kept beside it, only with the setting `portraits`, and are
deleted with their template.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from fastapi import Response

from mien.gallery.schema import connect, spoken
from mien.media import encode_image, thumbnail
from mien.server.access import Caller
from mien.server.problems import absent
from mien.types import Floats, Pixels

SIDE, MARGIN, QUALITY = 160, 0.35, 85  # px; room around the face, of its side; of the JPEG
FILE = "portraits.db"


def face_picture(image: Pixels, box: Floats, side: int = SIDE) -> bytes:
    """Return the JPEG of a face with some room around it.

    Args:
        image: (H, W, 3).
        box: (4,) left, top, right, bottom in px of the image.
        side: px, of the longer side of the picture.
    """
    left, top, right, bottom = (float(v) for v in box)
    half = max(right - left, bottom - top) * (0.5 + MARGIN)
    x, y = (left + right) / 2, (top + bottom) / 2
    height, width = image.shape[:2]
    x0, x1 = (int(np.clip(v, 0, width)) for v in (x - half, x + half))
    y0, y1 = (int(np.clip(v, 0, height)) for v in (y - half, y + half))
    cut = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    return encode_image(thumbnail(np.ascontiguousarray(cut), side), "jpeg", QUALITY)


class Portraits:
    """The pictures of the templates of one tenant."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def __call__(self, gallery: str, templates: Iterable[int]) -> bytes | None:
        """Return the picture of the first template that has one."""
        if not self._path.exists():
            return None
        db, _ = connect(self._path, create=False, read_only=True)
        query = "SELECT jpeg FROM portraits WHERE gallery = ? AND template = ?"
        with spoken(str(self._path)):
            try:
                for number in templates:
                    row = db.execute(query, (gallery, number)).fetchone()
                    if row:
                        return bytes(row[0])
            finally:
                db.close()
        return None

    def put(self, gallery: str, template: int, jpeg: bytes) -> None:
        """Store the picture of a template."""
        self._change("INSERT OR REPLACE INTO portraits VALUES (?, ?, ?)", gallery, template, jpeg)

    def erase(self, gallery: str, templates: Iterable[int]) -> int:
        """Delete pictures and overwrite their bytes; return how many there were."""
        if not self._path.exists():
            return 0
        query = "DELETE FROM portraits WHERE gallery = ? AND template = ?"
        return sum(self._change(query, gallery, number) for number in templates)

    def _change(self, query: str, *values: object) -> int:
        db, _ = connect(self._path, create=True, read_only=False)  # with secure_delete
        with spoken(str(self._path)):
            try:
                db.execute(
                    "CREATE TABLE IF NOT EXISTS portraits (gallery TEXT, template INTEGER, "
                    "jpeg BLOB NOT NULL, PRIMARY KEY (gallery, template)) WITHOUT ROWID"
                )
                return db.execute(query, values).rowcount
            finally:
                db.close()


def portraits_of(caller: Caller) -> Portraits:
    """Return the pictures of the tenant of a caller."""
    return Portraits(caller.state.tenants.folder(caller.tenant))


def picture(jpeg: bytes | None) -> Response:
    """Return a picture that browsers do not store; raise 404 without one."""
    if jpeg is None:
        raise absent("A picture")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
