#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The appliance on each kind of port, asked by kernel sockets over a real wire."""
import functools
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import CLIENT, PORT, SERVER, SERVER6, Lab, Udp, run  # noqa: E402

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10


def binary(opcode, key=b"", extras=b"", value=b"", opaque=0, cas=0):
    body = extras + key + value
    return struct.pack("!BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, len(body),
                       opaque, cas) + body


def check_text(client):
    for request, answer in (
            (b"set k 5 0 5\r\nhello\r\n", b"STORED\r\n"),
            (b"get k\r\n", b"VALUE k 5 5\r\nhello\r\nEND\r\n"),
            (b"get k nothing k\r\n", 2 * b"VALUE k 5 5\r\nhello\r\n" + b"END\r\n"),
            (b"add k 0 0 1\r\nx\r\n", b"NOT_STORED\r\n"),
            (b"append k 0 0 6\r\n world\r\n", b"STORED\r\n"),
            (b"prepend k 0 0 3\r\noh \r\n", b"STORED\r\n"),
            (b"get k\r\n", b"VALUE k 5 14\r\noh hello world\r\nEND\r\n"),
            (b"replace k 0 0 2\r\n41\r\n", b"STORED\r\n"),
            (b"incr k 1\r\n", b"42\r\n"),
            (b"decr k 50\r\n", b"0\r\n"),
            (b"touch k 100\r\n", b"TOUCHED\r\n"),
            (b"delete k\r\n", b"DELETED\r\n"),
            (b"delete k\r\n", b"NOT_FOUND\r\n"),
            (b"flush_all\r\n", b"OK\r\n"),
            (b"bogus\r\n", b"ERROR\r\n"),
            (b"get " + 251 * b"k" + b"\r\n", b"CLIENT_ERROR bad command line format\r\n")):
        got = client.ask(request)
        assert got == answer, f"{request!r}: {got!r}"
    assert client.ask(b"version\r\n").startswith(b"VERSION ")
    assert "cmd_get" in client.stats()


def check_binary(client):
    assert client.ask(binary(0x01, b"b", struct.pack("!II", 7, 0), b"value"))[6:8] == b"\0\0"
    got = client.ask(binary(0x00, b"b", opaque=0x01020304))
    assert got[:2] == b"\x81\0" and got[12:16] == b"\1\2\3\4", got
    assert got[24:] == b"\0\0\0\7value", got
    # a quiet miss says nothing: the answer is the noop's alone
    got = client.ask(binary(0x09, b"none") + binary(0x0a))
    assert len(got) == 24 and got[1] == 0x0a, got
    got = client.ask(binary(0x77))
    assert got[6:8] == b"\0\x81" and got[24:] == b"Unknown command", got


def check_large(client):
    """A value over many datagrams, every byte of it; stored piece by piece."""
    assert client.ask(b"set big 0 0 0\r\n\r\n") == b"STORED\r\n"
    value = b""
    for i in range(60):
        piece = bytes([65 + i % 26]) * 1300
        value += piece
        assert client.ask(b"append big 0 0 1300\r\n" + piece + b"\r\n") == b"STORED\r\n"
    got = client.ask(b"get big\r\n")
    assert got == b"VALUE big 0 %d\r\n%s\r\nEND\r\n" % (len(value), value)


def check_silence(client):
    for request, total in ((b"", 1), (b"get k\r\n", 2), (b"get k", 1),
                           (b"set k 0 0 1 noreply\r\nx\r\n", 1)):
        client.send(request, total=total)
        assert client.receive(0.1) is None
    client.send(b"get k\r\n", sequence=9)
    assert client.receive() == b"VALUE k 0 1\r\nx\r\nEND\r\n"


def check_many_clients(count=50, rounds=20, address=(SERVER, PORT)):
    clients = [Udp(address) for _ in range(count)]
    for i, client in enumerate(clients):
        client.send(b"set n%d 0 0 %d\r\n%d\r\n" % (i, len(str(i)), i))
    for client in clients:
        assert client.receive() == b"STORED\r\n"
    for _ in range(rounds):
        for i, client in enumerate(clients):
            client.send(b"get n%d\r\n" % i)
        for i, client in enumerate(clients):
            assert client.receive() == b"VALUE n%d 0 %d\r\n%d\r\nEND\r\n" % (i, len(str(i)), i)
    for client in clients:
        client.close()


