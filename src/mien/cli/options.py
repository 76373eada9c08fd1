"""Options that several commands share, and the loop over images."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mien.cli.terminal import complain, progress
from mien.errors import ImageError

if TYPE_CHECKING:
    from mien.detect import Turns
    from mien.photo import Pipeline
    from mien.types import Pixels

Pictures = Annotated[
    list[str],
    typer.Argument(help="Images, folders or patterns (holiday/*.jpg); - reads stdin."),
]
DetectorName = Annotated[
    str, typer.Option("--detector", help="Card of the detector; see: mien models list")
]
EmbedderName = Annotated[
    str, typer.Option("--embedder", help="Card of the embedder; see: mien models list")
]
DeviceName = Annotated[
    str, typer.Option("--device", help="Device: cpu, cuda, coreml ... No fallback.")
]
CommercialOnly = Annotated[
    bool,
    typer.Option("--commercial-only", help="Refuse weights not licensed for commercial use."),
]
TurnsChoice = Annotated[
    Literal["when-needed", "never", "always"],
    typer.Option("--turns", help="Turn images by 90, 180, 270 degrees to find faces."),
]
AsTable = Annotated[
    bool, typer.Option("--table", help="Print a human-readable table instead of JSON lines.")
]
GalleryPath = Annotated[
    str, typer.Option("--gallery", "-g", help="Gallery: a file or an address ENGINE://...")
]

CalibrationPath = Annotated[
    Path | None,
    typer.Option("--calibration", help="Calibration file from mien calibrate; default: shipped."),
]
Prior = Annotated[
    float, typer.Option("--prior", help="Prior probability of a match, for `probability`.")
]
GALLERY = "people.mien"


def opened(
    detector: str,
    embedder: str | None,
    device: str,
    commercial_only: bool,
    turns: "Turns" = "when-needed",
    **how: Any,
) -> "Pipeline":
    """Open a pipeline; missing weights are fetched under a progress bar.

    `how` is passed to mien.photo.open_pipeline.
    """
    from mien.photo import open_pipeline
    from mien.zoo import fetch, find, is_fetched, require_commercial

    for name in (detector, embedder):
        card = find(name) if name else None
        if card and commercial_only:
            require_commercial(card)
        if card and not is_fetched(card):
            with progress(in_bytes=True) as on_step:
                fetch(card, on_step=on_step)
    return open_pipeline(
        detector=detector,
        embedder=embedder,
        device=device,
        commercial_only=commercial_only,
        turns=turns,
        **how,
    )


@contextmanager
def searching(pipeline: "Pipeline", gallery: str) -> Iterator["Pipeline"]:
    """Return a pipeline that searches this gallery."""
    from mien.service.galleries import searching

    with searching(pipeline, gallery) as known:
        yield known


def is_there(gallery: str) -> bool:
    """Return whether a gallery exists, as far as is known without opening it."""
    return "://" in gallery or Path(gallery).exists()


def sources_of(names: Sequence[str]) -> list[str]:
    """Return the paths of all images and films; "-" is kept."""
    from mien.media import find_sources

    found: list[str] = []
    for name in names:
        found += (
            ["-"] if name == "-" else [str(path) for path in find_sources([name], skipped=complain)]
        )
    if not found:
        raise ImageError(
            f"No image and no film was found in {', '.join(names)}; check the path or pattern."
        )
    return list(dict.fromkeys(found))


def check_report(path: Path | None) -> None:
    """Raise an error if the report path does not end in .html."""
    if path:
        from mien.report.templates import check_name

        check_name(path)


def pictures(sources: Sequence[str]) -> list[str]:
    """Return the paths of all images; "-" is kept."""
    from mien.media import find_images

    found: list[str] = []
    for source in sources:
        found += (
            ["-"]
            if source == "-"
            else [str(path) for path in find_images([source], skipped=complain)]
        )
    if not found:
        raise ImageError(f"No image was found in {', '.join(sources)}; check the path or pattern.")
    return found


def source_of(name: str) -> str | bytes:
    """Return the path; for "-", the bytes of stdin."""
    return sys.stdin.buffer.read() if name == "-" else name


def open_picture(name: str) -> "Pixels":
    """Read an image from its path, or from stdin if the name is "-"."""
    from mien.media import read_image

    return read_image(source_of(name))


def each_picture(names: Sequence[str], task: str) -> Iterator[tuple[str, "Pixels | None", str]]:
    """Read images one by one under a progress bar.

    An image that cannot be read is reported on stderr; its row is None with the message.
    """
    with progress() as on_step:
        for done, name in enumerate(names):
            on_step(task, done, len(names))
            try:
                yield name, open_picture(name), ""
            except ImageError as error:
                complain(str(error))
                yield name, None, str(error)
        on_step(task, len(names), len(names))
