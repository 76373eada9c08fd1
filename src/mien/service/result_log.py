"""Result file that a later run continues."""

from pathlib import Path
from typing import Self

from mien.media import write_bytes
from mien.media.json_log import JsonLog, Row, json_line
from mien.photo import Pipeline
from mien.service.schema import BRIEF, SCHEMA, Extent


class ResultLog:
    """A file of JSON lines, one per source; sources that are in it are not processed again.

    Each row is flushed to disk before the next source is processed. Sources that could
    not be read, and films that were not searched to the end, are processed again.
    """

    def __init__(self, path: Path, settings: Row) -> None:
        """Open or create a log.

        Raises:
            MienError: the file has other settings, or cannot be written.
        """
        self._log = JsonLog(path, settings)
        rows = list(self._log.rows())
        fresh = {"error", "skipped"}  # these entries are tried again
        kept = [row for row in rows if not fresh & row.keys() and row.get("complete", True)]
        self.done = {row["film" if "film" in row else "image"] for row in kept}
        if len(kept) < len(rows):
            self._log.close()
            lines = [{"mien": settings}, *kept]
            write_bytes(path, b"".join(json_line(row) for row in lines))
            self._log = JsonLog(path, settings)

    @classmethod
    def of_identification(
        cls, path: Path, pipeline: Pipeline, gallery: str, extent: Extent = BRIEF
    ) -> Self:
        """Open or create the log of one gallery, its state and the settings of the pipeline.

        Args:
            path: the file.
            pipeline: has a gallery.
            gallery: its address.
            extent: how much of an answer the rows hold.
        """
        assert pipeline.gallery is not None
        settings = {
            "schema": SCHEMA,
            "extent": [extent.details, extent.sources],
            "gallery": gallery,
            "stamp": pipeline.gallery.stamp(),
            "fpir": pipeline.fpir,
            "turns": pipeline.turns,
            "calibration": pipeline.calibrated().name,
            "prior": pipeline.prior,
            "models": {step: name.partition(" on ")[0] for step, name in pipeline.models.items()},
        }
        return cls(path, settings)

    def append(self, row: Row) -> None:
        """Write one row.

        Raises:
            MienError: the disk is full or lost; earlier lines remain complete.
        """
        self._log.append(row)

    def rows(self) -> list[Row]:
        """Return all rows of the file, also those of earlier runs."""
        return list(self._log.rows())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._log.close()
