# SPDX-License-Identifier: BSD-3-Clause
"""
The table: every claim is a case with a name, the sides that are compared, what is read off them and
the bar that it has to clear. Rows of a case come out of run_case().
"""
import json
import os
import re
import statistics
import subprocess
from dataclasses import dataclass, field

import machine
from process import Failed, last_line
from servers import EchoMemif, JackdawMemif, JackdawVeth, Load, Memcached, Peer, Redis

STEAL_MOST = 0.05  # of the CPUs' time in a pair, before it is taken again
WANDER_MOST = 2  # times what a cache line takes between the CPUs, at the most of a pair to the least
CLIENT_BOUND_FROM = 0.10  # the server's idle share from which on something else was the limit,
CLIENT_BUSY_FROM = 0.80  # and it was the client if its own core was as busy as that
GIB = 1 << 30
BYTES_AN_ITEM = 80  # of the store's memory, with 16 + 32 bytes
FRAME = 100  # bytes: between those of a binary GET (90) and of its hit (110)


@dataclass
class Side:
    """A subject and what it is asked. `make` starts nothing yet."""
    make: object
    load: Load
    label: str = ""


@dataclass
class Check:
    """
    One figure of a case. kind: ratio (ours / theirs at least bar), inverse (theirs / ours at least
    bar: for costs), most_ratio (ours / theirs at most bar), least and most (ours alone), excess
    (ours - theirs at most bar), none (no bar).
    """
    key: str
    unit: str
    kind: str
    bar: float = None
    label: str = ""
    only_if_client_bound: bool = False
    alone: bool = False  # the others' figures are not shown


@dataclass
class Case:
    name: str
    ours: Side
    theirs: list
    checks: list
    memory: int = 2 * GIB  # bytes that must be free, for all sides at once
    note: str = ""
    measure: object = None  # instead of the turns: a function(settings) of rows


@dataclass
class Settings:
    pairs: int = 5
    seconds: float = 2.0
    quick: bool = False
    peers: dict = field(default_factory=dict)
    say: object = print
    description: str = ""


# --- running -------------------------------------------------------------------------------------

def _pair(settings, sides, subjects, forwards):
    """One turn of every side: its samples in the order of the sides."""
    samples = [None] * len(sides)
    for index in range(len(sides)) if forwards else range(len(sides) - 1, -1, -1):
        try:
            before = machine.line_transfer()
            samples[index] = subjects[index].turn(sides[index].load, settings.seconds)
            samples[index]["line_ns"] = [before, machine.line_transfer()]
        except Failed as why:
            raise Failed(f"{sides[index].label or subjects[index].name}: {why}") from why
    return samples


def _turns(settings, sides):
    """
    samples[side][pair], the subjects, and how many pairs were taken again because the hypervisor
    gave the CPUs to others, or moved them closer or apart (at most as many as there are pairs). The
    order changes from pair to pair.
    """
    subjects = [side.make() for side in sides]
    pairs, again = [], 0
    try:
        while len(pairs) < settings.pairs:
            before = machine.cpu_times()
            pair = _pair(settings, sides, subjects, len(pairs) % 2 == 0)
            stolen = machine.steal_share(before, machine.cpu_times()) > STEAL_MOST
            if (stolen or _wandered(_lines(pair))) and again < settings.pairs:
                again += 1
                continue
            pairs.append(pair)
        return [list(samples) for samples in zip(*pairs)], subjects, again
    finally:
        for subject in subjects:
            subject.stop()


def _value(sample, check):
    if check.key == "per_busy_second":
        return 1e6 / sample["busy_us"] if sample.get("busy_us") else None
    return sample.get(check.key)


def _ratio(check, ours, theirs):
    if check.alone or not theirs or not ours:
        return None
    return theirs / ours if check.kind == "inverse" else ours / theirs


def _passes(check, ratio, ours, theirs):
    if check.kind in ("ratio", "inverse"):
        return None if ratio is None else ratio >= check.bar
    if check.kind == "most_ratio":
        return None if ratio is None else ratio <= check.bar
    if check.kind == "least":
        return ours >= check.bar
    if check.kind == "most":
        return ours <= check.bar
    if check.kind == "excess":
        return None if theirs is None else ours - theirs <= check.bar
    return None


