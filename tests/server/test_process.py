"""The server as its users run it: started by its command, stopped, killed, and started again."""

import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from mien.client import Client
from mien.errors import MienError
from mien.media import encode_image

pytestmark = [pytest.mark.weights, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PATIENCE = 300.0  # s that a busy machine may take for a step


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request("GET", "/v1/ready")
        answer = client.getresponse()
        answer.read()
        return answer.status == 200
    except OSError:
        return False
    finally:
        client.close()


def wait(done, what):
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.1)


@contextmanager
def server(words, port, log):
    """Run `mien serve ...` and yield its process; it is ended with SIGTERM."""
    source = str(ROOT / "src")
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "mien", *words],
            stderr=file,
            env={**os.environ, "PYTHONPATH": path},
        )
        try:
            wait(lambda: answers(port) or process.poll() is not None, "the start")
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE)


def admin_key(log):
    return re.search(r"admin key, shown only now: (\S+)", log.read_text())[1]


@pytest.fixture
def clip(tmp_path, astronaut, hopper):
    """A film of 40 seconds in which two people take turns."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p"
        for i in range(400):
            picture = np.roll((astronaut, hopper[:512])[i // 50 % 2], i % 30, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_film_survives_a_killed_worker_and_a_killed_server(tmp_path, clip, astronaut):
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--folder", str(tmp_path / "server"), "--port", str(port)]
    with server(words, port, log) as process:
        key = admin_key(log)
        with Client(f"http://127.0.0.1:{port}", key) as client:
            client.enrol("Eileen", encode_image(astronaut))
            [found] = client.identify(encode_image(astronaut))
            assert found["faces"][0]["decision"]["person"] == "Eileen"
            job = client.upload_film(clip)["job"]["id"]
            wait(lambda: client.request("GET", f"/jobs/{job}")["progress"], "the first step")
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        children = [number for task in tasks for number in task.read_text().split()]
        [worker] = [
            int(n) for n in children if b"server.worker" in Path(f"/proc/{n}/cmdline").read_bytes()
        ]
        os.kill(worker, signal.SIGKILL)
        wait(lambda: "the worker ended" in log.read_text(), "the end of the worker")
        process.kill()
        process.wait()
    with server(words, port, log), Client(f"http://127.0.0.1:{port}", key) as client:
        done = client.wait(job, seconds=PATIENCE)
        answer = client.film(done["subject"])
        assert answer["complete"]
        assert answer["seconds"] == pytest.approx(40, abs=0.5)
        assert "Eileen" in [one["person"] for one in answer["people"]]
        client.request("DELETE", f"/films/{done['subject']}")
    assert admin_key(log) == key  # the second start made no other key


def test_a_server_that_is_killed_under_load_loses_nothing_and_lets_nobody_in(tmp_path, astronaut):
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--folder", str(tmp_path / "server"), "--port", str(port)]
    url, kept, stop = f"http://127.0.0.1:{port}", [], threading.Event()
    photo = encode_image(astronaut)

    def enrol(thread):
        number = 0
        with Client(url, key) as client:
            while not stop.is_set():
                number += 1
                name = f"Person {thread} {number}"
                try:
                    client.enrol(name, photo, allow_conflicts=True)
                except (MienError, OSError):
                    return
                kept.append(name)  # the server has answered: it is stored

    with server(words, port, log) as process:
        key = admin_key(log)
        threads = [threading.Thread(target=enrol, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        wait(lambda: len(kept) > 8, "some enrolments")
        process.kill()
        process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    with server(words, port, log), Client(url, key) as client:
        there = {one["name"]: one["templates"] for one in client.people()}
        assert {there.get(name) for name in kept} == {1}
        assert client.request("POST", "/galleries/people/journal/verify")["intact"]
        for wrong in ("", "mien_x_y", key[:-1]):
            with Client(url, wrong) as nobody, pytest.raises(MienError, match="key"):
                list(nobody.people())


def test_a_stopped_server_returns_its_job(tmp_path, clip):
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--folder", str(tmp_path / "server"), "--port", str(port)]
    with server(words, port, log) as process:
        with Client(f"http://127.0.0.1:{port}", admin_key(log)) as client:
            job = client.upload_film(clip)["job"]["id"]
            wait(lambda: client.request("GET", f"/jobs/{job}")["progress"], "the first step")
        process.terminate()
        assert process.wait(PATIENCE) == 0
    from mien.server.jobs import Jobs
    from mien.server.store import Store

    store = Store(tmp_path / "server" / "server.db")
    left = Jobs(store).find("default", job)
    store.close()
    assert (left.state, left.error) == ("queued", None)


def test_several_processes_share_one_gallery(tmp_path, astronaut, hopper):
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--folder", str(tmp_path / "server"), "--port", str(port)]
    with server([*words, "--processes", "2"], port, log):
        key, url = admin_key(log), f"http://127.0.0.1:{port}"
        with Client(url, key) as client:
            client.enrol("Eileen", encode_image(astronaut))
        for _ in range(6):  # each connection may come to another process
            with Client(url, key) as client:
                [found] = client.identify(encode_image(astronaut))
                assert found["faces"][0]["decision"]["person"] == "Eileen"
        with Client(url, key) as client:
            client.erase(next(iter(client.people()))["id"])
        for _ in range(6):
            with Client(url, key) as client:
                [found] = client.identify(encode_image(astronaut))
                assert found["faces"][0]["decision"]["outcome"] == "unknown"


def commands():
    """The command of the image, and that of the unit for systemd."""
    image = (DEPLOY / "Dockerfile").read_text()
    unit = (DEPLOY / "mien.service").read_text()
    return {
        "image": json.loads(re.search(r"^CMD (\[.*\])$", image, re.M)[1]),
        "unit": shlex.split(re.search(r"^ExecStart=(.*)$", unit, re.M)[1]),
    }


@pytest.mark.parametrize("which", ["image", "unit"])
def test_the_shipped_command_starts_a_healthy_server(tmp_path, which):
    program, *words = commands()[which]
    assert program == "/opt/mien/bin/mien"
    port, log = free_port(), tmp_path / "log"
    for option, value in (("--folder", str(tmp_path / "server")), ("--port", str(port))):
        words[words.index(option) + 1] = value
    if "--host" in words:
        words[words.index("--host") + 1] = "127.0.0.1"
    check = re.search(r"^HEALTHCHECK .*? CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.M)
    _, *arguments = json.loads(check[1])
    arguments = [one.replace("8480", str(port)) for one in arguments]
    with server(words, port, log):
        assert subprocess.run([sys.executable, *arguments]).returncode == 0
    assert subprocess.run([sys.executable, *arguments], capture_output=True).returncode == 1
