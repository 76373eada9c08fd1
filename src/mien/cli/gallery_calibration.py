"""Command that keeps a calibration in a gallery."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import GALLERY, DetectorName, GalleryPath, Who
from mien.cli.terminal import complain, print_json_line, progress
from mien.errors import GalleryError
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from mien.gallery import GuardedGallery


def calibrate(
    file: Annotated[
        Path | None,
        typer.Argument(help="File from mien calibrate; default: measure on the gallery's people."),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Remove it; that of the embedder is used again.")
    ] = False,
    detector: DetectorName = DETECTOR,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Keep a calibration in a gallery, where all commands use it unless --calibration is given.

    Without a file, the error rates are measured on the templates of the gallery: people with
    several templates give mated comparisons. With 30 people and 100 templates or more, live
    searches are compared with the gallery, and mien gallery show reports drift.

    Example: mien gallery calibrate --gallery door.mien
    """
    from mien.decision.calibration import read_calibration
    from mien.evaluate.verification.on_gallery import measure_on_people
    from mien.gallery import open_gallery
    from mien.service.gallery_calibration import bind_calibration

    if reset and file:
        raise GalleryError("--reset removes a calibration, and a file sets one; give one of them.")
    with open_gallery(gallery, None, who=who) as known:
        if reset:
            known.unbind()
            print_json_line({"gallery": gallery, "calibration": None})
            return
        if file:
            found = read_calibration(file)
        else:
            with progress() as on_step:
                found = measure_on_people(known, detector, on_step)
        drift = bind_calibration(known, found)
        if drift is None:
            complain(
                "The gallery is too small to watch for drift: it needs 30 people and 100 templates."
            )
        print_json_line({"gallery": gallery, **summary(known)})


def summary(known: "GuardedGallery") -> dict[str, Any]:
    """Return the calibration of a gallery, and whether live searches have left it."""
    from mien.decision.calibration import parse_calibration
    from mien.decision.drift import ALARM, WINDOW
    from mien.gallery.watching import SIGNALS

    text = known.calibration()
    if text is None:
        return {"calibration": None}
    found = parse_calibration(text, known.where)
    entry = [one for one in known.journal.entries() if one.act == "calibrate"][-1]
    row: dict[str, Any] = {
        "calibration": found.name,
        "calibrated": entry.time,
        "calibrated_on": found.data,
        "drift": None,
        "drift_sharpness": None,
    }
    for signal in SIGNALS:
        drift = known.drift(signal)
        if drift is not None:
            row["drift" if signal == SIGNALS[0] else f"drift_{signal}"] = {
                "alarm": drift.alarm,
                "p": drift.p,
                "windows": drift.windows,
                "alarms": drift.alarms,
                "searches_per_window": WINDOW,
                "false_alarms_per_window": ALARM,
                "waiting": sum(drift.window),
            }
    return row
