"""A small RTSP server for tests: sends one MPEG-TS file to each client, over TCP.

Source: RFC 2326 (RTSP), RFC 2250 (MPEG-TS in RTP, payload type 33).
"""

import socket
import struct
import threading
import time
from itertools import count

SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=t\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:v\r\n"
PACKET = 188 * 7  # bytes of MPEG-TS in one RTP packet


class RtspServer:
    """Serves `data`; `stall_after` packets it goes silent, `hang_up` ends the connection after."""

    def __init__(self, data, *, pace=0.0, stall_after=None, hang_up=True):
        self.data, self.pace, self.stall_after, self.hang_up = data, pace, stall_after, hang_up
        self.clients = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._socket.getsockname()[1]}/film"
        self._over = threading.Event()
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._over.set()
        self._socket.close()
        for client in self._open:
            client.close()

    def _accept(self):
        while not self._over.is_set():
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.clients += 1
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            held = b""
            while not self._over.is_set():
                part = client.recv(4096)
                if not part:
                    return
                held += part
                while b"\r\n\r\n" in held:
                    request, held = held.split(b"\r\n\r\n", 1)
                    if self._answer(client, request.decode()):
                        return
        except OSError:
            return

    def _answer(self, client, request):
        lines = request.split("\r\n")
        method = lines[0].split()[0]
        number = next(line.split(":")[1].strip() for line in lines if line.startswith("CSeq"))
        head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n"
        if method == "OPTIONS":
            client.sendall((head + "Public: DESCRIBE, SETUP, PLAY\r\n\r\n").encode())
        elif method == "DESCRIBE":
            kind = f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n"
            client.sendall((head + kind + SDP).encode())
        elif method == "SETUP":
            how = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n"
            client.sendall((head + how).encode())
        elif method == "PLAY":
            client.sendall((head + "Session: 1\r\n\r\n").encode())
            self._play(client)
            return True
        else:
            client.sendall((head + "Session: 1\r\n\r\n").encode())
        return False

    def _play(self, client):
        for number, start in zip(count(), range(0, len(self.data), PACKET)):
            if number == self.stall_after:
                self._over.wait(30)
                return
            part = self.data[start : start + PACKET]
            rtp = struct.pack(">BBHII", 0x80, 33, number & 0xFFFF, number * 3600, 1) + part
            client.sendall(struct.pack(">cBH", b"$", 0, len(rtp)) + rtp)
            time.sleep(self.pace)
        if self.hang_up:
            time.sleep(0.2)
            client.close()
        else:
            self._over.wait(30)
