"""Groups of photographed faces as one HTML page: who is on many photos, by thumbnails."""

import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.albums.groups import Group, Member
from mien.align import align
from mien.errors import ImageError
from mien.media import encode_image, read_image, write_bytes
from mien.report.templates import render
from mien.types import Crop, Face, OnStep

TEMPLATE = "groups.html.jinja"
CHIP = Crop(size=112, zoom=0.85)  # an upright face with some hair around it
QUALITY = 80  # of the JPEGs
SHOWN = 24  # faces of one group on the page; the others are counted
ALONE = 240  # faces seen once on the page; the others are counted


@dataclass(frozen=True, slots=True, eq=False)
class Thumb:
    """One face on the page."""

    member: Member
    chip: str | None  # data: URI; None if the photo cannot be read any more


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """One group on the page."""

    group: Group
    thumbs: tuple[Thumb, ...]
    photos: int

    @property
    def more(self) -> int:
        """How many faces are not shown."""
        return len(self.group.faces) - len(self.thumbs)


def write_groups(
    path: str | os.PathLike[str],
    groups: Sequence[Group],
    *,
    faceless: Sequence[tuple[str, str]] = (),
    file: str = "groups.mien",
    on_step: OnStep | None = None,
) -> None:
    """Write a page about groups; everything it shows is inside it.

    Args:
        path: the HTML file.
        groups: largest first.
        faceless: path and reason of each photo without a face, and of each that cannot be read.
        file: of the groups, for the commands on the page.
        on_step: told after each group.

    Raises:
        MienError: the file cannot be written.
    """
    several = [group for group in groups if len(group.faces) > 1]
    alone = [group for group in groups if len(group.faces) == 1]
    cards = []
    for done, group in enumerate([*several, *alone[:ALONE]], 1):
        cards.append(_card(group))
        if on_step:
            on_step("report", done, len(several) + min(len(alone), ALONE))
    faces = [face for group in groups for face in group.faces]
    facts = {
        "several": cards[: len(several)],
        "alone": cards[len(several) :],
        "once": len(alone),
        "faces": len(faces),
        "photos": len({face.digest for face in faces}),
        "named": sum(group.name is not None for group in groups),
        "faceless": faceless,
        "file": file,
    }
    html = render(TEMPLATE, facts)
    write_bytes(path, html.encode("utf-8", "replace"))


def _card(group: Group) -> Card:
    thumbs = tuple(Thumb(face, _chip(face)) for face in group.faces[:SHOWN])
    return Card(group, thumbs, len({face.digest for face in group.faces}))


def _chip(member: Member) -> str | None:
    """The upright face; photos are read again, since their pixels are kept nowhere."""
    try:
        image = read_image(Path(member.paths[0]))
    except ImageError:
        return None
    [chip] = align(image, [Face(member.box, 1.0, member.points)], CHIP)
    return "data:image/jpeg;base64," + b64encode(encode_image(chip, "jpeg", QUALITY)).decode()
