"""The process that does jobs: `mien.server.worker SETTINGS PARENT`, started by `mien serve`.

Films and albums are decoded here, away from the server. If a file ends this process, the server
starts it again, and the job continues from what is stored.
"""

import json
import os
import secrets
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import CancelledError, MienError
from mien.media import open_film
from mien.server import calibrating, copies, readings
from mien.server.films import FACES, PEOPLE, SEGMENTS, file_of, folder
from mien.server.grouping import group_album
from mien.server.jobs import Job, Jobs
from mien.server.portraits import face_picture
from mien.server.settings import ServerSettings
from mien.server.sightings import store_sightings
from mien.server.state import State, open_state
from mien.service import Run, identify
from mien.service.schema import Extent, film_row
from mien.types import FilmAnswer, Identity, Track

PAUSE, BEAT = 0.5, 3.0  # s between two readings of the queue; s between two renewals of a lease
SWEEP = 3600.0  # s between two erasures of steps that are final


class Worker:
    """Takes jobs one after the other."""

    def __init__(self, state: State) -> None:
        self.state, self.jobs = state, Jobs(state.store)
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.stopping = threading.Event()  # the process shall end: the job waits for another one

    def once(self) -> Job | None:
        """Do the job that waits longest; None if none does."""
        job = self.jobs.claim(self.name)
        if job is None:
            return None
        cancel = threading.Event()
        beating = threading.Event()
        beat = threading.Thread(target=self._beat, args=(job.id, cancel, beating), daemon=True)
        beat.start()
        try:
            self._do(job, Run(self._progress(job.id), cancel))
        except CancelledError:
            self._interrupted(job)
        except MienError as error:
            root = f"{self.state.settings.folder}{os.sep}"
            self.jobs.end(job.id, "failed", str(error).replace(root, ""))
        except Exception as error:  # a bug must not end the worker, and the job must end
            self.jobs.end(job.id, "failed", f"The server failed at this job ({error!r:.200}).")
        else:
            self.jobs.end(job.id, "done")
        finally:
            beating.set()
            beat.join()
        return job

    def loop(self) -> None:
        """Do jobs until the process shall end."""
        swept = -SWEEP
        while not self.stopping.is_set():
            if time.monotonic() - swept >= SWEEP:
                swept = time.monotonic()
                self.sweep()
            if self.once() is None:
                self.stopping.wait(PAUSE)

    def sweep(self) -> int:
        """Erase the steps of people that can no longer be undone; return how many.

        A gallery that cannot be changed now is left for the next time.
        """
        done = 0
        for tenant, gallery in self.state.tenants.all():
            with suppress(MienError):
                done += self.state.tenants.open(tenant, gallery, who="mien serve").expire()
        return done

    def _interrupted(self, job: Job) -> None:
        found = self.jobs.find(job.tenant, job.id)
        if found is not None and found.cancel:
            self.jobs.end(job.id, "cancelled")
        elif found is not None:
            self.jobs.requeue(job.id)

    def _beat(self, job: str, cancel: threading.Event, done: threading.Event) -> None:
        """Renew the lease; cancel the job if it was cancelled, or the process shall end."""
        last = time.monotonic()
        while not done.wait(0.2):
            if self.stopping.is_set():
                cancel.set()
            if time.monotonic() - last >= BEAT:
                last = time.monotonic()
                if not self.jobs.renew(job, self.name):
                    cancel.set()

    def _progress(self, job: str) -> Any:
        last = [0.0]

        def on_step(name: str, done: int, total: int) -> None:
            if name == "scan" and done > self.state.settings.limits.film_seconds:
                hours = self.state.settings.limits.film_seconds / 3600
                raise MienError(f"The film is longer than the {hours:g} h that are allowed.")
            if time.monotonic() - last[0] > 0.3 or done == total:
                last[0] = time.monotonic()
                self.jobs.progress(job, name, done, total)

        return on_step

    def _do(self, job: Job, run: Run) -> None:
        if job.kind == "film":
            do_film(self.state, job, run)
        elif job.kind == readings.KIND:
            readings.analyze_job(self.state, job, run)
        elif job.kind == copies.KIND:
            copies.copy_job(self.state, job, run)
        elif job.kind == calibrating.KIND:
            calibrating.calibrate_job(self.state, job, run)
        else:
            group_album(self.state, job, run)


