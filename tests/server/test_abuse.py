"""What a hostile client may try: sizes, bombs, silence, dead decoders, repeats, floods."""

import asyncio
import io
import json
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from tests.toy_server import png, portrait

from mien.errors import ImageError, MienError
from mien.server import ServerLimits, ServerSettings, keys
from mien.server.app import routes
from mien.server.cameras import is_safe
from mien.server.gate import Gate
from mien.server.middleware import Body
from mien.server.openapi import describe
from mien.server.problems import ApiError
from mien.server.running import check_address


def bomb(width, height):
    """A PNG of few bytes that states so many black pixels."""

    def part(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes((width * 3 + 1) * min(height, 200)))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (100_000, 5000), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_refused_from_its_header(toys, size):
    toys.gallery("people", "Ada")
    first, second = toys.identify(bomb(*size), portrait("Ada"))["answers"]
    assert "error" in first
    assert second["faces"][0]["decision"]["person"] == "Ada"


def test_a_photo_that_is_too_large_is_refused(make):
    toys = make(limits=ServerLimits(photo_bytes=1000))
    toys.gallery("people")
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    answer = toys.identify(noise, ok=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too-large")


def test_too_many_photos_and_too_many_faces_are_refused(make):
    toys = make(limits=ServerLimits(photos=2, faces=2))
    toys.gallery("people")
    answer = toys.identify(*[portrait("Ada")] * 3, ok=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too-many-photos")
    answer = toys.identify(portrait("Ada", "Bob", "Cyd"), ok=False)
    assert answer.status_code == 422
    assert "3 faces" in answer.json()["error"]["message"]


def test_a_body_that_states_or_sends_too_much_is_refused(make):
    toys = make(limits=ServerLimits(request_bytes=10_000))
    toys.gallery("people")
    stated = toys("POST", "/galleries", content=b"x" * 20_000, ok=False)
    assert (stated.status_code, stated.json()["error"]["code"]) == (413, "too-large")

    def endless():
        for _ in range(100):
            yield b"x" * 1000

    sent = toys("POST", "/galleries", content=endless(), ok=False)
    assert sent.status_code == 413
    wrong = toys("POST", "/galleries", content=b"x", headers={"Content-Length": "-1"}, ok=False)
    assert wrong.status_code in (400, 413)


def test_a_client_that_falls_silent_is_cut_off(toys):
    async def never():
        await asyncio.Event().wait()

    settings = ServerSettings(folder=toys.settings.folder, limits=ServerLimits(silence=0.01))
    state = type("S", (), {"settings": settings})
    scope = {"type": "http", "method": "POST", "path": "/v1/identify", "headers": []}
    with pytest.raises(ApiError) as caught:
        asyncio.run(Body(scope, never, state)())
    assert caught.value.status == 408


def test_a_decoder_that_died_is_replaced(toys):
    toys.gallery("people", "Ada")
    for process in list(toys.state.decode._all):
        process.kill()
        process.wait()
    assert toys.identify(portrait("Ada"))["answers"][0]["faces"]
    assert toys.state.decode.died == 1


def test_an_image_that_ends_every_decoder_is_unreadable_and_the_server_lives(make):
    toys = make(limits=ServerLimits(decode_seconds=0.0001))
    with pytest.raises(ImageError, match="decoder was ended"):
        toys.state.decode(png(portrait("Ada")), where="The photo")
    assert toys("GET", "/health")["status"] == "ok"


def test_a_decoder_cannot_write_files_and_has_no_secret(toys, tmp_path):
    toys.state.decode(png(portrait("Ada")), where="The photo")
    [process] = toys.state.decode._all
    with open(f"/proc/{process.pid}/environ", "rb") as file:
        names = {entry.split(b"=")[0] for entry in file.read().split(b"\0") if entry}
    assert names <= {b"PATH", b"PYTHONPATH", b"OMP_NUM_THREADS", b"LC_CTYPE"}
    with open(f"/proc/{process.pid}/limits") as file:
        limits = {line[:20].strip(): line.split()[-3:-1] for line in file}
    assert limits["Max file size"] == ["0", "0"]


@pytest.mark.parametrize("cut", [10, 100, 300])
def test_a_cut_or_strange_file_is_an_answer_and_no_failure(toys, cut):
    toys.gallery("people")
    data = io.BytesIO()
    Image.fromarray(portrait("Ada")).save(data, "JPEG")
    for picture in (data.getvalue()[:cut], b"<svg onload=alert(1)>", b"GIF89a" + b"\0" * cut):
        assert "error" in toys.identify(picture)["answers"][0]


def test_who_finds_the_queue_full_is_asked_to_come_back():
    gate = Gate(running=1, waiting=1)
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with gate():
            inside.set()
            leave.wait()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        inside.wait()
        second = pool.submit(hold)
        while gate.inside < 2:
            pass
        with pytest.raises(ApiError) as caught, gate():
            pass
        leave.set()
        first.result()
        second.result()
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
    assert (gate.inside, gate.refused) == (0, 1)


def test_a_key_has_a_rate_and_a_budget(toys):
    toys.gallery("people", "Ada")
    slow = toys.key("identify", rate=2)
    seen = [toys("GET", "/settings", key=slow, ok=False) for _ in range(3)]
    assert [one.status_code for one in seen] == [200, 200, 429]
    assert 1 <= int(seen[2].headers["retry-after"]) <= 60
    poor = toys.key("identify", budget=2)
    assert len(toys.identify(portrait("Ada", "Bob"), key=poor)["answers"][0]["faces"]) == 2
    spent = toys.identify(portrait("Ada"), key=poor, ok=False)
    assert (spent.status_code, spent.json()["error"]["code"]) == (429, "budget")


def test_a_search_for_an_image_that_passes_is_noted_in_the_journal(toys):
    toys.gallery("people", "Ada")
    for i in range(32):
        picture = portrait("Ada")
        picture[picture[..., 0] > 100] = [250 - i, 60, 30 + i]
        toys.identify(picture)
    alarms = toys("GET", "/galleries/people/journal", params={"act": "alarm"})
    assert [one["outcome"] for one in alarms["items"]] == ["near-duplicate-probes"]


def test_the_same_image_again_is_no_alarm(toys):
    toys.gallery("people", "Ada")
    for _ in range(40):
        toys.identify(portrait("Ada"))
    assert toys("GET", "/galleries/people/journal", params={"act": "alarm"})["items"] == []


def test_a_repeated_write_is_done_once(toys):
    head = {"Idempotency-Key": "one"}
    first = toys("POST", "/galleries", json={"name": "family"}, headers=head, ok=False)
    again = toys("POST", "/galleries", json={"name": "family"}, headers=head, ok=False)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = toys("POST", "/galleries", json={"name": "friends"}, headers=head, ok=False)
    assert other.json()["error"]["code"] == "idempotency-key"
    foreign = toys(
        "POST",
        "/galleries",
        json={"name": "family"},
        headers=head,
        key=toys.key("identify"),
        ok=False,
    )
    assert foreign.status_code == 403


def test_a_refused_write_can_be_repeated_with_another_right(toys):
    head = {"Idempotency-Key": "two"}
    key = toys.key("identify", rate=1)
    assert toys("GET", "/settings", key=key, ok=False).status_code == 200
    body = {"json": {"name": "family"}, "headers": head, "key": key, "ok": False}
    assert toys("POST", "/galleries", **body).status_code == 429
    assert toys.state.store.one("SELECT count(*) FROM repeats")[0] == 0


def test_an_error_has_no_path_of_the_server(toys):
    toys.gallery("people", "Ada")
    broken = toys.settings.folder / "tenants/default/broken.mien"
    broken.write_bytes(b"this is no gallery" * 100)
    answer = toys("GET", "/galleries/broken", ok=False)
    assert answer.status_code == 409
    assert str(toys.settings.folder) not in answer.text


def test_other_origins_get_nothing_unless_they_are_named(make):
    asked = {"Origin": "https://page.example"}
    closed, opened = make("a"), make("b", origins=("https://page.example",))
    assert (
        "access-control-allow-origin"
        not in closed("GET", "/settings", headers=asked, ok=False).headers
    )
    allowed = opened("GET", "/settings", headers=asked, ok=False).headers
    assert allowed["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-credentials" not in allowed


def test_the_page_may_run_only_its_own_scripts(make, tmp_path, monkeypatch):
    (tmp_path / "static").mkdir()
    (tmp_path / "static/index.html").write_text("<p>page")
    monkeypatch.setattr("mien.server.app.PAGE", tmp_path / "static")
    toys = make()
    page = toys.client.get("/")
    assert page.text == "<p>page"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert toys.client.get("/../server.db").status_code == 404
    assert toys.client.get("/v1/nowhere").json()["error"]["code"] == "not-found"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "faces.example"])
def test_a_wider_address_needs_tls_or_a_statement(host):
    with pytest.raises(MienError, match="plain text"):
        check_address(host, tls=False, behind_proxy=False)
    check_address(host, tls=True, behind_proxy=False)
    check_address(host, tls=False, behind_proxy=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_nothing(host):
    check_address(host, tls=False, behind_proxy=False)


def test_idle_models_are_released_and_loaded_again(toys):
    toys.gallery("people", "Ada")
    pipelines = toys.state.pipelines
    assert pipelines.loaded
    assert not pipelines.unload(3600)
    assert pipelines.unload(0)
    assert pipelines.loaded == []
    assert not pipelines.unload(0)
    assert toys.identify(portrait("Ada"))["answers"][0]["faces"][0]["decision"]["person"] == "Ada"
    assert pipelines.loaded


def test_freed_memory_is_returned_while_photos_are_computed(make, monkeypatch):
    returned = threading.Event()
    monkeypatch.setattr("mien.server.app.TIDY", 0.01)
    monkeypatch.setattr("mien.server.app.trim", returned.set)
    toys = make()
    with toys.client:
        toys.gallery("people")
        assert not returned.is_set()
        toys.identify(portrait("Ada"))
        assert returned.wait(30)


SSRF = [
    "http://169.254.169.254/latest/meta-data",  # metadata of clouds
    "http://[fd00:ec2::254]@169.254.169.254/",
    "http://[::ffff:169.254.169.254]/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://8.8.8.8/",
    "http://localhost.example/",
    "http://2130706433/",  # 127.0.0.1 as one number
    "http://127.1/",
    "http://0x7f.0.0.1/",
    "file:///etc/passwd",
    "ftp://192.168.1.4/",
    "gopher://192.168.1.4/",
    "https://",
    "//192.168.1.4/",
    "",
]


@pytest.mark.parametrize("url", SSRF)
def test_an_address_inside_is_no_webhook(url):
    assert not is_safe(url)


def test_no_request_can_name_an_address_or_a_path():
    for path, operations in describe(routes())["paths"].items():
        for operation in operations.values():
            named = {one["name"] for one in operation.get("parameters", ())}
            assert not named & {"url", "uri", "path", "source", "webhook", "callback"}, path
    text = json.dumps(describe(routes()))
    assert '"format": "uri"' not in text


@pytest.mark.parametrize("photo", [*SSRF[:1], "/etc/passwd", "../../server.db", "\\\\host\\x"])
def test_a_file_name_is_only_a_name(toys, photo):
    toys.gallery("people")
    files = [("photos", (photo, png(portrait("Ada"))))]
    [found] = toys("POST", "/identify", files=files)["answers"]
    assert "/" not in found["image"]
    assert "\\" not in found["image"]
    assert found["faces"]


def test_a_form_of_very_many_parts_is_refused(toys):
    toys.gallery("people")
    files = [("photos", (f"{i}.png", b"x")) for i in range(3000)]
    answer = toys("POST", "/identify", files=files, ok=False)
    assert answer.status_code in (400, 413, 422)
    fields = {f"field{i}": "x" for i in range(3000)}
    answer = toys("POST", "/identify", data=fields, files=files[:1], ok=False)
    assert answer.status_code in (400, 413, 422)
    large = toys("POST", "/galleries/people/people", data={"name": "x" * 5_000_000}, ok=False)
    assert large.status_code in (400, 413, 422)
    assert toys("GET", "/health")["status"] == "ok"


def test_a_key_is_compared_alike_whether_its_id_exists_or_not(toys, monkeypatch):
    compared = []
    real = keys.hmac.compare_digest
    monkeypatch.setattr(
        keys.hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or real(a, b)
    )
    number = toys.admin.split("_")[1]
    for text in (f"mien_{number}_wrong", "mien_000000000000_wrong", "mien_x", "rubbish"):
        assert toys.state.keys.find(text) is None
    assert len(compared) == 4
    assert len(set(compared)) == 1  # digests of one length: time does not depend on the secret
