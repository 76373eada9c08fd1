"""Options that several commands share, and the loop over many pictures."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mien.cli.terminal import complain, progress
from mien.errors import ImageError, MienError

if TYPE_CHECKING:
    from mien.detect import Turns
    from mien.photo import Pipeline
    from mien.types import Pixels

Pictures = Annotated[
    list[str],
    typer.Argument(help="Pictures, folders or patterns (holiday/*.jpg); - reads one from stdin."),
]
DetectorName = Annotated[
    str, typer.Option("--detector", help="Card that finds faces; see: mien models list")
]
EmbedderName = Annotated[
    str, typer.Option("--embedder", help="Card that makes vectors; see: mien models list")
]
DeviceName = Annotated[
    str, typer.Option("--device", help="cpu, cuda, coreml ...; a missing one is an error.")
]
CommercialOnly = Annotated[
    bool,
    typer.Option("--commercial-only", help="Refuse weights not licensed for commercial use."),
]
TurnsChoice = Annotated[
    Literal["when-needed", "never", "always"],
    typer.Option("--turns", help="Whether to turn pictures by 90, 180, 270 degrees to find faces."),
]
AsTable = Annotated[
    bool, typer.Option("--table", help="Print a human-readable table instead of JSON lines.")
]
GalleryPath = Annotated[
    str, typer.Option("--gallery", "-g", help="Gallery: a file, or an address ENGINE://...")
]

CalibrationPath = Annotated[
    Path | None,
    typer.Option("--calibration", help="File that mien calibrate wrote; default: the shipped one."),
]
Prior = Annotated[
    float, typer.Option("--prior", help="Probability assumed before looking, for `probability`.")
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
    """Open a pipeline; weights that are not here yet are fetched under a progress bar.

    `how` goes to mien.photo.open_pipeline as it is.
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
    """A pipeline that searches this gallery."""
    from mien.service.galleries import searching

    with searching(pipeline, gallery) as known:
        yield known


def is_there(gallery: str) -> bool:
    """Whether a gallery exists, as far as that can be told without opening it."""
    return "://" in gallery or Path(gallery).exists()


def sources_of(names: Sequence[str]) -> list[str]:
    """Paths of all photos and films; "-" stays what it is."""
    from mien.media import find_sources

    found: list[str] = []
    for name in names:
        found += (
            ["-"] if name == "-" else [str(path) for path in find_sources([name], skipped=complain)]
        )
    if not found:
        raise ImageError(f"There is no photo and no film in {', '.join(names)}.")
    return list(dict.fromkeys(found))


def check_report(path: Path | None) -> None:
    """Refuse the name of a report that is no HTML file."""
    if path and path.suffix.lower() not in {".html", ".htm"}:
        raise MienError(f"Report path '{path}' is not supported: the file name must end in .html.")


def pictures(sources: Sequence[str]) -> list[str]:
    """Paths of all pictures; "-" stays what it is."""
    from mien.media import find_images

    found: list[str] = []
    for source in sources:
        found += (
            ["-"]
            if source == "-"
            else [str(path) for path in find_images([source], skipped=complain)]
        )
    if not found:
        raise ImageError(f"There is no picture in {', '.join(sources)}.")
    return found


def source_of(name: str) -> str | bytes:
    """A path as it is; the bytes of stdin for "-"."""
    return sys.stdin.buffer.read() if name == "-" else name


def open_picture(name: str) -> "Pixels":
    """Read a picture by its path, or from stdin if the name is "-"."""
    from mien.media import read_image

    return read_image(source_of(name))


def each_picture(names: Sequence[str], task: str) -> Iterator[tuple[str, "Pixels | None", str]]:
    """Read pictures one by one under a progress bar.

    One that cannot be read is told on stderr and given as None with the sentence; the others go on.
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
