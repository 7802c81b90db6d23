#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""python3-pymemcache: clients/pymemcache_client.py HOST PORT"""
import sys

from pymemcache.client.base import Client

LARGE = (1 << 20) - 512


def main():
    client = Client((sys.argv[1], int(sys.argv[2])), timeout=20, connect_timeout=20,
                    no_delay=True)
    assert client.version()
    assert client.set("py", b"value", noreply=False)
    assert client.get("py") == b"value"
    assert client.get("none") is None
    many = {f"py-{i}": str(i).encode() for i in range(500)}
    assert not client.set_many(many, noreply=False)
    assert client.get_many(list(many) + ["none"]) == many
    assert client.set("n", b"41", noreply=False)
    assert client.incr("n", 1) == 42 and client.decr("n", 50) == 0
    _, token = client.gets("py")
    assert client.cas("py", b"other", token) is True
    assert client.cas("py", b"third", token) is False
    assert client.get("py") == b"other"
    assert client.add("py", b"no", noreply=False) is False
    assert client.append("py", b"!", noreply=False) and client.prepend("py", b"an", noreply=False)
    assert client.get("py") == b"another!"
    assert client.touch("py", 100, noreply=False)
    assert client.delete("py", noreply=False) and not client.delete("py", noreply=False)
    for _ in range(3):
        large = bytes(range(256)) * (LARGE // 256)
        assert client.set("large", large, noreply=False)
        assert client.get("large") == large
    client.set("quiet", b"1", noreply=True)
    assert client.get("quiet") == b"1"
    client.quit()


main()
