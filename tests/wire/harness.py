# SPDX-License-Identifier: BSD-3-Clause
"""A lab, an appliance in it and a client beside it, for the tests on the wire.

A test program lists functions that take a Wire and calls run(); a failed assertion fails that test.
Every program makes a lab of its own name and removes it, whatever happens.
"""
import ctypes
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", "build")
JACKDAW = os.path.join(ROOT, BUILD, "jackdaw")
LAB = os.path.join(ROOT, "scripts", "lab")
SERVER, CLIENT, PORT = "10.77.0.1", "10.77.0.2", 11211
SERVER6, CLIENT6 = "fd77::1", "fd77::2"
CLONE_NEWNET = 0x40000000
START_SECONDS = 30
STOP_SECONDS = 10

ADDRESSES = "address: 10.77.0.1/24, ipv6: \"fd77::1/64\""
CONFIGS = {
    "af_xdp": f"ports:\n  - {{driver: af_xdp, interface: jd-srv, {ADDRESSES}}}\n",
    "af_packet": f"ports:\n  - {{driver: af_packet, interface: jd-srv, {ADDRESSES}}}\n",
    "tap": f"ports:\n  - {{driver: tap, interface: jd-tap, {ADDRESSES}}}\n",
}


def lab(*words, **options):
    return subprocess.run([LAB, *words], check=True, stdout=subprocess.PIPE,
                          universal_newlines=True, **options).stdout


def enter_namespace(path):
    """Moves this process into a network namespace; sockets it has stay where they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, encoding="ascii") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns", path)


class Udp:
    """One kernel UDP socket that speaks memcached's frame."""

    def __init__(self, address=(SERVER, PORT), source_port=0):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("", source_port))
        self.socket.connect(address)
        self.request_id = 0

    def send(self, request, sequence=0, total=1):
        self.request_id = (self.request_id + 1) & 0xffff
        self.socket.send(struct.pack("!HHHH", self.request_id, sequence, total, 0) + request)
        return self.request_id

    def receive(self, timeout=2.0):
        """The next whole message for the last request, or None."""
        parts, total = {}, None
        deadline = time.monotonic() + timeout
        while total is None or len(parts) < total:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                datagram = self.socket.recv(65536)
            except socket.timeout:
                return None
            ident, sequence, total_here, reserved = struct.unpack("!HHHH", datagram[:8])
            if ident != self.request_id:
                continue
            assert reserved == 0 and total in (None, total_here)
            total = total_here
            parts[sequence] = datagram[8:]
            assert sequence + 1 == total or len(datagram) == 1400, "a datagram not full"
        return b"".join(parts[i] for i in range(total))

    def ask(self, request, timeout=2.0):
        self.send(request)
        return self.receive(timeout)

    def stats(self, group=b""):
        """The statistics of a group, as a dict of strings."""
        answer = self.ask((b"stats " + group).strip() + b"\r\n")
        return dict(line.split(" ", 2)[1:] for line in answer.decode().split("\r\n")
                    if line.startswith("STAT "))

    def close(self):
        self.socket.close()


class Appliance:
    """A jackdaw process in the server namespace, ended with the with-block."""

    def __init__(self, name, config, arguments=()):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False)
        self.file.write(config)
        self.file.close()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [LAB, "exec", name, "srv", JACKDAW, "--config", self.file.name, *arguments],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=ROOT)

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def await_line(self, pattern):
        """Waits until a line of the log matches; the process must live until then."""
        deadline = time.monotonic() + START_SECONDS
        while not re.search(pattern, self.output(), re.MULTILINE):
            assert self.process.poll() is None, "it ended:\n" + self.output()
            assert time.monotonic() < deadline, "no line " + pattern + ":\n" + self.output()
            time.sleep(0.01)

    def stop(self, number=signal.SIGTERM):
        """Ends it in order; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            if os.path.exists(self.file.name):
                os.unlink(self.file.name)

    def __enter__(self):
        self.await_line(r" ready: ")
        return self

    def __exit__(self, *_):
        status = self.stop()
        assert status == 0, f"exit status {status}:\n" + self.output()


class Lab:
    """A lab whose client side this process enters."""

    def __init__(self, name, *words):
        self.name = name
        subprocess.run([LAB, "down", name], check=False, stdout=subprocess.DEVNULL)
        lab("up", "--name", name, *words)
        enter_namespace(f"/run/netns/{name}-cli")

    def config(self, driver, extra=""):
        return "memory: 64M\nhugepages: off\n" + extra + CONFIGS[driver]

    def start(self, driver, extra="", arguments=(), port=""):
        """port: further options of it, as ", mtu: 1400"."""
        if driver == "af_packet":
            # the kernel's answer for it is the TAP device's: here the appliance hears the question
            subprocess.run(["ip", "-n", f"{self.name}-srv", "-6", "neigh", "del", "proxy", SERVER6,
                            "dev", "jd-srv"], check=False, stderr=subprocess.DEVNULL)
        config = self.config(driver, extra).replace(ADDRESSES, ADDRESSES + port)
        return Appliance(self.name, config, arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # out first: the lab ends what still runs in it
        enter_namespace(f"/proc/{os.getppid()}/ns/net")
        lab("down", self.name)


def run(title, tests):
    """Runs callables without arguments by name; prints the summary; ends the program."""
    failed = 0
    for name, test in tests:
        started = time.monotonic()
        try:
            test()
            verdict = "passed"
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            failed += 1
            verdict = "FAILED"
        print(f"{title}: {name}: {verdict} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(failed != 0)
