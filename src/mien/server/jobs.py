"""Jobs: a table with leases, from which worker processes take what is to be done.

A worker renews the lease of its job. If it dies, the lease ends, and another worker continues the
job from what is stored. A job that ended three workers has failed.
"""

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mien.server.access import Reviewer
from mien.server.paging import Cursor, Limit, Page, page
from mien.server.problems import ApiError, absent
from mien.server.rows import moment
from mien.server.store import Store

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
LEASE, ATTEMPTS = 20.0, 3  # s; workers that may die at one job
COLUMNS = "id, tenant, kind, subject, spec, state, step, error, attempts, cancel, made, ended"
JobState = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """One job."""

    id: str
    tenant: str
    kind: str
    subject: str  # id of the film or album, or the gallery
    spec: dict[str, Any]
    state: JobState
    step: dict[str, Any]  # name, done, total
    error: str | None
    attempts: int
    cancel: bool
    made: float
    ended: float | None


class Progress(BaseModel):
    """How far a job is."""

    name: str = Field(description="what is counted")
    done: int
    total: int = Field(description="0: not known")


class JobFacts(BaseModel):
    """A job, as its owner sees it."""

    id: str
    kind: Literal["film", "analysis", "cluster", "copy", "calibration"]
    subject: str = Field(description="id of the film or album, or the gallery")
    state: JobState
    progress: Progress | None
    error: str | None
    attempts: int
    made: str
    ended: str | None


def facts(job: Job) -> JobFacts:
    """Return what is shown of a job."""
    return JobFacts(
        id=job.id,
        kind=job.kind,  # type: ignore[arg-type]  # only these are submitted
        subject=job.subject,
        state=job.state,
        progress=Progress(**job.step) if job.step else None,
        error=job.error,
        attempts=job.attempts,
        made=moment(job.made) or "",
        ended=moment(job.ended),
    )


