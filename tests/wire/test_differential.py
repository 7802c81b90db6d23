#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The differential test over the wire: a Jackdaw at the other end of a veth pair, over TCP and UDP,
against a memcached beside the client. By hand:

    tests/wire/test_differential.py [--sequences N] [--seed S] [--driver af_xdp|af_packet]
"""
import argparse
import functools
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import BUILD, ROOT, SERVER, Lab, run  # noqa: E402

PROGRAM = os.path.join(ROOT, BUILD, "tests", "proto", "test_differential")
SEQUENCES = 1500
MINUTES = 60


def keep_ports_free():
    """Each stream is a connection that we end first: let their ports be used again at once."""
    with open("/proc/sys/net/ipv4/tcp_tw_reuse", "w", encoding="ascii") as setting:
        setting.write("1")


def differential(name, driver, seed, sequences):
    with Lab(name) as lab, lab.start(driver):
        keep_ports_free()
        done = subprocess.run([PROGRAM, "--server", SERVER, "--seed", str(seed),
                               "--sequences", str(sequences)], check=False, timeout=MINUTES * 60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        output = done.stdout.decode(errors="replace")
        assert done.returncode == 0, output
        print(next(line for line in output.splitlines() if "sequences" in line).strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=SEQUENCES, help="on each driver")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", choices=("af_xdp", "af_packet"))
    words = parser.parse_args()
    drivers = [words.driver] if words.driver else ["af_xdp", "af_packet"]
    run("differential", [
        (driver, functools.partial(differential, f"diff-{i}", driver,
                                   words.seed + i * words.sequences, words.sequences))
        for i, driver in enumerate(drivers)])


if __name__ == "__main__":
    main()
