"""The model of a gallery changes: a second vector per template, a trial on live searches, a switch.

All searches use the present model until the switch, and the new one from then on. Both vectors stay
until the end of the change, so it can be rolled back at any time before.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mien.errors import GalleryError
from mien.gallery.checks import utc
from mien.gallery.recall import Recall
from mien.gallery.records import Receipt, Stored
from mien.gallery.review import DENIED, HELD
from mien.gallery.watching import ASIDE, CALIBRATION, SIGNALS, Watching
from mien.types import Candidate, Floats

TRIAL = "model-trial"  # kind of the fact that counts compared decisions
KEPT = 50  # compared decisions in memory before they are stored
LONGEST = 200  # characters of a contract id


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A change of the model that is under way."""

    present: str  # contract id of the embedder that answers searches
    other: str  # contract id of the second vectors: of the new one, after the switch of the old one
    switched: bool
    templates: int  # all
    embedded: int  # of them, those that have both vectors
    trial: bool  # whether live searches of images also ask the new model
    since: str | None  # ISO 8601, UTC: when the trial began; None: there was none
    compared: Mapping[str, int]  # what both models decided about a face -> number of faces

    @property
    def faces(self) -> int:
        """The number of faces that were compared."""
        return sum(self.compared.values())

    @property
    def equal(self) -> int:
        """Of them, those with the same outcome and person."""
        same = (f"{outcome}-{outcome}" for outcome in ("match", "review", "unknown"))
        return sum(self.compared.get(code, 0) for code in same)


