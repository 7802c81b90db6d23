#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""python3-pylibmc, which is libmemcached: clients/pylibmc_client.py HOST PORT text|binary"""
import sys

import pylibmc

LARGE = (1 << 20) - 512


def main():
    host = f"{sys.argv[1]}:{sys.argv[2]}"
    binary = sys.argv[3] == "binary"
    client = pylibmc.Client([host], binary=binary,
                            behaviors={"cas": True, "tcp_nodelay": True})
    assert client.set("lib", "value")
    assert client.get("lib") == "value"
    assert client.get("none") is None
    many = {f"lib-{i}": i for i in range(500)}
    assert client.set_multi(many) == []
    assert client.get_multi(list(many) + ["none"]) == many
    assert client.set("n", 41)
    assert client.incr("n") == 42 and client.decr("n", 2) == 40
    if not binary:
        value, token = client.gets("lib")
        assert value == "value" and client.cas("lib", "other", token)
        assert not client.cas("lib", "third", token)
    assert client.add("lib", "no") is False
    assert client.replace("lib", "x") and client.append("lib", "y") and client.prepend("lib", "w")
    assert client.get("lib") == "wxy"
    assert client.delete("lib") and not client.delete("lib")
    for _ in range(3):
        large = bytes(range(256)) * (LARGE // 256)
        assert client.set("large", large)
        assert client.get("large") == large
    assert client.delete_multi(list(many))
    assert client.get_stats()[0][1]
    client.disconnect_all()


main()
