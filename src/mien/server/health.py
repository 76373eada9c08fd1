"""Endpoints about the server itself: health, readiness, settings, metrics."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mien.server.access import Admin, Anybody
from mien.server.jobs import Jobs
from mien.server.state import StateDep

router = APIRouter(prefix="/v1", tags=["server"])


class Health(BaseModel):
    """The process answers."""

    status: str = Field(examples=["ok"])
    version: str


class Ready(BaseModel):
    """The server can answer requests."""

    ready: bool
    models: list[str] = Field(description="in memory; idle ones are released")


class SettingsFacts(BaseModel):
    """The settings of the server; they are set when it starts."""

    version: str
    detector: str
    embedder: str = Field(description="of new galleries")
    device: str
    commercial_only: bool
    portraits: bool = Field(description="small pictures of templates are kept")
    limits: dict[str, float]
    tenant: str
    key: str = Field(description="name of the key that asks")
    scopes: list[str]


@router.get("/health")
def health() -> Health:
    """Report that the process answers. Needs no key."""
    return Health(status="ok", version=version("mien"))


@router.get("/ready")
def ready(state: StateDep) -> Ready:
    """Report that the models could be loaded and the files can be read. Needs no key."""
    state.pipelines.prove()
    state.store.one("SELECT 1")
    return Ready(ready=True, models=[line.partition("@")[0] for line in state.pipelines.loaded])


@router.get("/settings")
def settings(caller: Anybody) -> SettingsFacts:
    """Show the settings, and what the key that asks may do."""
    found = caller.state.settings
    limits: dict[str, Any] = asdict(found.limits)
    return SettingsFacts(
        version=version("mien"),
        detector=found.detector,
        embedder=found.embedder,
        device=found.device,
        commercial_only=found.commercial_only,
        portraits=found.portraits,
        limits=limits,
        tenant=caller.tenant,
        key=caller.key.name,
        scopes=list(caller.key.scopes),
    )


@router.get("/metrics", response_class=Response)
def metrics(caller: Admin) -> Response:
    """Show the counters of this process for Prometheus."""
    state = caller.state
    gauges = {
        "computing": state.gate.inside,
        "refused_busy_total": state.gate.refused,
        "decoders_died_total": state.decode.died,
        "jobs_waiting": Jobs(state.store).waiting(),
        "live_sessions": len(state.live),
        "models_loaded": len(state.pipelines.loaded),
    }
    return Response(state.metrics.text(gauges), media_type="text/plain; version=0.0.4")
