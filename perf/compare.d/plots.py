# SPDX-License-Identifier: BSD-3-Clause
"""PNG plots by gnuplot: curves, bars a core, bytes an item, miss ratios."""
import os
import shutil
import subprocess

from machine import ROOT

COLOURS = {"jackdaw": "#c0392b", "memcached": "#2980b9", "redis-server": "#e69f00"}
OTHER = "#7f8c8d"
TERMINAL = "set terminal pngcairo size 900,540 font ',11'\n"


def _colour(subject):
    for name, colour in COLOURS.items():
        if subject.startswith(name):
            return colour
    return OTHER


def _gnuplot(script):
    subprocess.run(["gnuplot"], input=TERMINAL + script, text=True, check=True,
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


def _bars(rows, name, title, label, folder):
    """One bar a row: [(label, value, subject)]."""
    lines = [f'"{text}" {value:.6g} {int(_colour(subject)[1:], 16)}'
             for text, value, subject in rows]
    path = os.path.join(folder, f"{name}.png")
    _gnuplot(_block("bars", lines) + f"set output '{path}'\nset title '{title}'\n"
             f"set ylabel '{label}'\nset logscale y\nset style fill solid 0.9\n"
             "set boxwidth 0.7\nset xtics rotate by -35 noenhanced font ',9'\nset grid ytics\n"
             "set rmargin 12\nunset key\n"
             "plot $bars using 0:2:3:xtic(1) with boxes lc rgb variable, "
             "$bars using 0:2:(sprintf('%.3g',$2)) with labels offset 0,0.6 font ',9'\n")
    return path


def _rates(rows):
    """Figures of whole requests a second and server core, one a subject and case."""
    wanted = ("udp-get-memif-cache", "udp-multiget-memif", "mix95-memif", "udp-veth-vs-memcached",
              "best-single-vs-memcached", "tcp-depth1-vs-memcached", "tcp-depth1-vs-redis",
              "tcp-depth100-vs-memcached", "tcp-depth100-vs-redis")
    return [(f"{row['case']}: {row['subject']}", row["median"] / 1e6, row["subject"])
            for row in rows if row["case"] in wanted and row["median"] and row["median"] > 0 and
            row["unit"] in ("requests/s", "keys/s", "requests a busy server CPU second") and
            "sanity" not in row["subject"]]


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
        paths.append(_bars(rates, "rates", "A server core answers", "million a second", folder))
    items = [(row["subject"], row["median"], row["subject"]) for row in rows
             if row["case"] == "items-held" and row["median"]]
    if items:
        paths.append(_bars(items, "bytes-an-item", "Memory an item of 16 + 32 bytes takes",
                           "bytes", folder))
    table = os.path.join(ROOT, "perf", "results", "eviction.tsv")
    if os.path.exists(table):
        path = os.path.join(folder, "misses.png")
        subprocess.run([os.path.join(ROOT, "perf", "plot-misses"), table, path], check=True,
                       stderr=subprocess.DEVNULL)
        paths.append(path)
    return paths
