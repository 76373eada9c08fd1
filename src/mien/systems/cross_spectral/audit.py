"""How often attacks are accepted as their target, in visible light and in near infrared.

The gallery is visible; probes are visible or infrared. A liveness head can stand before the match.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.audit import counted, read_chips
from mien.contracts import ClipHead, Samples, Scope, Subject, silent
from mien.detect import detect_with_retries
from mien.errors import ImageError, MienError, TooFewTrialsError
from mien.media import read_image
from mien.metrics import Estimate
from mien.metrics.findings import Cell, Fact, Findings, Table, graded, mitigation_table
from mien.systems.cross_spectral.measure import (
    BONA_FIDE,
    NIR,
    VIS,
    Rows,
    Spectrum,
    balanced_threshold,
    rates,
    require_grey,
    share,
    verdict,
)
from mien.types import Clip, Device, Doubles, OnStep
from mien.zoo import DETECTOR, find, is_fetched, load

LIMITS = (0.01, 0.1, 0.5)  # lower ends from which the risk is low, medium, high
COLUMNS = ("spectrum", "type", "role", "group")
NAMES = {VIS: "VIS", NIR: "NIR"}
BATCH = 64  # faces per call of the matcher
Rates = dict[str, Spectrum]  # by spectrum of the probes


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit cross-spectral --set KEY=VALUE`."""

    fmr: float = 0.01  # false match rate of strangers, at which thresholds are set on dev
    head: str = ""  # card of a liveness head before the match; "": none


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A liveness head before the match: its scores, and the threshold of visible dev faces."""

    name: str
    scores: Doubles  # (N,) NaN: no response
    threshold: float

    @property
    def passes(self) -> NDArray[np.bool_]:
        """(N,) whether it lets a row pass; a row without a score never passes."""
        return np.asarray(np.nan_to_num(self.scores, nan=-1.0) > self.threshold)


class CrossSpectral:
    """README.md beside this file is its card."""

    needs = frozenset({"embedder"})
    options = Options

    def __init__(self, *, name: str, digest: str = "", device: str = "cpu") -> None:
        self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

    def __call__(
        self,
        subject: Subject,
        data: Samples,
        scope: Scope,
        options: Options,
        /,
        on_step: OnStep = silent,
    ) -> Findings:
        """Set thresholds on dev, and count on eval what is accepted.

        Args:
            subject: the matcher.
            data: in the layout presentations: labels spectrum, type, role and group.
            scope: limits the queries.
            options: false match rate and liveness head.
            on_step: called after each picture.

        Raises:
            TooFewTrialsError: no such labels, nobody enrolled, or too few strangers for the rate.
            MienError: a colour picture is labelled as infrared; the head checks no liveness, or its
                weights are missing.
        """
        if missing := [name for name in COLUMNS if name not in data.labels]:
            raise TooFewTrialsError(
                f"The pictures have no label '{missing[0]}'; give --layout presentations."
            )
        head = _head(options.head)
        subject, counter = counted(subject, scope)
        _check_spectra(data)
        cut = read_chips(subject, data, counter.crop, on_step)
        if not len(cut.chips):
            raise TooFewTrialsError("No picture shows a face, so nothing can be compared.")
        parts = [np.asarray(counter(cut.chips[k : k + BATCH]), np.float64)
                 for k in range(0, len(cut.chips), BATCH)]  # fmt: skip
        vectors = np.full((len(data.pictures), parts[0].shape[1]), np.nan)
        vectors[cut.rows] = np.concatenate(parts)
        spectrum, kind, role, group = (np.array(data.labels[name]) for name in COLUMNS)
        people = np.array(data.people or ("",) * len(data.pictures))
        rows = Rows(vectors, spectrum, people, kind, role, group)
        stage = None if head is None else _stage(head, data, rows, on_step)
        spectra = [s for s in (VIS, NIR) if rows.where(role="probe", spectrum=s).any()]
        if not spectra:
            raise TooFewTrialsError("There is no probe, so nothing can be compared.")
        alone = {s: rates(rows, s, options.fmr) for s in spectra}
        both = {} if stage is None else {
            s: rates(rows, s, options.fmr, stage.passes) for s in spectra
        }  # fmt: skip
        return findings(subject, data, scope, options, rows, alone, both, stage)


def _head(name: str) -> ClipHead | None:
    if not name:
        return None
    card = find(name)
    if card.kind != "clip-head" or card.task != "liveness":
        raise MienError(
            f"'{name}' does not check liveness; choose another head, or head= for none."
        )
    if not is_fetched(card):
        raise MienError(
            f"The weights of '{name}' are not on this machine, and an audit has no network; fetch "
            f"them first: mien models pull {name}"
        )
    opened: ClipHead = load(name)
    return opened


def _check_spectra(data: Samples) -> None:
    for picture, spectrum in zip(data.pictures, data.labels["spectrum"], strict=True):
        if spectrum == NIR:
            try:
                require_grey(read_image(picture), str(picture)[:80])
            except ImageError:
                continue  # counted as a picture without a face


def _stage(head: ClipHead, data: Samples, rows: Rows, on_step: OnStep) -> Stage:
    """Score each probe with the head; the threshold balances both errors on visible dev probes."""
    detector = load(DETECTOR)
    scores = np.full(len(data.pictures), np.nan)
    probes = np.flatnonzero(rows.role == "probe")
    for done, row in enumerate(probes, 1):
        try:
            image = read_image(data.pictures[row])
        except ImageError:
            continue
        if face := detect_with_retries(detector, image, "when-needed").largest:
            readings = head(Clip(np.zeros(1), frames=image[None], boxes=face.box[None]))
            scores[row] = readings[0].values["live"] if readings else np.nan
        on_step("liveness", done, len(probes))
    dev = rows.where(role="probe", spectrum=VIS, group="dev") & np.isfinite(scores)
    live = rows.kind == BONA_FIDE
    if not (dev & live).any() or not (dev & ~live).any():
        raise TooFewTrialsError(
            "A liveness head needs visible probes of dev, bona fide and attacks, for its "
            "threshold; add them, or leave the head out: --set head="
        )
    return Stage(head.name, scores, balanced_threshold(scores[dev], live[dev]))


def findings(
    subject: Subject,
    data: Samples,
    scope: Scope,
    options: Options,
    rows: Rows,
    alone: Rates,
    both: Rates,
    stage: Stage | None,
) -> Findings:
    """Write down what was measured; the risk rests on the instrument that is accepted most."""
    last = list(alone)[-1]
    worst, rate = max(
        alone[last].accepted.items(), key=lambda item: item[1].value,
        default=("none", Estimate(float("nan"), reason="no attack has a target")),
    )  # fmt: skip
    kinds = (Fact(f"accepted: {worst}", rate, "rate", f"worst instrument, {NAMES[last]} probes"),)
    errors = tuple(
        Fact(f"equal error rate, {NAMES[s]}", Estimate(one.equal_error), "rate",
             "bona fide only: it does not show attacks")
        for s, one in alone.items()
    )  # fmt: skip
    no_target = int(((rows.kind != BONA_FIDE) & (rows.person == "")).sum())
    return Findings(
        "Cross-spectral vulnerability: which attacks pass as their target?",
        f"Visible gallery, {' and '.join(NAMES[s] for s in alone)} probes; thresholds at FMR "
        f"{options.fmr:g} on strangers of dev, counted on eval.",
        (*kinds, *errors),
        (_matcher_table(alone), _instrument_table(alone, both, rows, stage),
         *([] if stage is None else [_with_stage(alone, both, stage)])),
        warnings=(
            "Wavelengths, printers and cameras differ: results bind to the tested set-up.",
            "An audit on rendered frames shows that the audit works, not that a product is safe.",
        ),
        notes=(
            f"{no_target} attacks have no target and are not counted as accepted or refused.",
            "IAPMR: share of attack presentations that the matcher accepts as the imitated person "
            "(ISO/IEC 30107-3). With a liveness head it is IAPAR; RIAPAR adds the share of bona "
            "fide probes that are refused.",
        ),
        basis=(
            ("Matcher", subject.label), ("Liveness head", stage.name if stage else "none"),
            ("Data", data.name), ("Purpose", scope.purpose or "not stated"),
        ),
        risk=graded(rate, LIMITS, f"Acceptance of {worst} in {NAMES[last]}"),
    )  # fmt: skip


def _matcher_table(alone: Rates) -> Table:
    return Table(
        "The matcher, bona fide probes",
        (("Probes", "text"), ("Threshold", "number"), ("EER", "number"), ("FNMR", "rate"),
         ("FMR", "rate")),
        tuple((NAMES[s], one.threshold, one.equal_error, one.non_match, one.false_match)
              for s, one in alone.items()),
        "Thresholds come from other people (dev).",
    )  # fmt: skip


def _instrument_table(alone: Rates, both: Rates, rows: Rows, stage: Stage | None) -> Table:
    made: list[tuple[Cell, ...]] = []
    for s, one in alone.items():
        for kind, rate in one.accepted.items():
            at = rows.where(role="probe", spectrum=s, group="eval", kind=kind)
            apcer = None if stage is None else share(rows.person[at], stage.passes[at])
            made.append((f"{kind}, {NAMES[s]}", one.presented[kind], rate, apcer,
                         both[s].accepted[kind] if both else None,
                         verdict(one.presented[kind], rate)))  # fmt: skip
    return Table(
        "By attack instrument",
        (("Instrument", "text"), ("n", "count"), ("IAPMR", "rate"), ("APCER of the head", "rate"),
         ("IAPAR with it", "rate"), ("Verdict", "text")),
        tuple(made),
        "insufficient: fewer than 30 presentations; open: more than 10 % are accepted; held: less "
        "than 10 %; unclear: the interval contains 10 %. Verdicts are without the head.",
    )  # fmt: skip


def _with_stage(alone: Rates, both: Rates, stage: Stage) -> Table:
    """RIAPAR of the worst instrument without and with the head."""
    rows = []
    for name, one in (("no head", alone), (stage.name, both)):
        last = list(one)[-1]
        worst = max(one[last].accepted.values(), key=lambda rate: rate.value,
                    default=Estimate(float("nan"), reason="no attack has a target"))  # fmt: skip
        refused = one[last].non_match
        rows.append((name, worst, f"{refused.value:.1%} of bona fide probes are refused; RIAPAR "
                                  f"{worst.value + refused.value:.2f}"))  # fmt: skip
    return mitigation_table("Worst instrument accepted", rows)
