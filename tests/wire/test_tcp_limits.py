#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every limit of TCP, at the wire: who is over it is refused or reset and counted, the others are
served, and there is room again once something has gone."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import PORT, SERVER, Lab, Udp, run  # noqa: E402
from tests.wire.operations import PATTERN  # noqa: E402
from tests.wire.raw_peer import MODULUS, RawPeer  # noqa: E402
from tests.wire.tcp import Tcp  # noqa: E402

ADDRESS, OTHER_CLIENT = (SERVER, PORT), "10.77.0.101"
WAIT_SECONDS = 30


def counter(name):
    """Asked by datagram: a connection might be one too many."""
    return int(Udp().stats(b"jackdaw")[name])


def await_counter(name, wanted):
    deadline = time.monotonic() + WAIT_SECONDS
    while not wanted(now := counter(name)):
        assert time.monotonic() < deadline, f"{name} is {now}"
        time.sleep(0.02)


def is_served(client):
    client.expect(b"get nothing\r\n", b"END\r\n")


def is_refused():
    try:
        Tcp(ADDRESS).close()
    except ConnectionRefusedError:
        return
    raise AssertionError("connected")


def is_told():
    """One too many: it is told so, as by memcached."""
    with Tcp(ADDRESS) as client:
        client.expect(b"", b"ERROR Too many open connections\r\n")
        assert client.is_ended()


def is_reset(client):
    """Waits for a reset; seconds that it took."""
    began = time.monotonic()
    try:
        while client.socket.recv(1 << 18):
            pass
    except ConnectionResetError:
        return time.monotonic() - began
    raise AssertionError("ended in order")


def fill(count, one_too_many):
    """So many connections, one more is refused, and is taken as soon as one has gone."""
    before = counter("tcp_connections")
    clients = [Tcp(ADDRESS) for _ in range(count)]
    for client in clients:
        is_served(client)
    one_too_many()
    await_counter("tcp_connections", lambda now: now == before + count)
    clients.pop().close()
    await_counter("tcp_connections", lambda now: now < before + count)
    clients.append(Tcp(ADDRESS))
    one_too_many()
    return clients


def connections(lab):
    with lab.start("af_xdp", arguments=("-c", "8")):
        for client in fill(8, is_told):
            is_served(client)
            client.close()
        assert counter("tcp_refused_connections") == 2
        assert Udp().stats()["rejected_connections"] == "2"


def a_flood_of_connections(lab):
    """Those who are told how many there are stay a while; when they are many the next get RST."""
    with lab.start("af_xdp", arguments=("-c", "8")):
        clients = [Tcp(ADDRESS) for _ in range(8)]
        for client in clients:
            is_served(client)
        told = [Tcp(ADDRESS) for _ in range(64)]  # and don't close
        is_refused()
        for client in told:
            client.expect(b"", b"ERROR Too many open connections\r\n")
            client.close()
        await_counter("tcp_connections", lambda now: now == 8)
        is_told()
        for client in clients:
            is_served(client)
            client.close()


def connections_of_a_client(lab):
    with lab.start("af_xdp", "tcp: {connections_per_client: 3}\n"):
        clients = fill(3, is_refused)
        route = ["ip", "route", "replace", SERVER, "dev", "jd-cli"]
        subprocess.run(["ip", "addr", "add", OTHER_CLIENT + "/32", "dev", "jd-cli"], check=True)
        subprocess.run([*route, "src", OTHER_CLIENT], check=True)
        try:
            clients += fill(3, is_refused)
        finally:
            subprocess.run(["ip", "route", "del", SERVER, "dev", "jd-cli"], check=True)
        for client in clients:
            is_served(client)
            client.close()
        assert counter("tcp_refused_client") == 4
        assert counter("tcp_refused_connections") == 0


