"""Endpoints of the live view: a frame in, boxes and names out."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Response

from mien.decision.decide import FPIR
from mien.server.access import Identifier
from mien.server.openapi import many, says
from mien.server.probes import Probe
from mien.server.problems import ApiError
from mien.server.rows import visible
from mien.service.schema import face_row

router = APIRouter(prefix="/v1/live", tags=["live"])
SESSION = r"^[A-Za-z0-9_-]{8,64}$"
FACES = {
    "size": many({"type": "integer"}),
    "faces": many(
        {
            "type": "object",
            "required": ["track", "box", "score", "decision"],
            "properties": {
                "track": {"type": "integer", "description": "same number: same face, followed"},
                "box": many({"type": "number"}),
                "score": {"type": "number"},
                "decision": {"$ref": "#/components/schemas/MaybeDecision"},
            },
        }
    ),
    "light": {"type": "number", "description": "mean brightness of the frame, 0 to 1"},
    "seconds": {"type": "number", "description": "that the server worked on it"},
}


@router.post("/frames", responses=says(FACES, "The faces of the frame, with their tracks."))
def frame(
    jpeg: Annotated[bytes, Body(media_type="image/jpeg", description="One frame, JPEG.")],
    caller: Identifier,
    session: Annotated[
        str, Query(pattern=SESSION, description="A random text that the page chose.")
    ],
    gallery: Annotated[str, Query(description="Name of the gallery.")] = "people",
    rate: Annotated[float, Query(gt=0, lt=1)] = FPIR,
    purpose: Annotated[str | None, Query()] = None,
) -> Any:
    """Find, track and name the faces of one frame of a camera. Frames are not kept.

    Frames of one `session` belong together; it ends one minute after the last one. A face is
    named when it appears, and again every second, from the mean of its best observations.
    """
    state = caller.state
    if len(jpeg) > state.settings.limits.photo_bytes:
        raise ApiError(413, "too-large", "The frame is too large.")
    known = caller.gallery(gallery, purpose)
    started = time.perf_counter()
    with state.gate():
        image = state.decode(jpeg, where="The frame")
        pipeline = state.pipelines.searching(known, rate)
        owner = f"{caller.tenant}/{caller.key.id}"
        about = f"{owner}/{gallery}/{rate}/{purpose}/{known.embedder}"
        tracked = state.live.find(session, about, pipeline)
        with tracked.lock:
            faces, named = tracked(image, time.monotonic(), pipeline)
    scores = Probe(caller, known, gallery, pipeline)(named)
    rows = [{"track": face.track, **face_row(face)} for face in faces]
    kept = [{key: row[key] for key in ("track", "box", "score", "decision")} for row in rows]
    people = known.enrolled()
    return {
        "size": list(image.shape[:2]),
        "faces": [visible(row, scores, pipeline.calibrated(), people) for row in kept],
        "light": round(float(image[::8, ::8].mean()) / 255, 4),
        "seconds": round(time.perf_counter() - started, 4),
    }


@router.delete("/{session}", status_code=204)
def end(
    session: Annotated[str, Path(pattern=SESSION)],
    caller: Identifier,
) -> Response:
    """Forget the tracks of a session now."""
    caller.state.live.end(session, f"{caller.tenant}/{caller.key.id}/")
    return Response(status_code=204)
