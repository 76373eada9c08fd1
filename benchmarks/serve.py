"""Measure the server under load: identification over loopback, beside the bare library.

A server of its own is started in a new folder, with the default models and two people. One process
sends photos with 1, 8 and 32 clients, each for a limited time. Between these, another process does
the same work without a server: it reads the same bytes and identifies, one photo per core at a
time. The ratio of throughput is that of the server / that of the library before and after it. On
a machine with other load, who has more processes gets more of it; there only the ratio of processor
time per photo is of use: that of the library / that of the server with all its processes.

Example: python benchmarks/serve.py --seconds 60
"""

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import count
from pathlib import Path

from mien.evaluate.demo import portraits
from mien.gallery import open_gallery
from mien.media import encode_image, read_image, thumbnail
from mien.photo import in_parallel, open_pipeline
from mien.runtime import cpu_quota

CLIENTS = (1, 8, 32)
SIDE = 480  # px, longer side of the photos
BORDER = "----mien-benchmark"


def photos() -> list[bytes]:
    """The portraits of the demo as JPEG files."""
    return [encode_image(thumbnail(read_image(p), SIDE)) for p in portraits().values()]


def multipart(photo: bytes, fields: dict[str, str]) -> bytes:
    """The body of a form with one photo."""
    parts = [
        f'--{BORDER}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = 'Content-Disposition: form-data; name="photos"; filename="p.jpg"\r\n'
    kind = "Content-Type: image/jpeg\r\n\r\n"
    parts.append(f"--{BORDER}\r\n{head}{kind}".encode() + photo + b"\r\n")
    return b"".join(parts) + f"--{BORDER}--\r\n".encode()


def post(client: http.client.HTTPConnection, path: str, key: str, body: bytes) -> tuple[int, bytes]:
    """Send a form; return status and body."""
    kind = f"multipart/form-data; boundary={BORDER}"
    client.request("POST", path, body, {"Authorization": f"Bearer {key}", "Content-Type": kind})
    answer = client.getresponse()
    return answer.status, answer.read()


def load(port: int, key: str, clients: int, seconds: float) -> None:
    """Send photos with so many clients; print durations and statuses as JSON."""
    bodies = [multipart(photo, {"gallery": "people"}) for photo in photos()]
    end = time.perf_counter() + seconds
    times: list[float] = []
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def work(first: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for number in count(first):
            started = time.perf_counter()
            if started >= end:
                return
            status, _ = post(client, "/v1/identify", key, bodies[number % len(bodies)])
            with lock:
                statuses[status] += 1
                if status == 200:
                    times.append(time.perf_counter() - started)
            if status == 429:
                time.sleep(1.0)  # as Retry-After asks

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - started
    print(json.dumps({"seconds": passed, "times": times, "statuses": statuses}))


def bare(gallery: str, seconds: float) -> None:
    """Identify the same photos without a server; print the throughput as JSON."""
    workers = cpu_quota()
    data = photos()
    with open_gallery(gallery, None, read_only=True) as known:
        pipeline = open_pipeline(gallery=known, workers=workers)
        pipeline(read_image(data[0]))
        end = time.perf_counter() + seconds

        def items():
            for number in count():
                if time.perf_counter() >= end:
                    return
                yield data[number % len(data)]

        started, used = time.perf_counter(), time.process_time()
        done = sum(1 for _ in in_parallel(lambda b: pipeline(read_image(b)), items(), workers))
        cost = (time.process_time() - used) / done
        print(json.dumps({"rate": done / (time.perf_counter() - started), "cost": cost}))


def ask(*words: object) -> dict:
    """Run a part of this script in a process of its own; return its JSON."""
    found = subprocess.run(
        [sys.executable, __file__, *map(str, words)], check=True, capture_output=True, text=True
    )
    return json.loads(found.stdout.splitlines()[-1])


def family(parent: int) -> list[int]:
    """A process and all below it; Linux only."""
    found, todo = [], [parent]
    while todo:
        number = todo.pop()
        found.append(number)
        tasks = Path(f"/proc/{number}/task").glob("*/children")
        todo += [int(n) for task in tasks for n in task.read_text().split()]
    return found


def memory(parent: int) -> float:
    """Resident memory of a process and its children, MB; shared pages count in each."""
    pages = [int(Path(f"/proc/{n}/statm").read_text().split()[1]) for n in family(parent)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor(parent: int) -> float:
    """Processor time of a process and its children so far, s."""
    fields = [
        Path(f"/proc/{n}/stat").read_text().rpartition(") ")[2].split() for n in family(parent)
    ]
    return sum(int(v) for row in fields for v in row[11:15]) / os.sysconf("SC_CLK_TCK")


def start(folder: Path, port: int, processes: int) -> tuple[subprocess.Popen, str]:
    """Start a server; return its process and its admin key."""
    command = [sys.executable, "-m", "mien", "serve", "--folder", str(folder), "--port", str(port)]
    log = (folder.parent / "log").open("w")
    process = subprocess.Popen([*command, "--processes", str(processes)], stderr=log)
    for _ in range(600):
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            client.request("GET", "/v1/ready")
            if client.getresponse().status == 200:
                break
        except OSError:
            time.sleep(0.1)
    found = re.search(r"mien_\w+?_[\w-]+", (folder.parent / "log").read_text())
    assert found, "the server did not start"
    return process, found[0]


def report(clients: int, found: dict, libraries: list[dict], cost: float, held: float) -> None:
    """Print one row."""
    times = sorted(found["times"])
    rate = len(times) / found["seconds"]
    library = statistics.mean(one["rate"] for one in libraries)
    bare_cost = statistics.mean(one["cost"] for one in libraries)
    errors = sum(n for status, n in found["statuses"].items() if int(status) >= 500)
    p50, p99 = statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.99))]
    print(
        f"{clients:>3} clients: {rate:5.1f} photos/s, p50 {p50 * 1e3:5.0f} ms, p99 "
        f"{p99 * 1e3:5.0f} ms; library {library:5.1f} photos/s, ratio {rate / library:.2f}; "
        f"processor {cost * 1e3:.0f} ms per photo, library {bare_cost * 1e3:.0f} ms, ratio "
        f"{bare_cost / cost:.2f}; 5xx {errors}, 429 {found['statuses'].get('429', 0)}; "
        f"memory {held:.0f} MB",
        flush=True,
    )


def main() -> None:
    """Start a server, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument("--processes", type=int, default=1)
    words = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as place:
        process, key = start(Path(place, "server"), port, words.processes)
        gallery = str(Path(place, "server/tenants/default/people.mien"))
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            for number, photo in enumerate(photos()):
                form = multipart(photo, {"name": f"Person {number}"})
                assert post(client, "/v1/galleries/people/people", key, form)[0] == 201
            print(f"{cpu_quota()} cores, memory at the start {memory(process.pid):.0f} MB")
            after = ask("bare", gallery, words.seconds / 2)
            for clients in words.clients:
                before, used = after, processor(process.pid)
                found = ask("load", port, key, clients, words.seconds)
                cost = (processor(process.pid) - used) / max(len(found["times"]), 1)
                held = memory(process.pid)
                after = ask("bare", gallery, words.seconds / 2)
                report(clients, found, [before, after], cost, held)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["load", port, key, clients, seconds]:
            load(int(port), key, int(clients), float(seconds))
        case ["bare", gallery, seconds]:
            bare(gallery, float(seconds))
        case _:
            main()
