import hashlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import mien
import mien.zoo.weights.cache
from mien.errors import WeightsError
from mien.zoo import bundle, cards, damage, fetch, folder, is_fetched
from mien.zoo.weights.cache import RECORD, locked

WEIGHTS = bytes(range(256)) * 8000  # about 2 MB
# What another process runs: build the same card from its parts and fetch it.
FETCH = """
import sys
from mien.zoo import Card, File, fetch
from mien.zoo.weights import web
web.PAUSES = ()
source, sha256, size = sys.argv[1:4]
card = Card(name="toy", kind="detector", task="detect", entry="mien.toy:Toy", licence="MIT",
    commercial=True, trained_on="Nothing.", paper="https://example.org",
    files=(File(source=source, sha256=sha256, size=int(size)),))
print(fetch(card)[0])
"""


@pytest.fixture
def card(server, card_of, file_of):
    """A card whose one file the server has."""
    server.files["/toy.onnx"] = WEIGHTS
    return card_of(file_of(f"{server.address}/toy.onnx", WEIGHTS))


def elsewhere(card, before="") -> subprocess.Popen:
    """Fetch a card in another process."""
    file = card.files[0]
    arguments = [file.source, file.sha256, str(file.size)]
    command = [sys.executable, "-c", before + FETCH, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def leftovers(cache: Path) -> set[str]:
    """Names of all files under the cache except locks."""
    found = (path for path in cache.rglob("*") if path.is_file() and path.parent.name != "locks")
    return {path.name for path in found}


def test_a_file_is_fetched_once_and_then_found(card, server, cache):
    seen = []
    (path,) = fetch(card, on_step=lambda *step: seen.append(step))
    assert path == cache / "models" / f"toy-{card.digest}" / "toy.onnx"
    assert path.read_bytes() == WEIGHTS
    assert seen[-1] == ("toy: toy.onnx", len(WEIGHTS), len(WEIGHTS))
    assert fetch(card) == (path,)
    assert len(server.asked) == 1
    assert leftovers(cache) == {"toy.onnx", RECORD}


def test_a_wrong_hash_keeps_nothing_and_says_both(card, server, cache):
    server.files["/toy.onnx"] = WEIGHTS[::-1]
    got = hashlib.sha256(WEIGHTS[::-1]).hexdigest()
    with pytest.raises(WeightsError, match=f"has SHA-256 {got}.*expected {card.files[0].sha256}"):
        fetch(card)
    assert leftovers(cache) == set()
    server.files["/toy.onnx"] = WEIGHTS
    assert fetch(card)[0].read_bytes() == WEIGHTS


def test_a_mended_source_is_not_spoilt_by_the_part_of_a_bad_one(card, server):
    server.files["/toy.onnx"] = WEIGHTS[::-1]
    server.cuts += [1000] * 4
    with pytest.raises(WeightsError, match="are kept"):
        fetch(card)
    server.files["/toy.onnx"] = WEIGHTS
    with pytest.raises(WeightsError, match="try again"):  # a mixture of both; thrown away
        fetch(card)
    assert fetch(card)[0].read_bytes() == WEIGHTS


def test_several_members_of_one_pack_cost_one_download(server, card_of, file_of, cache, tmp_path):
    members = {"a.onnx": b"a" * 999, "in/b.onnx": b"b" * 9}
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as pack:
        for name, content in members.items():
            pack.writestr(name, content)
    server.files["/pack.zip"] = (tmp_path / "pack.zip").read_bytes()
    source = f"{server.address}/pack.zip!"
    card = card_of(*(file_of(source + name, content) for name, content in members.items()))
    paths = fetch(card)
    assert [path.read_bytes() for path in paths] == list(members.values())
    assert len(server.asked) == 1
    assert leftovers(cache) == {"a.onnx", "b.onnx", RECORD}


@pytest.fixture
def converter(monkeypatch):
    """A converter that writes the bytes backwards, and says what it was called with."""
    module = types.ModuleType("toy_converter")
    module.calls = []

    def convert(source: Path, target: Path) -> None:
        module.calls.append((source.name, target.name))
        target.write_bytes(source.read_bytes()[::-1])

    module.convert = convert
    monkeypatch.setitem(sys.modules, "toy_converter", module)
    return module


def test_a_converter_writes_the_ready_file_once(server, card_of, file_of, cache, converter):
    server.files["/toy.ckpt"] = WEIGHTS
    source = f"{server.address}/toy.ckpt"
    card = card_of(file_of(source, WEIGHTS, ready="toy.onnx"), convert="toy_converter:convert")
    for _ in range(2):
        assert fetch(card)[0].read_bytes() == WEIGHTS[::-1]
    assert converter.calls == [("toy.ckpt", "toy.onnx")]
    assert leftovers(cache) == {"toy.onnx", RECORD}
    assert damage(card) is None


def test_a_converter_that_fails_leaves_nothing_behind(server, card_of, file_of, cache, converter):
    server.files["/toy.ckpt"] = WEIGHTS
    file = file_of(f"{server.address}/toy.ckpt", WEIGHTS, ready="toy.onnx")
    converter.broken = lambda source, target: target.write_bytes(b"half") / 0
    with pytest.raises(ZeroDivisionError):
        fetch(card_of(file, convert="toy_converter:broken"))
    assert leftovers(cache) == set()


@pytest.mark.parametrize("harm", ["cut", "lost", "record lost", "record torn"])
def test_a_cache_that_is_visibly_damaged_heals_itself(card, server, harm):
    (path,) = fetch(card)
    record = path.parent / RECORD
    if harm == "cut":
        path.write_bytes(WEIGHTS[:-1])
    elif harm == "lost":
        path.unlink()
    elif harm == "record lost":
        record.unlink()
    else:
        record.write_text(record.read_text()[:20])
    assert not is_fetched(card)
    assert damage(card) is not None
    assert fetch(card)[0].read_bytes() == WEIGHTS
    assert damage(card) is None
    assert len(server.asked) == 2


def test_a_store_that_breaks_off_leaves_no_record_that_would_vouch_for_it(card):
    (path,) = fetch(card)
    path.unlink()
    path.mkdir()  # a file cannot be moved here, as if the disk failed right then
    with pytest.raises(WeightsError, match="Cannot write to"):
        fetch(card)
    assert not (path.parent / RECORD).exists()
    path.rmdir()
    assert fetch(card)[0].read_bytes() == WEIGHTS


@pytest.mark.parametrize("record_too", [False, True])
def test_a_file_that_was_changed_in_the_cache_is_not_loaded(card, record_too):
    (path,) = fetch(card)
    changed = b"\xff" + WEIGHTS[1:]  # of the same length
    path.write_bytes(changed)
    got = hashlib.sha256(changed).hexdigest()
    if record_too:  # whoever can change the file can change what lies beside it
        record = path.parent / RECORD
        record.write_text(record.read_text().replace(card.files[0].sha256, got))
    assert is_fetched(card)  # to list models hashes nothing
    assert damage(card) == f"{path} has SHA-256 {got}, but {card.files[0].sha256} was stored"
    message = f"{got}, but card 'toy' expects {card.files[0].sha256}: .*It was not loaded; delete"
    with pytest.raises(WeightsError, match=message):
        fetch(card)
    path.write_bytes(WEIGHTS)
    assert fetch(card) == (path,)


@pytest.mark.parametrize("stated", [False, True])
def test_a_converted_file_that_was_changed_is_not_loaded(
    server, card_of, file_of, converter, stated
):
    server.files["/toy.ckpt"] = WEIGHTS
    file = file_of(f"{server.address}/toy.ckpt", WEIGHTS, ready="toy.onnx")
    made = WEIGHTS[::-1]
    right = hashlib.sha256(made).hexdigest()
    file = replace(file, ready_sha256=right if stated else "")
    card = card_of(file, convert="toy_converter:convert")
    (path,) = fetch(card)
    path.write_bytes(made[:-1] + b"\xff")
    with pytest.raises(WeightsError, match=f"expects {right}"):
        fetch(card)
    if stated:  # then the record in the cache is not asked
        record = path.parent / RECORD
        record.write_text(record.read_text().replace(right, "0" * 64))
        with pytest.raises(WeightsError, match=f"expects {right}"):
            fetch(card)


def test_a_conversion_with_another_result_is_refused(server, card_of, file_of, cache, converter):
    server.files["/toy.ckpt"] = WEIGHTS
    file = file_of(f"{server.address}/toy.ckpt", WEIGHTS, ready="toy.onnx")
    card = card_of(replace(file, ready_sha256="0" * 64), convert="toy_converter:convert")
    with pytest.raises(WeightsError, match=r"The conversion of toy\.ckpt gave toy\.onnx with"):
        fetch(card)
    assert leftovers(cache) == set()


def test_an_unchanged_file_is_hashed_once_per_process(card, monkeypatch):
    fetch(card)
    monkeypatch.setattr(mien.zoo.weights.cache, "sha256_of", lambda path: pytest.fail("hashed"))
    assert fetch(card)


def test_the_cards_of_mien_state_the_digest_of_what_is_loaded():
    # The checkpoint of mobilefacenet could not be fetched where this was written.
    converted = [card for card in cards().values() if card.convert and card.origin is None]
    lacking = {card.name for card in converted for file in card.files if not file.ready_sha256}
    assert lacking == {"mobilefacenet"}
    assert len(converted) > 1


def test_a_cache_that_cannot_be_written_is_told_with_a_way_out(card, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(WeightsError, match=r"Cannot write to .*file.*MIEN_HOME"):
        fetch(card)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of a file")
def test_a_full_disk_is_told_and_the_next_fetch_goes_on(card, server):
    limit = "import resource as r\nr.setrlimit(r.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
    with elsewhere(card, before=limit) as process:
        said = process.communicate(timeout=120)[1]
    assert "WeightsError: Cannot write to" in said
    assert "MIEN_HOME" in said
    assert fetch(card)[0].read_bytes() == WEIGHTS
    assert server.asked[-1][1] is not None  # what had been written was not fetched again


def test_two_processes_fetch_once(card, server):
    server.stall = threading.Event()
    with elsewhere(card) as first, elsewhere(card) as second:
        wait_for(lambda: server.asked)
        time.sleep(0.8)  # enough for the other to come to the lock
        server.stall.set()
        answers = {process.communicate(timeout=120)[0].strip() for process in (first, second)}
    assert answers == {str(folder(card) / "toy.onnx")}
    assert len(server.asked) == 1


def test_threads_of_one_process_wait_for_each_other_too(card, server):
    threads = [threading.Thread(target=fetch, args=(card,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 1
    assert damage(card) is None


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_fetch_that_was_killed_is_resumed_by_the_next(card, server, cache):
    server.stall = threading.Event()
    with elsewhere(card) as process:
        # A block is written as soon as it is full; wait until some are.
        wait_for(lambda: any(p.stat().st_size > 500_000 for p in cache.glob("partial/*")))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
    server.stall.set()
    assert fetch(card)[0].read_bytes() == WEIGHTS
    assert server.asked[-1][1] not in (None, "bytes=0-")
    assert leftovers(cache) == {"toy.onnx", RECORD}
    assert list(cache.glob("work/*")) == []


def wait_for(condition, seconds=120.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_whoever_holds_the_lock_too_long_is_named(cache):
    says = r"'toy' for too long \(lock .*toy\.lock"
    with locked("toy"), pytest.raises(WeightsError, match=says), locked("toy", seconds=0.1):
        raise AssertionError("two hold one lock")
    with locked("toy", seconds=0.1):
        assert (cache / "locks" / "toy.lock").exists()


def test_a_bundle_is_carried_to_a_machine_without_network(card, server, tmp_path, monkeypatch):
    stick = tmp_path / "stick"
    assert bundle(card, stick) == (stick / "toy" / "toy.onnx",)
    assert bundle(card, stick) == (stick / "toy" / "toy.onnx",)  # not gathered twice
    assert len(server.asked) == 1
    check = [*(["sha256sum"] if shutil.which("sha256sum") else ["shasum", "-a256"]), "-c"]
    subprocess.run([*check, "SHA256SUMS"], cwd=stick, check=True, capture_output=True)
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "other machine"))
    server.files.clear()
    (path,) = fetch(card, from_dir=stick)
    assert path.read_bytes() == WEIGHTS
    assert len(server.asked) == 1


def test_a_bundle_that_was_damaged_is_gathered_again(card, server, tmp_path):
    (path,) = bundle(card, tmp_path / "stick")
    path.write_bytes(b"spoilt")
    bundle(card, tmp_path / "stick")
    assert path.read_bytes() == WEIGHTS


def test_one_source_may_be_cut_into_two_files(server, card_of, file_of, tmp_path, monkeypatch):
    def half(source: Path, target: Path) -> None:
        middle, first = len(WEIGHTS) // 2, target.stem == "first"
        target.write_bytes(WEIGHTS[:middle] if first else WEIGHTS[middle:])

    monkeypatch.setitem(sys.modules, "mien.toy", types.SimpleNamespace(half=half))
    address = f"{server.address}/toy.onnx"
    server.files["/toy.onnx"] = WEIGHTS
    card = card_of(*(file_of(address, WEIGHTS, f"{part}.onnx") for part in ("first", "second")),
                   convert="mien.toy:half")  # fmt: skip
    assert card.size == len(WEIGHTS)
    assert b"".join(path.read_bytes() for path in fetch(card)) == WEIGHTS
    assert len(server.asked) == 1
    stick = tmp_path / "stick"
    assert set(bundle(card, stick)) == {stick / "toy" / "toy.onnx"}
    shutil.rmtree(folder(card))
    assert len(fetch(card, from_dir=stick)) == 2


def test_a_brought_file_is_known_by_its_hash_not_its_name(card, server, tmp_path):
    (tmp_path / "decoy.onnx").write_bytes(WEIGHTS[::-1])
    (tmp_path / "renamed (1).bin").write_bytes(WEIGHTS)
    assert fetch(card, from_dir=tmp_path)[0].read_bytes() == WEIGHTS
    assert server.asked == []


def test_a_brought_zip_pack_is_opened(server, card_of, file_of, tmp_path):
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as pack:
        pack.writestr("toy.onnx", WEIGHTS)
    card = card_of(file_of("https://example.org/pack.zip!toy.onnx", WEIGHTS))
    assert fetch(card, from_dir=tmp_path)[0].read_bytes() == WEIGHTS


def test_what_is_missing_in_a_folder_is_listed_exactly(card_of, file_of, tmp_path):
    files = [file_of(f"https://example.org/{n}.onnx", n.encode() * 9) for n in "abc"]
    (tmp_path / "b").write_bytes(b"b" * 9)
    (tmp_path / "c.onnx").write_bytes(b"d" * 9)  # right name and size, wrong content
    with pytest.raises(WeightsError) as error:
        fetch(card_of(*files), from_dir=tmp_path)
    wanted = [f"{f.raw} (9 bytes, SHA-256 {f.sha256})" for f in (files[0], files[2])]
    assert f"add {', '.join(wanted)};" in str(error.value)
    assert "mien models pull toy --into DIR" in str(error.value)


def test_a_folder_that_is_not_there(card, tmp_path):
    with pytest.raises(WeightsError, match="There is no folder"):
        fetch(card, from_dir=tmp_path / "nowhere")


def test_a_file_of_this_package_is_used_where_it_lies(card_of, file_of, cache):
    path = Path(mien.__file__).parent / "types.py"
    card = card_of(file_of("repo:types.py", path.read_bytes()))
    assert fetch(card) == (path,)
    assert is_fetched(card)
    assert damage(card) is None
    assert not cache.exists()


def test_a_damaged_file_of_this_package_is_told(card_of, file_of):
    length = (Path(mien.__file__).parent / "types.py").stat().st_size
    for content in (b"shorter", bytes(length)):
        card = card_of(file_of("repo:types.py", content))
        with pytest.raises(WeightsError, match=r"install .* again"):
            fetch(card)
        assert "has SHA-256" in damage(card)


@pytest.mark.parametrize(
    ("platform", "named", "home"),
    [
        ("linux", {"XDG_CACHE_HOME": "/caches"}, Path("/caches/mien")),
        ("linux", {"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache/mien"),
        ("linux", {"XDG_CACHE_HOME": ""}, Path.home() / ".cache/mien"),
        ("darwin", {}, Path.home() / "Library/Caches/mien"),
        ("linux", {"MIEN_HOME": "/mine"}, Path("/mine")),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch, platform, named, home):
    cache = importlib.import_module("mien.zoo.weights.cache")
    monkeypatch.setattr(sys, "platform", platform)
    for module in [name for name in sys.modules if name.startswith("platformdirs")]:
        monkeypatch.delitem(sys.modules, module)  # it asks for the platform when it is imported
    for name in ("MIEN_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setitem(os.environ, name, value)
    assert cache.home() == home
