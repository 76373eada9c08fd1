"""A small broker of MQTT 3.1.1 for tests: it confirms, or falls silent, and keeps what it got."""

import socketserver
import threading

CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 12, 13


class Broker:
    """Listens on loopback; `got` has (topic, text, retain) in order."""

    def __init__(self, *, password=None):
        self.got, self.silent, self.password = [], threading.Event(), password
        broker = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while (head := self.rfile.read(1)) and broker.packet(self, head[0]):
                    pass

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def packet(self, handler, head):
        """Handle one packet; return whether the connection goes on."""
        length = shift = 0
        while True:
            [byte] = handler.rfile.read(1)
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        body = handler.rfile.read(length)
        kind = head >> 4
        if kind == CONNECT:
            refused = self.password is not None and self.password.encode() not in body
            handler.wfile.write(bytes([CONNACK << 4, 2, 0, 5 if refused else 0]))
            return not refused
        if kind == PUBLISH:
            size = int.from_bytes(body[:2], "big")
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            assert head >> 1 & 3 == 1  # quality of service
            if self.silent.is_set():
                return False
            self.got.append((topic, rest[2:].decode(), bool(head & 1)))
            handler.wfile.write(bytes([PUBACK << 4, 2]) + rest[:2])
        elif kind == PINGREQ:
            handler.wfile.write(bytes([PINGRESP << 4, 0]))
        return kind in (PUBLISH, PINGREQ)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