def make_row(case_name, subject, values, unit, settings, **more):
    row = {"case": case_name, "subject": subject,
           "median": statistics.median(values) if values else None,
           "min": min(values) if values else None, "max": max(values) if values else None,
           "unit": unit, "ratio": None, "bar": None, "client_bound": None}
    row.update(more)
    row["machine"] = settings.description
    return row


def failed_row(case_name, subject, why, settings):
    return make_row(case_name, subject, [], "", settings, failed=str(why), passed=False)


def _median(samples, key):
    values = [sample[key] for sample in samples if sample.get(key) is not None]
    return statistics.median(values) if values else None


def _lines(samples):
    """What a cache line took between the CPUs around the turns: the least and the most."""
    values = [ns for sample in samples for ns in sample.get("line_ns", []) if ns is not None]
    return [min(values), max(values)] if values else None


def _wandered(lines):
    """True if the hypervisor moved a CPU meanwhile, to where the other's cache is nearer or farther."""
    return lines is not None and lines[1] > WANDER_MOST * lines[0]


def _account(samples):
    """What every row tells besides its figure."""
    return {"server_idle_share": _median(samples, "idle_share"),
            "busy_cycles_a_request": _median(samples, "busy_cycles"),
            "client_busy_share": _median(samples, "client_busy"),
            "line_transfer_ns": _lines(samples)}


def _best(check, theirs):
    """Of several ways to run the peer, the one that does best: its index."""
    medians = [statistics.median([_value(s, check) or 0 for s in samples]) for samples in theirs]
    return medians.index(max(medians)) if medians else None


def _client_bound(samples):
    """
    Whether the server idled while the client's core had no rest. A client on the kernel's sockets
    doesn't count its softirqs' time: its busy share is not known, so the server's idling decides.
    """
    idle, busy = _median(samples, "idle_share"), _median(samples, "client_busy")
    kernel_client = any(sample.get("kernel_client") for sample in samples)
    return idle is not None and idle > CLIENT_BOUND_FROM and \
        (kernel_client or (busy or 0) >= CLIENT_BUSY_FROM)


def _busy_cost_ratio(ours, theirs):
    """Median over the pairs of the peer's busy cycles a request by ours; None where not told."""
    ratios = [their["busy_cycles"] / our["busy_cycles"] for our, their in zip(ours, theirs)
              if our.get("busy_cycles") and their.get("busy_cycles")]
    return statistics.median(ratios) if ratios else None


BASES = {"rate": "rate", "busy_cycles": "busy cycles a request",
         "per_busy_second": "busy cycles a request"}


def _case_rows(case, settings, samples, subjects):
    ours, theirs = samples[0], samples[1:]
    # where only latency is judged, both ends are meant to have rests
    bound = any(c.key in BASES and c.bar is not None for c in case.checks) and _client_bound(ours)
    best = _best(case.checks[0], theirs)
    rows = []
    for check in case.checks:
        if check.only_if_client_bound and not bound:
            continue
        mine = [value for value in (_value(s, check) for s in ours) if value is not None]
        other = []
        for index, their in enumerate(theirs):
            values = [v for v in (_value(s, check) for s in their) if v is not None]
            label = case.theirs[index].label or subjects[1 + index].name
            if not values:
                continue
            if index == best:
                other = values
            if check.alone:
                continue
            rows.append(make_row(case.name, _labelled(label, check), values, check.unit, settings,
                                 command=subjects[1 + index].command, **_account(their)))
        if not mine:
            continue
        ratios = [r for r in (_ratio(check, m, o) for m, o in zip(mine, other)) if r is not None]
        ratio = statistics.median(ratios) if ratios else None
        basis = BASES.get(check.key)
        cost = _busy_cost_ratio(ours, theirs[best]) if best is not None else None
        if bound and check.key == "rate" and check.kind == "ratio" and cost is not None:
            ratio, basis = cost, BASES["busy_cycles"]
        middle, their_middle = statistics.median(mine), statistics.median(other) if other else None
        rows.append(make_row(
            case.name, _labelled(case.ours.label or subjects[0].name, check), mine, check.unit,
            settings, ratio=ratio, basis=basis, busy_cost_ratio=cost, bar=check.bar, bar_kind=check.kind, client_bound=bound,
            passed=_passes(check, ratio, middle, their_middle), note=case.note,
            command=subjects[0].command, cycles_a_stage=ours[-1].get("stages"), **_account(ours)))
    return rows


def _labelled(subject, check):
    return f"{subject}, {check.label}" if check.label else subject


