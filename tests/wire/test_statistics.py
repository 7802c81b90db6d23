#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The groups of `stats` of a whole server beside memcached 1.6.18's, after the same requests: the
same names in the same order, and values of the same kind."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import PORT, SERVER, Lab, run  # noqa: E402

SECONDS = 20
# Settings that 1.6.18 has and we leave out, each with its reason.
LEFT_OUT = {
    r"ext_\w+": "storage on disk",
    r"slab_automove_freeratio": "storage on disk",
    r"ssl_(?!enabled)\w+": "TLS",
    r"num_napi_ids": "the kernel's receive queues",
    r"memory_file": "a file that outlives the server",
}
GROUPS = ("", "settings", "items", "slabs", "sizes")
# What memcached_exporter reads of `stats slabs` and `stats items` for each class.
REQUESTS = (b"set a 0 0 3\r\nabc\r\nget a b\r\nincr a 1\r\ntouch a 0\r\ntouch b 0\r\ndelete b\r\n"
            b"set n 0 0 1\r\n1\r\nincr n 1\r\ndecr n 1\r\nincr m 1\r\ncas a 0 0 1 9999999\r\nx\r\n"
            b"cas b 0 0 1 1\r\nx\r\nmg a v\r\nset n 0 0 1\r\n2\r\nmn\r\n")


class Memcached:
    """A memcached on a socket of its own, ended with the with-block."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        os.chmod(self.directory.name, 0o777)
        self.path = os.path.join(self.directory.name, "s")
        self.process = subprocess.Popen(["memcached", "-u", "nobody", "-s", self.path, "-a", "777",
                                         "-m", "64", "-t", "1"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def connect(self):
        deadline = time.monotonic() + SECONDS
        while True:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(self.path)
                return client
            except OSError:
                client.close()
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


def ask(client, request, end):
    client.settimeout(SECONDS)
    client.sendall(request)
    answer = b""
    while not answer.endswith(end):
        piece = client.recv(65536)
        assert piece, answer
        answer += piece
    return answer


def statistics(client, group):
    """Name and value of each line, a class's number made 1."""
    answer = ask(client, f"stats {group}".strip().encode() + b"\r\n", b"END\r\n").decode()
    lines = answer.split("\r\n")[:-2]
    assert all(line.startswith("STAT ") and line.count(" ") == 2 for line in lines), answer
    pairs = [line.split(" ")[1:] for line in lines]
    return [(re.sub(r"^(items:)?\d+:", lambda match: (match[1] or "") + "1:", name), value)
            for name, value in pairs]


def kind(value):
    if re.fullmatch(r"-?\d+", value):
        return "a number"
    return "a fraction" if re.fullmatch(r"\d+\.\d+", value) else "a word"


def left_out(group, name):
    return group == "settings" and any(re.fullmatch(pattern, name) for pattern in LEFT_OUT)


def after_the_same_requests(test):
    with Lab("statistics") as lab, lab.start("af_packet"), Memcached() as memcached:
        with socket.create_connection((SERVER, PORT), timeout=SECONDS) as ours, \
                memcached.connect() as theirs:
            for client in (ours, theirs):
                ask(client, REQUESTS, b"MN\r\n")
            test(ours, theirs)


def groups_have_memcacheds_names():
    def compare(ours, theirs):
        for group in GROUPS:
            wanted = [pair for pair in statistics(theirs, group) if not left_out(group, pair[0])]
            got = statistics(ours, group)
            assert [name for name, _ in got] == [name for name, _ in wanted], \
                (group, set(dict(got)) ^ set(dict(wanted)))
            for (name, mine), (_, other) in zip(got, wanted):
                # the version of libevent, and settings of what is absent here, are words or 0
                assert kind(mine) == kind(other) or group == "settings" or name == "libevent", \
                    (name, mine, other)
    after_the_same_requests(compare)


def left_out_names_are_memcacheds():
    def check(_, theirs):
        names = [name for name, _ in statistics(theirs, "settings")]
        for pattern in LEFT_OUT:
            # memcached may be built without TLS or storage; its 1.6.18 in Debian has both
            assert any(re.fullmatch(pattern, name) for name in names), pattern
    after_the_same_requests(check)


def counters_are_memcacheds():
    def compare(ours, theirs):
        wanted, got = dict(statistics(theirs, "")), dict(statistics(ours, ""))
        for name in wanted:
            if re.match(r"(cmd|get|delete|incr|decr|cas|touch|store|auth)_", name) or \
                    name == "curr_items":
                assert got[name] == wanted[name], (name, got[name], wanted[name])
        slabs = dict(statistics(ours, "slabs"))
        for name in ("1:chunk_size", "1:chunks_per_page", "1:total_pages", "1:total_chunks",
                     "1:used_chunks", "1:free_chunks"):
            assert int(slabs[name]) > 0, (name, slabs)
    after_the_same_requests(compare)


if __name__ == "__main__":
    run("statistics", [(test.__name__, test) for test in (
        groups_have_memcacheds_names, left_out_names_are_memcacheds, counters_are_memcacheds)])
