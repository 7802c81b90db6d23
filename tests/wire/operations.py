# SPDX-License-Identifier: BSD-3-Clause
"""Many operations over many TCP connections, each answer known to the byte beforehand.

Every connection has keys of its own, sends its requests in batches and holds the whole of the
answers against what they must be. A connection that ends, stalls or answers wrongly is an error.
"""
import asyncio
import random
import socket

# The largest value beside whose key and header an item is still within memcached's 1 MiB.
VALUE_MAX = (1 << 20) - 512
PATTERN = random.Random(1).randbytes(2 * VALUE_MAX)
ANSWER_SECONDS = 120


def value_of(number, size):
    start = number * 7919 % VALUE_MAX
    return memoryview(PATTERN)[start:start + size]


def draw_size(dice):
    """1 B to 1 MiB: mostly small, one in a hundred middling, one in a thousand the largest."""
    chance = dice.random()
    if chance < 0.001:
        return VALUE_MAX
    if chance < 0.011:
        return dice.randrange(2048, 65536)
    return dice.randrange(1, 1 << dice.randrange(1, 12))


class Script:
    """The requests of one connection and the answers that they must get."""

    def __init__(self, name, seed):
        self.name, self.dice = name, random.Random(seed)
        self.values, self.counter = {}, None

    def key(self):
        return b"%s-%d" % (self.name, self.dice.randrange(20))

    def operation(self):
        """One request and its answer, each as a list of buffers."""
        dice, key, kind = self.dice, self.key(), self.dice.random()
        if kind < 0.4:
            number, size = dice.randrange(1 << 30), draw_size(dice)
            self.values[key] = value_of(number, size)
            return [b"set %s 3 0 %d\r\n" % (key, size), self.values[key], b"\r\n"], [b"STORED\r\n"]
        if kind < 0.8:
            return [b"get %s\r\n" % key], [*self.hit(key), b"END\r\n"]
        if kind < 0.9:
            keys = [self.key() for _ in range(3)]
            return [b"get %s %s %s\r\n" % tuple(keys)], \
                [part for key in keys for part in self.hit(key)] + [b"END\r\n"]
        if kind < 0.95:
            held = self.values.pop(key, None)
            return [b"delete %s\r\n" % key], [b"NOT_FOUND\r\n" if held is None else b"DELETED\r\n"]
        return self.count()

    def hit(self, key):
        value = self.values.get(key)
        if value is None:
            return []
        return [b"VALUE %s 3 %d\r\n" % (key, len(value)), value, b"\r\n"]

    def count(self):
        if self.counter is None:
            self.counter = 0
            return [b"set %s-n 0 0 1\r\n0\r\n" % self.name], [b"STORED\r\n"]
        self.counter += 1
        return [b"incr %s-n 1\r\n" % self.name], [b"%d\r\n" % self.counter]


async def converse(address, script, operations, depth):
    """One connection from its beginning to its end; the bytes it exchanged."""
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(*address, limit=1 << 22), ANSWER_SECONDS)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    exchanged, left = 0, operations
    while left > 0:
        batch = [script.operation() for _ in range(min(depth, left))]
        left -= len(batch)
        request = b"".join(part for request, _ in batch for part in request)
        expected = b"".join(part for _, answer in batch for part in answer)
        writer.write(request)
        answer = await asyncio.wait_for(reader.readexactly(len(expected)), ANSWER_SECONDS)
        if answer != expected:
            wrong = next(i for i, (got, want) in enumerate(zip(answer, expected)) if got != want)
            raise AssertionError(
                f"{script.name}: byte {wrong} of {len(expected)}: "
                f"{answer[max(0, wrong - 60):wrong + 60]!r}, not "
                f"{expected[max(0, wrong - 60):wrong + 60]!r}")
        exchanged += len(request) + len(answer)
    writer.write(b"quit\r\n")
    rest = await asyncio.wait_for(reader.read(), ANSWER_SECONDS)
    assert rest == b"", rest
    writer.close()
    await writer.wait_closed()
    return exchanged


async def converse_all(address, operations, connections, depth, seed):
    each = -(-operations // connections)
    return sum(await asyncio.gather(*(
        converse(address, Script(b"c%d-%d" % (seed, i), seed * 1000 + i), each, depth)
        for i in range(connections))))


def run_operations(address, operations, connections=32, depth=8, seed=1):
    """Raises at the first thing that is wrong; returns the bytes exchanged.

    Another seed has other keys: it may run against a server that saw the first.
    """
    return asyncio.run(converse_all(address, operations, connections, depth, seed))