def run_case(case, settings):
    """The rows of one case; a side that can't be had here is a row that says why."""
    subject = case.ours.label if case.ours and case.ours.label else "jackdaw"
    try:
        if machine.memory_available() < case.memory:
            raise Failed(f"needs {case.memory / GIB:.1f} GiB of free memory, there are "
                         f"{machine.memory_available() / GIB:.1f}")
        if machine.cpus()[0] == machine.cpus()[1]:
            raise Failed("needs two CPUs, one for the server and one for the client")
        if case.measure is not None:
            return case.measure(case, settings)
        samples, subjects, again = _turns(settings, [case.ours, *case.theirs])
        if again:
            case.note = "; ".join(filter(None, [case.note, f"{again} pairs taken again: the "
                                                "hypervisor was busy, or moved a CPU"]))
        return _case_rows(case, settings, samples, subjects)
    except (Failed, OSError, subprocess.CalledProcessError) as why:
        return [failed_row(case.name, subject, why, settings)]


# --- cases that are not pairs --------------------------------------------------------------------

P999_MEMORY, P999_KEYS, P999_SECONDS = "64M", 4000000, 4
P999_LOAD = 0.7  # of the rate in a closed loop


def _once(subject, load, warm_up=0):
    """One turn of a subject of its own: its sample and command."""
    try:
        return subject.turn(load, P999_SECONDS, warm_up=warm_up), subject.command
    finally:
        subject.stop()


