#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Stock memcached clients over TCP, unmodified, on each kind of port."""
import functools
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import PORT, SERVER, SERVER6, Lab, Udp, run  # noqa: E402

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
PROGRAMS = (
    ("pymemcache_client.py",), ("pylibmc_client.py", "text"), ("pylibmc_client.py", "binary"),
    ("cache_memcached_fast.pl",), ("php_memcached.php", "text"), ("php_memcached.php", "binary"),
    ("dalli_client.rb", "binary"), ("dalli_client.rb", "meta"))
IPV6_PROGRAMS = (("pymemcache_client.py",), ("php_memcached.php", "binary"),
                 ("dalli_client.rb", "meta"))
SECONDS = 60


def call(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n" + done.stdout.decode()
    return done.stdout


def program(host, name, *words):
    interpreter = ("php",) if name.endswith(".php") else ()
    call(*interpreter, os.path.join(CLIENTS, name), host, str(PORT), *words)


def capable(protocol):
    """libmemcached's own conformance test: every line of it passes."""
    output = call("memccapable", "-h", SERVER, "-p", str(PORT), "-t", "10", protocol).decode()
    assert "All tests passed" in output, output
    assert output.count("[pass]") >= 27 and "[FAIL]" not in output, output


def files():
    """memccp, memccat and memcrm: files there, back, and gone."""
    server = f"--servers={SERVER}:{PORT}"
    with tempfile.TemporaryDirectory() as directory:
        for name, size in (("empty", 0), ("small", 100), ("large", (1 << 20) - 512)):
            path = os.path.join(directory, name)
            with open(path, "wb") as file:
                file.write(os.urandom(size).replace(b"\n", b"."))
            for protocol in ((), ("--binary",)):
                call("memccp", server, *protocol, path)
                back = os.path.join(directory, "back")
                call("memccat", server, *protocol, f"--file={back}", name)
                with open(path, "rb") as before, open(back, "rb") as after:
                    # memccat ends what it writes with a newline
                    assert after.read().rstrip(b"\n") == before.read(), name
                call("memcrm", server, *protocol, name)
                done = subprocess.run(["memccat", server, *protocol, name], check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                assert done.returncode != 0 or not done.stdout.strip(), name


def on_port(name, driver, ipv6):
    with Lab(name) as lab, lab.start(driver):
        capable("-a")
        capable("-b")
        files()
        for words in PROGRAMS:
            program(SERVER, *words)
        for words in IPV6_PROGRAMS if ipv6 else ():
            program(SERVER6, *words)
        stats = Udp().stats()
        assert int(stats["curr_connections"]) <= 1, stats["curr_connections"]
        assert int(stats["total_connections"]) > len(PROGRAMS)


if __name__ == "__main__":
    run("tcp clients", [
        ("af_xdp", functools.partial(on_port, "tcpc-xdp", "af_xdp", True)),
        ("af_packet", functools.partial(on_port, "tcpc-afp", "af_packet", True)),
        ("tap", functools.partial(on_port, "tcpc-tap", "tap", False)),
    ])
