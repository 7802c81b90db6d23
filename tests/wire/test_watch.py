#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the server tells those who watch it, and of its connections: watch, stats conns."""
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import CLIENT, PORT, SERVER, SERVER6, Lab, Udp, run  # noqa: E402
from tests.wire.tcp import Tcp  # noqa: E402

TWO_WORKERS = "worker: {count: 2}\n"
WATCHERS = 20
# What differs by right: the time, the event's and the connection's number, the class.
VARIES = re.compile(rb"((?:ts|gid|cfd|clsid|rport)=)[\d.]+|(ttl=)[1-9]\d*")  # the second moves on
SCRIPT = [
    b"get none\r\n",
    b"set k 0 0 5\r\nhello\r\n",
    b"get k none k\r\n",
    b"set k2 5 100 3\r\nabc\r\n",
    b"add k2 0 0 1\r\na\r\n",
    b"replace nope 0 0 1\r\na\r\n",
    b"append k 0 0 1\r\n!\r\n",
    b"prepend k 0 0 1\r\n!\r\n",
    b"append nope 0 0 1\r\n!\r\n",
    b"cas k 0 0 1 999\r\nx\r\n",
    b"cas nope 0 0 1 999\r\nx\r\n",
    b"touch k 100\r\n",
    b"gat 100 k\r\n",
    b"gat 100 nope\r\n",
    b"incr k 1\r\n",
    b"decr nope 1\r\n",
    b"delete k\r\n",
    b"delete nope\r\n",
    b"mg k2 v\r\n",
    b"mg nope v\r\n",
    b"mg vivid v N30\r\n",
    b"ms m 2\r\nhi\r\n",
    b"ms m 2 ME\r\nhi\r\n",
    b"ms m 2 MA\r\nhi\r\n",
    b"ms m 2 C1\r\nhi\r\n",
    b"set n 0 0 2\r\n10\r\n",
    b"incr n 5\r\n",
    b"md m I\r\n",
    b"md m\r\n",
    b"set \x01k%\x7f\xff/& 0 0 1\r\nx\r\n",
    b"ms AQID 2 b\r\nhi\r\n",
    b"mg AQID b v\r\n",
    b"flush_all\r\n",
    b"get k2\r\n",
    b"set t 0 2000000000 1\r\nx\r\n",
]


