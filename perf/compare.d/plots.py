# SPDX-License-Identifier: BSD-3-Clause
"""PNG plots by gnuplot: curves, bars a core, bytes an item, miss ratios."""
import os
import shutil
import subprocess

from machine import ROOT

COLOURS = {"jackdaw": "#c0392b", "memcached": "#2980b9", "redis-server": "#e69f00"}
OTHER = "#7f8c8d"


def _colour(subject):
    for name, colour in COLOURS.items():
        if subject.startswith(name):
            return colour
    return OTHER


def _gnuplot(script, height=540):
    terminal = f"set terminal pngcairo size 900,{height} font ',11'\n"
    subprocess.run(["gnuplot"], input=terminal + script, text=True, check=True,
                   stderr=subprocess.DEVNULL)


def _block(name, lines):
    return f"${name} << END\n" + "\n".join(lines) + "\nEND\n"


def _curve(name, subjects, title, folder):
    script, plots = "", []
    for index, (subject, points) in enumerate(subjects.items()):
        script += _block(f"c{index}", [f"{rate / 1e6:.6f} {p50:.3f} {p99:.3f}"
                                       for rate, p50, p99, _ in sorted(points)])
        for column, dash, what in ((2, 1, "p50"), (3, 2, "p99")):
            plots.append(f"$c{index} using 1:{column} with linespoints lw 2 pt 7 dt {dash} "
                         f"lc rgb '{_colour(subject)}' title '{subject}, {what}'")
    path = os.path.join(folder, f"latency-{name}.png")
    _gnuplot(script + f"set output '{path}'\nset title 'Latency at rising load: {title}' noenhanced\n"
             "set xlabel 'requests answered, million a second'\nset ylabel 'latency, us'\n"
             "set logscale y\nset grid\nset key outside right top noenhanced\nplot " + ", ".join(plots) + "\n")
    return path


def _bars(groups, name, title, label, folder, logarithmic=False):
    """Lying bars, one a row of each group: {group: [(subject, value)]}."""
    bars, tics, heads, at = [], [], [], 0
    for group, rows in groups.items():
        heads.append(f'{at} "{group}"')
        for subject, value in rows:
            at += 1
            bars.append(f"{value:.6g} {at} {int(_colour(subject)[1:], 16)}")
            tics.append(f'"{subject}" {at}')
        at += 2
    values = [value for rows in groups.values() for _, value in rows]
    least, most = (min(values) / 2, max(values) * 2) if logarithmic else (0, max(values) * 1.2)
    path = os.path.join(folder, f"{name}.png")
    _gnuplot(_block("bars", bars) + _block("heads", heads) +
             f"set output '{path}'\nset title '{title}'\nset xlabel '{label}'\n"
             f"{'set logscale x' if logarithmic else ''}\nset xrange [{least:.6g}:{most:.6g}]\n"
             f"set yrange [{at - 1}:-1]\nset ytics ({', '.join(tics)}) noenhanced scale 0\n"
             "set style fill solid 0.9 noborder\nset grid xtics\nset lmargin 38\nunset key\n"
             f"plot $bars using ({least:.6g}):2:({least:.6g}):1:($2-0.4):($2+0.4):3 "
             "with boxxyerror lc rgb variable, "
             "$bars using 1:2:(sprintf(' %.3g',$1)) with labels left font ',10', "
             f"$heads using ({least:.6g}):1:2 with labels right offset -1,0 noenhanced\n",
             90 + 22 * at)
    return path


RATES = {  # what the cases are to somebody who doesn't know their names
    "udp-get-memif-cache": "a GET a datagram, shared memory",
    "udp-multiget-memif": "keys, 16 a datagram, shared memory",
    "mix95-memif": "a SET in 20, shared memory",
    "mix50-evict-memif": "half SETs, evicting, shared memory",
    "udp-veth-vs-memcached": "a GET a datagram, AF_XDP",
    "tcp-depth1-vs-memcached": "50 TCP clients, one GET each",
    "tcp-depth16-vs-memcached": "the same, 16 under way",
    "tcp-depth100-vs-memcached": "the same, 100 under way",
}


def _rates(rows):
    """{what is asked: [(subject, million a second)]}: of a subject the figure a busy second, if there is one."""
    groups = {}
    for case, words in RATES.items():
        best = {}
        for row in rows:
            subject = row["subject"].split(",")[0]
            if row["case"] not in (case, case.replace("memcached", "redis")) or not row["median"]:
                continue
            if subject == "jackdaw" and ("GET only" in row["subject"] or row["case"] != case):
                continue
            if row["unit"] == "requests a busy server CPU second" or \
                    (row["unit"] in ("requests/s", "keys/s") and subject not in best):
                best[subject] = row["median"] / 1e6
        if best:
            groups[words] = sorted(best.items(), key=lambda pair: pair[1])
    return groups


def draw(rows, curves, folder, say):
    """Writes what there are figures for; returns the paths."""
    if shutil.which("gnuplot") is None:
        say("plots: gnuplot is not installed: apt-get install gnuplot-nox")
        return []
    os.makedirs(folder, exist_ok=True)
    titles = {"memif": "UDP over memif", "udp-veth": "raw UDP clients over AF_XDP on veth",
              "tcp-veth": "50 kernel TCP connections over veth"}
    paths = [_curve(name, subjects, titles[name], folder)
             for name, subjects in curves.items() if subjects]
    rates = _rates(rows)
    if rates:
        paths.append(_bars(rates, "rates", "A server core answers",
                           "million a second that the core is busy", folder, logarithmic=True))
    items = [(row["subject"], row["median"]) for row in rows
             if row["case"] == "items-held" and row["median"]]
    if items:
        paths.append(_bars({"16 + 32 bytes": items}, "bytes-an-item", "Memory that an item takes",
                           "bytes", folder))
    table = os.path.join(ROOT, "perf", "results", "eviction.tsv")
    if os.path.exists(table):
        path = os.path.join(folder, "misses.png")
        subprocess.run([os.path.join(ROOT, "perf", "plot-misses"), table, path], check=True,
                       stderr=subprocess.DEVNULL)
        paths.append(path)
    return paths
