#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""No path takes over 3 % more instructions than perf/budget.tsv allows."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# As make bench-check names it: what a name depends on is known by that name alone.
BUILD = os.path.relpath(os.path.join(ROOT, os.environ.get("BUILD", "build"), "budget"), ROOT)


def main():
    if shutil.which("valgrind") is None:
        print("valgrind is missing: scripts/bootstrap\n0 passed, 0 failed, 1 skipped")
        return 0
    programs = [os.path.join(BUILD, name) for name in ("path-bench", "codec-bench")]
    made = subprocess.run(["make", "-C", ROOT, "--no-print-directory", "-o", "need-build",
                           f"BUILD={BUILD}", "ARCH=x86-64-v3", "VARIANT=", *programs],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if made.returncode != 0:
        print(made.stdout + "0 passed, 1 failed")
        return 1
    run = subprocess.run([os.path.join(ROOT, "perf", "profile"), "--check"], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                         env=dict(os.environ, BUILD=BUILD))
    print(run.stdout)
    paths = len(re.findall(r" instructions, budget ", run.stdout))
    over = len(re.findall(r"  OVER$", run.stdout, re.MULTILINE))
    failed = max(over, 1) if run.returncode != 0 else 0
    print(f"{paths - over} passed, {failed} failed")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
