#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Operations over TCP on bad wires: every answer byte-exact and no connection lost.

JACKDAW_OPERATIONS sets how many each wire sees (100000 for the whole measure).
"""
import functools
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import PORT, SERVER, SERVER6, Lab, run  # noqa: E402
from tests.wire.operations import run_operations  # noqa: E402
from tests.wire.tcp import Tcp  # noqa: E402

OPERATIONS = int(os.environ.get("JACKDAW_OPERATIONS", "1200"))
WIRES = {
    "loss 1%": ("--loss", "1%"),
    "loss 5%": ("--loss", "5%"),
    "delay 20 ms": ("--delay", "20ms"),
    "reorder 25%": ("--delay", "20ms", "--reorder", "25%"),
    "duplicate 1%": ("--duplicate", "1%"),
    "corrupt 0.1%": ("--corrupt", "0.1%"),
    "all at once": ("--delay", "20ms", "--loss", "1%", "--reorder", "25%", "--duplicate", "1%",
                    "--corrupt", "0.1%"),
}
# What a peer or a client that lost its connection would have left in the counters.
LOST = ("tcp_reset_by_peer", "tcp_reset_idle", "tcp_reset_no_progress", "tcp_reset_timeout",
        "tcp_reset_by_us")


def on_wire(number, words):
    name = f"tcpl-{number}"
    with Lab(name, "--seed", str(number + 1), *words) as lab, lab.start("af_xdp"):
        try:
            for address, seed in ((SERVER, number), (SERVER6, number + 100)):
                exchanged = run_operations((address, PORT), OPERATIONS, seed=seed)
                print(f"  {address}: {OPERATIONS} operations, {exchanged} bytes")
        finally:
            with Tcp((SERVER, PORT)) as client:
                stats = client.stats(b"jackdaw")
            lost = {name: stats[name] for name in LOST if stats[name] != "0"}
            print(f"  {lost}")
        assert not lost, lost


def wire_is_as_bad_as_said():
    """The wire itself: a ping of one in five is not answered, and none without words."""
    with Lab("tcpl-ping", "--seed", "1", "--loss", "10%") as lab, lab.start("af_packet"):
        done = subprocess.run(["ping", "-q", "-c", "200", "-i", "0.005", "-W", "1", SERVER],
                              check=False, stdout=subprocess.PIPE, universal_newlines=True)
        received = int(done.stdout.split(" received")[0].split()[-1])
        assert 130 <= received <= 190, done.stdout


if __name__ == "__main__":
    run("tcp lossy", [("the wire", wire_is_as_bad_as_said)] + [
        (name, functools.partial(on_wire, number, words))
        for number, (name, words) in enumerate(WIRES.items())])
