#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Peers and third parties that mean harm: each gets the reaction that the RFCs ask for, the
connections of others go on, and nothing is left of it.

JACKDAW_SYNS sets how many SYNs the flood has (1000000 for the whole measure), JACKDAW_CONNECTIONS
how many connections are half-closed (10000).
"""
import json
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import BUILD, PORT, ROOT, SERVER, Lab, run  # noqa: E402
from tests.wire.operations import PATTERN  # noqa: E402
from tests.wire.raw_peer import MODULUS, RawPeer, neighbour  # noqa: E402
from tests.wire.tcp import Tcp  # noqa: E402

SYNS = int(os.environ.get("JACKDAW_SYNS", "100000"))
CONNECTIONS = int(os.environ.get("JACKDAW_CONNECTIONS", "2000"))
LARGE = 200000
SETTLE_SECONDS = 30
# Gauges that must be as before when an attack is over.
GAUGES = ("tcp_connections", "tcp_half_open", "tcp_buffered", "curr_connections")
INITIAL_WINDOW = 10
NEIGHBOUR = "10.77.0.251"


def stats():
    with Tcp((SERVER, PORT)) as client:
        found = client.stats(b"jackdaw")
        found.update(client.stats())
    return found


def counter(name):
    return int(stats()[name])


def gauges():
    found = stats()
    return {name: int(found[name]) for name in GAUGES if name in found}


class NothingLeaks:
    """The server's gauges come back to what they were."""

    def __enter__(self):
        self.before = gauges()
        assert len(self.before) == len(GAUGES), self.before
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        deadline = time.monotonic() + SETTLE_SECONDS
        while (now := gauges()) != self.before:
            assert time.monotonic() < deadline, f"before {self.before}, now {now}"
            time.sleep(0.1)


def works(peer, number=[0]):  # pylint: disable=dangerous-default-value
    """The peer's connection still answers, and exactly what it should."""
    number[0] += 1
    before = len(peer.stream())
    answer = b"VALUE alive 0 4\r\n%04d\r\nEND\r\n" % number[0]
    with Tcp((SERVER, PORT)) as client:
        client.expect(b"set alive 0 0 4\r\n%04d\r\n" % number[0], b"STORED\r\n")
    peer.write(b"get alive\r\n")
    got = peer.collect(before + len(answer))
    assert got[before:] == answer, got[before:]


def prepare_large():
    with Tcp((SERVER, PORT)) as client:
        client.expect(b"set large 0 0 %d\r\n%s\r\n" % (LARGE, PATTERN[:LARGE]), b"STORED\r\n")
    return b"VALUE large 0 %d\r\n%s\r\nEND\r\n" % (LARGE, PATTERN[:LARGE])


def challenged(peer):
    """What was not believed was asked about: at least once, for the rate is limited."""
    challenges = peer.drain()
    assert challenges
    for challenge in challenges:
        assert challenge.flags == "A" and not challenge.payload_bytes, challenge
        assert challenge.ack == peer.sequence % MODULUS and challenge.seq == peer.acknowledged


# --- blind attackers (RFC 5961) -----------------------------------------------------------------