class Memcached:
    """A memcached beside the client, ended with the with-block."""

    def __init__(self):
        self.address = (CLIENT, PORT)
        self.process = subprocess.Popen(["memcached", "-u", "nobody", "-l", CLIENT, "-p", str(PORT),
                                         "-U", "0", "-m", "64", "-t", "1",
                                         "-o", "no_lru_maintainer,no_lru_crawler"])

    def __enter__(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                Tcp(self.address).close()
                return self
            except ConnectionRefusedError:
                assert self.process.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def read_events(watcher, last):
    """The lines up to the one that has `last` in it, which is left out."""
    lines = []
    while True:
        line = watcher.receive_until(b"\n")
        if last in line:
            return lines
        lines.append(line)


def without_what_varies(lines):
    return [VARIES.sub(rb"\1\2", line) for line in lines]


def told_by(address):
    """What a watcher of everything that both have is told of SCRIPT, one list a command."""
    told = []
    with Tcp(address) as watcher, Tcp(address) as client:
        watcher.expect(b"watch fetchers mutations\r\n", b"OK\r\n")
        for command in SCRIPT:
            client.send(command + b"get mark\r\n")
            told.append(read_events(watcher, b" key=mark "))
    return told


def same_lines():
    """Line for line what memcached tells, but for its looks at what a store replaces."""
    storing = re.compile(rb"(set|add|replace|append|prepend|cas|ms) ")
    with Lab("watch-same") as lab, lab.start("af_xdp"), Memcached() as memcached:
        ours, theirs = told_by((SERVER, PORT)), told_by(memcached.address)
        for command, mine, other in zip(SCRIPT, ours, theirs):
            if storing.match(command):
                other = [line for line in other if b"type=item_get" not in line]
            assert without_what_varies(mine) == without_what_varies(other), \
                f"{command!r}: {mine!r}, memcached: {other!r}"


def words():
    """Which words there are, how many may watch, and what a watcher says is not heard."""
    with Lab("watch-words") as lab, lab.start("af_xdp"):
        with Tcp((SERVER, PORT)) as client:
            client.expect(b"watch x\r\nwatch fetchers x\r\nwatch noreply\r\nwatch Fetchers\r\nmn\r\n",
                          b"ERROR\r\n" * 3 + b"MN\r\n")
        udp = Udp()
        assert udp.ask(b"watch\r\n") == b"CLIENT_ERROR watch commands not allowed\r\n"
        udp.close()
        watchers = []
        for words_given in (b"", b" fetchers", b" mutations evictions connevents deletions",
                            b" rawcmds sysevents proxyreqs proxyevents proxyuser"):
            watchers.append(Tcp((SERVER, PORT)))
            watchers[-1].expect(b"mn\r\nwatch" + words_given + b"\r\nget a\r\n", b"MN\r\nOK\r\n")
        while len(watchers) < WATCHERS:
            watchers.append(Tcp((SERVER, PORT)))
            watchers[-1].expect(b"watch deletions\r\n", b"OK\r\n")
        with Tcp((SERVER, PORT)) as client:
            client.expect(b"watch\r\nget b\r\n",
                          b"WATCHER_TOO_MANY log watcher limit reached\r\nEND\r\n")
            # `get a` behind the watch was not carried out: b is the first that is told of
            for watcher in watchers[:2]:
                assert b" key=b " in watcher.receive_until(b"\n")
            assert client.stats()["log_watchers"] == str(WATCHERS)
            watchers.pop().close()
            deadline = time.monotonic() + 20
            while client.ask(b"watch\r\n") != b"OK\r\n":
                assert time.monotonic() < deadline
        for watcher in watchers:
            watcher.close()


def connections():
    """Who comes and goes, and why."""
    with Lab("watch-connections") as lab, lab.start("af_xdp", "tcp:\n  idle_timeout: 2s\n"):
        watcher = Tcp((SERVER, PORT))
        watcher.expect(b"watch connevents\r\n", b"OK\r\n")
        for address in (SERVER, SERVER6):
            with Tcp((address, PORT)) as client:
                host, port = client.socket.getsockname()[:2]
                client.expect(b"mn\r\n", b"MN\r\n")
            peer = f"rip={host} rport={port} transport=tcp".encode()
            opened = watcher.receive_until(b"\n")
            assert b"type=conn_new " + peer + b" cfd=" in opened, opened
            number = opened.split(b"cfd=")[1]
            closed = watcher.receive_until(b"\n")
            assert b"type=conn_close " + peer + b" reason=normal cfd=" + number in closed, closed
        silent = Tcp((SERVER, PORT))
        assert b"conn_new" in watcher.receive_until(b"\n")
        watcher.socket.settimeout(60)
        closed = watcher.receive_until(b"\n")
        assert b"reason=idle_timeout" in closed, closed
        silent.close()
        watcher.close()


def deletions():
    with Lab("watch-deletions") as lab, lab.start("af_xdp"), Tcp((SERVER, PORT)) as watcher, \
            Tcp((SERVER, PORT)) as client:
        watcher.expect(b"watch deletions\r\n", b"OK\r\n")
        client.expect(b"set vfoo 0 0 4\r\nvbar\r\ndelete vfoo\r\ndelete vfoo\r\n"
                      b"set vfoo 0 0 5\r\nvbars\r\nmd vfoo I\r\nmd vfoo\r\n",
                      b"STORED\r\nDELETED\r\nNOT_FOUND\r\nSTORED\r\nHD\r\nHD\r\n")
        line = watcher.receive_until(b"\n")
        assert line.endswith(b" type=deleted key=vfoo cmd=delete clsid=1 size=4\n"), line
        line = watcher.receive_until(b"\n")
        assert line.endswith(b" type=deleted key=vfoo cmd=md clsid=1 size=5\n"), line


def evictions():
    """What the store forgets is told: as many lines, and lines that were lost, as there were."""
    with Lab("watch-evictions") as lab, lab.start("af_xdp"), \
            Tcp((SERVER, PORT)) as watcher, Tcp((SERVER, PORT)) as client:
        watcher.expect(b"watch evictions\r\n", b"OK\r\n")
        lines, value = [], b"x" * 50000
        for i in range(2500):
            client.expect(b"set key%d 0 %d 50000\r\n%s\r\n" % (i, i % 2 * 100, value), b"STORED\r\n")
        stats = client.stats()
        evicted = int(stats["evictions"])
        assert evicted > 500, evicted
        told = int(stats["log_worker_written"])
        assert told + int(stats["log_worker_dropped"]) == evicted, (stats, evicted)
        while len(lines) < told:
            lines.append(watcher.receive_until(b"\n"))
        for line in lines:
            match = re.search(rb" type=eviction key=key(\d+) fetch=no ttl=(-?\d+) la=\d+ clsid=1 "
                              rb"size=50000\n$", line)
            assert match, line
            assert (int(match[2]) == -1) == (int(match[1]) % 2 == 0), line


def slow_reader():
    """A watcher that does not read holds nobody up; what it loses is counted, and it is told."""
    with Lab("watch-slow") as lab, lab.start("af_packet"):
        slow = Tcp((SERVER, PORT), receive_buffer=4096)
        slow.expect(b"watch mutations\r\n", b"OK\r\n")
        key = b"k" * 240
        with Tcp((SERVER, PORT)) as client:
            deadline = time.monotonic() + 100
            stored = 0
            while int(client.stats()["log_watcher_skipped"]) < 1000:
                assert time.monotonic() < deadline
                client.send(b"".join(b"set %s 0 0 1 noreply\r\nx\r\n" % key for _ in range(500)))
                client.expect(b"mn\r\n", b"MN\r\n")
                stored += 500
            stats = client.stats()
            written = int(stats["log_worker_written"])
            assert written + int(stats["log_worker_dropped"]) == stored
            lines = skipped = 0
            text = b""
            # one more, so that what was lost before it is said
            while skipped < int(stats["log_watcher_skipped"]):
                client.expect(b"set last 0 0 1\r\nx\r\n", b"STORED\r\n")
                text += slow.receive_until(b"\n")
                while b"\n" in text:
                    line, text = text.split(b"\n", 1)
                    lines += 1
                    if line.startswith(b"skipped="):
                        skipped += int(line[8:])
                assert time.monotonic() < deadline
        slow.close()


def two_workers():
    """A watcher is told of what every worker does, and a list has every worker's connections."""
    with Lab("watch-two") as lab, lab.start("af_packet", TWO_WORKERS):
        clients = [Tcp((SERVER, PORT)) for _ in range(200)]
        with Tcp((SERVER, PORT)) as watcher:
            watcher.expect(b"watch fetchers\r\n", b"OK\r\n")
            for number, client in enumerate(clients):
                client.expect(b"get key%d\r\n" % number, b"END\r\n")
            numbers = {}
            while len(numbers) < len(clients):
                line = watcher.receive_until(b"\n")
                match = re.search(rb"type=item_get key=key(\d+) .* cfd=(\d+) ", line)
                assert match and int(match[1]) not in numbers, line
                numbers[int(match[1])] = int(match[2])
            # numbers go round the workers
            assert {number % 2 for number in numbers.values()} == {0, 1}
            listed = list_of(clients[0])
            listed_too = list_of(clients[1])
            for number, client in enumerate(clients):
                facts = listed[numbers[number]]
                assert facts["addr"] == "tcp:%s:%d" % client.socket.getsockname()
                assert facts["listen_addr"] == f"tcp:{SERVER}:{PORT}"
                assert facts["state"] == ("conn_parse_cmd" if number == 0 else "conn_read")
                assert int(facts["secs_since_last_cmd"]) < 60
                assert listed_too[numbers[number]]["addr"] == facts["addr"]
            states = [facts["state"] for facts in listed.values()]
            assert states.count("conn_watch") == 1 and states.count("conn_listening") == 2
        for client in clients:
            client.close()


def list_of(client):
    """`stats conns`, by number."""
    listed = {}
    answer = client.ask(b"stats conns\r\n", b"END\r\n").decode()
    for line in answer.split("\r\n")[:-2]:
        match = re.fullmatch(r"STAT (\d+):(UDP|addr|listen_addr|state|secs_since_last_cmd) (\S+)",
                             line)
        assert match, line
        facts = listed.setdefault(int(match[1]), {})
        assert match[2] not in facts, line
        facts[match[2]] = match[3]
    return listed


def lists_at_once():
    """Many ask, on both workers, while others come and go: everybody is told of all who stay."""
    with Lab("list-many") as lab, lab.start("af_packet", TWO_WORKERS):
        staying = [Tcp((SERVER, PORT)) for _ in range(300)]
        names = {"tcp:%s:%d" % client.socket.getsockname() for client in staying}
        for client in staying:
            client.expect(b"mn\r\n", b"MN\r\n")
        done = threading.Event()

        def come_and_go():
            while not done.is_set():
                with Tcp((SERVER, PORT)) as client:
                    client.send(b"stats conns\r\n")  # and is gone before it has the answer

        restless = threading.Thread(target=come_and_go)
        restless.start()
        try:
            for _ in range(3):
                for client in staying[:20]:
                    client.send(b"stats conns\r\nmn\r\n")
                for client in staying[:20]:
                    listed = client.receive_until(b"END\r\nMN\r\n").decode()
                    found = re.findall(r"STAT \d+:addr (tcp:\S+)\r\n", listed)
                    assert len(found) == len(set(found))
                    assert names <= set(found), names - set(found)
        finally:
            done.set()
            restless.join()
        udp = Udp()
        answer = udp.ask(b"stats conns\r\n").decode()
        udp.close()
        assert re.findall(r"STAT \d+:addr (\S+)\r\n", answer) == [
            f"tcp:{SERVER}:{PORT}", f"udp:{SERVER}:{PORT}",
            f"tcp6:[{SERVER6}]:{PORT}", f"udp6:[{SERVER6}]:{PORT}"]
        for client in staying:
            client.close()


if __name__ == "__main__":
    run("watch", [("the same lines as memcached", same_lines),
                  ("words, limits, datagrams", words),
                  ("connections", connections),
                  ("deletions", deletions),
                  ("evictions", evictions),
                  ("a slow reader", slow_reader),
                  ("two workers", two_workers),
                  ("lists at once", lists_at_once)])