def _stalls_floor(load):
    """
    The p99.9 in us below which the machine lets nobody stay now, whatever he runs: what gaps in empty
    loops on the server's and the client's CPU make of evenly spaced requests.
    """
    path = f"/tmp/jackdaw-stalls-{os.getpid()}.json"
    cpus = ",".join(str(cpu) for cpu in machine.cpus())
    run = subprocess.run(["taskset", "-c", cpus, machine.program("stalls"), "--seconds", "2",
                          "--load", str(load), "--json", path], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise Failed(f"stalls: {last_line(run.stderr)}")
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    os.unlink(path)
    return result["p999_us"]


def _p999_turns(settings):
    """
    Of each pair: our sample, the echo's at the same rate, and what empty loops make of it; the command.
    """
    load = Load(keys=P999_KEYS, mix="get=8,set=2", preload=False)
    turns, command, again = [], "", 0
    while len(turns) < settings.pairs:
        before = machine.line_transfer()
        most, _ = _once(JackdawMemif(P999_MEMORY), load.at("--depth", 256))
        how = ["--depth", 1024, "--rate", int(P999_LOAD * most["rate"])]
        sample, command = _once(JackdawMemif(P999_MEMORY), load.at(*how))
        sample["line_ns"] = [before, machine.line_transfer()]
        # the rate was meant for the CPUs as they lay
        if _wandered(_lines([sample])) and again < settings.pairs:
            again += 1
            continue
        echo, _ = _once(EchoMemif(), Load(echo=FRAME, how=how))
        turns.append((sample, echo, _stalls_floor(P999_LOAD)))
    return turns, command


def _p999_of_10ms_rows(case, settings, turns, check):
    """
    Both ends' p99.9 of stretches of 10 ms, whose median is without what the machine does seldom: here
    the difference of some microseconds can be seen.
    """
    ours, theirs = ([turn[i]["p999_of_10ms"] for turn in turns] for i in (0, 1))
    if None in ours + theirs:
        raise Failed("too few requests for a p99.9 of 10 ms")
    above = statistics.median(our - their for our, their in zip(ours, theirs))
    return [make_row(case.name, f"testpmd echo, {check.label}", theirs, "us", settings),
            make_row(case.name, f"jackdaw, {check.label}", ours, "us", settings, bar=check.bar,
                     bar_kind="excess", passed=above <= check.bar, client_bound=False,
                     ratio=statistics.median(our / their for our, their in zip(ours, theirs)),
                     note=f"{above:+.0f} us to the echo, median of pairs")]


def _measure_p999(case, settings):
    """
    Open loop at 70 % of what the same load gets in a closed loop, on an empty store each time: its
    index grows while it fills, and then it evicts. What is the machine's is told by an echo at the
    same rate, and by loops that do nothing.
    """
    turns, command = _p999_turns(settings)
    samples, echoes = ([turn[i] for turn in turns] for i in (0, 1))
    values, theirs = ([sample["p999"] for sample in side] for side in (samples, echoes))
    evicted = sum(sample["server"].get("evictions", 0) for sample in samples)
    grown = sum(value for sample in samples for name, value in sample["server"].items()
                if name.endswith("index_growths"))
    whole, excess = case.checks
    return [make_row(case.name, "empty loops on both CPUs", [turn[2] for turn in turns], "us",
                     settings, note="what their gaps alone make of requests at this load"),
            make_row(case.name, "testpmd echo, same rate", theirs, "us", settings),
            make_row(case.name, "jackdaw", values, "us", settings, bar=whole.bar, bar_kind="most",
                     ratio=statistics.median(v / e for v, e in zip(values, theirs)),
                     passed=statistics.median(values) <= whole.bar, client_bound=False,
                     command=command, **_account(samples),
                     note=f"{evicted:.0f} evictions and {grown:.0f} growths of the index in "
                          f"{settings.pairs} runs"),
            *_p999_of_10ms_rows(case, settings, turns, excess)]


def _measure_goodput(case, settings):
    """Bytes of values a second over a wire that loses 1 %, beside memcached behind kernel TCP."""
    seconds = 2 if settings.quick else 5
    words = ["--pairs", str(settings.pairs), "--seconds", str(seconds), "--warm-up", "0.5"]
    run = subprocess.run([os.path.join(machine.ROOT, "perf", "tcp-goodput"), *words], check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.findall(r"^jackdaw ([0-9.]+) MB/s +memcached ([0-9.]+) MB/s", run.stdout, re.M)
    if run.returncode != 0 or len(found) != settings.pairs:
        raise Failed(last_line(run.stderr or run.stdout))
    ours, theirs = ([float(pair[i]) for pair in found] for i in (0, 1))
    ratio, bar = statistics.median(a / b for a, b in zip(ours, theirs)), case.checks[0].bar
    return [make_row(case.name, "memcached", theirs, "MB/s", settings),
            make_row(case.name, "jackdaw", ours, "MB/s", settings, ratio=ratio, bar=bar,
                     bar_kind="ratio", passed=ratio >= bar, client_bound=False,
                     command=" ".join(["perf/tcp-goodput", *words]))]


def _store_bench(*options):
    path = f"/tmp/jackdaw-store-bench-{os.getpid()}.json"
    command = [machine.program("store-bench"), *map(str, options), "--json", path]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         check=False)
    if run.returncode != 0:
        raise Failed(f"store-bench: {last_line(run.stderr)}")
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    os.unlink(path)
    return result, " ".join(["store-bench", *map(str, options)])


def _store_row(result, subject="jackdaw"):
    for row in result:
        if row["subject"].startswith(subject):
            return row
    raise Failed(f"store-bench gave no figure of {subject}")


def _measure_store(case, settings):
    """The store alone, without a network: what the wire's figures can't exceed."""
    ops = "1M" if settings.quick else "4M"
    result, command = _store_bench("--items", "100K", "--ops", ops, "--rounds", settings.pairs)
    row = _store_row(result)
    return [make_row(case.name, "jackdaw, store alone",
                     [row["ops_per_sec"], row["ops_per_sec_min"], row["ops_per_sec_max"]],
                     "requests/s", settings, command=command)]


def _measure_two_workers(case, settings):
    """Two workers over one store against one, in alternating runs."""
    ops = "1M" if settings.quick else "4M"
    one, two, command = [], [], ""
    for _ in range(settings.pairs):
        for workers, values in ((1, one), (2, two)):
            result, command = _store_bench("--items", "1M", "--ops", ops, "--rounds", 1,
                                           "--workers", workers, "--subject", "jackdaw")
            values.append(_store_row(result)["ops_per_sec"])
    ratio = statistics.median(b / a for a, b in zip(one, two))
    bar = case.checks[0].bar
    return [make_row(case.name, "jackdaw, one worker", one, "requests/s", settings),
            make_row(case.name, "jackdaw, two workers", two, "requests/s", settings, ratio=ratio,
                     bar=bar, bar_kind="ratio", passed=ratio >= bar, client_bound=False,
                     command=command)]


def _measure_items(case, settings):
    """How many items the same memory holds."""
    path = f"/tmp/jackdaw-items-held-{os.getpid()}.json"
    memory = 256 if settings.quick else 1024
    command = [machine.program("items-held"), "--memory", str(memory), "--json", path]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         check=False)
    if run.returncode != 0:
        raise Failed(last_line(run.stderr))
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    os.unlink(path)
    theirs, ours = result["memcached_items"], result["jackdaw_items"]
    bar = case.checks[0].bar
    note = f"in {memory} MiB"
    return [make_row(case.name, "memcached", [memory * 2**20 / theirs], "bytes/item", settings,
                     note=note + ", its hash table not counted"),
            make_row(case.name, "jackdaw", [memory * 2**20 / ours], "bytes/item", settings,
                     ratio=ours / theirs, bar=bar, bar_kind="inverse", client_bound=False,
                     passed=ours / theirs >= bar, command=f"items-held --memory {memory}",
                     note=note + ", index included")]


