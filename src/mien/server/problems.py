"""Errors as answers: `{"error": {"code", "message", "details"}, "request_id"}`."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from mien.decision import CalibrationError
from mien.errors import (
    CancelledError,
    DeviceError,
    FilmError,
    GalleryError,
    GalleryMismatchError,
    ImageError,
    LicenceError,
    LivenessError,
    MienError,
    MissingExtraError,
    NoFaceError,
    OptionError,
    StorageError,
    TooFewTrialsError,
    UnknownModelError,
    UnknownPersonError,
    WeightsError,
)
from mien.gallery import ConflictError, NoBasisError

# Status and code of each error of mien; the first class that fits counts.
CODES: tuple[tuple[type[MienError], int, str], ...] = (
    (NoBasisError, 409, "no-basis"),
    (UnknownPersonError, 404, "unknown-person"),
    (GalleryMismatchError, 409, "other-embedder"),
    (ConflictError, 409, "conflict"),
    (GalleryError, 409, "gallery"),
    (NoFaceError, 422, "no-face"),
    (ImageError, 422, "unreadable-image"),
    (FilmError, 422, "unreadable-film"),
    (CalibrationError, 422, "calibration"),
    (TooFewTrialsError, 422, "too-few-trials"),
    (UnknownModelError, 404, "unknown-model"),
    (LicenceError, 403, "licence"),
    (LivenessError, 409, "liveness"),
    (OptionError, 422, "option"),
    (WeightsError, 503, "weights"),
    (DeviceError, 503, "device"),
    (StorageError, 503, "storage"),
    (MissingExtraError, 501, "not-installed"),
    (CancelledError, 409, "cancelled"),
    (MienError, 422, "refused"),
)
COMPREFACE = "/api/v1/"  # what comes to its routes is answered in its form
COMPREFACE_CODES = {"no-face": 28, "unreadable-image": 29}
NAMES = {
    400: "bad-request",
    401: "not-authenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method",
    413: "too-large",
    415: "media-type",
    422: "invalid",
    429: "too-many",
}
PROBLEMS = (401, 403, 404, 409, 413, 415, 422, 429, 503)  # statuses that any route may answer with


class ProblemFacts(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any] = {}


class Problem(BaseModel):
    """The body of every answer that is not a success."""

    error: ProblemFacts
    request_id: str


class ApiError(HTTPException):
    """A request that cannot be answered; FastAPI passes it on where it reads a body, too."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.status, self.code, self.message = status, code, message
        self.details = details or {}


def absent(what: str) -> ApiError:
    """Return the error for what does not exist, or belongs to another tenant."""
    return ApiError(404, "not-found", f"{what} does not exist.")


def of_mien(error: MienError) -> ApiError:
    """Return the answer to an error of mien; its message is already a sentence for people."""
    status, code = next((s, c) for kind, s, c in CODES if isinstance(error, kind))
    return ApiError(status, code, str(error))


def answer(request: Request, error: ApiError) -> JSONResponse:
    """Return the JSON of an error, without any path of the server."""
    private = str(request.app.state.mien.settings.folder)
    message = error.message.replace(f"{private}/", "").replace(private, "the folder")
    clean = message.replace("\0", "")
    headers = {**(error.headers or {}), "Cache-Control": "no-store"}
    if request.url.path.startswith(COMPREFACE):
        code = COMPREFACE_CODES.get(error.code, error.status)
        return JSONResponse({"message": clean, "code": code}, error.status, headers)
    facts = ProblemFacts(code=error.code, message=clean, details=error.details)
    body = Problem(error=facts, request_id=getattr(request.state, "request_id", ""))
    return JSONResponse(body.model_dump(), error.status, headers)


def install(app: FastAPI) -> None:
    """Answer every error of an app in one form."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, MienError)
        return answer(request, of_mien(error))

    async def api(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return answer(request, error)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        fields = [
            {"where": ".".join(map(str, one["loc"])), "problem": one["msg"]}
            for one in error.errors()
        ]
        first = fields[0] if fields else {"where": "the request", "problem": "not valid"}
        message = f"{first['where']}: {first['problem']}."
        return answer(request, ApiError(422, "invalid", message, details={"fields": fields}))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = NAMES.get(error.status_code, "http")
        headers = dict(error.headers or {})
        return answer(
            request, ApiError(error.status_code, code, f"{error.detail}.", headers=headers)
        )

    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        message = "The server failed at this request; its log has the reason under this number."
        return answer(request, ApiError(500, "internal", message))

    app.add_exception_handler(MienError, ours)
    app.add_exception_handler(ApiError, api)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unforeseen)
