"""Calibrate on the people of a gallery."""

from mien.decision import Calibration
from mien.evaluate.verification.calibrate import calibrate
from mien.evaluate.verification.vectors import Sample
from mien.gallery import GuardedGallery
from mien.service.gallery_calibration import sample_of
from mien.types import OnStep


def measure_on_people(gallery: GuardedGallery, detector: str, on_step: OnStep) -> Calibration:
    """Measure the error rates on the templates of a gallery.

    People with several templates give mated comparisons.

    Raises:
        MienError: the gallery is empty, or too small for an error rate.
    """
    vectors, people = sample_of(gallery)
    return calibrate(
        Sample(vectors, people),
        name="gallery",
        contract=gallery.embedder,
        detector=detector,
        data=f"People of this gallery: {len(vectors)} templates of {len(set(people))} people.",
        command="mien gallery calibrate",
        on_step=on_step,
    )
