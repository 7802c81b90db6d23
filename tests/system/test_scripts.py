#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The project's own scripts: what the test runner, the layer check and bootstrap must catch."""
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
from tests.wire.harness import run  # noqa: E402


def script(name, *arguments, **options):
    return subprocess.run([os.path.join(ROOT, "scripts", name), *arguments], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=60, **options)


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(textwrap.dedent(text))
    os.chmod(path, 0o755)
    return path


def run_programs(*bodies, timeout="20"):
    """Runs shell programs under run-tests; gives its output and status."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [write(folder, f"test_{i}", "#!/bin/bash\nset -e\n" + body)
                 for i, body in enumerate(bodies)]
        done = script("run-tests", "--unit", "--timeout", timeout, *paths)
    return done.stdout, done.returncode


def expect(output, *patterns):
    for pattern in patterns:
        assert re.search(pattern, output, re.MULTILINE), f"no {pattern!r} in:\n{output}"


def runner_adds_up():
    output, status = run_programs("echo '3 passed, 0 failed'", "echo '4 passed, 0 failed'")
    assert output.endswith("\n7 passed, 0 failed\n") and status == 0, output
    expect(output, r"^ok +\d+\.\d\d s  .*test_0: 3 passed$")


def runner_shows_what_a_failed_program_said():
    output, status = run_programs("echo wanted 1; echo '3 passed, 2 failed'; exit 1",
                                  "echo unseen; echo '1 passed, 0 failed'")
    assert output.endswith("\n4 passed, 2 failed\n") and status == 1, output
    expect(output, r"\| wanted 1$")
    assert "unseen" not in output


def runner_fails_programs_that_contradict_themselves():
    for body, fault in (("exit 0", "ended with status 0 and no line"),
                        ("kill -SEGV $$", "ended with signal SIGSEGV and no line"),
                        ("echo '1 passed, 0 failed'; exit 3", "status 3 though no test failed"),
                        ("echo '1 passed, 1 failed'", "status 0 though tests failed"),
                        ("echo '0 passed, 0 failed'", "ran no test"),
                        ("echo 'x 9 passed, 0 failed'", "no line")):
        output, status = run_programs(body)
        assert status == 1 and re.search(r"^\d passed, [12] failed\Z", output.strip(),
                                         re.MULTILINE), output
        expect(output, fault)


def runner_ends_what_hangs():
    started = time.monotonic()
    output, status = run_programs("sleep 1000 & sleep 1000", timeout="0.5")
    assert status == 1 and time.monotonic() - started < 15, output
    expect(output, "not done after 0.5 s", r"^0 passed, 1 failed$")


def runner_finds_what_is_left_behind():
    output, status = run_programs(
        "setsid sleep 1000 >/dev/null 2>&1 & echo '1 passed, 0 failed'",
        "ip netns add jd-left; echo '1 passed, 0 failed'",
        "ip link add jd-left type veth peer name jd-peer; echo '1 passed, 0 failed'",
        "mkdir -p /run/dpdk/jd-left; echo '1 passed, 0 failed'",
        "echo '1 passed, 0 failed'")
    assert status == 1 and output.endswith("\n5 passed, 4 failed\n"), output
    expect(output, r"left process \d+ running: sleep 1000", "left /run/netns/jd-left behind",
           "left interface jd-left behind", "left /run/dpdk/jd-left behind", "^ok .*test_4")
    assert not os.path.exists("/run/netns/jd-left")
    assert not os.path.exists("/run/dpdk/jd-left")


def runner_with_nothing_to_run_fails():
    done = script("run-tests", "--unit")
    assert done.returncode == 1 and done.stdout.endswith("\n0 passed, 0 failed\n"), done.stdout


def layers_are_held():
    faults = {
        "config/a.c": ("#include <rte_mbuf.h>", "config/ may not use dpdk"),
        "dataplane/store/b.c": ('#include "config/config.h"', "may not include config/config.h"),
        "dataplane/store/c.h": ("#  include <rte_ether.h>", "dataplane/store/ may not use dpdk"),
        "dataplane/net/d.c": ('#include "dataplane/worker.h"',
                              "may not include dataplane/worker.h"),
        "dataplane/proto/e.c": ('#include "dataplane/store/private.h"',
                                "may not include dataplane/store/private.h"),
        "drivers/f.c": ('#include "control/log.h"', "may not include control/log.h"),
        "perf/g.c": ('#include "control/log.h"', "may not include control/log.h"),
        "control/h.c": ('#include "log.h"', "not a path from the root"),
        "dataplane/i.c": ("#include <dataplane/worker.h>", "is one of ours"),
        "elsewhere/j.c": ("", "lies in no folder that has a rule"),
    }
    good = {
        "config/config.h": "#include <stdint.h>\n#include <yaml.h>",
        "control/log.h": '#include "config/config.h"',
        "dataplane/worker.h": '#include "dataplane/store/store.h"\n#include <rte_mbuf.h>',
        "dataplane/store/store.h": "#include <urcu-qsbr.h>",
        "dataplane/store/private.h": '#include "dataplane/store/store.h"',
        "tests/control/test_a.c": '#include "control/log.h"\n#include <CUnit/Basic.h>',
    }
    with tempfile.TemporaryDirectory() as root:
        for path, text in good.items():
            write(root, path, text + "\n")
        done = script("check-includes", root)
        assert done.returncode == 0, done.stdout
        expect(done.stdout, r"^  control +-> config ", r"^  config +-> - +\[yaml\]")
        for path, (text, _) in faults.items():
            write(root, path, "\n" + text + "\n")
        done = script("check-includes", root)
    assert done.returncode == 1, done.stdout
    for path, (text, fault) in faults.items():
        line = ":2" if text else ""
        expect(done.stdout, f"^{re.escape(path)}{line}: .*{re.escape(fault)}")
    expect(done.stdout, f"{len(faults)} against the rules")


def bootstrap_finds_nothing_missing_quickly():
    started = time.monotonic()
    done = script("bootstrap", "--if-missing")
    assert done.returncode == 0 and done.stdout == "", done.stdout
    assert time.monotonic() - started < 2
    assert not os.path.exists("/usr/sbin/policy-rc.d.before-jackdaw")


def bootstrap_lists_what_it_installs():
    done = script("bootstrap", "--list", "all")
    assert done.returncode == 0
    packages = [line.split()[0] for line in done.stdout.splitlines()]
    assert len(packages) == len(set(packages)) and "libdpdk-dev" in packages, done.stdout


def bootstrap_explains_its_refusals():
    assert script("bootstrap", "--nonsense").returncode == 2
    done = script("bootstrap", "nonsense")
    assert done.returncode == 1 and "no group 'nonsense'" in done.stdout, done.stdout
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(["/bin/bash", os.path.join(ROOT, "scripts/bootstrap")], check=False,
                              env={"PATH": empty}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        assert done.returncode == 1 and "this machine has no apt" in done.stdout, done.stdout


def bootstrap_asks_for_root():
    """With a dpkg that knows no package, and no root: says what is missing and who may install."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        write(folder, "dpkg-query", "#!/bin/sh\nexit 1\n")
        write(folder, "apt-get", "#!/bin/sh\necho apt-get was called; exit 1\n")
        with open(os.path.join(ROOT, "scripts/bootstrap"), encoding="utf-8") as text:
            copy = write(folder, "bootstrap", text.read())
        done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", copy, "build"],
                              check=False, env={"PATH": folder + ":" + os.environ["PATH"]},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
    assert done.returncode == 1, done.stdout
    expect(done.stdout, "missing: gcc libc6-dev make .*liburcu-dev",
           "only root may install: sudo scripts/bootstrap build")
    assert "apt-get was called" not in done.stdout


run("scripts", [(test.__name__, test) for test in (
    runner_adds_up, runner_shows_what_a_failed_program_said,
    runner_fails_programs_that_contradict_themselves, runner_ends_what_hangs,
    runner_finds_what_is_left_behind, runner_with_nothing_to_run_fails, layers_are_held,
    bootstrap_finds_nothing_missing_quickly, bootstrap_lists_what_it_installs,
    bootstrap_explains_its_refusals, bootstrap_asks_for_root)])