def is_conserved(stats):
    """rx = answered + dropped by cause, to the packet: this question is received, not yet answered."""
    drops = sum(value for name, value in stats.items() if name.startswith("drop_"))
    assert drops == stats["drops"]
    in_flight = 1
    return stats["net_rx_packets"] == stats["net_answered"] + stats["net_consumed"] \
        + stats["net_handed_over"] - stats["net_taken_over"] + drops + in_flight


def check_conservation(client):
    """Asked until it holds: another worker counts a reply only after the client may have it."""
    deadline = time.monotonic() + 5
    stats = {}
    while not stats or not is_conserved(stats):
        assert time.monotonic() < deadline, stats
        stats = {name: int(value) for name, value in client.stats(b"jackdaw").items()}


def server_mac(address):
    """What the client's kernel has learnt of the appliance."""
    neighbour = subprocess.run(["ip", "neigh", "show", address], check=True,
                               stdout=subprocess.PIPE, universal_newlines=True).stdout
    return bytes.fromhex(neighbour.split()[4].replace(":", ""))


def link_local(mac):
    """RFC 4291, appendix A."""
    host = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + host)


def ping(address, *words):
    subprocess.run(["ping", "-c", "3", "-i", "0.01", "-W", "2", "-s", "1000", *words, address],
                   check=True, stdout=subprocess.DEVNULL)


def check_ipv6(driver):
    """The same appliance by its other addresses."""
    client = Udp((SERVER6, PORT))
    check_text(client)
    check_binary(client)
    check_large(client)
    check_silence(client)
    check_many_clients(address=(SERVER6, PORT))
    ping(SERVER6, "-6")
    if driver == "tap":  # a link behind the kernel's: link-local addresses don't get there
        return
    address = link_local(server_mac(SERVER6))
    client = Udp((address, PORT, 0, socket.if_nametoindex("jd-cli")))
    assert client.ask(b"set k 0 0 1\r\nx\r\n") == b"STORED\r\n"
    check_large(client)
    ping(f"{address}%jd-cli", "-6")


def on_port(name, driver):
    with Lab(name) as net, net.start(driver):
        client = Udp()
        check_text(client)
        check_binary(client)
        check_large(client)
        check_silence(client)
        check_many_clients()
        ping(SERVER)
        check_ipv6(driver)
        check_conservation(client)


def two_workers(driver):
    """One polls, flows of the other are handed over; or each has a queue of its own."""
    with Lab("wire-two", *(("--queues", "2") if driver == "af_packet" else ())) as net, \
            net.start(driver, "worker: {count: 2}\n"):
        check_many_clients()
        check_many_clients(address=(SERVER6, PORT))
        check_conservation(Udp())


def allow_is_obeyed():
    with Lab("wire-allow") as net, \
            net.start("af_xdp", "udp: {allow: [10.99.0.0/16, \"fd99::/32\"]}\n"):
        for server, other in ((SERVER, "10.99.0.5"), (SERVER6, "fd99::5")):
            client = Udp((server, PORT))
            client.send(b"version\r\n")
            assert client.receive(0.3) is None
            length = "128" if ":" in other else "32"
            subprocess.run(["ip", "addr", "add", f"{other}/{length}", "dev", "jd-cli",
                            *(["nodad"] if ":" in other else [])], check=True)
            subprocess.run(["ip", "route", "replace", f"{server}/{length}", "dev", "jd-cli",
                            "src", other], check=True)
            assert Udp((server, PORT)).ask(b"version\r\n") is not None


def an_address_in_use_is_left_alone():
    """Whoever has it already keeps it: the appliance says so and ends."""
    with Lab("wire-claim") as net:
        for address in ("10.77.0.1/24", "fd77::1/64"):
            family = ["nodad"] if ":" in address else []
            subprocess.run(["ip", "addr", "add", address, "dev", "jd-cli", *family], check=True)
            appliance = net.start("af_xdp")
            status = appliance.process.wait(20)
            assert status == 1, status
            assert f"{address.split('/')[0]} is already in use by the host with MAC " \
                in appliance.output(), appliance.output()
            appliance.stop()
            subprocess.run(["ip", "addr", "del", address, "dev", "jd-cli"], check=True)
        with net.start("af_xdp"):
            assert Udp((SERVER6, PORT)).ask(b"version\r\n") is not None


