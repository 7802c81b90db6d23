# SPDX-License-Identifier: BSD-3-Clause
"""The rows as JSON and as a Markdown table."""
import json

KINDS = {"ratio": "≥ {}", "inverse": "≥ {}", "most_ratio": "≤ {}", "least": "≥ {}",
         "most": "≤ {}", "excess": "≤ +{}"}


def number(value, unit=""):
    if value is None:
        return "-"
    for limit, letter in ((1e6, " M"), (1e4, " k")):
        if abs(value) >= limit:
            return f"{value * (1e3 if letter == ' k' else 1) / (1e6 if letter == ' k' else limit):.3g}{letter}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _bar(row):
    if row["bar"] is None:
        return ""
    kind = row.get("bar_kind", "ratio")
    unit = " " + row["unit"] if kind in ("least", "most", "excess") else ""
    return KINDS[kind].format(number(row["bar"])) + unit


def _verdict(row):
    if row.get("failed"):
        return f"failed: {row['failed']}"
    words = []
    if row["bar"] is not None:
        words.append({True: "met", False: "**missed**", None: "no figure to compare with"}
                     [row.get("passed")])
    if row.get("client_bound"):
        words.append("client-bound")
        if row.get("ratio") is not None and row.get("basis"):
            words.append(f"ratio of {row['basis']}")
    if row.get("note"):
        words.append(row["note"])
    return "; ".join(words)


def _cells(row):
    idle, cycles = row.get("server_idle_share"), row.get("busy_cycles_a_request")
    line = row.get("line_transfer_ns")
    return [row["case"], row["subject"],
            f"{number(row['median'])} ({number(row['min'])} .. {number(row['max'])})"
            if row["median"] is not None else "-",
            row["unit"], "" if row["ratio"] is None else f"{row['ratio']:.2f}", _bar(row),
            "" if cycles is None else f"{cycles:.0f}", "" if idle is None else f"{idle:.0%}",
            "" if line is None else f"{line[0]:.0f} .. {line[1]:.0f}",
            _verdict(row)]


HEAD = ["case", "subject", "median (least .. most)", "unit", "ratio", "bar",
        "server cycles a request", "server idle", "a line's way, ns", ""]


def markdown(rows, machine, settings, command, steal):
    """The whole report: what it was taken on, and the table."""
    lines = [f"Taken {machine['date']} at commit {machine['commit']} on {machine['cpu']}, "
             f"{machine['cpus']} CPUs, {machine['memory_gib']} GiB, Linux {machine['kernel']}; "
             + ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
             + ".", "",
             f"`{command}`: {settings.pairs} alternating pairs, {settings.seconds:g} s a turn, "
             "server on one CPU and client on another; 16-byte keys, 32-byte values; packets in "
             f"{'huge' if machine['hugepages'] else 'ordinary '}pages. "
             f"While it ran the hypervisor took {steal:.1%} of the CPUs' time for others. A line's way "
             "is what a cache line takes between the two CPUs, around each turn (`build/line-transfer`).",
             "",
             "| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write_json(rows, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
        file.write("\n")


def text(row):
    """One line for the terminal."""
    cells = _cells(row)
    return f"{cells[0]:<26} {cells[1]:<38} {cells[2]:<26} {cells[3]:<14} " \
           f"{cells[4]:>6} {cells[5]:<10} {cells[9]}"
