"""Galleries searched by Milvus: it compares, and a file or PostgreSQL keeps the records.

`milvus://HOST:19530/DATABASE?gallery=NAME&records=ADDRESS`, or `milvus:///PATH/lite.db` for Milvus
Lite. Milvus has no transactions, so it cannot keep a journal with its changes. It has a copy of the
vectors, which states which state of the records it shows. A search brings it up to that state
before, and does not trust it otherwise. With `index=hnsw`, an approximate index answers, and its
recall is measured. An encrypted gallery has no vectors in Milvus: it is searched in memory.
"""

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlunsplit

import numpy as np
from pymilvus import DataType, MilvusClient, MilvusException

from mien.errors import GalleryError
from mien.gallery.checks import check_vectors, split_address
from mien.gallery.index import NOBODY, Hit
from mien.gallery.near import Near
from mien.gallery.recall import Recall
from mien.gallery.sqlite import SqliteGallery
from mien.types import Candidate, Floats

if TYPE_CHECKING:
    from mien.gallery.postgres import PostgresGallery

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
TOKEN = "MIEN_MILVUS_TOKEN"  # environment: token, or USER:PASSWORD, of the server
PAGE = 1000  # rows that are sent together
MOST = 16_384  # rows that Milvus returns for one query, at most
STATE = 0  # id of the row that states what a collection shows; templates count from 1
NOT_LOADED = 101  # code of Milvus for a collection that is not in memory
BREADTH = 200  # templates that an approximate search visits
TRIES = 4  # searches that others disturb before the templates are searched in memory
WAIT = 30.0  # seconds
# pymilvus asks every 10 s whether the connection still stands, in calls or not. Servers of gRPC
# close a connection on which they are asked more often than every 5 minutes ("too_many_pings").
PINGS = {"grpc.keepalive_time_ms": 310_000, "grpc.keepalive_permit_without_calls": False}


class Place(NamedTuple):
    """What the address of a gallery states."""

    uri: str  # for pymilvus
    database: str
    name: str  # of its collection
    records: str  # address of the gallery that keeps the records
    where: str  # for messages
    approximate: bool  # whether an approximate index is used


@dataclass(frozen=True)
class State:
    """The state of the records that a collection shows."""

    ident: str  # of the gallery
    model: str  # contract id, key of protected templates, dimension and kind of the index
    epoch: int
    last: int  # number of the last template


