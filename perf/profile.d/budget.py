# SPDX-License-Identifier: BSD-3-Clause
"""Exact instruction counts of a request's paths, by callgrind, and their budget."""
import concurrent.futures
import os
import re
import subprocess
import tempfile

from machine import ROOT, program
from process import Failed, last_line, need

BUDGET = os.path.join(ROOT, "perf", "budget.tsv")
MARGIN = 0.03
REQUESTS = 1024  # of a run of path-bench
CODEC_RUNS = (500, 2500)  # of codec-bench: the difference counts
STORE = ("store_lookup_prepare", "store_lookup_probe", "store_lookup_finish",
         "store_prepare", "store_probe", "store_execute", "store_execute_all")
CODECS = ("binary-get", "binary-getk", "binary-set", "text-get", "text-set", "text-get-10-keys")


def _callgrind(out, options, command):
    environment = dict(os.environ, LD_BIND_NOW="1")  # symbols are looked up before it counts
    run = subprocess.run(
        [need("valgrind", "valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}",
         *options, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment, check=False)
    if run.returncode != 0:
        raise Failed(f"{' '.join(command)}: {last_line(run.stderr)}")
    return run.stderr


def _collected(text):
    return int(re.search(r"Collected : (\d+)", text).group(1))


def _inclusive(out, functions):
    """Instructions in these functions and what they call: of a function's lines the largest counts
    all of it, the others what is inlined from one file."""
    text = subprocess.run(["callgrind_annotate", "--auto=no", "--inclusive=yes", "--threshold=100",
                           out], stdout=subprocess.PIPE, text=True, check=True).stdout
    return sum(max((int(count.replace(",", "")) for count in
                    re.findall(rf"^\s*([\d,]+) .*:{name}(?: \[.*)?$", text, re.MULTILINE)),
                   default=0) for name in functions)


def _path(name, folder):
    """{path: instructions a request} of one case of path-bench."""
    out = os.path.join(folder, name)
    text = _callgrind(out, ["--toggle-collect=path_serve"],
                      [program("path-bench"), "--case", name, "--once", "--requests",
                       str(REQUESTS)])
    counts = {name: _collected(text) / REQUESTS}
    if name in ("udp-binary-get", "udp-binary-set"):
        counts[name.replace("udp-binary", "store")] = _inclusive(out, STORE) / REQUESTS
    return counts


def _codec(name, folder):
    few, many = (_collected(_callgrind(os.path.join(folder, name), [],
                                       [program("codec-bench"), "--case", name, "--count",
                                        str(count), "--once"])) for count in CODEC_RUNS)
    return {f"codec-{name}": (many - few) / (CODEC_RUNS[1] - CODEC_RUNS[0])}


def measure():
    """{path: instructions a request}."""
    listed = subprocess.run([program("path-bench"), "--list"], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.split()
    counts = {}
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(_path, name, folder) for name in listed]
        runs += [pool.submit(_codec, name, folder) for name in CODECS]
        for run in runs:
            counts.update(run.result())
    return counts


def read():
    budget = {}
    with open(BUDGET, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#") and line.strip():
                name, count = line.split("\t")[:2]
                budget[name] = float(count)
    return budget


def write(counts):
    with open(BUDGET, "w", encoding="utf-8") as file:
        file.write("# Instructions a request, counted by callgrind; make bench-check fails over "
                   f"{MARGIN:.0%} more.\n# Of x86-64-v3 code by GCC 12; make bench-budget writes "
                   "this file anew.\n")
        for name, count in sorted(counts.items()):
            file.write(f"{name}\t{count:.1f}\n")


def check(say):
    """True if no path takes more than its budget allows."""
    counts, budget = measure(), read()
    good = True
    for name, count in sorted(counts.items()):
        allowed = budget.get(name)
        change = count / allowed - 1 if allowed else 0.0
        over = allowed is None or change > MARGIN
        good &= not over
        say(f"{name:<24} {count:8.1f} instructions, budget "
            f"{'none' if allowed is None else f'{allowed:.1f} ({change:+.1%})'}"
            f"{'  OVER' if over else ''}")
    for name in sorted(set(budget) - set(counts)):
        say(f"{name:<24} has a budget but is not measured any more")
        good = False
    return good