def multicast_is_heard_while_it_runs():
    """A NIC below would filter what neighbour discovery is sent to."""
    def groups():
        shown = subprocess.run(["ip", "-n", "wire-group-srv", "-d", "link", "show", "jd-srv"],
                               check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
        return int(shown.split(" allmulti ")[1].split()[0])
    with Lab("wire-group") as net:
        assert groups() == 0
        for driver in ("af_xdp", "af_packet"):
            with net.start(driver):
                assert groups() == 1
            assert groups() == 0


def neighbours_are_told():
    """Announced at the start, and answered when somebody wants to take the address."""
    with Lab("wire-nd") as net:
        with net.start("af_xdp"):
            Udp((SERVER6, PORT)).ask(b"version\r\n")
            before = server_mac(SERVER6)
            # the kernel asks before it uses our address, hears of us and leaves it
            subprocess.run(["sysctl", "-qw", "net.ipv6.conf.jd-cli.dad_transmits=1",
                            "net.ipv6.conf.jd-cli.accept_dad=1"], check=True)
            subprocess.run(["ip", "addr", "add", f"{SERVER6}/128", "dev", "jd-cli"], check=True)
            deadline = time.monotonic() + 5
            shown = ""
            while "dadfailed" not in shown and time.monotonic() < deadline:
                time.sleep(0.05)
                shown = subprocess.run(["ip", "-6", "addr", "show", "dev", "jd-cli"], check=True,
                                       stdout=subprocess.PIPE, universal_newlines=True).stdout
            assert "dadfailed" in shown, shown
            subprocess.run(["ip", "addr", "del", f"{SERVER6}/128", "dev", "jd-cli"], check=True)
        # a neighbour that went astray is put right by the next start's announcement
        subprocess.run(["ip", "neigh", "replace", SERVER6, "lladdr", "02:00:00:00:00:99", "nud",
                        "stale", "dev", "jd-cli"], check=True)
        with net.start("af_xdp"):
            deadline = time.monotonic() + 2
            while server_mac(SERVER6) != before and time.monotonic() < deadline:
                time.sleep(0.02)
            assert server_mac(SERVER6) == before


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tagged_request(mac_to, mac_from, tags, request):
    """An Ethernet frame with VLAN tags around memcached's frame and a request."""
    payload = struct.pack("!HHHH", 1, 0, 1, 0) + request
    udp = struct.pack("!HHHH", 4000, PORT, 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         socket.inet_aton(CLIENT), socket.inet_aton(SERVER))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    link = b"".join(struct.pack("!HH", tpid, tci) for tpid, tci in tags)
    return mac_to + mac_from + link + b"\x08\x00" + header + udp


def receive_tagged(raw):
    """The next frame from the appliance, with the tag that the kernel took off put back."""
    frame, extra, _, _ = raw.recvmsg(2048, socket.CMSG_SPACE(20))
    for level, kind, data in extra:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID:
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    return frame


def vlan_tags_are_repeated(driver, outer):
    """DPDK's af_packet driver makes 0x8100 of any outer tag: that is what it is sent there."""
    with Lab("wire-vlan") as net, net.start(driver):
        Udp().ask(b"version\r\n")
        server = server_mac(SERVER)
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        raw.bind(("jd-cli", ETH_P_ALL))
        raw.settimeout(2)
        ours = raw.getsockname()[4]
        for tags in ([(0x8100, 42)], [(outer, 7), (0x8100, 0x6042)]):
            raw.send(tagged_request(server, ours, tags, b"get none\r\n"))
            frame = receive_tagged(raw)
            while frame[6:12] != server:
                frame = receive_tagged(raw)
            link = b"".join(struct.pack("!HH", tpid, tci) for tpid, tci in tags)
            assert frame[:6] == ours and frame[12:12 + len(link)] == link, frame
            assert frame[12 + len(link):].startswith(b"\x08\x00\x45") and \
                frame.rstrip(b"\0").endswith(b"END\r\n"), frame


if __name__ == "__main__":
    run("ports", [
        ("af_xdp", functools.partial(on_port, "wire-xdp", "af_xdp")),
        ("af_packet", functools.partial(on_port, "wire-afp", "af_packet")),
        ("tap", functools.partial(on_port, "wire-tap", "tap")),
        ("two workers, one queue", functools.partial(two_workers, "af_xdp")),
        ("two workers, two queues", functools.partial(two_workers, "af_packet")),
        ("allow", allow_is_obeyed),
        ("address in use", an_address_in_use_is_left_alone),
        ("multicast", multicast_is_heard_while_it_runs),
        ("neighbours", neighbours_are_told),
        ("vlan on af_xdp", functools.partial(vlan_tags_are_repeated, "af_xdp", 0x88a8)),
        ("vlan on af_packet",
         functools.partial(vlan_tags_are_repeated, "af_packet", 0x8100)),
    ])