def parse(url: str) -> Place:
    """Read the address of a gallery in Milvus.

    Raises:
        GalleryError: it is not one.
    """
    parts = split_address(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    name, index = given.pop("gallery", "people"), given.pop("index", "exact")
    secure, records = given.pop("secure", "false"), given.pop("records", "")
    if given:
        raise GalleryError(f"{next(iter(given))[:40]!r} is no part of an address of Milvus.")
    if parts.password or parts.username:
        raise GalleryError(f"An address of Milvus has no password; set {TOKEN} to USER:PASSWORD.")
    if not NAME.fullmatch(name):
        raise GalleryError(
            f"The gallery name {name[:60]!r} is not possible in Milvus: expected up to 41 of a-z, "
            "0-9 and '_', beginning with a letter."
        )
    if index not in ("exact", "hnsw"):
        raise GalleryError(f"index={index[:40]} is not known; expected index=exact or index=hnsw.")
    if not parts.netloc:
        if not parts.path.endswith(".db"):
            raise GalleryError(f"{parts.path} is not possible for Milvus Lite: it ends in .db.")
        uri, database = parts.path, ""
        records = records or str(Path(parts.path).with_suffix("")) + f"-{name}.mien"
    else:
        scheme = "https" if secure == "true" else "http"
        uri, database = f"{scheme}://{parts.netloc}", parts.path.strip("/")
    if not records:
        raise GalleryError(
            "Milvus has no transactions, so a file or PostgreSQL keeps the records of the gallery: "
            "add &records=people.mien, or the address of one in PostgreSQL, with %26 for each &."
        )
    shown = urlencode({"gallery": name}, safe="/")
    where = urlunsplit(parts._replace(query=shown))
    return Place(uri, database, f"mien_{name}", records, where, index == "hnsw")


@contextmanager
def spoken(where: str) -> Iterator[None]:
    """Convert errors of Milvus to messages of mien."""
    try:
        yield
    except (MilvusException, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise GalleryError(
            f"Gallery {where}: Milvus cannot be reached, or refused ({first}). All acknowledged "
            "changes are safe in its records; run the same command again."
        ) from error


class InMilvus(Near):
    """The part of an engine whose vectors Milvus compares. Thread-safe and process-safe."""

    _place: Place
    _milvus: Any = None  # MilvusClient, whose methods have no types

    def attach(self, place: Place) -> None:
        """Connect to Milvus.

        Raises:
            GalleryError: it cannot be reached, or its collection belongs to another gallery.
        """
        self._place, self.where = place, place.where
        with spoken(self.where):
            how: dict[str, Any] = {"timeout": WAIT, "grpc_options": PINGS}
            if place.database:
                how["db_name"] = place.database
            if token := os.environ.get(TOKEN):
                how["token"] = token
            self._milvus = MilvusClient(place.uri, **how)
            self._own(self._state())
        self.recall = Recall() if place.approximate and not self.encrypted else None

    # ------------------------------------------------------------------ search

    def search(
        self, vectors: Floats, k: int = 1, *, without: Collection[int] = ()
    ) -> list[list[Candidate]]:
        """Find the k most similar people; see `mien.gallery.engine.Engine`."""
        if not self.encrypted and k >= 1:
            for _ in range(TRIES):
                found = self._asked_milvus(vectors, k, sorted(without))
                if found is not None:
                    return found
                if self.read_only:
                    break
                self._follow()
        return super().search(vectors, k, without=without)

    def _asked_milvus(
        self, vectors: Floats, k: int, hidden: Sequence[int]
    ) -> list[list[Candidate]] | None:
        """Search in Milvus; None if it does not show the present state, or cannot answer."""
        with self._store.reading(), spoken(self.where):
            want, dimension = self._present()
            vectors = check_vectors(vectors, dimension, self.where)
            if dimension is None:
                return [[] for _ in vectors]
            if self._state() != want:
                return None
            try:
                hits = [self._nearest(one, k, hidden) for one in vectors]
            except GalleryError:
                if self._state() == want:
                    raise
                return None  # another program has changed Milvus meanwhile
            except _TooManyError:
                return None if self.read_only else super().search(vectors, k, without=hidden)
            if self._state() != want:  # another program has changed Milvus meanwhile
                return None
            return self._named(hits, want.epoch)

    def _approximate(self, query: Floats, k: int, hidden: Sequence[int]) -> list[Hit]:
        """Compare with the templates that the index leads to; with all if these are too few."""
        rows = self._rows(query, hidden, BREADTH, field="near")
        if len({person for _, person, _ in rows}) < k:
            return self._exact(query, k, hidden)
        return self._hits(rows, query, k)

    def _rows(
        self, query: Floats, hidden: Sequence[int], limit: int, field: str = "embedding"
    ) -> list[tuple[int, int, float]]:
        """Return template, person and similarity of the nearest templates; see `Near`."""
        if limit >= MOST:
            raise _TooManyError
        params = {"ef": BREADTH} if field == "near" else {}
        hiding, last = f" and person not in {list(hidden)}" if hidden else "", self._store.last()
        how: dict[str, Any] = {
            "data": [self._asked_for(query)],
            "anns_field": field,
            "filter": f"id <= {last}" + hiding,  # others may be sending more
            "limit": limit + 1,  # one may be the row of the state
            "output_fields": ["person"],
            "search_params": {"metric_type": "IP", "params": params},
        }
        [found] = self._loaded(lambda: self._milvus.search(self._place.name, **how))
        rows = [(int(row["id"]), int(row["entity"]["person"]), row["distance"]) for row in found]
        return [row for row in rows if row[0] != STATE][:limit]

    # ------------------------------------------------------------------ the copy in Milvus

    def _present(self) -> tuple[State, int | None]:
        """Return the state of the records and the dimension, inside a transaction."""
        ident, epoch, dimension = self._must("SELECT ident, epoch, dimension FROM about")
        protected, kind = self._store.protected, "hnsw" if self._place.approximate else "exact"
        model = f"{self.embedder}|{protected}|{dimension}|{kind}"
        return State(str(ident), model, int(epoch), self._store.last()), dimension

    def _state(self) -> State | None:
        """Return the state of the records that Milvus shows; None if it has no collection."""
        if not self._milvus.has_collection(self._place.name):
            return None
        how = {"filter": f"id == {STATE}", "output_fields": ["state"]}
        found = self._loaded(lambda: self._milvus.query(self._place.name, **how))
        return State(**json.loads(found[0]["state"])) if found else None

    def _set_state(self, state: State, dimension: int) -> None:
        """Store the state that the collection now shows, in a row of it."""
        row: dict[str, Any] = {"id": STATE, "person": NOBODY, "state": json.dumps(vars(state))}
        fields = ("embedding", "near") if self._place.approximate else ("embedding",)
        nothing = np.zeros(dimension, np.float32)
        self._milvus.upsert(self._place.name, [row | dict.fromkeys(fields, nothing)])

    def _loaded(self, call: Callable[[], Any]) -> Any:
        """Call; load the collection and call again if the server was restarted."""
        try:
            return call()
        except MilvusException as error:
            if error.code != NOT_LOADED:
                raise
        self._milvus.load_collection(self._place.name)
        return call()

    def _own(self, state: State | None) -> None:
        """Refuse the collection of another gallery."""
        with self._store.reading():
            (ident,) = self._must("SELECT ident FROM about")
        if state is not None and state.ident != str(ident):
            raise GalleryError(
                f"Gallery {self.where}: this collection of Milvus belongs to another gallery, "
                "with other records. Nothing was changed; choose another name (gallery=NAME)."
            )

    def _follow(self) -> None:
        """Bring Milvus to the state of the records; other programs wait meanwhile."""
        self.name_key()  # gives the gallery a name that its collection states
        with self._store.change(counts=False), spoken(self.where):
            want, dimension = self._present()
            have = self._state()
            self._own(have)
            if have == want:
                return
            if dimension is None:
                return self._drop()
            if have is None or have.model != want.model:
                self._drop()
                self._make(dimension)
                have = State(want.ident, want.model, want.epoch, 0)
            if have.epoch != want.epoch:
                self._regroup(have.last)
            self._send("id > ? AND id <= ?", have.last, want.last)
            self._set_state(want, dimension)

    def _regroup(self, last: int) -> None:
        """Delete rows that were erased, and send those again that have another person."""
        rows = self._run("SELECT id, person FROM templates WHERE id <= ?", last).fetchall()
        wanted = {int(number): int(person) for number, person in rows}
        there: dict[int, int] = {}
        for first in range(0, last, MOST):
            found = self._milvus.query(
                self._place.name,
                filter=f"id > {first} and id <= {first + MOST}",
                output_fields=["id", "person"],
            )
            there |= {int(row["id"]): int(row["person"]) for row in found}
        self._delete([number for number in there if number not in wanted])
        for number in [n for n, person in wanted.items() if there.get(n) != person]:
            self._send("id = ?", number)

    def _send(self, which: str, *values: int) -> None:
        """Send templates."""
        last = -1
        while rows := self._run(
            f"SELECT id, person, vector FROM templates WHERE {which} AND id > ? "
            f"ORDER BY id LIMIT {PAGE}",
            *values,
            last,
        ).fetchall():
            last, data = rows[-1][0], []
            for number, person, blob in rows:
                vector = np.frombuffer(blob, "<f4").astype(np.float32)
                row = {"id": number, "person": person, "embedding": vector, "state": ""}
                data.append(row | ({"near": vector} if self._place.approximate else {}))
            self._milvus.upsert(self._place.name, data)

    def _delete(self, numbers: Sequence[int]) -> None:
        for first in range(0, len(numbers), PAGE):
            self._milvus.delete(self._place.name, ids=list(numbers[first : first + PAGE]))

    def _make(self, dimension: int) -> None:
        """Create the collections."""
        fields = {"embedding": "FLAT", **({"near": "HNSW"} if self._place.approximate else {})}
        schema = self._milvus.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("person", DataType.INT64)
        schema.add_field("state", DataType.VARCHAR, max_length=2000)
        index = self._milvus.prepare_index_params()
        for field, kind in fields.items():
            schema.add_field(field, DataType.FLOAT_VECTOR, dim=dimension)
            more = {"M": 16, "efConstruction": 200} if kind == "HNSW" else {}
            index.add_index(field, index_type=kind, metric_type="IP", params=more)
        how: Any = {"index_params": index, "consistency_level": "Strong"}
        self._milvus.create_collection(self._place.name, schema=schema, **how)

    def _drop(self) -> None:
        if self._milvus.has_collection(self._place.name):
            self._milvus.drop_collection(self._place.name)

    # ------------------------------------------------------------------ erasure

    def _regrouped(self, before: int, after: int, moved: Mapping[int, int]) -> None:
        super()._regrouped(before, after, dict(moved))
        gone = [number for number, person in moved.items() if person == NOBODY]
        with suppress(MilvusException, OSError):  # `_scrubbed` finishes it, and reports an error
            state = None if self.encrypted else self._state()
            if state is None or state.epoch != before or len(gone) != len(moved):
                return
            with self._store.change(counts=False):
                if self._present()[0].epoch == after and self._state() == state:
                    self._delete(gone)
                    (dimension,) = self._must("SELECT dimension FROM about")
                    self._set_state(replace(state, epoch=after), dimension)

    def _drop_plain(self) -> None:
        super()._drop_plain()
        self.recall = None
        with spoken(self.where):
            self._drop()

    def _scrubbed(self) -> str | None:
        reason = super()._scrubbed()
        try:
            with spoken(self.where):
                if not self.encrypted and self._state() is not None:
                    self._follow()
                    if self._milvus.has_collection(self._place.name):
                        self._milvus.flush(self._place.name)
                        self._milvus.compact(self._place.name)
        except GalleryError as error:
            return reason or f"Erased vectors may remain in Milvus. {error}"
        return reason

    def close(self) -> None:
        """Close the gallery; later use is an error."""
        if self._milvus is not None:
            self._milvus.close()
        super().close()


class _TooManyError(Exception):
    """More templates are as similar than Milvus returns for one query."""


class MilvusFile(InMilvus, SqliteGallery):
    """A gallery in Milvus with its records in a file."""


def open_milvus(
    url: str, embedder: str | None, *, create: bool, read_only: bool, key: bytes | None
) -> "SqliteGallery | PostgresGallery":
    """Open a gallery in Milvus; for the arguments see `mien.gallery.open_gallery`."""
    place, how = parse(url), {"create": create, "read_only": read_only, "key": key}
    engine: Any
    if re.match(r"postgres(ql)?://", place.records):
        from mien.gallery.postgres import PostgresGallery

        class MilvusPostgres(InMilvus, PostgresGallery):
            """A gallery in Milvus with its records in PostgreSQL."""

        engine = MilvusPostgres(place.records, embedder, **how)  # type: ignore[arg-type]
    else:
        engine = MilvusFile(Path(place.records), embedder, **how)  # type: ignore[arg-type]
    try:
        engine.attach(place)
    except BaseException:
        engine.close()
        raise
    return engine  # type: ignore[no-any-return]
