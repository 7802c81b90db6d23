#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the protocols promise to many clients at once, and to operators, over TCP."""
import functools
import os
import re
import select
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import PORT, SERVER, Lab, Udp, run  # noqa: E402

CLIENTS = 1000
CONNECTIONS = "tcp: {connections: 4096}\n"
PATIENCE = 60
NUMBERS = (b"007", b"+5", b" 5", b"5 ", b"-0", b"18446744073709551615", b"18446744073709551616",
           b"00000000000000000000000000001", b"1e3", b"0x10", b"\t7", b"")


def connect():
    client = socket.create_connection((SERVER, PORT), PATIENCE)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def ask(client, request, end=b"\r\n"):
    """The reply up to `end`."""
    client.sendall(request)
    reply = b""
    while not reply.endswith(end):
        more = client.recv(65536)
        assert more, (request, reply)
        reply += more
    return reply


def race(clients, request, lines):
    """All send, then all receive: the replies, of so many lines each."""
    for client in clients:
        client.send(request)
    replies = {client: b"" for client in clients}
    waiting = select.poll()
    by_number = {client.fileno(): client for client in clients}
    for number in by_number:
        waiting.register(number, select.POLLIN)
    while by_number:
        ready = waiting.poll(PATIENCE * 1000)
        assert ready, (f"{len(by_number)} without an answer",
                       {replies[client] for client in by_number.values()})
        for number, _ in ready:
            client = by_number[number]
            more = client.recv(4096)
            assert more, "closed"
            replies[client] += more
            if replies[client].count(b"\r\n") == lines:
                waiting.unregister(number)
                del by_number[number]
    return list(replies.values())


def stampede(lab_name, driver, workers):
    """A key that is absent, stale or about to end is won by one of a thousand, each time."""
    with Lab(lab_name) as lab, lab.start(driver, CONNECTIONS + f"worker: {{count: {workers}}}\n"):
        clients = [connect() for _ in range(CLIENTS)]
        for i in range(4):
            for case, prepare, value in (
                    ("absent", None, b""), ("ending", b"ms %s 3 T8\r\nold\r\n", b"old"),
                    ("stale", b"ms %s 3 T600\r\nold\r\nmd %s I T600\r\n", b"old")):
                key = b"%s%d" % (case.encode(), i)
                if prepare is not None:
                    ask(clients[0], prepare.replace(b"%s", key), b"HD\r\n")
                    while case == "stale" and b" X" not in ask(clients[0], b"mg %s u\r\n" % key):
                        ask(clients[0], b"md %s I T600\r\n" % key)
                    if case == "stale":
                        # that look was a win: let there be another
                        ask(clients[0], b"md %s I T600\r\n" % key)
                replies = race(clients, b"mg %s v N30 R10\r\n" % key, 2)
                heads = [reply.split(b"\r\n")[0].split(b" ") for reply in replies]
                assert all(head[0] == b"VA" for head in heads), replies[:3]
                assert all(reply.split(b"\r\n")[1] == value for reply in replies), replies[:3]
                winners = sum(b"W" in head for head in heads)
                losers = sum(b"Z" in head for head in heads)
                assert (winners, losers) == (1, CLIENTS - 1), (case, winners, losers)
                assert ask(clients[0], b"ms %s 3 T600\r\nnew\r\n" % key) == b"HD\r\n"
                again = race(clients, b"mg %s v N30 R10\r\n" % key, 2)
                assert set(again) == {b"VA 3\r\nnew\r\n"}, set(again)
        for client in clients:
            client.close()


def numbers():
    """Values that look like numbers come back byte for byte; a shorter one keeps its length."""
    with Lab("proto-num") as lab, lab.start("af_xdp"):
        client = connect()
        for value in NUMBERS:
            stored = ask(client, b"set n 0 0 %d\r\n%s\r\n" % (len(value), value))
            assert stored == b"STORED\r\n", (value, stored)
            expected = b"VALUE n 0 %d\r\n%s\r\nEND\r\n" % (len(value), value)
            assert ask(client, b"get n\r\n", b"END\r\n") == expected, value
            assert ask(client, b"mg n v\r\n", b"\r\n%s\r\n" % value) == \
                b"VA %d\r\n%s\r\n" % (len(value), value), value
            datagram = Udp().ask(b"get n\r\n")
            assert datagram == expected, (value, datagram)
        ask(client, b"set n 0 0 2\r\n10\r\n")
        assert ask(client, b"decr n 1\r\n") == b"9\r\n"
        assert ask(client, b"get n\r\n", b"END\r\n") == b"VALUE n 0 2\r\n9 \r\nEND\r\n"
        assert ask(client, b"decr n 1\r\n") == b"8\r\n"
        for word in (b"18446744073709551616", b"x"):
            ask(client, b"set n 0 0 %d\r\n%s\r\n" % (len(word), word))
            assert ask(client, b"incr n 1\r\n").startswith(b"CLIENT_ERROR cannot increment"), word
        client.close()


def operators():
    """Warnings, limits and ends that operators count on."""
    with Lab("proto-ops") as lab, lab.start("af_xdp") as appliance:
        client = connect()
        days_31 = 31 * 86400
        assert ask(client, b"set month 0 %d 1\r\nx\r\n" % days_31) == b"STORED\r\n"
        assert ask(client, b"get month\r\n", b"END\r\n") == b"END\r\n"
        assert Udp().stats(b"jackdaw")["proto_stored_in_past"] == "1"
        appliance.await_line(r"1 items were stored with a time that is already past")
        assert ask(client, b"set now 0 -1 1\r\nx\r\n") == b"STORED\r\n"
        assert Udp().stats(b"jackdaw")["proto_stored_in_past"] == "1", "a negative one is meant"
        assert ask(client, b"cache_memlimit 1\r\n") == \
            b"MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n"
        assert ask(client, b"cache_memlimit 48\r\n") == b"OK\r\n"
        assert ask(client, b"shutdown\r\n") == b"ERROR: shutdown not enabled\r\n"
        assert ask(client, b"verbosity 1\r\n") == b"OK\r\n"
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert client.recv(100) == b"", "an HTTP request is not answered"
        client = connect()
        keys = {b"key-%d" % i for i in range(300)}
        for key in keys:
            ask(client, b"set %s 0 0 1\r\nx\r\n" % key)
        dumped = ask(client, b"lru_crawler metadump all\r\n", b"END\r\n")
        found = re.findall(rb"^key=(\S+) exp=-1 la=\d+ cas=\d+ fetch=no cls=1 size=\d+$", dumped,
                           re.MULTILINE)
        assert set(found) == keys and len(found) == len(keys), dumped[:300]
        dumped = ask(client, b"lru_crawler mgdump all\r\n", b"EN\r\n")
        assert set(re.findall(rb"^mg (\S+)\r$", dumped, re.MULTILINE)) == keys, dumped[:300]
        assert ask(client, b"lru_crawler metadump 99\r\n") == b"BADCLASS invalid class id\r\n"
        client.close()


if __name__ == "__main__":
    run("protocol", [
        ("stampede on af_xdp", functools.partial(stampede, "proto-xdp", "af_xdp", 1)),
        ("stampede on two workers", functools.partial(stampede, "proto-afp", "af_packet", 2)),
        ("stampede on two workers, one queue",
         functools.partial(stampede, "proto-xdp2", "af_xdp", 2)),
        ("numbers", numbers),
        ("operators", operators),
    ])