# --- the table -----------------------------------------------------------------------------------

def _rate_or_cycles(bar):
    """The rate; where the client is its limit, the cycles that a request costs the server."""
    return [Check("rate", "requests/s", "ratio", bar),
            Check("busy_cycles", "cycles/request", "inverse", bar, "busy cycles",
                  only_if_client_bound=True)]


def _against_echo(name, keys, memory, bar, how, needs, note=""):
    return Case(name, Side(lambda: JackdawMemif(memory), Load(keys=keys, how=how)),
                [Side(EchoMemif, Load(echo=FRAME, how=how))],
                [Check("rate", "requests/s", "ratio", bar),
                 Check("busy_cycles", "cycles/request", "inverse", bar, "busy cycles")],
                memory=needs, note=note)


def _memif_cases(quick):
    deep = ["--depth", 512]
    items = GIB if quick else 8 * GIB
    keys = items // BYTES_AN_ITEM
    memory = items + items // 8
    cache = _against_echo("udp-get-memif-cache", 100000, "256M", 0.60, deep, 2 * GIB)
    cache.checks.insert(1, Check("rate", "requests/s", "least", 8e6, "sanity line", alone=True))
    return [
        cache,
        _against_echo("udp-get-memif-8g", keys, f"{memory >> 20}M", 0.50, deep, memory + GIB,
                      f"{keys / 1e6:.0f} M items in {items >> 30} GiB"),
        Case("udp-multiget-memif",
             Side(JackdawMemif, Load(how=["--depth", 64, "--multiget", 16])), [],
             [Check("rate", "keys/s", "least", 25e6),
              Check("busy_cycles", "cycles/key", "none", label="busy cycles")]),
        Case("store-alone", None, [], [], measure=_measure_store),
    ]


def _mix_case(name, mix, bar, keys, memory, plenty):
    zipf = {"keys": keys, "popularity": "zipf:0.99", "how": ["--depth", 512]}
    return Case(name, Side(lambda: JackdawMemif(memory), Load(mix=mix, **zipf), f"jackdaw, {mix}"),
                [Side(lambda: JackdawMemif(plenty), Load(**zipf), "jackdaw, GET only")],
                _rate_or_cycles(bar))


def _memcached_cases():
    raw = Load(how=["--depth", 256])
    many_udp = Load(how=["--connections", 64, "--depth", 4])
    many_tcp = Load(transport="tcp", how=["--connections", 64, "--depth", 1])
    wide = ["--multiget", 16]
    busy = "requests a busy server CPU second"
    return [
        Case("udp-veth-vs-memcached", Side(lambda: JackdawVeth("raw"), raw),
             [Side(lambda: Memcached("veth", "raw"), raw)],
             [Check("per_busy_second", busy, "ratio", 3), Check("rate", "requests/s", "none",
                                                                label="rate")]),
        Case("best-single-vs-memcached",
             Side(JackdawMemif, Load(how=["--depth", 512]), "jackdaw, memif"),
             [Side(lambda: Memcached("loopback"), many_udp, "memcached, UDP loopback"),
              Side(lambda: Memcached("loopback"), many_tcp, "memcached, TCP loopback")],
             [Check("per_busy_second", busy, "ratio", 40)]),
        Case("best-batched-vs-memcached",
             Side(JackdawMemif, Load(how=["--depth", 64, *wide]), "jackdaw, memif"),
             [Side(lambda: Memcached("loopback"), many_udp.at(*wide), "memcached, UDP loopback"),
              Side(lambda: Memcached("loopback"), many_tcp.at(*wide), "memcached, TCP loopback"),
              Side(lambda: Memcached("loopback"), many_tcp.at("--depth", 16),
                   "memcached, TCP loopback, pipelined")],
             [Check("per_busy_second", busy, "ratio", 20)]),
    ]


