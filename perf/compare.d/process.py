# SPDX-License-Identifier: BSD-3-Clause
"""Processes under test and the labs that they run in."""
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

from machine import ROOT

READY_SECONDS = 30
STOP_SECONDS = 20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SERVER_ADDRESS = "10.77.0.1"


class Failed(Exception):
    """A subject could not be measured: the reason is the row's note."""


def need(name, package):
    """Path of a program, or the reason why it isn't here."""
    path = shutil.which(name)
    if path is None:
        raise Failed(f"{name} is not installed: apt-get install {package}")
    return path


class Lab:
    """Two network namespaces and a veth pair between them (scripts/lab)."""

    def __init__(self, name):
        self.name = f"cmp{os.getpid()}-{name}"
        self.up = False

    def _lab(self, *words):
        run = subprocess.run([os.path.join(ROOT, "scripts", "lab"), *words],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             check=False)
        if run.returncode != 0:
            raise Failed(f"scripts/lab {words[0]}: {last_line(run.stderr)}")
        return run.stdout

    def start(self):
        self._lab("up", "--name", self.name)
        self.up = True

    def give_kernel_the_address(self):
        """For servers that use the kernel's sockets: the port's address becomes the kernel's."""
        netns = f"{self.name}-srv"
        subprocess.run(["ip", "-n", netns, "link", "del", "jd-tap"], check=True)
        subprocess.run(["ip", "-n", netns, "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "-n", netns, "route", "flush", "root", f"{SERVER_ADDRESS}/32"],
                       check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "-n", netns, "addr", "add", f"{SERVER_ADDRESS}/24", "dev",
                        "jd-srv"], check=True)

    def take_client_address(self):
        """For raw clients: the kernel must not answer for the address that they use."""
        subprocess.run(["ip", "-n", f"{self.name}-cli", "addr", "flush", "dev", "jd-cli"],
                       check=True)

    def inside(self, side, command):
        return [os.path.join(ROOT, "scripts", "lab"), "exec", self.name, side, *command]

    def stop(self):
        if self.up:
            self._lab("down", self.name)
            self.up = False


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


class Process:
    """One server process: started, awaited, frozen while another has its turn, stopped."""

    def __init__(self, command):
        self.command = command
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=self.log, text=True)

    def shown(self):
        return " ".join(map(shlex.quote, self.command))

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def say(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: whoever waits for it will say so

    def alive(self):
        return self.process.poll() is None

    def end(self):
        """How it ended, of one that isn't alive: its exit status or signal, and its last line."""
        status = self.process.returncode
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else \
            f"ended with status {status}"
        return f"{os.path.basename(self.command[0])} {how}: {last_line(self.output())}"

    def await_output(self, pattern, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while True:
            found = re.findall(pattern, self.output())
            if found:
                return found[-1]
            self._go_on_waiting(deadline, seconds)

    def await_true(self, ready, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while not ready():
            self._go_on_waiting(deadline, seconds)

    def _go_on_waiting(self, deadline, seconds):
        if not self.alive():
            raise Failed(self.end())
        if time.monotonic() > deadline:
            raise Failed(f"{os.path.basename(self.command[0])} was not ready in {seconds} s: "
                         f"{self.output()[-200:]!r}")
        time.sleep(0.02)

    def cpu_seconds(self):
        if not self.alive():
            raise Failed(self.end())
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def freeze(self):
        if self.alive():
            os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        if self.alive():
            os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        if self.alive():
            self.thaw()
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.log.close()