def do_film(state: State, job: Job, run: Run) -> None:
    """Identify the people of a film; store the answer, and vectors and pictures of its people."""
    row = state.store.one("SELECT gallery, name FROM films WHERE id = ?", job.subject)
    if row is None:
        raise CancelledError("The film was deleted.")
    gallery, name = row
    place = folder(state, job.tenant, job.subject)
    path = file_of(place)
    known = state.tenants.open(
        job.tenant, gallery, who=job.spec["who"], purpose=job.spec["purpose"]
    )
    pipeline = state.pipelines.searching(known, job.spec["rate"])
    every = job.spec["every"]
    found = identify([str(path)], pipeline, every=every, keep=place / SEGMENTS, run=run)
    for one in found:
        if one.film is None:
            raise MienError((one.error or "The film cannot be read.").replace(str(path), name))
        if one.film.reason == "interrupted":
            raise CancelledError("The job was interrupted.")
        store_answer(state, job.subject, place, path, name, one.film, known.embedder)
        store_sightings(state, job.tenant, gallery, known, job.subject, one.film)
    known.store_counts()


def store_answer(
    state: State,
    film: str,
    place: Path,
    path: Path,
    name: str,
    answer: FilmAnswer,
    embedder: str,
) -> None:
    """Store what was found in a film; the vectors are of an embedder, by its contract id."""
    tracks = {track.number: track for track in answer.tracks}
    vectors = [vector_of(person, tracks) for person in answer.people]
    width = max((len(v) for v in vectors if v is not None), default=0)
    table = np.full((len(vectors), width), np.nan, np.float32)
    for place_, vector in enumerate(vectors):
        if vector is not None:
            table[place_] = vector
    with (place / PEOPLE).open("wb") as file:
        np.savez(file, vectors=table, embedder=embedder)
    store_faces(place / FACES, path, answer)
    row = film_row(answer, name, Extent())
    state.store.run("UPDATE films SET result = ? WHERE id = ?", json.dumps(row), film)


def vector_of(person: Identity, tracks: dict[int, Track]) -> Any:
    """Return the unit vector of the mean of a person's tracks; None without a usable face."""
    found = [tracks[n].vector for n in person.tracks if n in tracks]
    usable = [vector for vector in found if vector is not None]
    if not usable:
        return None
    total = np.sum(usable, axis=0)
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length else None


def store_faces(place: Path, path: Path, answer: FilmAnswer) -> None:
    """Store a picture of the best face of each person of a film."""
    place.mkdir(exist_ok=True, mode=0o700)
    for old in place.glob("*.jpg"):
        old.unlink()
    with open_film(path) as film:
        for number, person in enumerate(answer.people):
            frame = next(iter(film.frames(start=person.best.time or 0.0)), None)
            if frame is not None:
                jpeg = face_picture(frame.image, person.best.box)
                (place / f"{number}.jpg").write_bytes(jpeg)


def watch_parent(parent: int) -> None:
    """End this process if the server died, even before it began: nobody could stop it any more."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(3)


def on_stop(event: threading.Event) -> None:
    """Set an event when this process shall end."""

    def stop(number: int, frame: object) -> None:
        event.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def main() -> None:
    """Do jobs until SIGTERM, or until the server dies."""
    settings, parent = ServerSettings.unpacked(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=watch_parent, args=(parent,), daemon=True).start()
    worker = Worker(open_state(settings))
    on_stop(worker.stopping)
    try:
        worker.loop()
    finally:
        worker.state.close()


if __name__ == "__main__":
    main()
