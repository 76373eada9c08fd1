"""What the endpoints of a server share."""

import os
import threading
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from mien.errors import extra
from mien.photo import Pipeline
from mien.runtime import cpu_quota
from mien.server.budgets import Budgets
from mien.server.decoding import DecoderPool
from mien.server.gate import Gate
from mien.server.keys import Keys
from mien.server.live import LiveSessions
from mien.server.metrics import Metrics
from mien.server.pipelines import Pipelines
from mien.server.settings import ServerSettings
from mien.server.store import Store
from mien.server.tenants import DatabaseTenants, Tenants


@dataclass(eq=False)
class VerdictCounts:
    """What was counted of the journals, so that a count reads only what is new."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    # Tenant and gallery -> place and number of the last entry, right, wrong.
    known: dict[tuple[str, str], tuple[int, int, int, int]] = field(default_factory=dict)


@dataclass(eq=False)
class State:
    """The parts of one server process."""

    settings: ServerSettings
    pipelines: Pipelines
    store: Store
    keys: Keys
    tenants: Tenants
    decode: DecoderPool
    gate: Gate
    budgets: Budgets
    metrics: Metrics = field(default_factory=Metrics)
    verdicts: VerdictCounts = field(default_factory=VerdictCounts)
    live: LiveSessions = field(default_factory=LiveSessions)

    def close(self) -> None:
        """Release files and processes."""
        self.decode.close()
        self.tenants.close()
        self.store.close()


def open_state(settings: ServerSettings, pipeline: Pipeline | None = None) -> State:
    """Open the folder of a server, which is made if it does not exist."""
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(settings.folder, 0o700)
    store = open_store(settings)
    limits, running = settings.limits, settings.limits.running or cpu_quota()
    return State(
        settings,
        Pipelines(settings, pipeline),
        store,
        Keys(store),
        tenants_of(settings, store),
        DecoderPool(limits, running),
        Gate(running, limits.waiting),
        Budgets(settings.folder / "counters.db"),
    )


def open_store(settings: ServerSettings) -> Store:
    """Open the tables of a server: a file in its folder, or its database.

    Raises:
        MienError: the database cannot be used, or its packages are missing.
    """
    if settings.database is None:
        return Store(settings.folder / "server.db")
    with extra("pgvector", "A server with PostgreSQL"):
        from mien.server.store_postgres import PostgresStore
    return PostgresStore(settings.database)


def tenants_of(settings: ServerSettings, store: Store) -> Tenants:
    """Return the tenants of a server, with their galleries in files or in its database."""
    if settings.database is None:
        return Tenants(settings.folder)
    return DatabaseTenants(settings.folder, store, settings.database)


def state_of(request: Request) -> State:
    """Return the state of the app that a request came to."""
    state: State = request.app.state.mien
    return state


StateDep = Annotated[State, Depends(state_of)]
