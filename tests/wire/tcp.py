# SPDX-License-Identifier: BSD-3-Clause
"""One kernel TCP socket that speaks memcached's text, for the tests on the wire."""
import socket


class Tcp:
    """A connection; every wait is bounded."""

    def __init__(self, address, timeout=20, receive_buffer=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffered = b""

    def send(self, request):
        self.socket.sendall(request)

    def receive_until(self, end):
        """What comes up to and with `end`, which may be anywhere in it."""
        parts, tail = [self.buffered], self.buffered
        while end not in tail:
            piece = self.socket.recv(1 << 18)
            if not piece:
                raise ConnectionError(f"ended after {b''.join(parts)[-200:]!r}")
            parts.append(piece)
            tail = tail[-len(end):] + piece
        whole = b"".join(parts)
        cut = whole.index(end) + len(end)
        self.buffered = whole[cut:]
        return whole[:cut]

    def receive_exactly(self, length):
        parts, got = [self.buffered], len(self.buffered)
        while got < length:
            piece = self.socket.recv(min(1 << 18, length - got))
            if not piece:
                raise ConnectionError(f"ended after {got} of {length} bytes")
            parts.append(piece)
            got += len(piece)
        whole = b"".join(parts)
        self.buffered = whole[length:]
        return whole[:length]

    def ask(self, request, end=b"\r\n"):
        self.send(request)
        return self.receive_until(end)

    def expect(self, request, answer):
        self.send(request)
        got = self.receive_exactly(len(answer))
        assert got == answer, f"{request[:100]!r}: {got[:200]!r}"

    def stats(self, group=b""):
        """The statistics of a group, as a dict of strings."""
        answer = self.ask((b"stats " + group).strip() + b"\r\n", b"END\r\n")
        return dict(line.split(" ", 2)[1:] for line in answer.decode().split("\r\n")
                    if line.startswith("STAT "))

    def is_ended(self):
        """True if the peer has closed in order; raises if it has reset."""
        return self.socket.recv(1) == b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