def syn_backlog(lab):
    """No more than so many handshakes are kept; the others are by cookies, and as good."""
    backlog, wanted = 16, 60
    with lab.start("af_xdp", f"tcp: {{syn_backlog: {backlog}}}\n"):
        counter("tcp_half_open")  # so that the kernel knows whose address the server's is
        peers = [RawPeer(SERVER, PORT, source_port=31000 + i) for i in range(wanted)]
        for peer in peers:
            peer.send("S", options=(("MSS", 1460),))
            answer = peer.receive(5)
            assert answer is not None and answer.flags == "SA"
            peer.sequence += 1
            peer.acknowledged = peer.server_first = (answer.seq + 1) % MODULUS
        # those that wait for long give way to others: never are they more
        assert 0 < counter("tcp_half_open") <= backlog
        assert counter("tcp_cookies_sent") >= wanted - backlog
        for peer in peers:
            peer.write(b"get nothing\r\n")
            assert peer.collect(5, 10) == b"END\r\n"
        assert counter("tcp_connections") == wanted
        assert counter("tcp_cookies_accepted") >= wanted - backlog
        for peer in peers:
            peer.close()
        await_counter("tcp_connections", lambda now: now == 0)


def buffers(lab):
    """Beginnings of commands, more than there are buffers for: who finds none is reset."""
    limit, wanted = 1 << 20, 400
    with lab.start("af_xdp", "tcp: {buffers: 1M}\n"):
        clients = [Tcp(ADDRESS) for _ in range(wanted)]
        for client in clients:
            client.send(b"get noth")
        await_counter("tcp_reset_by_us", lambda now: now > 0)
        assert counter("tcp_buffered") <= limit
        reset = counter("tcp_reset_by_us")
        assert wanted // 4 <= reset <= wanted // 2, reset
        for client in clients:
            client.close()
        await_counter("tcp_connections", lambda now: now == 0)
        await_counter("tcp_buffered", lambda now: now == 0)
        with Tcp(ADDRESS) as client:
            is_served(client)


def unsent(lab):
    """A connection has no more replies waiting than it may, however much it asks for."""
    length, limit = 30000, 64 << 10
    with lab.start("af_xdp", "tcp: {unsent: 64K, no_progress: 2s}\n"):
        with Tcp(ADDRESS) as client:
            client.expect(b"set large 0 0 %d\r\n%s\r\n" % (length, PATTERN[:length]), b"STORED\r\n")
        slow = Tcp(ADDRESS, receive_buffer=4096)
        slow.send(b"get large\r\n" * 1000)
        await_counter("tcp_window_probes", lambda now: now > 0)
        # and what one more batch of requests may add to it
        assert counter("tcp_buffered") <= limit + 64 * (length + 100)
        # it takes nothing: after the time it is reset
        await_counter("tcp_reset_no_progress", lambda now: now == 1)
        await_counter("tcp_buffered", lambda now: now == 0)
        assert is_reset(slow) < WAIT_SECONDS
        slow.close()


def idle(lab):
    with lab.start("af_xdp", "tcp: {idle_timeout: 2s}\n"):
        with Tcp(ADDRESS, timeout=WAIT_SECONDS) as client:
            is_served(client)
            assert is_reset(client) > 1.5, "reset before its time"
        assert counter("tcp_reset_idle") == 1
        await_counter("tcp_connections", lambda now: now == 0)


def idle_watchers(lab):
    """A watcher to whom nothing happens says nothing: as with memcached, it is not idle."""
    with lab.start("af_xdp", "tcp: {idle_timeout: 1s}\n"):
        with Tcp(ADDRESS, timeout=WAIT_SECONDS) as watcher:
            watcher.expect(b"watch evictions\r\n", b"OK\r\n")
            for _ in range(3):  # each has its whole time after the watcher's is over
                with Tcp(ADDRESS, timeout=WAIT_SECONDS) as client:
                    is_served(client)
                    is_reset(client)
            watcher.socket.setblocking(False)
            try:
                assert False, f"the watcher got {watcher.socket.recv(1)}"
            except BlockingIOError:
                pass
            assert counter("tcp_reset_idle") == 3
            assert counter("tcp_connections") == 1
        await_counter("tcp_connections", lambda now: now == 0)


if __name__ == "__main__":
    with Lab("tcp-limits") as limited:
        run("tcp limits", [
            (test.__name__.replace("_", " "), lambda test=test: test(limited))
            for test in (connections, a_flood_of_connections, connections_of_a_client, syn_backlog, buffers, unsent, idle,
                         idle_watchers)])
