#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The appliance over TCP, asked by kernel sockets: streams cut anywhere, in order, to the byte."""
import functools
import os
import random
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import PORT, SERVER, SERVER6, Lab, Udp, run  # noqa: E402
from tests.wire.operations import PATTERN, VALUE_MAX, run_operations  # noqa: E402
from tests.wire.tcp import Tcp  # noqa: E402

OPERATIONS = 3000


def binary(opcode, key=b"", extras=b"", value=b"", opaque=0):
    return struct.pack("!BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0,
                       len(extras) + len(key) + len(value), opaque, 0) + extras + key + value


def binary_set(opcode, key, value, opaque=0):
    return binary(opcode, key, struct.pack("!II", 0, 0), value, opaque)


def check_pipeline(address):
    """A thousand requests in one write: all the answers, in order."""
    with Tcp(address) as client:
        request = b"".join(b"set p%d 0 0 4\r\n%04d\r\nget p%d\r\n" % (i, i, i) for i in range(1000))
        answer = b"".join(b"STORED\r\nVALUE p%d 0 4\r\n%04d\r\nEND\r\n" % (i, i)
                          for i in range(1000))
        client.expect(request, answer)
        client.expect(b"get p1 p2 none p999\r\n",
                      b"VALUE p1 0 4\r\n0001\r\nVALUE p2 0 4\r\n0002\r\n"
                      b"VALUE p999 0 4\r\n0999\r\nEND\r\n")


def check_every_cut(address):
    """A stream of text and one of binary, each cut in two at every place."""
    text = b"set cut 5 0 10\r\n0123456789\r\nget cut\r\nincr none 1\r\n"
    text_answer = b"STORED\r\nVALUE cut 5 10\r\n0123456789\r\nEND\r\nNOT_FOUND\r\n"
    asked = binary_set(0x01, b"cut", b"v" * 30, 7) + binary(0x00, b"cut", opaque=8) + binary(0x0a)
    for request, answer in ((text, text_answer), (asked, None)):
        with Tcp(address) as client:
            for cut in range(1, len(request)):
                client.send(request[:cut])
                client.send(request[cut:])
                got = client.receive_exactly(len(answer or b"") or 24 + 24 + 4 + 30 + 24)
                assert answer is None or got == answer, (cut, got)
                if answer is None:
                    assert got[6:8] == b"\0\0" and got[52:82] == b"v" * 30 and \
                        got[12:16] == b"\0\0\0\7" and got[36:40] == b"\0\0\0\x08", (cut, got)


def check_quiet(address):
    with Tcp(address) as client:
        client.send(b"".join(b"set q%d 0 0 1 noreply\r\n%d\r\n" % (i, i) for i in range(10)))
        client.expect(b"get q0 q9\r\n", b"VALUE q0 0 1\r\n0\r\nVALUE q9 0 1\r\n9\r\nEND\r\n")
    with Tcp(address) as client:
        for i in range(10):
            client.send(binary_set(0x11, b"s%d" % i, b"%d" % i))
            client.send(binary(0x09, b"missing%d" % i))
        client.send(binary(0x0a, opaque=77))
        got = client.receive_exactly(24)
        assert got[1] == 0x0a and got[12:16] == b"\0\0\0M", got
    with Tcp(address) as client:
        client.send(binary(0x17))
        assert client.is_ended(), "QUITQ is not answered"


def check_sizes(address):
    dice = random.Random(2)
    sizes = [0, 1, 1447, 1448, 1449, 4095, 4096, 4097, 8192, 65535, 65536, 262144, VALUE_MAX]
    sizes += [dice.randrange(VALUE_MAX) for _ in range(5)]
    with Tcp(address) as client:
        for size in sizes:
            start = dice.randrange(1000)
            value = PATTERN[start:start + size]
            client.expect(b"set size 9 0 %d\r\n%s\r\n" % (size, value), b"STORED\r\n")
            client.expect(b"get size size\r\n",
                          2 * (b"VALUE size 9 %d\r\n%s\r\n" % (size, value)) + b"END\r\n")


