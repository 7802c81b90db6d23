# SPDX-License-Identifier: BSD-3-Clause
"""
The subjects: each knows how to start its server, how jackdaw-bench reaches it, and what its server
tells of its own time. A subject is started once, preloaded at its first turn, and frozen (SIGSTOP)
while the others have theirs: two servers share one CPU without disturbing each other.
"""
import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading

import machine
from process import SERVER_ADDRESS, Failed, Lab, Process, last_line, need

PORT = 11211
CLIENT_SLACK = 20  # seconds, besides preload and measuring
ECHO_MEMORY = 512 << 20  # bytes
ECHO_ASKED_EVERY = 0.25  # seconds
TCP_PATIENCE_MS = 2000
WARM_UP = 0.3  # seconds before it counts


class Sample(dict):
    """What one turn gave: rate, latencies in us, the server's cycles and idle share."""


class Subject:
    name = "?"
    asks_stats = True

    def __init__(self):
        self.process = None
        self.lab = None
        self.folder = tempfile.TemporaryDirectory(prefix="jackdaw-compare-")
        self.loaded = False
        self.command = ""  # the client's last one, for the results

    # --- for subclasses

    def start(self):
        raise NotImplementedError

    def client_options(self):
        """Options of jackdaw-bench that lead to this server."""
        raise NotImplementedError

    def client_inside(self, command):
        return self.lab.inside("cli", command) if self.lab else command

    def while_measuring(self, over):
        """Called on a thread of its own as the client starts, until `over` is set."""

    def account(self, sample, result, cpu, wall):
        """Adds busy_cycles, busy_us (a request) and idle_share to the sample, where known."""

    # --- for cases

    def stop(self):
        if self.process is not None:
            self.process.stop()
            self.process = None
        if self.lab is not None:
            self.lab.stop()
        self.folder.cleanup()

    def turn(self, load, seconds, warm_up=WARM_UP):
        """One measurement of a Load: a Sample."""
        if self.process is None:
            self.start()
        self.process.thaw()
        try:
            if load.preload and not self.loaded:
                self._client(load.keys_options(), 0, 0, load.preload_limit())
                self.loaded = True
            return self._measure(load, seconds, warm_up)
        except Failed:
            if not self.process.alive():  # that is why
                raise Failed(self.process.end()) from None
            raise
        finally:
            if self.process is not None:
                self.process.freeze()

    def _client(self, options, seconds, warm_up, limit):
        """Runs jackdaw-bench; its results, or Failed with what it said."""
        path = os.path.join(self.folder.name, "result.json")
        options = [*self.client_options(), "--cpu", str(machine.cpus()[1]), "--quiet",
                   "--warm-up", f"{warm_up:g}", "--seconds", f"{seconds:g}", "--json", path,
                   *map(str, options)]
        if not self.asks_stats:
            options.append("--no-server-stats")
        self.command = " ".join(map(shlex.quote, ["jackdaw-bench", *options]))
        try:
            run = subprocess.run(
                self.client_inside([machine.program("jackdaw-bench"), *options]),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                timeout=seconds + warm_up + CLIENT_SLACK + limit, check=False)
        except subprocess.TimeoutExpired as late:
            raise Failed("the client did not end in time") from late
        if run.returncode != 0:
            raise Failed(last_line(run.stderr or run.stdout))
        if seconds == 0:
            return None
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        os.unlink(path)
        return result

    def _measure(self, load, seconds, warm_up):
        over = threading.Event()
        helper = threading.Thread(target=self.while_measuring, args=(over,))
        helper.start()
        cpu = self.process.cpu_seconds()
        try:
            result = self._client([*load.options(), "--no-preload"], seconds, warm_up, 0)
        finally:
            over.set()
            helper.join()
        cpu = self.process.cpu_seconds() - cpu
        if result["wrong"] != 0:
            raise Failed(f"{result['wrong']} values were wrong")
        if result["requests_per_second"] <= 0:
            raise Failed("nothing was answered")
        sample = Sample(rate=result["requests_per_second"], p50=result["latency"]["p50_us"],
                        p99=result["latency"]["p99_us"], p999=result["latency"]["p999_us"],
                        p999_of_10ms=result["latency"].get("p999_of_10ms_us"),
                        client_busy=result["client_busy_share"],
                        kernel_client="--kernel" in self.client_options(),
                        hit_ratio=result["hit_ratio"], lost=result["lost"],
                        server=result.get("server", {}))
        self.account(sample, result, cpu, warm_up + seconds)
        return sample