class Jobs:
    """The table of jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def submit(self, tenant: str, kind: str, subject: str, spec: dict[str, Any]) -> Job:
        """Queue a job; one about the same subject that waits or runs is returned instead.

        Copies of a film differ by what is asked for.
        """
        with self._store.change():
            for old in self.about(tenant, subject):
                same = old.kind == kind and (kind != "copy" or old.spec == spec)
                if same and old.state in ("queued", "running"):
                    return old
            number = secrets.token_urlsafe(12)
            self._store.run(
                "INSERT INTO jobs (id, tenant, kind, subject, spec, state, made) "
                "VALUES (?, ?, ?, ?, ?, 'queued', ?)",
                *(number, tenant, kind, subject, json.dumps(spec), time.time()),
            )
        found = self.find(tenant, number)
        assert found is not None
        return found

    def find(self, tenant: str, number: str) -> Job | None:
        """Return a job of a tenant."""
        query = f"SELECT {COLUMNS} FROM jobs WHERE id = ? AND tenant = ?"
        row = self._store.one(query, number, tenant)
        return _job(row) if row else None

    def about(self, tenant: str, subject: str, kind: str | None = None) -> list[Job]:
        """Return the jobs of a kind, or all, about a film or album, newest first."""
        query = f"SELECT {COLUMNS} FROM jobs WHERE tenant = ? AND subject = ? ORDER BY made DESC"
        found = (_job(row) for row in self._store.all(query, tenant, subject))
        return [job for job in found if kind in (None, job.kind)]

    def list(self, tenant: str) -> list[Job]:
        """Return the jobs of a tenant, newest first."""
        query = f"SELECT {COLUMNS} FROM jobs WHERE tenant = ? ORDER BY made DESC, id"
        return [_job(row) for row in self._store.all(query, tenant)]

    def claim(self, worker: str) -> Job | None:
        """Take the oldest job that waits, or whose worker died; None if there is none."""
        now = time.time()
        with self._store.change():
            self._store.run(
                "UPDATE jobs SET state = 'failed', ended = ?, error = ? "
                "WHERE state = 'running' AND lease < ? AND attempts >= ?",
                *(now, f"The work ended {ATTEMPTS} workers; the file may be damaged."),
                *(now, ATTEMPTS),
            )
            row = self._store.one(
                f"SELECT {COLUMNS} FROM jobs WHERE state = 'queued' "
                "OR (state = 'running' AND lease < ?) ORDER BY made LIMIT 1",
                now,
            )
            if row is None:
                return None
            self._store.run(
                "UPDATE jobs SET state = 'running', worker = ?, lease = ?, "
                "attempts = attempts + 1 WHERE id = ?",
                *(worker, now + LEASE, row[0]),
            )
        return _job(row)

    def renew(self, number: str, worker: str) -> bool:
        """Renew a lease; return whether the worker shall go on."""
        done = self._store.run(
            "UPDATE jobs SET lease = ? WHERE id = ? AND worker = ? AND state = 'running' "
            "AND cancel = 0",
            *(time.time() + LEASE, number, worker),
        )
        return bool(done)

    def progress(self, number: str, name: str, done: int, total: int) -> None:
        """Store how far a job is. Once it is farther than ever, earlier attempts do not count."""
        with self._store.change():
            row = self._store.one("SELECT step FROM jobs WHERE id = ?", number)
            before = json.loads(row[0]) if row else {}
            further = before.get("name") == name and done > before.get("done", 0)
            step = json.dumps({"name": name, "done": done, "total": total})
            self._store.run(
                "UPDATE jobs SET step = ?, attempts = CASE WHEN ? THEN 1 ELSE attempts END "
                "WHERE id = ?",
                *(step, further, number),
            )

    def end(self, number: str, state: JobState, error: str | None = None) -> None:
        """Store how a job ended."""
        self._store.run(
            "UPDATE jobs SET state = ?, error = ?, ended = ?, worker = NULL WHERE id = ?",
            *(state, error, time.time(), number),
        )

    def requeue(self, number: str) -> None:
        """Return a job that its worker could not finish; it does not count as an attempt."""
        self._store.run(
            "UPDATE jobs SET state = 'queued', worker = NULL, lease = NULL, cancel = 0, "
            "ended = NULL, error = NULL, "
            "attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END WHERE id = ?",
            number,
        )

    def cancel(self, tenant: str, number: str) -> Job | None:
        """Cancel a job: at once if it waits, else at its next step."""
        with self._store.change():
            self._store.run(
                "UPDATE jobs SET cancel = 1 WHERE id = ? AND tenant = ? "
                "AND state IN ('queued', 'running')",
                *(number, tenant),
            )
            self._store.run(
                "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'queued' "
                "AND cancel = 1",
                *(time.time(), number),
            )
        return self.find(tenant, number)

    def delete(self, tenant: str, subject: str) -> None:
        """Delete the jobs about a film or album."""
        self._store.run("DELETE FROM jobs WHERE tenant = ? AND subject = ?", tenant, subject)

    def waiting(self) -> int:
        """Return the number of jobs that wait or run."""
        query = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
        return int(self._store.one(query)[0])


def _job(row: Any) -> Job:
    number, tenant, kind, subject, spec, state, step, error, attempts, cancel, made, ended = row
    known = (number, tenant, kind, subject, json.loads(spec), state, json.loads(step))
    return Job(*known, error, attempts, bool(cancel), made, ended)


def require(caller: Reviewer, job: str) -> Job:
    """Return a job of the tenant of the caller; raise 404 without one."""
    found = Jobs(caller.state.store).find(caller.tenant, job)
    if found is None:
        raise absent(f"Job {job[:40]!r}")
    return found


@router.get("")
def list_jobs(caller: Reviewer, cursor: Cursor = None, limit: Limit = 50) -> Page[JobFacts]:
    """List jobs, newest first."""
    rows = Jobs(caller.state.store).list(caller.tenant)
    found = page(rows, cursor, limit, lambda job: -job.made)
    return Page(items=[facts(job) for job in found.items], next=found.next, total=found.total)


@router.get("/{job}")
def show_job(job: str, caller: Reviewer) -> JobFacts:
    """Show the progress of a job."""
    return facts(require(caller, job))


@router.post("/{job}/cancel")
def cancel_job(job: str, caller: Reviewer) -> JobFacts:
    """Cancel a job; what it has done is kept, so that it can be resumed."""
    require(caller, job)
    done = Jobs(caller.state.store).cancel(caller.tenant, job)
    assert done is not None
    return facts(done)


@router.post("/{job}/resume")
def resume_job(job: str, caller: Reviewer) -> JobFacts:
    """Continue a job that was cancelled or has failed."""
    found, jobs = require(caller, job), Jobs(caller.state.store)
    if found.state not in ("cancelled", "failed"):
        raise ApiError(409, "job-state", f"The job is {found.state}; only an ended one is resumed.")
    jobs.requeue(found.id)
    return facts(require(caller, job))
