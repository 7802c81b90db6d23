#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""jackdaw-bench against the appliance: what it sends is understood, and what it tells is true."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import BUILD, JACKDAW, ROOT, Appliance, Lab, Udp, run  # noqa: E402

BENCH = os.path.join(ROOT, BUILD, "jackdaw-bench")
RUN_SECONDS = 60  # that a run may take, on a busy machine
KEYS = 2000
QUICK = ("--keys", KEYS, "--warm-up", 0, "--seconds", 0.2, "--timeout", 5000, "--verify")
EVERY_OP = "get=8,set=2,add=1,replace=1,delete=1,incr=1"


def bench(*options, fails=None):
    """Runs jackdaw-bench: its results, or with `fails` what it says."""
    command = [BENCH, *map(str, options), "--quiet", "--json", "-"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=ROOT,
                           stderr=subprocess.PIPE, universal_newlines=True, check=False,
                           timeout=RUN_SECONDS)
    if fails is not None:
        assert ended.returncode != 0 and fails in ended.stderr, (command, ended)
        return None
    assert ended.returncode == 0, (command, ended)
    return json.loads(ended.stdout[ended.stdout.index("{"):])


class Memif(Appliance):
    """An appliance on a memif, without a namespace. It naps when idle: CPUs may be few."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.folder = tempfile.TemporaryDirectory(prefix="jackdaw-test-bench-")
        socket = os.path.join(self.folder.name, "memif.sock")
        self.options = ("--port", f"memif:{socket}")
        self.log = tempfile.TemporaryFile("w+")
        with open(os.path.join(self.folder.name, "jackdaw.yaml"), "w", encoding="utf-8") as file:
            file.write("memory: 64M\nhugepages: off\nports:\n  - {driver: memif, role: server, "
                       f"socket: {socket}, id: 0, address: 10.77.0.1/24}}\n")
        self.file = file
        self.process = subprocess.Popen([JACKDAW, "--config", file.name], cwd=ROOT,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def bench(self, *options, **more):
        return bench(*self.options, *QUICK, *options, **more)


def is_clean(result):
    """Something was answered, and nothing was wrong with it."""
    assert result["requests"] > 100, result
    for trouble in ("wrong", "malformed", "late", "refused", "out_of_memory", "unanswered"):
        assert result[trouble] == 0, (trouble, result)
    return result


def every_protocol_and_transport_is_understood():
    with Memif() as wire:
        for transport in ("udp", "tcp"):
            for protocol in ("binary", "text", "meta"):
                how = ("--transport", transport, "--protocol", protocol, "--connections", 3)
                assert is_clean(wire.bench(*how))["hit_ratio"] == 1, how
                result = is_clean(wire.bench(*how, "--multiget", 7, "--mix", EVERY_OP))
                assert 0 < result["hit_ratio"] < 1 and result["stored"] > 0, how


def the_server_counts_as_many_requests():
    with Memif() as wire:
        for transport in ("udp", "tcp"):
            result = is_clean(wire.bench("--transport", transport, "--mix", "get=3,set=1"))
            gets = result["hits"] + result["misses"]
            told = result["server"]
            # the two `stats` besides are no gets; what is lost is asked twice
            assert gets <= told["cmd_get"] <= gets + result["lost"] + 200, result
            assert told["get_hits"] >= result["hits"], result
            assert result["client_busy_share"] > 0 and "server_idle_share" in result


def an_open_loop_keeps_its_rate():
    with Memif() as wire:
        for transport in ("udp", "tcp"):
            result = is_clean(wire.bench("--transport", transport, "--rate", 5000, "--connections",
                                         4, "--depth", 256, "--seconds", 1))
            # Poisson: 5000 in a second, give or take 5 standard deviations
            sent = result["requests"] + result["behind"]
            assert abs(sent - 5000) < 5 * 5000 ** 0.5 + 50, result
            latency = result["latency"]
            assert latency["least_us"] <= latency["p50_us"] <= latency["p99999_us"] <= \
                latency["most_us"], latency
            # as soon as ten milliseconds have too few requests to tell, longer stretches are taken
            assert latency["least_us"] <= latency["p999_of_10ms_us"] <= latency["most_us"] * 1.01, \
                latency


def large_values_cross_segments_and_buffers():
    with Memif() as wire:
        for protocol in ("binary", "text", "meta"):
            result = is_clean(wire.bench("--transport", "tcp", "--protocol", protocol, "--keys", 40,
                                         "--value-size", "1-400000", "--connections", 2, "--depth",
                                         3, "--mix", "get=3,set=1", "--seconds", 0.5))
            assert result["hit_ratio"] == 1 and result["stored"] > 0, result


def hot_spots_ttls_and_shapes_are_asked_for():
    with Memif() as wire:
        is_clean(wire.bench("--popularity", "hotspot:10%:90%", "--value-size", "10-500", "--ttl",
                            60))
        is_clean(wire.bench("--popularity", "zipf:1.1", "--key-size", 20, "--fill",
                            "--no-preload"))
    with Memif() as wire:  # a shape's keys may be the others', its values are not
        for transport in ("udp", "tcp"):
            result = is_clean(wire.bench("--transport", transport, "--shape", "cluster18",
                                         "--objects", 20000))
            assert "cluster18" in result["load"], result


def many_connections_are_opened_and_a_refusal_is_told():
    with Memif() as wire:
        is_clean(wire.bench("--transport", "tcp", "--connections", 300, "--depth", 2))
        wire.bench("--transport", "tcp", "--connections", 3000, "--depth", 1, fails="over its limit")
        # a run after it finds none of its connections in the way
        is_clean(wire.bench("--transport", "tcp", "--connections", 600, "--depth", 1))


def key_text(number, length=16):
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = ""
    for i in range(length):
        text += digits[number & 63]
        number = 0x2545f4914f6cdd1d if i == 10 else number >> 6
    return text


def verification_finds_a_wrong_byte():
    with Lab("bench") as lab, lab.start("af_xdp"):
        # an address beside the kernel's, which would reset connections that it doesn't know
        port = ("--port", "af_packet:jd-cli", "--address", "10.77.0.3/24")
        few = (*QUICK, "--keys", 1, "--depth", 4)
        for transport in ("udp", "tcp"):
            how = (*port, *few, "--transport", transport)
            assert is_clean(bench(*how))["hit_ratio"] == 1
            value = b"x" * 32
            assert Udp().ask(f"set {key_text(0)} 0 0 32\r\n".encode() + value + b"\r\n") == \
                b"STORED\r\n"
            for protocol in ("binary", "text", "meta"):
                result = bench(*how, "--no-preload", "--protocol", protocol)
                assert result["wrong"] == result["hits"] > 0, (protocol, result)
        kernel = bench("--kernel", "--server", "10.77.0.1", *few, "--transport", "tcp",
                       "--no-preload", "--protocol", "meta")
        assert kernel["wrong"] == kernel["hits"] > 0, kernel


def what_cannot_be_is_refused():
    for options, said in ((("--protocol", "redis"), "--transport tcp"),
                          (("--protocol", "morse"), "binary, text, meta or redis"),
                          (("--connections", 4096, "--depth", 17), "at most 65536"),
                          (("--port", "memif:/nowhere/memif.sock"), "/nowhere/memif.sock"),
                          (("--value-size", 2000), "--transport tcp has no such limit"),
                          (("--echo", 100, "--transport", "tcp"), "--echo is for UDP"),
                          (("--rate", "many"), "--rate many")):
        bench(*options, fails=said)


def a_lines_way_is_told():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return
    program = os.path.join(ROOT, BUILD, "line-transfer")
    ended = subprocess.run([program, str(cpus[0]), str(cpus[-1])], stdout=subprocess.PIPE,
                           universal_newlines=True, check=True, timeout=RUN_SECONDS)
    assert 1 < float(ended.stdout) < 100000, ended  # ns: no CPU is nearer, no scheduler is quicker
    for wrong in ([], ["0", "99999"]):
        ended = subprocess.run([program, *wrong], stderr=subprocess.PIPE, check=False,
                               universal_newlines=True, timeout=RUN_SECONDS)
        assert ended.returncode != 0 and "line-transfer" in ended.stderr, ended


def rte_hash_leaves_the_other_threads_their_cpus():
    """Its EAL pins the thread that starts it, and whatever that makes later would be there with it."""
    program = [os.path.join(ROOT, BUILD, "store-bench"), "--op", "get", "--items", "100K",
               "--subject", "jackdaw,rte_hash", "--rounds", "3"]
    last = None
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as bench:
        while bench.poll() is None:
            last = os.sched_getaffinity(bench.pid)  # of its main thread
    assert bench.returncode == 0 and last == os.sched_getaffinity(0), last


def where_prefetches_go_is_compared():
    program = os.path.join(ROOT, BUILD, "prefetch-levels")
    ended = subprocess.run([program, "100000", "40"], stdout=subprocess.PIPE,
                           universal_newlines=True, check=True, timeout=RUN_SECONDS)
    first, second = map(float, ended.stdout.split())
    assert min(first, second) > 1, ended
    ended = subprocess.run([program, "0", "40"], stderr=subprocess.PIPE, check=False,
                           universal_newlines=True, timeout=RUN_SECONDS)
    assert ended.returncode == 2 and "usage" in ended.stderr, ended


if __name__ == "__main__":
    run("bench", [(test.__name__, test) for test in (
        every_protocol_and_transport_is_understood,
        the_server_counts_as_many_requests,
        an_open_loop_keeps_its_rate,
        large_values_cross_segments_and_buffers,
        hot_spots_ttls_and_shapes_are_asked_for,
        many_connections_are_opened_and_a_refusal_is_told,
        verification_finds_a_wrong_byte,
        what_cannot_be_is_refused,
        a_lines_way_is_told,
        rte_hash_leaves_the_other_threads_their_cpus,
        where_prefetches_go_is_compared,
    )])