def check_too_large(address):
    """More than item_size_max is refused and read over; the connection goes on."""
    with Tcp(address) as client:
        for size in (1 << 20, (1 << 20) + 1, 3 << 20):
            client.send(b"set huge 0 0 %d\r\n" % size)
            client.send(PATTERN[:VALUE_MAX] * (size // VALUE_MAX) + PATTERN[:size % VALUE_MAX])
            client.expect(b"\r\n", b"SERVER_ERROR object too large for cache\r\n")
            client.expect(b"get huge\r\n", b"END\r\n")
        got = client.ask(b"bogus\r\n")
        assert got == b"ERROR\r\n", got
        client.expect(b"set fine 0 0 1\r\nx\r\n", b"STORED\r\n")


def check_ends(address):
    with Tcp(address) as client:
        client.send(b"get end\r\nquit\r\nget never\r\n")
        assert client.receive_until(b"END\r\n") == b"END\r\n"
        assert not client.buffered and client.is_ended()
    with Tcp(address) as client:
        client.send(b"set end 0 0 3\r\nab")
    with Tcp(address) as client:
        client.expect(b"get end\r\n", b"END\r\n")


def on_port(name, driver, ipv6):
    with Lab(name) as lab, lab.start(driver):
        for seed, host in enumerate((SERVER, SERVER6) if ipv6 else (SERVER,)):
            address = (host, PORT)
            check_pipeline(address)
            check_every_cut(address)
            check_quiet(address)
            check_sizes(address)
            check_too_large(address)
            check_ends(address)
            run_operations(address, OPERATIONS, connections=100, seed=seed)
        # UDP on the same port, meanwhile
        assert Udp().ask(b"get p1\r\n") == b"VALUE p1 0 4\r\n0001\r\nEND\r\n"


def segments_are_cut_by_the_port():
    """TAP's driver cuts long segments (TSO): the same bytes by far fewer segments of ours."""
    value, asked, out = PATTERN[:1000000], 20, {}
    answer = b"VALUE big 0 %d\r\n%s\r\nEND\r\n" % (len(value), value)
    with Lab("tcp-tso") as lab:
        for tso in ("true", "false"):
            with lab.start("tap", port=f", tso: {tso}"), Tcp((SERVER, PORT)) as client:
                client.expect(b"set big 0 0 %d\r\n%s\r\n" % (len(value), value), b"STORED\r\n")
                client.expect(asked * b"get big\r\n", asked * answer)
                stats = client.stats(b"jackdaw")
                out[tso] = int(stats["tcp_segments_out"])
                assert (int(stats["tcp_trains_out"]) > 0) == (tso == "true"), stats
    assert out["true"] * 4 < out["false"], out


def wander(done):
    """Moves all threads of this process from CPU to CPU, so that their packets change queues."""
    cpus = sorted(os.sched_getaffinity(0))
    turn = 0
    while not done.wait(0.003):
        turn += 1
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), {cpus[turn % len(cpus)]})
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), cpus)


def two_workers(driver, queues):
    """Segments arrive at either worker, whoever has the connection."""
    with Lab("tcp-two", "--queues", str(queues)) as lab, \
            lab.start(driver, "worker: {count: 2}\n"):
        done = threading.Event()
        wanderer = threading.Thread(target=wander, args=(done,))
        wanderer.start()
        try:
            run_operations((SERVER, PORT), 2 * OPERATIONS, connections=50)
        finally:
            done.set()
            wanderer.join()
        with Tcp((SERVER, PORT)) as client:
            stats = client.stats(b"jackdaw")
        assert int(stats["net_handed_over"]) > 0 or queues > 1, "nothing was handed over"
        assert stats["tcp_resets_sent"] == "0", stats["tcp_resets_sent"]


def others_are_refused():
    """Only addresses that are allowed get as much as an answer."""
    with Lab("tcp-allow") as lab, lab.start("af_xdp", "tcp: {allow: [10.99.0.0/16]}\n"):
        try:
            Tcp((SERVER, PORT), timeout=0.5).close()
            raise AssertionError("connected")
        except (TimeoutError, OSError):
            pass
        subprocess.run(["ip", "addr", "add", "10.99.0.5/32", "dev", "jd-cli"], check=True)
        subprocess.run(["ip", "route", "replace", SERVER, "dev", "jd-cli", "src", "10.99.0.5"],
                       check=True)
        with Tcp((SERVER, PORT)) as client:
            assert client.ask(b"version\r\n").startswith(b"VERSION ")


if __name__ == "__main__":
    run("tcp", [
        ("af_xdp", functools.partial(on_port, "tcp-xdp", "af_xdp", True)),
        ("af_packet", functools.partial(on_port, "tcp-afp", "af_packet", True)),
        ("tap", functools.partial(on_port, "tcp-tap", "tap", False)),
        ("segments are cut by the port", segments_are_cut_by_the_port),
        ("two workers, one queue", functools.partial(two_workers, "af_xdp", 1)),
        ("two workers, two queues", functools.partial(two_workers, "af_packet", 2)),
        ("allow", others_are_refused),
    ])
