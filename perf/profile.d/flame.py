# SPDX-License-Identifier: BSD-3-Clause
"""
A flame graph (Gregg, The Flame Graph, ACM Queue 14(2), 2016) as SVG: each function a box as wide as
its share of the samples, on top of its caller.
"""
import html
import re
import subprocess
import zlib

WIDTH, ROW, LEAST = 1200, 17, 0.3  # pixels
FONT_WIDTH = 6.6


class Node:
    def __init__(self):
        self.count, self.below = 0, {}

    def add(self, stack):
        node = self
        node.count += 1
        for name in stack:
            node = node.below.setdefault(name, Node())
            node.count += 1


def stacks(data):
    """Yields each sample of a perf.data file as a list of functions, the outermost first."""
    text = subprocess.run(["perf", "script", "-i", data, "-F", "comm,ip,sym,dso"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout
    comm, names = "", []
    for line in text.splitlines():
        whole = re.match(r"\s*(\S+)\s+([0-9a-f]+ .*)$", line)
        frame = re.match(r"\s+([0-9a-f]{6,} .*)$", line)
        if frame:  # of the call chain of the sample begun
            names.append(_function(frame.group(1)))
        elif whole:  # without call chains: all in one line
            yield whole.group(1), [_function(whole.group(2))]
        elif line.strip():
            comm = line.split()[0]
        elif names:
            yield comm, names[::-1]
            names = []
    if names:
        yield comm, names[::-1]


def _function(line):
    """Of "address symbol+offset (object)": the symbol, or the object where it has none."""
    found = re.match(r"[0-9a-f]+ (.*?)(?: \((.*)\))?$", line)
    name, owner = found.group(1), (found.group(2) or "").rsplit("/", 1)[-1]
    return f"[{owner}]" if name in ("[unknown]", "") else re.sub(r"\+0x[0-9a-f]+$", "", name)


def _colour(name):
    seed = zlib.crc32(name.encode())
    return f"rgb({205 + seed % 50},{80 + (seed >> 8) % 120},{(seed >> 16) % 60})"


def _boxes(node, name, left, depth, scale, boxes):
    width = node.count * scale
    if width < LEAST:
        return depth
    boxes.append((left, depth, width, name, node.count))
    deepest = depth
    for below in sorted(node.below):
        deepest = max(deepest, _boxes(node.below[below], below, left, depth + 1, scale, boxes))
        left += node.below[below].count * scale
    return deepest


def write(root, title, path):
    boxes = []
    deepest = _boxes(root, "all", 0.0, 0, WIDTH / max(1, root.count), boxes)
    height = (deepest + 3) * ROW
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                   f'font-family="monospace" font-size="11">\n'
                   f'<text x="4" y="13">{html.escape(title)}</text>\n')
        for left, depth, width, name, count in boxes:
            top = height - (depth + 1) * ROW
            label = name if len(name) * FONT_WIDTH < width - 4 else \
                name[:max(0, int((width - 4) / FONT_WIDTH) - 1)]
            share = count / root.count
            file.write(f'<g><title>{html.escape(name)}: {share:.1%}, {count} samples</title>'
                       f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}" '
                       f'fill="{_colour(name)}"/>'
                       f'<text x="{left + 2:.1f}" y="{top + 12}">{html.escape(label)}</text></g>\n')
        file.write("</svg>\n")
