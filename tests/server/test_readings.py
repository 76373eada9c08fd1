"""Readings of films: measured by a job, shown per person, downloaded without server paths."""

import io

import numpy as np
import pytest
from tests.toy_server import Toys

pd = pytest.importorskip("pandas", reason="tables need pandas: pip install 'mien[analyze]'")
pytest.importorskip("pyarrow", reason="tables need pyarrow: pip install 'mien[analyze]'")


def upload(toys, clip):
    toys.gallery("people")
    path = f"/films/{toys('POST', '/films', files={'film': ('talk.mkv', clip)})['id']}"
    toys.worker.once()
    return path


def test_a_film_that_was_not_analysed_says_so(toys, film):
    path = upload(toys, film([np.zeros((100, 120, 3), np.uint8)] * 5).read_bytes())
    found = toys("GET", f"{path}/readings")
    assert (found["job"], found["people"], found["columns"]) == (None, [], [])
    refused = toys("GET", f"{path}/readings/table", ok=False)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not-ready")
    assert toys("GET", "/films/nobody/readings", ok=False).status_code == 404


def test_the_job_of_an_analysis_is_not_that_of_the_film(toys, film):
    path = upload(toys, film([np.zeros((100, 120, 3), np.uint8)] * 5).read_bytes())
    job = toys("POST", f"{path}/readings")
    assert (job["kind"], job["state"]) == ("analysis", "queued")
    assert toys("GET", path)["job"]["kind"] == "film"
    assert toys("GET", f"{path}/readings")["job"]["id"] == job["id"]


@pytest.mark.weights
def test_what_a_face_shows_over_time(tmp_path, astronaut, film):
    toys = Toys(tmp_path / "server", pipeline=None)
    try:
        path = upload(toys, film([astronaut] * 8).read_bytes())
        toys("POST", f"{path}/readings", data={"every": 0})
        toys.worker.once()
        found = toys("GET", f"{path}/readings")
        assert found["job"]["state"] == "done", found["job"]["error"]
        [person] = found["people"]
        assert person["frames"] == 8
        columns = {one["name"]: one for one in found["columns"]}
        assert columns["yaw"]["unit"] == "degree"
        assert "box_left" not in columns
        asked = {"who": person["who"], "column": ["yaw", "AU12_r"]}
        series = toys("GET", f"{path}/readings/series", params=asked)
        assert len(series["times"]) == len(series["values"]["yaw"]) == 8
        assert series["reasons"] == ["ok"] * 8
        assert series["rows"] == 8
        assert abs(series["values"]["yaw"][0]) < 45
        missing = {**asked, "column": ["no-such"]}
        assert toys("GET", f"{path}/readings/series", params=missing, ok=False).status_code == 404
        assert not {"x_0", "X_0"} & set(columns)
        points = toys("GET", f"{path}/readings/points", params={"who": person["who"]})
        assert points["size"] == list(astronaut.shape[:2])
        assert points["times"] == series["times"]
        assert points["until"] is None
        assert [len(row) for row in points["points"]] == [136] * 8
        chin, nose = points["points"][0][16:18], points["points"][0][60:62]
        assert 0 < nose[1] < chin[1] < astronaut.shape[0]
        later = {"who": person["who"], "start": points["times"][3]}
        assert toys("GET", f"{path}/readings/points", params=later)["times"] == points["times"][3:]
        table = toys("GET", f"{path}/readings/table", params={"form": "csv"}).content
        assert set(pd.read_csv(io.BytesIO(table))["input"]) == {"talk.mkv"}
        assert str(tmp_path).encode() not in table
        elan = toys("GET", f"{path}/readings/table", params={"form": "elan"}).text
        assert person["who"] in elan
        assert "<ANNOTATION_DOCUMENT" in elan
        assert str(tmp_path) not in elan
        parquet = toys("GET", f"{path}/readings/table", params={"form": "parquet"}).content
        assert str(tmp_path).encode() not in parquet
        assert len(pd.read_parquet(io.BytesIO(parquet))) == 8
    finally:
        toys.close()


