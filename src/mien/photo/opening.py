"""A pipeline from the names of its cards."""

import inspect
import math
from pathlib import Path
from typing import Any

from mien.decision import Calibration, find_calibration
from mien.decision.decide import FPIR, PRIOR
from mien.detect import Turns
from mien.errors import MienError, UnknownModelError
from mien.gallery import Gallery
from mien.liveness import Action, open_check
from mien.photo.heads import open_heads
from mien.photo.pipeline import Pipeline
from mien.zoo import DETECTOR, EMBEDDER, load
from mien.zoo import find as card
from mien.zoo.loader import entry_of

LEAST = 12.0  # px: networks see no face below


def open_pipeline(
    *,
    detector: str = DETECTOR,
    embedder: str | None = EMBEDDER,
    gallery: Gallery | None = None,
    device: str = "cpu",
    commercial_only: bool = False,
    turns: Turns = "when-needed",
    fpir: float = FPIR,
    prior: float = PRIOR,
    calibration: Calibration | Path | None = None,
    heads: str | None = "none",
    threads: int | None = None,
    workers: int = 1,
    smallest: float | None = None,
    liveness: Action = "off",
    liveness_head: str | None = None,
    liveness_at: str | None = None,
    cluster: str | None = None,
) -> Pipeline:
    """Open models by the names of their cards, as one pipeline.

    Args:
        detector: card of the detector.
        embedder: card of the embedder; None: detection and quality only.
        gallery: known people.
        device: "cpu", "cuda", ...; an unavailable device is an error.
        commercial_only: refuse weights whose licence does not permit commercial use.
        turns: whether images are rotated to find faces.
        fpir: false positive identification rate to work at.
        prior: prior probability: same person, or person in the gallery.
        calibration: a calibration, or its file from `mien calibrate`; default: the shipped one
            for this embedder and detector.
        heads: chip heads, "expression,age-fahr"; None: those whose card says `default`.
        threads: of the detector; default: those of this process.
        workers: images of a folder that are analysed at the same time, on the CPU; with more than
            one, each model uses one thread.
        smallest: px, side of the smallest face that is searched for; smaller means slower.
            Default: that of the detector, which may depend on the size of the image.
        liveness: "warn" adds liveness to faces; "refuse" also changes matches of faces that are
            not live, or not measured, to reviews.
        liveness_head: card of the head; default: mien.liveness.HEAD.
        liveness_at: operating point of that head; default: mien.liveness.POINT.
        cluster: Ray cluster that measures the images of folders: HOST:PORT of its head, or "local".

    Raises:
        UnknownModelError: the card does not exist, or has another kind.
        MienError: the detector cannot search for faces from a chosen size on.
        LivenessError: liveness cannot be checked.
    """
    for name, kind in ((detector, "detector"), (embedder, "embedder")):
        if name and card(name).kind != kind:
            raise UnknownModelError(
                f"'{name}' is a {card(name).kind}, not a {kind}; list them with: "
                f"mien models list --task {kind.removesuffix('or').removesuffix('der')}"
            )
    options: dict[str, Any] = {"device": device, "commercial_only": commercial_only}
    workers = workers if device == "cpu" else 1
    if workers > 1:
        threads = options["threads"] = 1
    detector_options: dict[str, Any] = {"threads": threads} if threads else {}
    if smallest is not None:
        detector_options["smallest"] = checked_smallest(detector, smallest)
    pipeline = Pipeline(
        detector=load(detector, **{**options, **detector_options}),
        embedder=load(embedder, **options) if embedder else None,
        heads=open_heads(heads, device, commercial_only),
        workers=workers,
        gallery=gallery,
        turns=turns,
        fpir=fpir,
        prior=prior,
        liveness=open_check(liveness, head=liveness_head, point=liveness_at, **options),
        cluster=cluster,
        recipe={
            **{"detector": detector, "embedder": embedder, "device": device, "heads": heads},
            **{"commercial_only": commercial_only, "turns": turns, "smallest": smallest},
            **{"liveness": liveness, "liveness_head": liveness_head, "liveness_at": liveness_at},
        },
    )
    if isinstance(calibration, Path):
        contract = pipeline.embedder.contract if pipeline.embedder else ""
        calibration = find_calibration(contract, detector, path=calibration)
    pipeline.calibration = calibration
    return pipeline


def checked_smallest(detector: str, smallest: float) -> float:
    """Return the smallest face, px, if the detector can search for it."""
    if not LEAST <= smallest < math.inf:
        raise MienError(
            f"A smallest face of {smallest:g} px is not possible; give {LEAST:g} px or more."
        )
    if "smallest" not in inspect.signature(entry_of(card(detector))).parameters:
        raise MienError(
            f"'{detector}' cannot search for faces from a chosen size on; leave out --smallest, or "
            f"use --detector {DETECTOR}."
        )
    return smallest
