# SPDX-License-Identifier: BSD-3-Clause
"""What the figures were taken on, which CPUs take part, and the hugepages they run in."""
import contextlib
import datetime
import os
import platform
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build_folder():
    return os.path.abspath(os.path.join(ROOT, os.environ.get("BUILD", "build")))


def program(name):
    return os.path.join(build_folder(), name)


def cpus():
    """(server, client): the first and the last CPU that we may run on."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def memory_available():
    """Bytes that can be had without swapping."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


HUGEPAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
HUGEPAGE_BYTES = 2 << 20


def _hugepages(which):
    with open(HUGEPAGES + which, encoding="ascii") as file:
        return int(file.read())


def _hugepages_set(count):
    with open(HUGEPAGES + "nr_hugepages", "w", encoding="ascii") as file:
        file.write(str(count))


@contextlib.contextmanager
def hugepages(bytes_wanted):
    """
    Reserves hugepages for a DPDK program and its peer while the block runs, where half of the free
    memory is enough for them: both sides of a comparison have them, or neither. Gives True or False.
    """
    missing = before = 0
    try:
        before = _hugepages("nr_hugepages")
        missing = max(0, -(-bytes_wanted // HUGEPAGE_BYTES) - _hugepages("free_hugepages"))
        had = missing == 0
        if not had and missing * HUGEPAGE_BYTES * 2 <= memory_available():
            _hugepages_set(before + missing)
            had = _hugepages("nr_hugepages") == before + missing
    except OSError:  # a kernel without them, or one that lets nobody write
        had = False
    try:
        yield had
    finally:
        if missing > 0:
            with contextlib.suppress(OSError):
                _hugepages_set(before)


def hugepages_free():
    """Bytes of hugepages that nobody uses."""
    try:
        return _hugepages("free_hugepages") * HUGEPAGE_BYTES
    except OSError:
        return 0


def _first(path, key):
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def _git(*words):
    run = subprocess.run(["git", "-C", ROOT, *words], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False)
    return run.stdout.strip()


def _package(name):
    run = subprocess.run(["dpkg-query", "-W", "-f=${Version}", name], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False)
    return run.stdout.strip() or "not installed"


def describe():
    """A dictionary of everything that someone who repeats the run would ask for."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "config", "control",
                   "dataplane", "drivers", "perf", "Makefile")
    hypervisor = "hypervisor" in _first("/proc/cpuinfo", "flags").split()
    return {
        "cpu": _first("/proc/cpuinfo", "model name") + (", virtual" if hypervisor else ""),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "commit": (_git("rev-parse", "--short", "HEAD") or "unknown") +
                  (" and uncommitted changes" if changed else ""),
        "date": datetime.date.today().isoformat(),
        "packages": {name: _package(name) for name in ("memcached", "redis-server", "dpdk-dev")},
    }


def line(description):
    """The same in one line, for every row of the results."""
    return (f"{description['cpu']}, {description['cpus']} CPUs, {description['memory_gib']} GiB, "
            f"Linux {description['kernel']}, commit {description['commit']}, "
            f"{description['date']}")


def line_transfer():
    """Nanoseconds that a cache line takes from the server's CPU to the client's; None: not known."""
    run = subprocess.run([program("line-transfer"), *map(str, cpus())], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False)
    return float(run.stdout) if run.returncode == 0 else None


def steal_share(before, after):
    """Share of the time that the hypervisor gave to others, between two cpu_times()."""
    total = sum(after) - sum(before)
    return (after[7] - before[7]) / total if total > 0 else 0.0


def cpu_times():
    """The fields of /proc/stat's first line."""
    with open("/proc/stat", encoding="ascii") as file:
        return [int(word) for word in file.readline().split()[1:9]]