class Renewal(Watching):
    """The part of a guarded gallery that changes its model."""

    _compared: tuple[str, ...] = ()

    def begin_model(self, contract: str) -> None:
        """Begin to change the model; searches stay as they are.

        Args:
            contract: contract id of the new embedder.

        Raises:
            GalleryError: a change is under way, or it is the present embedder.
        """
        if self.engine.beside() is not None:
            raise GalleryError(
                f"The model of gallery {self.where} is being changed already; continue, or end it: "
                "mien gallery model show"
            )
        if contract == self.embedder or not 0 < len(contract) <= LONGEST:
            raise GalleryError(
                f"{contract[:40]!r} is not the contract id of another embedder than that of "
                f"gallery {self.where}, '{self.embedder}'; name another one."
            )
        with self._changing("model-begin"):
            self.engine.begin_beside(contract)

    def second_vectors(self) -> dict[int, Floats]:
        """Return the second vectors of all templates that have one, by their numbers."""
        self._record("compare")
        found: dict[int, Floats] = {}
        while page := self.engine.second_vectors(max(found, default=0)):
            found |= page
        return found

    def second_calibration(self) -> str | None:
        """Return the calibration of the second vectors, as JSON; None: the shipped one."""
        found = self.engine.facts(ASIDE + CALIBRATION)
        return found[-1].text if found else None

    def lacking(self) -> Iterator[Stored]:
        """Yield the templates without a second vector, in the order of their numbers."""
        self._record("view-all")
        after = 0
        while page := self.engine.lacking(after):
            yield from page
            after = page[-1].id

    def put_beside(self, vectors: Mapping[int, Floats]) -> int:
        """Store second vectors by the numbers of their templates; return how many were stored."""
        with self._changing("model-embed", templates=sorted(vectors)):
            return self.engine.put_beside(vectors)

    def try_model(self, on: bool = True) -> None:
        """Let live searches of images also ask the new model and count differences, or stop that.

        Raises:
            GalleryError: no change is under way, or it is switched already.
        """
        change = self.model_change()
        if on and (change is None or change.switched):
            raise GalleryError(
                f"Gallery {self.where} has no new model to try: begin with mien gallery model "
                "begin, before the switch."
            )
        row = self._trial()
        row |= {"on": on, "since": row["since"] or utc(None)}
        with self._changing("model-try"):
            self._put_trial(row)

    def shadow(self) -> "Trial | None":
        """Return the search that tries the new model; None if there is no trial."""
        beside = self.engine.beside()
        if beside is None or beside.switched or not self._trial()["on"]:
            return None
        return Trial(self, beside.contract)

    def search_beside(self, vectors: Floats, k: int = 1) -> list[list[Candidate]]:
        """Find the k most similar people by the new model, with the rules of `search`."""
        hidden: frozenset[int] = frozenset()
        if self.settings.governed:
            hidden = self._uncovered("model-search")
            counts = {"faces": len(vectors), "not-covered": len(hidden)}
            self.journal.append("model-search", purpose=self.purpose, counts=counts)
        return self.engine.search_beside(vectors, k, without=hidden)

    def compared(self, codes: Sequence[str]) -> None:
        """Count what both models decided, such as "match-unknown"; see `compared_as`."""
        self._compared += tuple(codes)
        if len(self._compared) >= KEPT:
            self._store_trial()

    def model_change(self) -> ModelChange | None:
        """Return the change of the model that is under way; None if there is none."""
        beside, row = self.engine.beside(), self._trial()
        if beside is None:
            return None
        counts = dict(row["counts"])
        for code in self._compared:
            counts[code] = counts.get(code, 0) + 1
        return ModelChange(
            self.engine.embedder,
            beside.contract,
            beside.switched,
            beside.templates,
            beside.embedded,
            row["on"] and not beside.switched,
            row["since"],
            counts,
        )

    def switch_model(self) -> Receipt:
        """Let the new model answer all searches from now on, in one transaction.

        Other programs that have the gallery open must open it again.

        Raises:
            GalleryError: a template has no vector of the new model, or waits in quarantine, or a
                face is denied, or the switch was made.
        """
        return self._switch("model-switch", switched=False)

    def roll_back_model(self) -> Receipt:
        """Let the old model answer all searches again, in one transaction.

        Raises:
            GalleryError: as in `switch_model`; templates of after the switch need an old vector.
        """
        return self._switch("model-roll-back", switched=True)

    def end_model(self) -> Receipt:
        """End the change: erase the second vectors, and keep the model that answers now."""
        with self._changing("model-end"), self.engine.together(erases=True):
            self.engine.drop_beside()
            kinds = (TRIAL, *(ASIDE + kind for kind in (CALIBRATION, *SIGNALS)))
            old = [fact.id for kind in kinds for fact in self.engine.facts(kind)]
            self.engine.discard(old)
        self._compared = ()
        return self.engine.scrub()

    def decide_first(self) -> None:
        """Refuse to go on while vectors wait in quarantine or in facts, which would be left.

        Raises:
            GalleryError: there are some.
        """
        if self.engine.facts(HELD, limit=1) or self.engine.facts(DENIED, limit=1):
            raise GalleryError(
                f"Gallery {self.where} has templates in quarantine, or denied faces; decide about "
                "them first: mien gallery quarantine, mien gallery facts retract"
            )

    def _switch(self, act: str, *, switched: bool) -> Receipt:
        change = self.model_change()
        if change is None or change.switched != switched:
            problem = "was not switched to another model" if switched else "has no new model"
            raise GalleryError(
                f"Gallery {self.where} {problem}; its state: mien gallery model show"
            )
        self.decide_first()
        self._store_trial()
        self._store_levels()
        counts = {"templates": change.templates}
        with self._changing(act, counts=counts), self.engine.together(erases=True):
            self._exchange_calibrations()
            self.engine.swap()
        self.engine.adopt(change.other)
        self.embedder = change.other
        return self.engine.scrub()

    def _exchange_calibrations(self) -> None:
        """Let the calibration of the other model be that of the gallery."""
        for kind in (CALIBRATION, *SIGNALS):
            pair = [(one, self.engine.facts(one)) for one in (kind, ASIDE + kind)]
            self.engine.discard([fact.id for _, facts in pair for fact in facts])
            for (_, facts), (name, _) in zip(pair, reversed(pair), strict=True):
                for fact in facts:
                    self.engine.put(name, fact.text)

    def _trial(self) -> dict[str, Any]:
        found = self.engine.facts(TRIAL)
        if not found:
            return {"on": False, "since": None, "counts": {}}
        row: dict[str, Any] = json.loads(found[-1].text)
        return row

    def _put_trial(self, row: Mapping[str, Any]) -> None:
        found = self.engine.facts(TRIAL)
        self.engine.put(TRIAL, json.dumps(row), instead=found[-1].id if found else None)

    def _store_trial(self) -> None:
        """Store counts, together with those of other programs."""
        if self.engine.read_only or not self._compared:
            return
        with self.engine.together():
            row = self._trial()
            for code in self._compared:
                row["counts"][code] = row["counts"].get(code, 0) + 1
            if self.engine.beside() is not None:
                self._put_trial(row)
        self._compared = ()


class Trial:
    """The search of a gallery by its new model; see `mien.gallery.records.Shadow`."""

    recall: Recall | None = None  # the search is exact

    def __init__(self, gallery: Renewal, embedder: str) -> None:
        """Search by the second vectors, which are of this embedder."""
        self.gallery, self.where, self.embedder = gallery, gallery.where, embedder

    def search(self, vectors: Floats, k: int = 1) -> list[list[Candidate]]:
        """Find the k most similar people."""
        return self.gallery.search_beside(vectors, k)

    def enrolled(self) -> int:
        """Return the number of people that a search can return."""
        return self.gallery.findable()

    def calibration(self) -> str | None:
        """Return the calibration of the new model, as JSON; None: the shipped one."""
        return self.gallery.second_calibration()

    def observed(self, levels: Sequence[float], sharpness: Sequence[float] = ()) -> None:
        """Do nothing: drift is that of the present model."""

    def decided(self, outcomes: Sequence[str], threshold: float | None) -> None:
        """Do nothing: decisions are those of the present model."""

    def compared(self, codes: Sequence[str]) -> None:
        """Count what both models decided."""
        self.gallery.compared(codes)