def _tcp_alone(opponent, make):
    """
    One connection, one request under way: what a request waits where nothing queues. Once with a client
    that sleeps until the answer comes, whose own waking is a good part of the wait where a virtual CPU
    halts meanwhile; once with one that stays awake, so that it is the servers that are compared.
    """
    checks = [Check("rate", "requests/s", "none"),
              *(Check(key, "us", "most_ratio", 1 / 3, key) for key in ("p50", "p99"))]
    asleep = Load(transport="tcp", how=["--connections", 1, "--depth", 1])
    return [Case(f"{name}-vs-{opponent}", Side(lambda: JackdawVeth("kernel"), load),
                 [Side(make, load)], checks)
            for name, load in (("tcp-alone", asleep), ("tcp-awake", asleep.at("--busy-poll")))]


def _tcp_cases(peers):
    opponents = {"memcached": lambda: Memcached("veth"), "redis": lambda: Redis("veth")}
    for name, command in peers.items():
        opponents[name] = lambda name=name, command=command: Peer(name, command, "veth")
    cases = []
    for opponent, make in opponents.items():
        for depth, connections, bar in ((1, 50, 3), (16, 16, 2), (100, 4, 2)):
            load = Load(transport="tcp", how=["--connections", connections, "--depth", depth])
            checks = [Check("rate", "requests/s", "ratio", bar),
                      Check("per_busy_second", "requests a busy server CPU second", "ratio", bar,
                            "per busy second", only_if_client_bound=True)]
            if depth == 1:
                checks += [Check(key, "us", "most_ratio", 1 / 3, key) for key in ("p50", "p99")]
            cases.append(Case(f"tcp-depth{depth}-vs-{opponent}",
                              Side(lambda: JackdawVeth("kernel"), load), [Side(make, load)],
                              checks))
        cases += _tcp_alone(opponent, make)
    return cases


def _tcp_memif_cases():
    """Our own TCP against our own UDP, with as many requests under way, by our own client."""
    cases = []
    for depth, bar in ((16, 0.8), (1, 0.35)):
        load = Load(transport="tcp", how=["--connections", 512 // depth, "--depth", depth])
        cases.append(Case(
            f"tcp-memif-depth{depth}", Side(JackdawMemif, load, f"jackdaw, TCP {depth} deep"),
            [Side(JackdawMemif, Load(how=["--depth", 512]), "jackdaw, UDP")],
            _rate_or_cycles(bar)))
    crowd = Load(transport="tcp", how=["--connections", 10000, "--depth", 1])
    few = Load(transport="tcp", how=["--connections", 64, "--depth", 1])
    cases.append(Case(
        "tcp-memif-crowd",
        Side(lambda: JackdawMemif(connections=10240), crowd, "jackdaw, 10,000 connections"),
        [Side(JackdawMemif, few, "jackdaw, 64 connections")],
        _rate_or_cycles(0.6)))
    return cases


def _latency_cases():
    alone = ["--depth", 1]
    return [
        Case("latency-memif-p50", Side(JackdawMemif, Load(how=alone)),
             [Side(EchoMemif, Load(echo=FRAME, how=alone))],
             [Check("p50", "us", "excess", 1.0)]),
        Case("latency-memif-p999", None, [],
             [Check("p999", "us", "most", 50),
              Check("p999_of_10ms", "us", "excess", 50, "in the median 10 ms")],
             measure=_measure_p999),
    ]


def all_cases(settings):
    return [
        *_memif_cases(settings.quick),
        _mix_case("mix95-memif", "get=95,set=5", 0.85, 1000000, "512M", "512M"),
        _mix_case("mix50-evict-memif", "get=50,set=50", 0.60, 2000000, "96M", "512M"),
        *_memcached_cases(),
        *_tcp_cases(settings.peers),
        *_tcp_memif_cases(),
        Case("tcp-goodput-loss", None, [], [Check("goodput", "MB/s", "ratio", 0.9)],
             measure=_measure_goodput),
        *_latency_cases(),
        Case("store-two-workers", None, [], [Check("rate", "requests/s", "ratio", 1.8)],
             measure=_measure_two_workers),
        Case("items-held", None, [], [Check("items", "bytes/item", "inverse", 1.6)],
             measure=_measure_items, memory=3 * GIB),
    ]
