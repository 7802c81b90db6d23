#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many connections are open and few of them say something: what one costs, and that those few are
served as fast as if they were alone.

JACKDAW_OPEN sets how many (50000 for the whole measure).
"""
import json
import multiprocessing
import os
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import BUILD, CLIENT, PORT, ROOT, SERVER, Lab, run  # noqa: E402
from tests.wire.tcp import Tcp  # noqa: E402

OPEN = int(os.environ.get("JACKDAW_OPEN", "4000"))
BATCH, EACH_ADDRESS, EACH_PROCESS = 256, 10000, 15000
IP_BIND_ADDRESS_NO_PORT = 24  # the port is chosen by connect, which need not search for long
BATCH_SECONDS = 20
SETTLE_SECONDS = 20


def server_bytes(process):
    """Resident memory of the appliance; the lab's exec has become it."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
    raise RuntimeError("no VmRSS")


def connect_all(begin, end):
    """Connections in batches, each batch established before the next; spread over addresses."""
    clients = []
    for first in range(begin, end, BATCH):
        waiting = {}
        poll = select.epoll()
        for i in range(first, min(end, first + BATCH)):
            client = socket.socket()
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            client.bind((address_of(i // EACH_ADDRESS), 0))
            client.connect_ex((SERVER, PORT))
            waiting[client.fileno()] = client
            poll.register(client, select.EPOLLOUT)
            clients.append(client)
        deadline = time.monotonic() + BATCH_SECONDS
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} of a batch are not connected"
            for number, _ in poll.poll(1):
                error = waiting[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                assert error == 0, os.strerror(error)
                poll.unregister(number)
                del waiting[number]
        poll.close()
    return clients


def hold(pipe, begin, end):
    """A process that has some of the connections: opens them, and asks by them when told to."""
    clients = connect_all(begin, end)
    pipe.send("open")
    pipe.recv()
    for client in clients[::max(1, OPEN // 1000)]:
        client.setblocking(True)
        client.settimeout(10)
        client.sendall(b"get nothing\r\n")
        assert client.recv(100) == b"END\r\n"
    pipe.send("alive")
    pipe.recv()


class Holders:
    """All the connections, in as many processes as one may have files of."""

    def __init__(self):
        self.all = []
        for begin in range(0, OPEN, EACH_PROCESS):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(
                target=hold, args=(theirs, begin, min(OPEN, begin + EACH_PROCESS)))
            process.start()
            theirs.close()
            self.all.append((process, ours))

    def await_word(self, word):
        """From each; one that has failed closes its pipe, which raises."""
        for _, pipe in self.all:
            assert pipe.recv() == word

    def tell(self):
        for _, pipe in self.all:
            pipe.send("go on")

    def end(self):
        for process, _ in self.all:
            process.terminate()
            process.join()


def address_of(number):
    return CLIENT if number == 0 else f"10.77.0.{100 + number}"


def bench(connections, seconds):
    with tempfile.NamedTemporaryFile("r", suffix=".json") as results:
        subprocess.run([os.path.join(ROOT, BUILD, "jackdaw-bench"), "--kernel", "--transport",
                        "tcp", "--server", SERVER, "--connections", str(connections), "--depth",
                        "1", "--keys", "1000", "--seconds", str(seconds), "--warm-up", "0.5",
                        "--verify", "--quiet", "--json", results.name], check=True,
                       stdout=subprocess.DEVNULL)
        figures = json.load(results)
    assert figures["wrong"] == figures["lost"] == figures["malformed"] == 0, figures
    return figures["requests_per_second"]


def best(connections):
    """Of three turns: what else the machine does only ever takes away."""
    return max(bench(connections, 1) for _ in range(3))


def connections_now():
    with Tcp((SERVER, PORT)) as client:
        return int(client.stats()["curr_connections"])


def many(appliance):
    active = max(1, OPEN // 100)
    alone = best(active)
    before = server_bytes(appliance.process)
    holders = Holders()
    try:
        holders.await_word("open")
        cost = (server_bytes(appliance.process) - before) / OPEN
        assert connections_now() >= OPEN
        among = best(active)
        print(f"  {OPEN} connections open: {cost:.0f} B of memory each; {active} active: "
              f"{alone:.0f}/s alone, {among:.0f}/s among them, {among / alone:.2f}")
        assert among >= 0.7 * alone, "a throughput cliff"
        assert cost <= 4096, f"{cost:.0f} B a connection"
        holders.tell()
        holders.await_word("alive")
    finally:
        holders.end()
    deadline = time.monotonic() + SETTLE_SECONDS
    while connections_now() > 2:
        assert time.monotonic() < deadline, f"{connections_now()} connections are left"
        time.sleep(0.1)


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Lab("many") as lab:
        for extra in range(1, OPEN // EACH_ADDRESS + 1):
            subprocess.run(["ip", "addr", "add", address_of(extra) + "/24", "dev", "jd-cli"],
                           check=True)
        with lab.start("af_xdp", f"tcp: {{connections: {OPEN + 1000}}}\n") as server:
            run("many connections", [("many are open, few are active", lambda: many(server))])
