import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mien.errors import MienError
from mien.tables import Column, Table, part_of
from mien.tables.columns import KEYS

COLUMNS = [
    *KEYS,
    Column("box_left", "px", "boxes", "single"),
    Column("yaw", "degree", "poses", about="positive to image right"),
    Column("AU12_r", "FACS 0-5", "aus", model="units@1"),
    Column("expression_anger", "probability", "expression", model="toy@2"),
]
NAN = float("nan")


def table(**more):
    rows = [
        # input, frame, time, track, confidence, reason, yaw, AU12_r, anger
        ("a.mp4", 0, 0.0, 0, 0.9, "ok", 1.0, 1.0, 0.5),
        ("a.mp4", 1, 0.1, 0, 0.9, "ok", 3.0, 3.0, NAN),
        ("a.mp4", 2, 0.2, 0, 0.4, "no-face", NAN, NAN, NAN),
        ("a.mp4", 3, 0.3, 0, 0.9, "blurred", 5.0, NAN, NAN),
        ("a.mp4", 3, 0.3, 1, 0.9, "ok", -7.0, 0.5, 0.1),
        ("a.mp4", 4, 0.4, None, NAN, "decoder-drop", NAN, NAN, NAN),
    ]
    names = ["input", "frame", "time", "track", "confidence", "reason", "yaw", "AU12_r",
             "expression_anger"]  # fmt: skip
    values = {
        name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    values |= {"person": [None] * 6, "box_left": [1.5] * 5 + [NAN]}
    facts = {"mien": "0", "models": {"detect": "toy@1"}, "settings": {"every": 0.2}}
    recordings = [{"input": "a.mp4", "complete": True, "height": 90, "width": 160}]
    made = Table.of([part_of(COLUMNS, values, {})], COLUMNS, recordings=recordings, facts=facts)
    event = {"input": "a.mp4", "who": "track-0", "kind": "AU12", "side": None, "onset": 0.05,
             "apex": 0.1, "offset": 0.25, "peak": 3.0, "begun": True, "ended": True}  # fmt: skip
    return made.with_events([event])


def test_a_mean_leaves_out_what_is_missing_and_says_why_it_is():
    # Track 0: AU12 1 and 3, and two rows without it. A zero for them would halve the mean.
    found = table().summary().set_index(["who", "column"])
    row = found.loc[("track-0", "AU12_r")]
    assert (row["mean"], row["sd"], row["n"], row["missing"]) == (
        2.0,
        pytest.approx(2**0.5),
        2,
        0.5,
    )
    assert (row["missing_no-face"], row["missing_blurred"]) == (0.25, 0.25)
    yaw = found.loc[("track-0", "yaw")]
    assert (yaw["mean"], yaw["n"], yaw["missing_blurred"]) == (3.0, 3, 0.0)
    anger = found.loc[("track-0", "expression_anger")]
    assert (anger["n"], anger["missing_not-read"]) == (1, 0.25)  # not read in the second frame
    assert found.loc[("track-1", "yaw")]["mean"] == -7.0
    assert "box_left" not in found.index.get_level_values("column")


def test_a_summary_by_segment_and_by_event():
    parts = table().summary("segment", seconds=0.2).query("column == 'yaw' and who == 'track-0'")
    assert parts[["start", "end", "mean", "n"]].to_numpy().tolist() == [
        [0.0, 0.2, 2.0, 2],
        [0.2, 0.4, 5.0, 1],
    ]
    [event] = table().summary("event").query("column == 'AU12_r'").to_dict("records")
    assert (event["kind"], event["mean"], event["n"], event["missing_no-face"]) == (
        "AU12",
        3,
        1,
        0.5,
    )


def test_groups_are_properties_and_units_stay_with_their_columns():
    made = table()
    assert list(made.aus) == ["AU12_r"]
    assert list(made.poses) == ["yaw"]
    assert list(made.emotions) == ["expression_anger"]
    assert list(made.boxes) == ["box_left"]
    assert made.units["yaw"] == "degree"
    assert made.people["who"].tolist() == ["track-0", "track-1"]
    assert made.people["measured"].tolist() == [2, 1]
    assert dict(zip(made.reasons["reason"], made.reasons["rows"], strict=True)) == {
        "ok": 3, "no-face": 1, "blurred": 1, "decoder-drop": 1,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_what_is_saved_is_read_as_it_was(tmp_path, suffix):
    made = table()
    written = made.save(tmp_path / f"film{suffix}")
    again = Table.read(tmp_path / f"film{suffix}")
    pd.testing.assert_frame_equal(again.data, made.data, check_dtype=suffix == ".parquet")
    assert again.columns == made.columns
    assert again.facts == made.facts
    assert again.events["kind"].tolist() == ["AU12"]
    assert again.recordings["height"].tolist() == [90]
    names = {"film" + suffix, "film.events" + suffix, "film.recordings" + suffix}
    assert {p.name for p in tmp_path.iterdir()} == names | (
        {"film.json"} if suffix == ".csv" else set()
    )
    assert len(written) == len(names) + (suffix == ".csv")


def test_anybody_can_read_units_and_models_with_pyarrow_alone(tmp_path):
    table().save(tmp_path / "film.parquet")
    schema = pq.read_schema(tmp_path / "film.parquet")
    assert schema.field("yaw").metadata[b"unit"] == b"degree"
    assert schema.field("yaw").metadata[b"about"] == b"positive to image right"
    assert schema.field("AU12_r").metadata[b"model"] == b"units@1"
    assert b'"every": 0.2' in schema.metadata[b"mien"]
    rows = pq.read_table(tmp_path / "film.parquet")
    assert np.isnan(rows["AU12_r"].to_pylist()[2])  # missing, never 0
    assert rows["track"].to_pylist()[5] is None
    plain = pd.read_parquet(tmp_path / "film.parquet")
    assert plain["AU12_r"].mean() == 1.5


def test_a_table_that_cannot_be_written_or_read_is_told(tmp_path, monkeypatch):
    with pytest.raises(MienError, match=r"must end in .parquet or .csv"):
        table().save(tmp_path / "film.xlsx")
    with pytest.raises(MienError, match="does not exist"):
        table().save(tmp_path / "none/film.parquet")
    with pytest.raises(MienError, match="does not exist"):
        Table.read(tmp_path / "film.parquet")
    (tmp_path / "film.parquet").write_bytes(b"PAR1 half a file")
    with pytest.raises(MienError, match="not a complete Parquet file"):
        Table.read(tmp_path / "film.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "theirs.parquet")
    with pytest.raises(MienError, match="not a table of mien"):
        Table.read(tmp_path / "theirs.parquet")
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "theirs.csv")
    with pytest.raises(MienError, match=r"no theirs.json beside it"):
        Table.read(tmp_path / "theirs.csv")


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    table().save(tmp_path / "film.parquet")
    before = (tmp_path / "film.parquet").read_bytes()

    def full(rows, path, **how):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(MienError, match="No space left"):
        table().save(tmp_path / "film.parquet")
    assert (tmp_path / "film.parquet").read_bytes() == before
    assert not list(tmp_path.glob(".*.part"))


def test_a_name_that_a_spreadsheet_would_run_is_escaped_and_read_back(tmp_path):
    made = table()
    name = '=HYPERLINK("http://x")'
    person = made.data["person"].astype(object).where(made.data["track"] != 0, name)
    named = made.with_columns([made.columns["person"]], {"person": person})
    named.save(tmp_path / "t.csv")
    assert "'=HYPERLINK" in (tmp_path / "t.csv").read_text()
    assert name in set(Table.read(tmp_path / "t.csv").data["person"])
