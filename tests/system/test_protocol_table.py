#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs/protocol.md's tables against the code and the tests.

Every command, flag, opcode, tuning word and group of statistics that the code knows has a row;
every row says same, different or absent; and every row has test cases, one that works and one that
fails, that exist: by their names, or by those that the row gives as "(tests: `name` ...)".
"""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import BUILD, ROOT, run  # noqa: E402

SECTIONS = {"Text": "text", "Meta": None, "Binary": "binary", "Statistics": "text"}
TESTS = re.compile(r"\(tests: ([^)]*)\)")


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def words_of(cell):
    return re.findall(r"`([^`]*)`", cell)


class Row:
    """One thing that a table tells of: its verdict, and the names of its tests."""

    def __init__(self, section, thing, case, verdict):
        self.section, self.thing, self.verdict = section, thing, verdict
        given = TESTS.search(verdict)
        self.absent = verdict.startswith("absent")
        self.ours = verdict.startswith("our own")
        if given:
            self.cases = words_of(given[1])
        else:
            self.cases = ([] if self.absent else [case]) + [case + "_error"]

    def __str__(self):
        return f"{self.section}: {self.thing}"


def rows_of_section(document, section):
    """The cells of the first table under that heading."""
    text = document.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in table.splitlines()[2:]]


def case_name(prefix, thing):
    thing = thing.lower() if prefix == "binary" else thing
    return prefix + "_" + thing.replace(" ", "_")


def table_rows():
    document, rows = read("docs", "protocol.md"), []
    for section, prefix in SECTIONS.items():
        command = None
        for cells in rows_of_section(document, section):
            if prefix:
                rows += [Row(section, thing, case_name(prefix, thing), cells[-1])
                         for thing in words_of(cells[0])]
                continue
            if cells[0]:
                command = words_of(cells[0])[0]
                if command != "meta":
                    rows.append(Row(section, command, command, cells[-1]))
            rows += [Row(section, f"{command} {flag}", f"{command}_{flag}", cells[-1])
                     for flag in words_of(cells[1])]
    return rows


def named_cases():
    program = os.path.join(ROOT, BUILD, "tests", "proto", "test_named")
    output = subprocess.run([program, "--list"], check=True, stdout=subprocess.PIPE,
                            universal_newlines=True, timeout=60).stdout
    return output.split()


def other_tests():
    """Functions of the other tests."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "tests", "**", "test_*"), recursive=True):
        if path.endswith(".py"):
            found |= set(re.findall(r"^def (\w+)\(", read(path), re.MULTILINE))
        elif path.endswith(".c"):
            found |= set(re.findall(r"TEST\((\w+)\)", read(path)))
    return found


def things(section):
    return {row.thing for row in table_rows() if row.section == section}


def every_row_says_how_it_compares():
    for row in table_rows():
        assert re.match(r"(same|different|absent|our own)\b", row.verdict), str(row)


def every_row_has_a_case_that_works_and_one_that_fails():
    known = set(named_cases()) | other_tests()
    for row in table_rows():
        assert len(row.cases) >= (1 if row.absent else 2), f"{row}: {row.cases}"
        missing = [name for name in row.cases if name not in known]
        assert not missing, f"{row}: no test is called {missing}"


def every_case_is_of_a_row():
    wanted = {name for row in table_rows() for name in row.cases}
    loose = [name for name in named_cases() if name not in wanted]
    streams = {"text_long_line_error", "text_too_large_error", "text_http_error"}
    assert set(loose) <= streams, loose


def every_text_command_has_a_row():
    source = read("dataplane", "proto", "text.c")
    commands = set(re.findall(r'^\tCOMMAND\("(\w+)"', source, re.MULTILINE))
    meta = {row.thing.split()[0] for row in table_rows() if row.section == "Meta"}
    told = {thing.split()[0] for thing in things("Text") | things("Statistics")} | meta
    assert len(commands) > 30 and commands <= told, commands - told


def every_tuning_word_has_a_row():
    source = read("dataplane", "proto", "text_admin.c")
    words = set(re.findall(r'token_is\((?:word|&line->token\[1\]), "(\w+)"\)', source))
    told = {thing.split()[-1] for thing in things("Text")}
    assert len(words) > 8 and words <= told, words - told


def every_flag_has_a_row():
    flags = set(re.findall(r"RULE\('(\w)'\)", read("dataplane", "proto", "meta.c")))
    told = {thing.split()[-1][0] for thing in things("Meta") if " " in thing}
    assert len(flags) > 20 and flags == told, flags ^ told


def every_opcode_has_a_row():
    opcodes = set(re.findall(r"\[OP_(\w+)\]", read("dataplane", "proto", "binary.c")))
    assert len(opcodes) > 30 and opcodes == things("Binary") - {"UNKNOWN"}, \
        opcodes ^ things("Binary")


def every_group_has_a_row():
    groups = set(re.findall(r'GROUP\("(\w+)', read("dataplane", "proto", "stats.c")))
    told = {thing.split()[-1] for thing in things("Statistics")}
    assert len(groups) > 3 and groups <= told, groups - told


if __name__ == "__main__":
    run("protocol table", [(test.__name__, test) for test in (
        every_row_says_how_it_compares, every_row_has_a_case_that_works_and_one_that_fails,
        every_case_is_of_a_row, every_text_command_has_a_row, every_tuning_word_has_a_row,
        every_flag_has_a_row, every_opcode_has_a_row, every_group_has_a_row)])
