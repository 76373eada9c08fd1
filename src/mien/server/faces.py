"""Endpoints about the faces of photos: detect, quality, analyze, verify, identify."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from mien.decision.decide import FMR, FPIR
from mien.errors import ImageError
from mien.liveness import Action, Companions
from mien.photo import Pipeline
from mien.server.access import Caller, Identifier
from mien.server.openapi import many, ref, says
from mien.server.probes import Probe
from mien.server.problems import ApiError
from mien.server.rows import visible
from mien.server.uploads import Photo, Photos, check_count, decoded, name_of, only, plane
from mien.service import check_frame
from mien.service import verify as verify_faces
from mien.service.identification import Identified
from mien.service.schema import Extent, Row, answer_row, identified_row, verified_row
from mien.types import Answer

router = APIRouter(prefix="/v1", tags=["faces"])
Rate = Annotated[
    float,
    Form(gt=0, lt=1, description="Share of searches for a stranger that may return a name."),
]
Purpose = Annotated[
    str | None, Form(description="Code of the purpose; a governed gallery needs one.")
]
GalleryName = Annotated[str, Form(description="Name of the gallery.")]
Check = Annotated[
    Action,
    Form(description="warn: state whether each face is live; refuse: a match must be live, too."),
]
Head = Annotated[str | None, Form(description="Card of the liveness head; see `/v1/models`.")]
Point = Annotated[str | None, Form(description="Operating point of that head, such as bpcer5.")]
ANSWERS = {"answers": many({"oneOf": [ref("image"), ref("unread_image")]})}
BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
DETECTED = many({"type": "object", "properties": {"box": BOX, "score": {"type": "number"}}})


def each(
    photos: list[UploadFile],
    caller: Caller,
    pipeline: Pipeline,
    row: Callable[[Answer, str], Row],
) -> dict[str, Any]:
    """Analyse photos one after the other; an unreadable one has an error instead of faces."""
    state = caller.state
    check_count(photos, state)
    rows = []
    with state.gate():
        for number, photo in enumerate(photos, 1):
            name, opened = name_of(photo, number), decoded(photo, state, number)
            if isinstance(opened, ImageError):
                rows.append(identified_row(Identified(name, error=str(opened))))
            else:
                rows.append(row(pipeline(*opened), name))
    return {"answers": rows}


@router.post("/detect", responses=says(ANSWERS, "One answer per photo."))
def detect(photos: Photos, caller: Identifier) -> Any:
    """Find the faces of photos: box, five points and score, or the likely reason for none."""
    pipeline = replace(caller.state.pipelines.plain(), embedder=None, heads=(), quality=False)
    return each(photos, caller, pipeline, answer_row)


@router.post("/quality", responses=says(ANSWERS, "One answer per photo."))
def quality(photos: Photos, caller: Identifier) -> Any:
    """Assess face quality: ISO/IEC 29794-5 components (0 to 100) and advice."""
    pipeline = replace(caller.state.pipelines.plain(), embedder=None, heads=())
    return each(photos, caller, pipeline, lambda a, name: answer_row(a, name, Extent(True)))


@router.post("/analyze", responses=says(ANSWERS, "One answer per photo."))
def analyze(
    photos: Photos,
    caller: Identifier,
    heads: Annotated[
        str | None, Form(description="Cards of chip heads, by comma; default: those enabled.")
    ] = None,
) -> Any:
    """Read heads off every face of photos, such as an expression; see `/v1/models`."""
    found = caller.state.pipelines.heads(heads)
    pipeline = replace(caller.state.pipelines.plain(), embedder=None, heads=found)
    return each(photos, caller, pipeline, answer_row)


@router.post("/liveness", responses=says(ANSWERS, "One answer per photo."))
def liveness(
    photos: Photos,
    caller: Identifier,
    liveness_head: Head = None,
    liveness_at: Point = None,
    depth: Annotated[
        UploadFile | None,
        File(description="Depth of the one photo: 16-bit PNG or TIFF of mm, .npy, or .npz."),
    ] = None,
    infrared: Annotated[
        UploadFile | None, File(description="Infrared picture of the one photo, of its size.")
    ] = None,
) -> Any:
    """Decide whether each face of photos is live or an attack, such as a printed photo.

    The answer names the head, its operating point, and the threshold. No score means no response,
    never live. With depth or infrared there is exactly one photo, and the head must use them.
    """
    state = caller.state
    check = state.pipelines.check("warn", liveness_head, liveness_at)
    pipeline = replace(state.pipelines.plain(liveness=check), embedder=None, heads=())
    scores = caller.may("scores")

    def row(answer: Answer, name: str) -> Row:
        return visible(answer_row(answer, name), scores)

    if depth is None and infrared is None:
        return each(photos, caller, pipeline, row)
    if len(photos) != 1:
        raise ApiError(422, "one-photo", "Depth and infrared belong to exactly one photo.")
    with state.gate():
        pixels, _ = only(photos[0], state)
        seen = Companions(plane(depth, "depth", state), plane(infrared, "infrared", state))
        answer = check_frame(pixels, seen, pipeline).answer
    assert answer is not None  # unreadable pictures are errors
    return {"answers": [row(answer, name_of(photos[0]))]}


@router.post("/verify", responses=says({"decision": ref("decision")}, "The decision."))
def verify(
    first: Photo,
    second: Annotated[UploadFile, File(description="Another image of one face.")],
    caller: Identifier,
    rate: Annotated[float, Form(gt=0, lt=1, description="False match rate.")] = FMR,
    liveness: Check = "off",
    liveness_head: Head = None,
    liveness_at: Point = None,
) -> Any:
    """Decide whether two photos show one person. The second one is the probe: it must be live."""
    state = caller.state
    state.budgets.faces(caller.key, 1)
    check = state.pipelines.check(liveness, liveness_head, liveness_at)
    with state.gate():
        pipeline = state.pipelines.plain(liveness=check)
        (a, change), (b, other) = only(first, state), only(second, state)
        decision = verify_faces(a, b, pipeline, fmr=rate, changes=(change, other))
    row = verified_row(name_of(first), name_of(second, 2), decision)
    return {"decision": visible(row, caller.may("scores"), pipeline.calibrated())}


@router.post("/identify", responses=says(ANSWERS, "One answer per photo."))
def identify(
    photos: Photos,
    caller: Identifier,
    gallery: GalleryName = "people",
    rate: Rate = FPIR,
    purpose: Purpose = None,
    details: Annotated[bool, Form(description="All candidates and quality components.")] = False,
    liveness: Check = "off",
    liveness_head: Head = None,
    liveness_at: Point = None,
) -> Any:
    """Identify the people of photos. The photos are not kept.

    Without the scope `scores`, answers have the decision and the names, and no number that says
    how close it was.
    """
    known = caller.gallery(gallery, purpose)
    check = caller.state.pipelines.check(liveness, liveness_head, liveness_at)
    pipeline = caller.state.pipelines.searching(known, rate, check)
    probe = Probe(caller, known, gallery, pipeline)

    def row(answer: Answer, name: str) -> Row:
        scores = probe(answer.faces)
        found = identified_row(Identified(name, answer), Extent(details=details))
        return visible(found, scores, pipeline.calibrated(), known.enrolled())

    return each(photos, caller, pipeline, row)
