#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The appliance as a process: how it starts, refuses, idles and ends."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import (CONFIGS, JACKDAW, ROOT, SERVER, Appliance, Lab, Udp,  # noqa: E402
                                run)

IDLE_SECONDS = 4
IDLE_SHARE_MAX = 0.03


def jackdaw(*arguments):
    return subprocess.run([JACKDAW, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, check=False, timeout=60)


def refused(lab, config, status, pattern):
    """Starting with this configuration ends by itself with a status and a line that says why."""
    appliance = Appliance(lab.name, config)
    assert appliance.process.wait(30) == status, appliance.output()
    assert re.search(pattern, appliance.output()), appliance.output()
    appliance.stop()


def ends_in_order():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with Lab("proc-end") as lab, lab.start("af_xdp") as appliance:
            assert Udp().ask(b"version\r\n")
            assert appliance.stop(number) == 0
            assert "stopped" in appliance.output()


def starts_again_on_the_same_port():
    with Lab("proc-again") as lab:
        for driver in ("af_xdp", "af_packet", "af_xdp", "tap", "tap"):
            with lab.start(driver):
                assert Udp().ask(b"version\r\n")


def a_missing_interface_is_named():
    with Lab("proc-missing") as lab:
        refused(lab, "ports:\n  - {driver: af_xdp, interface: nope0, address: 10.77.0.1/24}\n",
                1, r"nope0")


def no_ports_is_an_error():
    result = jackdaw()
    assert result.returncode == 2 and "ports: none is configured" in result.stdout, result.stdout


def a_bad_option_names_file_and_line():
    with Lab("proc-config") as lab:
        refused(lab, "memory: 64M\nworker:\n  idle: sometimes\n", 2,
                r":3: worker\.idle: .*sometimes")
        refused(lab, "memory: lots\n" + CONFIGS["af_xdp"], 2, r":1: memory: ")
        refused(lab, "memroy: 64M\n", 2, r":1: memroy: .*memory")


def a_claimed_address_is_refused():
    with Lab("proc-claim") as lab:
        subprocess.run(["ip", "addr", "add", SERVER + "/32", "dev", "jd-cli"], check=True)
        refused(lab, lab.config("af_xdp"), 1, r"10\.77\.0\.1 is already in use by the host with MAC")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def an_idle_worker_leaves_the_core_alone():
    for driver in ("af_xdp", "af_packet", "tap"):
        with Lab("proc-idle") as lab, lab.start(driver) as appliance:
            assert Udp().ask(b"version\r\n")
            before, since = cpu_seconds(appliance.process.pid), time.monotonic()
            time.sleep(IDLE_SECONDS)
            share = (cpu_seconds(appliance.process.pid) - before) / (time.monotonic() - since)
            print(f"idle on {driver}: {100 * share:.1f} % of a core")
            assert share < IDLE_SHARE_MAX, share
            assert Udp().ask(b"version\r\n")


def help_and_version():
    for argument in ("--help", "--version", "--print-config"):
        result = jackdaw(argument)
        assert result.returncode == 0 and result.stdout, argument
    result = jackdaw("--doctor", "--config", "config/laptop.yaml")
    assert "hugepages" in result.stdout, result.stdout


if __name__ == "__main__":
    run("process", [(test.__name__.replace("_", " "), test) for test in (
        ends_in_order, starts_again_on_the_same_port, a_missing_interface_is_named,
        no_ports_is_an_error, a_bad_option_names_file_and_line, a_claimed_address_is_refused,
        an_idle_worker_leaves_the_core_alone, help_and_version)])