class Load:
    """What is asked: the keys that there are, and how they are asked for."""

    def __init__(self, keys=100000, mix="get=1", popularity="uniform", preload=True, echo=0,
                 transport="udp", how=()):
        self.keys, self.mix, self.popularity = keys, mix, popularity
        self.preload = preload and not echo
        self.echo, self.transport, self.how = echo, transport, list(how)

    def keys_options(self):
        # what TCP has lost comes back after a retransmission time-out, or two
        patience = ["--timeout", TCP_PATIENCE_MS] if self.transport == "tcp" else []
        return ["--keys", self.keys, "--transport", self.transport, "--depth", 64, *patience]

    def preload_limit(self):
        return self.keys / 200000  # seconds, on a slow machine

    def options(self):
        if self.echo:
            return ["--echo", self.echo, *self.how]
        return [*self.keys_options(), "--mix", self.mix, "--popularity", self.popularity,
                *self.how]

    def at(self, *how):
        """The same with more options."""
        return Load(self.keys, self.mix, self.popularity, self.preload, self.echo,
                    self.transport, [*self.how, *how])


# --- ours ----------------------------------------------------------------------------------------

class Jackdaw(Subject):
    name = "jackdaw"

    def __init__(self, memory="256M", idle="spin", connections=1024):
        super().__init__()
        self.memory, self.idle, self.connections = memory, idle, connections

    def port(self):
        raise NotImplementedError

    def place(self, command):
        return command

    def start(self):
        path = os.path.join(self.folder.name, "jackdaw.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"memory: {self.memory}\n"
                       f"tcp: {{connections: {self.connections}}}\n"
                       f"worker: {{count: 1, cores: [{machine.cpus()[0]}], idle: {self.idle}}}\n"
                       f"ports:\n  - {{{self.port()}, address: {SERVER_ADDRESS}/24}}\n")
        self.process = Process(self.place([machine.program("jackdaw"), "--config", path]))
        self.process.await_output(" ready: ")

    def account(self, sample, result, cpu, wall):
        if "server_idle_share" not in result:
            return
        cycles = result["server_busy_cycles_per_request"]
        sample["busy_cycles"] = cycles
        sample["idle_share"] = result["server_idle_share"]
        server = result["server"]
        total = sum(value for name, value in server.items() if name.startswith("worker_cycles_"))
        hertz = total / result["seconds"]  # of the worker, which never leaves its CPU
        sample["busy_us"] = cycles / hertz * 1e6
        sample["stages"] = {name.removeprefix("worker_cycles_"): value / server["worker_requests"]
                            for name, value in server.items()
                            if name.startswith("worker_cycles_")}


class JackdawMemif(Jackdaw):
    def port(self):
        self.socket = os.path.join(self.folder.name, "memif.sock")
        return f"driver: memif, role: server, socket: {self.socket}, id: 0"

    def client_options(self):
        return ["--port", f"memif:{self.socket}"]


class JackdawVeth(Jackdaw):
    """The lab's veth pair. The client is raw (its own AF_XDP port) or the kernel's."""

    def __init__(self, client, **options):
        super().__init__(**options)
        self.client = client

    def port(self):
        return "driver: af_xdp, interface: jd-srv"

    def place(self, command):
        self.lab = Lab("jackdaw")
        self.lab.start()
        if self.client == "raw":
            self.lab.take_client_address()
        return self.lab.inside("srv", command)

    def client_options(self):
        if self.client == "raw":
            return ["--port", "af_xdp:jd-cli"]
        return ["--kernel", "--server", f"{SERVER_ADDRESS}:{PORT}"]


# --- DPDK's echo ---------------------------------------------------------------------------------

