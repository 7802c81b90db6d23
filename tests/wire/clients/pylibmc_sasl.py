#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""python3-pylibmc with a password: clients/pylibmc_sasl.py HOST PORT NAME PASSWORD"""
import sys

import pylibmc


def client_as(password):
    return pylibmc.Client([f"{sys.argv[1]}:{sys.argv[2]}"], binary=True, username=sys.argv[3],
                          password=password)


def main():
    user = client_as(sys.argv[4])
    assert user.set("lib", "value")
    assert user.get("lib") == "value"
    assert user.delete("lib")
    try:
        assert not client_as(sys.argv[4] + "x").set("lib", "other")
    except pylibmc.Error:
        pass
    assert user.get("lib") is None


main()
