#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""All keys told over TCP, beside everybody's requests: lru_crawler metadump, mgdump."""
import os
import re
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import PORT, SERVER, Lab, run  # noqa: E402
from tests.wire.tcp import Tcp  # noqa: E402

KEYS = 30000
LINE = re.compile(rb"key=(\S+) exp=(-1|\d+) la=(\d+) cas=(\d+) fetch=(yes|no) cls=1 size=(\d+)")


def fill(client):
    for start in range(0, KEYS, 1000):
        client.send(b"".join(b"set key%%%d 0 %d 5 noreply\r\n%05d\r\n" % (i, i % 2 * 1000, i)
                             for i in range(start, start + 1000)))
    client.expect(b"ms /v8= 1 b\r\nx\r\nget key%7\r\n",
                  b"HD\r\nVALUE key%7 0 5\r\n00007\r\nEND\r\n")


def metadump(client):
    """Each key once, with what is true of it; what was asked behind it is answered behind it."""
    answer = client.ask(b"lru_crawler metadump all\r\nget key%8\r\n", b"00008\r\nEND\r\n")
    lines = answer.split(b"\n")
    assert lines[-5:-1] == [b"END\r", b"VALUE key%8 0 5\r", b"00008\r", b"END\r"], lines[-6:]
    found = {}
    for line in lines[:-5]:
        match = LINE.fullmatch(line)
        assert match, line
        key = urllib.parse.unquote_to_bytes(match[1].decode())
        assert key not in found, key
        found[key] = match
    assert len(found) == KEYS + 1 and b"\xfe\xff" in found
    now = time.time()
    for number in range(KEYS):
        match = found[b"key%%%d" % number]
        assert (match[2] == b"-1") == (number % 2 == 0)
        assert match[2] == b"-1" or abs(int(match[2]) - now - 1000) < 60
        assert abs(int(match[3]) - now) < 60
        assert (match[5] == b"yes") == (number == 7)
        assert int(match[6]) == 59 + len(b"key%%%d" % number) + 5


def mgdump(client):
    answer = client.ask(b"lru_crawler mgdump all\r\n", b"EN\r\n")
    commands = answer.split(b"\r\n")
    assert len(commands) == KEYS + 3 and commands[-2:] == [b"EN", b""]
    assert b"mg /v8= b" in commands
    # each is a command that finds its item
    client.send(b"".join(command + b"\r\n" for command in commands[:1000]))
    assert client.receive_exactly(4 * 1000) == b"HD\r\n" * 1000


def one_at_a_time():
    """A reader that stops holds no one up; another dump meanwhile is told to wait."""
    slow = Tcp((SERVER, PORT), receive_buffer=4096)
    slow.send(b"lru_crawler metadump all\r\n")
    slow.receive_until(b"\n")
    with Tcp((SERVER, PORT)) as client:
        client.expect(b"lru_crawler metadump all\r\nget key%9\r\n",
                      b"BUSY currently processing crawler request\r\n"
                      b"VALUE key%9 0 5\r\n00009\r\nEND\r\n")
        slow.close()
        # its reset sets the crawler free
        deadline = time.monotonic() + 20
        while client.ask(b"lru_crawler mgdump all\r\n").startswith(b"BUSY"):
            assert time.monotonic() < deadline
        client.receive_until(b"EN\r\n")


def others_go_on():
    """While one dumps again and again, another's requests are answered."""
    done = threading.Event()

    def dump():
        with Tcp((SERVER, PORT)) as client:
            while not done.is_set():
                client.ask(b"lru_crawler metadump all\r\n", b"END\r\n")

    dumping = threading.Thread(target=dump)
    dumping.start()
    try:
        with Tcp((SERVER, PORT)) as client:
            for i in range(2000):
                client.expect(b"get key%%%d\r\n" % i, b"VALUE key%%%d 0 5\r\n%05d\r\nEND\r\n"
                              % (i, i))
    finally:
        done.set()
        dumping.join()


def dumps():
    with Lab("tcp-dump") as lab, lab.start("af_xdp"):
        with Tcp((SERVER, PORT)) as client:
            fill(client)
            metadump(client)
            mgdump(client)
        one_at_a_time()
        others_go_on()


if __name__ == "__main__":
    run("dump", [("all keys", dumps)])