class EchoMemif(Subject):
    """dpdk-testpmd, which swaps addresses and ports: the least that a reply can cost."""
    name = "testpmd echo"
    asks_stats = False

    def memory(self):
        """Options of EAL: in hugepages where there are some, as ours."""
        if machine.hugepages_free() >= ECHO_MEMORY:
            return ["--in-memory"]
        return ["--no-huge", "-m", str(ECHO_MEMORY >> 20)]

    def start(self):
        testpmd = need("dpdk-testpmd", "dpdk-dev")
        server, client = machine.cpus()
        self.socket = os.path.join(self.folder.name, "echo.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)  # of one that has crashed: the next can't listen there
        self.process = Process(
            ["stdbuf", "-oL", testpmd, *self.memory(), "--no-pci", "--lcores", f"0@{client},1@{server}",
             f"--file-prefix={os.path.basename(self.folder.name)}", "--no-telemetry",
             "--vdev", f"net_memif0,role=server,id=0,socket={self.socket},socket-abstract=no,"
             "bsize=2048,rsize=10", "--", "-i", "--forward-mode=5tswap",
             "--total-num-mbufs=16384", "--record-core-cycles"])
        self.process.await_output("testpmd>")
        self.process.say("start")
        self.process.await_output("5tswap packet forwarding")
        self.reports = 0

    def stop(self):
        super().stop()
        # testpmd leaves it there, with what was its memory if there were no hugepages
        shutil.rmtree(os.path.join("/run/dpdk", os.path.basename(self.folder.name)), ignore_errors=True)

    def client_options(self):
        return ["--port", f"memif:{self.socket}"]

    def turn(self, load, seconds, warm_up=WARM_UP):
        """DPDK 22.11's memif can crash as a client leaves: then another testpmd has the turn."""
        try:
            return super().turn(load, seconds, warm_up)
        except Failed:
            if self.process is None:
                raise
        self.process.stop()
        self.process = None
        return super().turn(load, seconds, warm_up)

    def while_measuring(self, over):
        """Its counters are those of the connection: they must be asked for before it ends."""
        process = self.process
        while not over.wait(ECHO_ASKED_EVERY) and process.alive():
            process.say("show fwd stats all")

    def account(self, sample, result, cpu, wall):
        found = re.findall(r"CPU cycles/packet=([0-9.]+)", self.process.output())
        if found:
            sample["busy_cycles"] = float(found[-1])
            sample["idle_share"] = max(0.0, 1 - sample["busy_cycles"] * sample["rate"] /
                                       tsc_hertz())


def tsc_hertz():
    """Cycles a second of the time stamp counter, as the kernel found them."""
    global _hertz
    if _hertz is None:
        run = subprocess.run(["dmesg"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, errors="replace", check=False)
        found = re.findall(r"tsc: (?:Refined TSC clocksource calibration|Detected)[^0-9]*"
                           r"([0-9.]+) MHz", run.stdout)
        if not found:
            with open("/proc/cpuinfo", encoding="utf-8") as file:
                found = re.findall(r"bogomips\s*: ([0-9.]+)", file.read())
            found = [str(float(found[-1]) / 2)] if found else ["1000"]
        _hertz = float(found[-1]) * 1e6
    return _hertz


_hertz = None


# --- servers on the kernel's sockets -------------------------------------------------------------

def free_port():
    """A number that neither TCP nor UDP has taken on the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        return tcp.getsockname()[1]


class KernelServer(Subject):
    """Any server that takes part by its command line: its CPU time is what the kernel counts."""

    def __init__(self, wire, client="kernel"):
        super().__init__()
        self.wire, self.client = wire, client  # wire: veth or loopback
        self.served = SERVER_ADDRESS if wire == "veth" else "127.0.0.1"
        self.port_number = PORT if wire == "veth" else free_port()

    def server_command(self):
        raise NotImplementedError

    def start(self):
        command = ["taskset", "-c", str(machine.cpus()[0]), *self.server_command()]
        if self.wire == "veth":
            self.lab = Lab(self.name.replace(" ", "-")[:12])
            self.lab.start()
            self.lab.give_kernel_the_address()
            if self.client == "raw":
                self.lab.take_client_address()
            command = self.lab.inside("srv", command)
        self.process = Process(command)
        self.process.await_true(self.answers)

    def answers(self):
        """Whether it accepts connections, asked from its own end of the wire."""
        check = (f"import socket; socket.create_connection(('{self.served}', "
                 f"{self.port_number}), 0.5)")
        command = ["python3", "-c", check]
        return subprocess.run(self.lab.inside("srv", command) if self.lab else command,
                              check=False, stderr=subprocess.DEVNULL).returncode == 0

    def client_options(self):
        if self.client == "raw":
            return ["--port", "af_xdp:jd-cli"]
        return ["--kernel", "--server", f"{self.served}:{self.port_number}"]

    def client_inside(self, command):
        return super().client_inside(command) if self.wire == "veth" else command

    def account(self, sample, result, cpu, wall):
        busy = result.get("server_cpu_seconds")
        if busy is not None:  # memcached's own account, of the measured seconds alone
            sample["busy_us"] = busy / result["requests"] * 1e6
            sample["idle_share"] = max(0.0, 1 - busy / result["seconds"])
        else:  # the kernel's account, warm-up included; the client's start is no load
            sample["idle_share"] = max(0.0, 1 - cpu / wall)
            sample["busy_us"] = cpu / wall / sample["rate"] * 1e6
        if "busy_us" in sample:
            sample["busy_cycles"] = sample["busy_us"] * tsc_hertz() / 1e6


class Memcached(KernelServer):
    name = "memcached"

    def server_command(self):
        return [need("memcached", "memcached"), "-u", "nobody", "-l", self.served, "-p",
                str(self.port_number), "-U", str(self.port_number), "-t", "1", "-m", "1024", "-c",
                "4096"]


class Redis(KernelServer):
    name = "redis-server"
    asks_stats = False

    def server_command(self):
        return [need("redis-server", "redis-server"), "--bind", self.served, "--port",
                str(self.port_number), "--save", "", "--appendonly", "no", "--protected-mode",
                "no", "--io-threads", "1", "--dir", self.folder.name]

    def client_options(self):
        return [*super().client_options(), "--protocol", "redis"]


class Peer(KernelServer):
    """What --peer names: a memcached-compatible server that listens on {address}:{port}."""

    def __init__(self, name, command, wire, client="kernel"):
        super().__init__(wire, client)
        self.name, self.words = name, shlex.split(command)

    def server_command(self):
        return [word.replace("{address}", self.served).replace("{port}", str(self.port_number))
                for word in self.words]
