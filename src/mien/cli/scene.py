"""Command that measures whole pictures and predicts what they evoke: scene."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.faces import stop_if_failed
from mien.cli.options import AsTable, DetectorName, DeviceName, Pictures, open_picture
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import ImageError, MienError
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from mien.contracts import Detector
    from mien.service.pictures import PictureResult
    from mien.systems.evoked_a4net.head import EvokedA4Net
    from mien.types import Pixels

SIDE = 384  # px of each half of the map
TASK = "evoked-emotion"


def scene(
    images: Pictures,
    heads: Annotated[
        str, typer.Option(help="Run folder of: mien train evoked-a4net. No weights are shipped.")
    ] = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Add the effect of each attribute on the answer.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Image of the map to write (.png); one picture only."),
    ] = None,
    detector: DetectorName = DETECTOR,
    device: DeviceName = "cpu",
    table: AsTable = False,
) -> None:
    """Measure brightness and colourfulness of whole pictures, and what they evoke.

    The emotion needs a head that you trained: no picture with that label is part
    of mien. It is what viewers reported to feel, never what a person in the picture feels.
    Do not rank or suppress pictures of news by it.

    Example: mien scene photo.jpg --heads runs/evoked --explain --out map.png
    """
    from mien.cli.options import pictures
    from mien.zoo import load

    names = pictures(images)
    if out is not None and (len(names) != 1 or not heads or out.suffix.lower() != ".png"):
        raise MienError("--out needs one picture, --heads and a name that ends in .png.")
    if explain and not heads:
        raise MienError("--explain needs --heads: without a head there is nothing to explain.")
    head = _head(heads, device) if heads else None
    faces = load(detector, device=device) if heads else None
    demo = bool(heads) and is_demo(heads)
    if demo:
        complain(f"{heads} was trained on drawn scenes: what it says of photographs is a demo.")
    rows, failed = [], 0
    with progress() as on_step:
        for number, name in enumerate(names):
            on_step("scene", number, len(names))
            try:
                row = _one(name, head, faces, explain, out)
            except ImageError as error:
                complain(f"{name}: {error}" if name not in str(error) else str(error))
                row, failed = {"image": name, "error": str(error)}, failed + 1
            row |= {"demo": True} if demo and "error" not in row else {}
            if table:
                rows.append(_cells(row))
            else:
                print_json_line(row)
    if table:
        print_table(("image", "brightness>", "colourfulness>", "faces>", "evokes", "share>"), rows)
    stop_if_failed(failed)


def _head(name: str, device: str) -> "EvokedA4Net":
    from mien.zoo import find, load

    if find(name).task != TASK:
        raise MienError(f"'{name}' predicts {find(name).task} and not what a picture evokes; "
                        "train a head: mien train evoked-a4net --data EMOSET")  # fmt: skip
    found: EvokedA4Net = load(name, device=device)
    return found


def is_demo(name: str) -> bool:
    """Whether a head was trained on drawn scenes, so that its emotions are those of their rule."""
    from mien.zoo import find

    return find(name).trained_on.startswith("synthetic data")


def _one(
    name: str,
    head: "EvokedA4Net | None",
    faces: "Detector | None",
    explain: bool,
    out: Path | None,
) -> dict[str, Any]:
    """Measure one picture."""
    from mien.service.pictures import LIMIT, read_scene

    picture = open_picture(name)
    found = read_scene(picture, head, faces)
    row: dict[str, Any] = {"image": name, **_rounded(found.attributes), "faces": found.faces}
    if head is None or found.evoked is None:
        return row
    row |= {"evokes": found.first, TASK: _rounded(found.evoked.values),
            "model": f"{head.name}@{head.digest}", "limit": LIMIT}  # fmt: skip
    if explain:
        row |= {one.task: _rounded(one.values) for one in found.evoked.derived
                if one.task in ("picture-attributes", "picture-scene", "picture-face")}  # fmt: skip
        if not found.faces:
            row["picture-face"] = "none"
        row["contributions"] = {key: "none" if value is None else round(value, 4)
                                for key, value in found.contributions.items()}  # fmt: skip
    if out is not None:
        _draw(picture, found, out)
        row["out"] = out
    return row


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _draw(picture: "Pixels", found: "PictureResult", out: Path) -> None:
    """Write the picture beside its map, with a scale."""
    import numpy as np

    from mien.media import heat, heat_scale, stretched, write_image

    assert found.map is not None
    most = max(float(found.map.max()), 1e-9)
    half = stretched(picture, SIDE)
    rows, columns = (np.arange(SIDE) * count // SIDE for count in found.map.shape)
    blocks = found.map[rows][:, columns]  # as coarse as the map is
    pair = np.hstack([half, heat(half, blocks)])
    scale = heat_scale(2 * SIDE, f"{found.first}: where it comes from", most, "logit")
    write_image(out, np.vstack([pair, scale]))


def _cells(row: dict[str, Any]) -> list[Any]:
    evokes = row.get("evokes")
    share = row[TASK][evokes] if evokes else None
    columns = ("image", "brightness", "colourfulness", "faces")
    return [*(row.get(name) for name in columns), evokes, share]
