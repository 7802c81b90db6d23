# SPDX-License-Identifier: BSD-3-Clause
"""Throughput against latency: what the median and the slow ones wait at rising load."""
import subprocess

from cases import FRAME
from process import Failed
from servers import EchoMemif, JackdawMemif, JackdawVeth, Load, Memcached, Redis

SHARES = (0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
QUICK_SHARES = (0.1, 0.4, 0.7, 0.9)

CURVES = {
    "memif": [(JackdawMemif, Load(), 512), (EchoMemif, Load(echo=FRAME), 512)],
    "udp-veth": [(lambda: JackdawVeth("raw"), Load(), 256),
                 (lambda: Memcached("veth", "raw"), Load(), 256)],
    "tcp-veth": [(make, Load(transport="tcp", how=["--connections", 50]), 16)
                 for make in (lambda: JackdawVeth("kernel"), lambda: Memcached("veth"),
                              lambda: Redis("veth"))],
}


def _curve(make, load, depth, settings):
    """[(rate, p50, p99, p99.9)], and the subject's name."""
    subject, points = make(), []
    load = load.at("--depth", depth)
    try:
        most = subject.turn(load, settings.seconds)["rate"]
        for share in QUICK_SHARES if settings.quick else SHARES:
            sample = subject.turn(load.at("--rate", int(share * most)), settings.seconds)
            points.append((sample["rate"], sample["p50"], sample["p99"], sample["p999"]))
        return subject.name, points
    finally:
        subject.stop()


def measure(settings):
    """{curve: {subject: points}}; a subject that can't be had is left out and said."""
    curves = {}
    for name, sides in CURVES.items():
        curves[name] = {}
        for make, load, depth in sides:
            try:
                subject, points = _curve(make, load, depth, settings)
                curves[name][subject] = points
                settings.say(f"curve {name}: {subject}")
            except (Failed, OSError, subprocess.CalledProcessError) as why:
                settings.say(f"curve {name}: {why}")
    return curves
