"""Calibration of a gallery on its own people, as a job."""

from fastapi import APIRouter, status

from mien.evaluate.verification.on_gallery import measure_on_people
from mien.server.access import Admin
from mien.server.galleries import Gallery
from mien.server.jobs import Job, JobFacts, Jobs, facts
from mien.server.state import State
from mien.service import Run
from mien.service.gallery_calibration import bind_calibration

router = APIRouter(prefix="/v1/galleries/{gallery}/calibration", tags=["rates"])
KIND = "calibration"


@router.post("", status_code=status.HTTP_202_ACCEPTED)
def calibrate_gallery(gallery: Gallery, caller: Admin) -> JobFacts:
    """Measure the error rates on the people of this gallery, and use them from then on.

    The job fails if the gallery is too small for an error rate; the calibration of before stays.
    """
    caller.gallery(gallery)  # it exists
    spec = {"who": caller.who}
    return facts(Jobs(caller.state.store).submit(caller.tenant, KIND, gallery, spec))


@router.delete("", status_code=status.HTTP_204_NO_CONTENT)
def reset_calibration(gallery: Gallery, caller: Admin) -> None:
    """Use the calibration of the embedder again."""
    caller.gallery(gallery).unbind()


def calibrate_job(state: State, job: Job, run: Run) -> None:
    """Measure, and keep the calibration in the gallery."""
    known = state.tenants.open(job.tenant, job.subject, who=job.spec["who"])
    found = measure_on_people(known, state.pipelines.searching(known).detector.name, run.step)
    bind_calibration(known, found)