def test_a_series_reads_only_its_columns_and_is_thinned(toys, film, monkeypatch):
    from mien.server import readings
    from mien.tables import Column, Table, part_of
    from mien.tables.columns import KEYS

    path = upload(toys, film([np.zeros((100, 120, 3), np.uint8)] * 5).read_bytes())
    columns = [*KEYS, Column("yaw", "degree", "poses"), Column("roll", "degree", "poses")]
    rows = 1000
    keys = {"input": ["talk.mkv"] * rows, "frame": list(range(rows)), "track": [1] * rows}
    keys |= {"time": [i / 10 for i in range(rows)], "person": ["Ada"] * rows}
    keys |= {"confidence": [1.0] * rows, "reason": ["ok"] * rows}
    measures = {"yaw": [float(i) for i in range(rows)], "roll": [0.0] * rows}
    table = Table.of([part_of(columns, {**keys, **measures}, {})], columns)
    [place] = toys.settings.folder.glob("tenants/default/films/*")
    table.save(place / readings.TABLE)
    monkeypatch.setattr(readings, "POINTS", 100)
    seen = []
    read = Table.read
    monkeypatch.setattr(Table, "read", classmethod(lambda cls, *a: seen.append(t := read(*a)) or t))
    series = toys("GET", f"{path}/readings/series", params={"who": "Ada", "column": ["yaw"]})
    assert (series["rows"], len(series["times"])) == (1000, 100)
    assert series["values"]["yaw"][:3] == [0, 10, 20]
    assert "yaw" in seen[0].data
    assert "roll" not in seen[0].data
    found = toys("GET", f"{path}/readings")
    assert {one["name"] for one in found["columns"]} == {"yaw", "roll"}
    assert found["people"][0]["frames"] == 1000


def test_points_come_in_parts_and_frames_without_them_are_left_out(toys, film, monkeypatch):
    from mien.server import face_points
    from mien.tables import Column, Table, part_of
    from mien.tables.columns import KEYS

    path = upload(toys, film([np.zeros((100, 120, 3), np.uint8)] * 5).read_bytes())
    asked = {"params": {"who": "Ada"}}
    refused = toys("GET", f"{path}/readings/points", ok=False, **asked)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not-ready")
    places = [Column(name, "px", face_points.GROUP) for name in [*face_points.COLUMNS, "X_0"]]
    columns = [*KEYS, Column("yaw", "degree", "poses"), *places]
    rows = 10
    keys = {"input": ["talk.mkv"] * rows, "frame": list(range(rows)), "track": [1] * rows}
    keys |= {"time": [i / 10 for i in range(rows)], "person": ["Ada"] * rows}
    keys |= {"confidence": [1.0] * rows, "reason": ["ok"] * rows}
    numbers = {one.name: [float(i) for i in range(rows)] for one in [columns[len(KEYS)], *places]}
    numbers["y_5"][2] = float("nan")
    facts = {"input": "talk.mkv", "height": 100, "width": 120}
    table = Table.of([part_of(columns, {**keys, **numbers}, {})], columns).with_recordings([facts])
    [place] = toys.settings.folder.glob("tenants/default/films/*")
    left = face_points.split_points(table, place / face_points.FILE)
    assert set(left.columns) == {one.name for one in KEYS} | {"yaw"}
    monkeypatch.setattr(face_points, "MOST", 4)
    first = toys("GET", f"{path}/readings/points", **asked)
    assert (first["size"], first["times"], first["until"]) == ([100, 120], [0, 0.1, 0.3], 0.4)
    assert first["points"][1] == [1.0] * 136
    asked["params"]["start"] = 0.8
    last = toys("GET", f"{path}/readings/points", **asked)
    assert (last["times"], last["until"]) == ([0.8, 0.9], None)
    asked["params"]["who"] = "Bob"
    assert toys("GET", f"{path}/readings/points", ok=False, **asked).status_code == 404