def blind_reset():
    peer = RawPeer(SERVER, PORT)
    window = peer.connect().window
    for offset in (-1, -1000, window + 1, 1 << 20, 1 << 31):
        peer.send("R", sequence=peer.sequence + offset)
    assert not peer.drain(), "a reset outside the window was answered"
    works(peer)
    for offset in (1, 100, window // 2):
        peer.send("R", sequence=peer.sequence + offset)
    challenged(peer)
    works(peer)
    # many are not answered each: the answers are limited, so that they can't be counted
    for i in range(3000):
        peer.send("R", sequence=peer.sequence + 1 + i % 1000)
    answered = len(peer.drain())
    assert answered < 1500, f"{answered} challenges for 3000 resets"
    works(peer)
    # the exact number is believed
    before = counter("tcp_reset_by_peer")
    peer.send("R")
    peer.drain()
    assert counter("tcp_reset_by_peer") == before + 1
    peer.close()


def syn_in_window():
    peer = RawPeer(SERVER, PORT, source_port=30001)
    peer.connect()
    for offset in (0, 1, 500, 1 << 20, 1 << 31):
        peer.send("S", sequence=peer.sequence + offset)
    challenged(peer)
    works(peer)
    peer.close()


def injected_data():
    """Data in the window that acknowledges what was never sent, or long ago, is not read."""
    peer = RawPeer(SERVER, PORT, source_port=30002)
    peer.connect()
    works(peer)
    for ack in (1, 1 << 20, (1 << 31) - 1, -(1 << 30), -(1 << 31) + 1):
        peer.send("PA", b"set injected 0 0 1\r\nx\r\n", ack=peer.acknowledged + ack)
    peer.drain()
    works(peer)
    with Tcp((SERVER, PORT)) as client:
        client.expect(b"get injected\r\n", b"END\r\n")
    peer.close()


# --- peers that cheat (Savage et al., "TCP congestion control with a misbehaving receiver") -------

def acknowledgements_divided():
    """Ten acknowledgements of parts of one segment open the window by no more than one does."""
    expected = prepare_large()
    peer = RawPeer(SERVER, PORT, source_port=30003)
    peer.connect()
    peer.write(b"get large\r\n")
    first = peer.drain()
    flight = sum(len(segment.payload_bytes) for segment in first)
    assert 1460 <= flight <= (INITIAL_WINDOW + 1) * 1460, flight
    one = len(first[0].payload_bytes)
    for part in range(1, 101):
        peer.send("A", ack=peer.acknowledged + one * part // 100)
    peer.acknowledged += one
    released = sum(len(segment.payload_bytes) for segment in peer.drain(0.1))
    # slow start: one segment has left, and at most one more is let in for it (RFC 5681, 3.1)
    assert released <= 3 * 1460, f"{released} bytes for one segment acknowledged in 100 parts"
    assert peer.collect(len(expected), 20) == expected
    peer.close()


def acknowledgements_in_advance():
    """What was not sent yet can't be acknowledged; nothing is skipped for it."""
    expected = prepare_large()
    peer = RawPeer(SERVER, PORT, source_port=30004)
    peer.connect()
    before = counter("tcp_bad_ack")
    peer.write(b"get large\r\n")
    peer.drain()
    for ahead in (len(peer.stream()) + 1, 100000, LARGE, 1 << 30):
        peer.send("A", ack=peer.server_first + ahead)
    peer.drain()
    assert counter("tcp_bad_ack") >= before + 4
    peer.acknowledged = (peer.server_first + len(peer.stream())) % MODULUS
    peer.send("A")
    assert peer.collect(len(expected), 20) == expected
    peer.close()


def window_shrinks():
    """A window that is taken back is obeyed from then on, and probed; all comes in the end."""
    expected = prepare_large()
    peer = RawPeer(SERVER, PORT, source_port=30005)
    peer.connect()
    peer.write(b"get large\r\n")
    peer.drain()
    peer.acknowledged = (peer.server_first + len(peer.stream())) % MODULUS
    peer.send("A", window=0)
    held = len(peer.stream())
    probes = peer.drain(1.5)
    assert probes, "a closed window was not probed"
    assert all(len(segment.payload_bytes) <= 1460 for segment in probes)
    assert len(peer.stream()) <= held + 1460, "sent into a closed window"
    # not even a segment wide, then wide
    for window in (10, 536, 65535):
        peer.acknowledged = (peer.server_first + len(peer.stream())) % MODULUS
        peer.send("A", window=window)
        peer.drain(0.3)
    assert peer.collect(len(expected), 20) == expected
    peer.close()


def options_that_hurt():
    """An MSS of nearly nothing does not make a segment of every byte; rubbish does not hurt."""
    expected = prepare_large()[:2000]
    for port, mss in ((30010, 0), (30011, 1), (30012, 8), (30013, 65535)):
        peer = RawPeer(SERVER, PORT, source_port=port)
        peer.connect(options=(("MSS", mss),))
        peer.write(b"get large\r\n")
        peer.collect(2000, 10)
        assert peer.stream()[:2000] == expected
        full = [len(piece) for piece in peer.data.values()]
        assert 32 <= max(full) <= 1460, full
        peer.close()
    for port, rubbish in ((30020, b"\x02\x00\x00\x00"), (30021, b"\x02\x01\x05\xb4"),
                          (30022, b"\x02\x28\x05\xb4"), (30023, b"\x03\x03\xff\x00"),
                          (30024, b"\x05\x02\x08\x03"), (30025, b"\xfe\x02\x01\x01"),
                          (30026, b"\x08\x04\x00\x00"), (30027, bytes(range(40))[::-1])):
        peer = RawPeer(SERVER, PORT, source_port=port)
        raw = RawOptions(peer, rubbish)
        answer = raw.syn()
        if answer is not None and answer.flags == "SA":
            peer.sequence += 1
            peer.acknowledged = peer.server_first = (answer.seq + 1) % MODULUS
            peer.send("A")
            works(peer)
            raw.data(b"get large\r\n")
            peer.drain(0.05)
        peer.close()


class RawOptions:
    """Segments whose options are bytes that scapy would not write."""

    def __init__(self, peer, options):
        self.peer, self.options = peer, options + bytes(-len(options) % 4)

    def frame(self, flags, payload):
        from scapy.layers.inet import IP, TCP  # pylint: disable=import-outside-toplevel
        peer = self.peer
        segment = TCP(sport=peer.source_port, dport=peer.port, flags=flags, seq=peer.sequence,
                      ack=peer.acknowledged, dataofs=5 + len(self.options) // 4) / \
            (self.options + payload)
        return peer.link / IP(src=peer.source, dst=peer.server) / segment

    def syn(self):
        self.peer.wire.send(self.frame("S", b""))
        return self.peer.receive(0.5)

    def data(self, payload):
        self.peer.wire.send(self.frame("PA", payload))
        self.peer.sequence += len(payload)


def senseless_flags():
    peer = RawPeer(SERVER, PORT, source_port=30030)
    for flags in ("", "FPU", "SF", "SR", "SFRPAU", "F", "P", "U", "SFU", "SRA"):
        peer.send(flags, b"get x\r\n" if "S" not in flags else b"")
        for answer in peer.drain(0.05):
            assert answer.flags in ("R", "RA"), (flags, answer.flags)
    peer.connect()
    for flags in ("", "FPU", "SF", "P", "U", "SFU"):
        peer.send(flags, b"set senseless 0 0 1\r\nx\r\n")
        for answer in peer.drain(0.05):
            assert answer.flags == "A", (flags, answer.flags)
    works(peer)
    with Tcp((SERVER, PORT)) as client:
        client.expect(b"get senseless\r\n", b"END\r\n")
    peer.close()


def overlapping_segments():
    """A stream in pieces that overlap, out of order, some of them wrong where they come second."""
    dice = random.Random(1)
    peer = RawPeer(SERVER, PORT, source_port=30031)
    peer.connect()
    for turn in range(20):
        value = PATTERN[turn * 997:turn * 997 + 3000]
        request = b"set overlap 0 0 3000\r\n%s\r\nget overlap\r\n" % value
        answer = b"STORED\r\nVALUE overlap 0 3000\r\n%s\r\nEND\r\n" % value
        before = len(peer.stream())
        pieces = []
        for start in range(0, len(request), 250):
            begin = max(0, start - dice.randrange(200))
            end = min(len(request), start + 250 + dice.randrange(200))
            pieces.append((begin, request[begin:end]))
        dice.shuffle(pieces)
        for begin, piece in pieces:
            peer.send("PA", piece, sequence=peer.sequence + begin)
        # nobody waits for bytes that were read long ago, whatever they say now
        peer.sequence += len(request)
        got = peer.collect(before + len(answer), 10)
        assert got[before:] == answer, turn
        peer.send("PA", b"X" * 300, sequence=peer.sequence - 300)
        peer.drain(0.02)
    works(peer)
    peer.close()


# --- many ---------------------------------------------------------------------------------------

def bench(seconds, connections=4):
    """Requests a second of a kernel client over connections that live as long."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as results:
        subprocess.run([os.path.join(ROOT, BUILD, "jackdaw-bench"), "--kernel", "--transport",
                        "tcp", "--server", SERVER, "--connections", str(connections), "--depth",
                        "1", "--keys", "1000", "--timeout", "20000", "--seconds", str(seconds),
                        "--warm-up", "0.5", "--verify", "--quiet", "--json", results.name],
                       check=True, stdout=subprocess.DEVNULL)
        figures = json.load(results)
    assert figures["wrong"] == figures["lost"] == figures["malformed"] == 0, figures
    return figures["requests_per_second"]


def bench_under_syns(server, count, rate):
    """The clients' rate while SYNs of nobody arrive for `server`, and what the flooder says."""
    flood = subprocess.Popen(
        [os.path.join(ROOT, BUILD, "syn-flood"), "jd-cli", neighbour(SERVER), server, str(PORT),
         str(count), str(rate)], stdout=subprocess.PIPE, universal_newlines=True)
    try:
        measured = bench(max(1, count / rate - 1))
        if server == SERVER:  # a new one gets in, by a cookie
            with Tcp((SERVER, PORT)) as client:
                client.expect(b"set flooded 0 0 1\r\n1\r\n", b"STORED\r\n")
    finally:
        told = flood.communicate(timeout=count / rate + 60)[0]
    return measured, told.strip()


def syn_flood():
    """
    SYNs of nobody; the connections that are there, and new ones, go on. The flooder and what its
    frames cost the wire are the same on both sides of the comparison: for a neighbour's address first.
    A SYN comes for every three requests that a quiet line answers, however fast the machine is.
    """
    pairs = 3
    quiet = bench(1)
    rate = round(quiet / 3)
    before = stats()
    ratios = []
    for _ in range(pairs):
        spared, _ = bench_under_syns(NEIGHBOUR, SYNS // pairs, rate)
        flooded, told = bench_under_syns(SERVER, SYNS // pairs, rate)
        ratios.append(flooded / spared)
        print(f"  {told}: {quiet:.0f}/s before, {spared:.0f}/s with SYNs for a neighbour, "
              f"{flooded:.0f}/s with SYNs for us, {flooded / spared:.2f}")
    after = stats()
    print(f"  cookies sent {int(after['tcp_cookies_sent']) - int(before['tcp_cookies_sent'])}")
    assert sorted(ratios)[pairs // 2] >= 0.8, ratios
    assert int(after["tcp_cookies_sent"]) > int(before["tcp_cookies_sent"])


def half_closed():
    """Clients that close their side and wait get what they asked for, and then the end."""
    clients = []
    for i in range(CONNECTIONS):
        client = Tcp((SERVER, PORT))
        client.send(b"get alive\r\n" if i % 2 else b"")
        client.socket.shutdown(socket.SHUT_WR)
        clients.append(client)
    for i, client in enumerate(clients):
        if i % 2:
            assert client.receive_until(b"END\r\n")
        assert client.is_ended()
        client.close()


def slow_reader():
    """Who asks and does not read is not read from; others are served; then it gets all of it."""
    expected = prepare_large()
    rounds = 100
    slow = Tcp((SERVER, PORT), receive_buffer=4096)
    slow.socket.settimeout(60)
    asking = threading.Thread(target=slow.send, args=(b"get large\r\n" * rounds,))
    asking.start()
    most = 0
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        found = stats()
        most = max(most, int(found["tcp_buffered"]))
    assert most < 8 << 20, f"{most} bytes are buffered for one that does not read"
    for _ in range(rounds):
        assert slow.receive_exactly(len(expected)) == expected
    asking.join()
    slow.close()


def one_byte_sender():
    with Tcp((SERVER, PORT)) as client:
        requests = answers = b""
        for i in range(100):
            requests += b"set one 0 0 10\r\n%010d\r\nget one\r\n" % i
            answers += b"STORED\r\nVALUE one 0 10\r\n%010d\r\nEND\r\n" % i
        for i in range(len(requests)):
            client.send(requests[i:i + 1])
        assert client.receive_exactly(len(answers)) == answers


def leaks_nothing(attack):
    def test():
        with NothingLeaks():
            attack()
    return test


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (CONNECTIONS + 1000, CONNECTIONS + 1000))
    limits = f"tcp: {{connections: {CONNECTIONS + 1000}, syn_backlog: 256}}\n"
    with Lab("attacks") as lab, lab.start("af_xdp", limits):
        stats()
        run("attacks", [(attack.__name__.replace("_", " "), leaks_nothing(attack)) for attack in (
            blind_reset, syn_in_window, injected_data, acknowledgements_divided,
            acknowledgements_in_advance, window_shrinks, options_that_hurt, senseless_flags,
            overlapping_segments, half_closed, slow_reader, one_byte_sender, syn_flood)])
