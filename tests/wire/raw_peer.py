# SPDX-License-Identifier: BSD-3-Clause
"""A TCP peer without manners: every segment is made by hand (scapy) and sent as a raw frame.

It has an address of its own that no kernel answers for, so nothing interferes; or it speaks in the
name of a kernel's connection, which it watches on the wire.
"""
import logging
import socket
import struct
import subprocess
import time

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.layers.inet import IP, TCP  # noqa: E402  pylint: disable=wrong-import-position
from scapy.layers.l2 import Ether  # noqa: E402  pylint: disable=wrong-import-position

INTERFACE = "jd-cli"
ETH_P_IP, SOL_PACKET, PACKET_IGNORE_OUTGOING = 0x0800, 263, 23
MODULUS = 1 << 32


def neighbour(address):
    """The server's MAC address, which the kernel knows after having asked it something."""
    line = subprocess.run(["ip", "neigh", "show", address], check=True, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout
    return line.split()[4]


class Wire:
    """Raw frames on the client's interface; what is sent by the kernel is seen if asked for."""

    def __init__(self, outgoing=False):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        if not outgoing:
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind((INTERFACE, ETH_P_IP))
        self.mac = ":".join(f"{byte:02x}" for byte in self.socket.getsockname()[4])

    def send(self, frame):
        self.socket.send(bytes(frame))

    def receive(self, wanted, seconds):
        """The next segment for which wanted(IP, TCP) is true, or None."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame = self.socket.recv(65536)
            except (socket.timeout, BlockingIOError):
                return None
            if len(frame) < 54 or frame[23] != socket.IPPROTO_TCP:
                continue
            packet = IP(frame[14:])
            packet[TCP].payload_bytes = payload_of(frame)
            if wanted(packet, packet[TCP]):
                return packet[TCP]
        return None

    def close(self):
        self.socket.close()


def payload_of(frame):
    """The bytes of a segment, without the link's padding."""
    total, = struct.unpack("!H", frame[16:18])
    tcp = 14 + 4 * (frame[14] & 15)
    return frame[tcp + 4 * (frame[tcp + 12] >> 4):14 + total]


class RawPeer:
    """One end of one connection, which does only what it is told."""

    def __init__(self, server, port, source="10.77.0.66", source_port=30000, wire=None):
        self.server, self.port = server, port
        self.source, self.source_port = source, source_port
        self.wire = wire or Wire()
        self.link = Ether(dst=neighbour(server), src=self.wire.mac)
        self.sequence = self.first = 1000000
        self.acknowledged = 0
        self.window = 65535
        self.data = {}

    def send(self, flags, payload=b"", sequence=None, ack=None, window=None, options=()):
        self.wire.send(self.link / IP(src=self.source, dst=self.server) / TCP(
            sport=self.source_port, dport=self.port, flags=flags,
            seq=(self.sequence if sequence is None else sequence) % MODULUS,
            ack=(self.acknowledged if ack is None else ack) % MODULUS,
            window=self.window if window is None else window, options=list(options)) / payload)

    def receive(self, seconds=1.0):
        return self.wire.receive(
            lambda ip, tcp: ip.src == self.server and ip.dst == self.source
            and tcp.dport == self.source_port and tcp.sport == self.port, seconds)

    def connect(self, options=(("MSS", 1460),)):
        """The three segments of a handshake; returns the second."""
        self.send("S", options=options)
        answer = self.receive(2)
        assert answer is not None, "no answer to a SYN"
        assert answer.flags == "SA", answer.flags
        assert answer.ack == (self.sequence + 1) % MODULUS
        self.sequence += 1
        self.acknowledged = self.server_first = (answer.seq + 1) % MODULUS
        self.send("A")
        return answer

    def write(self, payload):
        """In order, one segment."""
        self.send("PA", payload)
        self.sequence += len(payload)

    def take(self, segment):
        """Keeps what a segment brought, by its place in the server's stream."""
        offset = (segment.seq - self.server_first) % MODULUS
        if segment.payload_bytes:
            self.data[offset] = segment.payload_bytes

    def stream(self):
        """What came so far, without a gap from the first byte on."""
        whole = b""
        for offset in sorted(self.data):
            if offset > len(whole):
                break
            piece = self.data[offset][len(whole) - offset:]
            whole += piece
        return whole

    def collect(self, length, seconds=5.0, acknowledge=True):
        """Receives until so many bytes of the server's stream are there, acknowledging each."""
        deadline = time.monotonic() + seconds
        while len(self.stream()) < length:
            left = deadline - time.monotonic()
            segment = self.receive(left) if left > 0 else None
            assert segment is not None, f"{len(self.stream())} of {length} bytes came"
            assert "R" not in segment.flags, "reset"
            self.take(segment)
            if acknowledge:
                self.acknowledged = (self.server_first + len(self.stream())) % MODULUS
                self.send("A")
        return self.stream()

    def drain(self, seconds=0.2):
        """All segments that come until it is quiet for so long."""
        segments = []
        while (segment := self.receive(seconds)) is not None:
            self.take(segment)
            segments.append(segment)
        return segments

    def reset(self):
        self.send("R")

    def close(self):
        self.reset()
        self.wire.close()
