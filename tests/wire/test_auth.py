#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Users over the wire: stock clients that know a password, streams that don't, and their file."""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.wire.harness import (JACKDAW, PORT, ROOT, SERVER, Appliance, Lab, Udp,  # noqa: E402
                                run)

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
SECRET, CHANGED = "hunter2-secret", "hunter3-changed"
UNAUTHENTICATED = b"CLIENT_ERROR unauthenticated\r\n"
SECONDS = 60


class UserFile:
    """A file of users that is gone with the with-block."""

    def __init__(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".users", delete=False) as file:
            self.path = file.name
        self.write(text)

    def write(self, text):
        with open(self.path, "w", encoding="ascii") as file:
            file.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.unlink(self.path)


class Stream:
    """A TCP connection that is told what to answer."""

    def __init__(self):
        self.socket = socket.create_connection((SERVER, PORT), timeout=SECONDS)

    def ask(self, request, end=b"\r\n"):
        """The answer up to its end, or to the end of the connection."""
        self.socket.sendall(request)
        answer = b""
        while not answer.endswith(end):
            piece = self.socket.recv(65536)
            if not piece:
                break
            answer += piece
        return answer

    def login(self, password, name="alice"):
        words = f"{name} {password}"
        return self.ask(f"set any 0 0 {len(words)}\r\n{words}\r\n".encode())

    def packet(self, opcode, key=b"", value=b""):
        """Status and body of the answer to one binary request."""
        self.socket.sendall(struct.pack("!BBHBBHIIQ", 0x80, opcode, len(key), 0, 0, 0,
                                        len(key) + len(value), 1, 0) + key + value)
        head = self.exactly(24)
        return struct.unpack("!H", head[6:8])[0], self.exactly(struct.unpack("!I", head[8:12])[0])

    def exactly(self, count):
        got = b""
        while len(got) < count:
            piece = self.socket.recv(count - len(got))
            assert piece, "the connection ended"
            got += piece
        return got

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def started(lab, file, *arguments):
    return lab.start("af_xdp", arguments=("-Y", file.path, *arguments))


def silent(appliance):
    for secret in (SECRET, CHANGED):
        assert secret not in appliance.output(), appliance.output()


def text_strangers_and_users():
    with Lab("auth-text") as lab, UserFile(f"alice:{SECRET}\n") as file, \
            started(lab, file) as appliance:
        with Stream() as stream:
            assert stream.ask(b"version\r\n") == UNAUTHENTICATED
            assert stream.ask(b"get any\r\n") == UNAUTHENTICATED
            assert stream.login("wrong") == b"CLIENT_ERROR authentication failure\r\n"
            assert stream.ask(b"set any 0 0 5\r\nalice\r\n") == \
                b"CLIENT_ERROR bad authentication token format\r\n"
            assert stream.login(SECRET) == b"STORED\r\n"
            # the key was never stored under
            assert stream.ask(b"get any\r\n", b"END\r\n") == b"END\r\n"
            assert stream.ask(b"set k 0 0 1\r\nv\r\n") == b"STORED\r\n"
            stats = stream.ask(b"stats\r\n", b"END\r\n").decode()
            settings = stream.ask(b"stats settings\r\n", b"END\r\n").decode()
            assert "STAT auth_cmds 2\r\n" in stats and "STAT auth_errors 1\r\n" in stats, stats
            assert f"STAT auth_enabled_ascii {file.path}\r\n" in settings, settings
            assert "STAT auth_enabled_sasl yes\r\n" in settings
            assert "STAT udpport 0\r\n" in settings
            assert SECRET not in stats + settings + stream.ask(b"stats jackdaw\r\n",
                                                               b"END\r\n").decode()
        with Stream() as other:
            assert other.ask(b"get k\r\n") == UNAUTHENTICATED
        silent(appliance)


def datagrams_are_not_answered():
    with Lab("auth-udp") as lab, UserFile(f"alice:{SECRET}\n") as file, started(lab, file):
        assert Udp().ask(b"version\r\n", timeout=0.5) is None
        with Stream() as stream:
            assert stream.login(SECRET) == b"STORED\r\n"


def binary_strangers_and_users():
    with Lab("auth-bin") as lab, UserFile(f"alice:{SECRET}\n") as file, started(lab, file, "-S"):
        with Stream() as stream:
            assert stream.packet(0x20) == (0, b"PLAIN")
            assert stream.packet(0x0b)[0] == 0
            assert stream.packet(0x21, b"PLAIN", b"\0alice\0wrong") == (0x20, b"Auth failure.")
            assert stream.packet(0x21, b"PLAIN") == (0x21, b"")
            assert stream.packet(0x22, b"PLAIN", b"\0alice\0" + SECRET.encode()) == \
                (0, b"Authenticated")
            assert stream.packet(0x00, b"k") == (1, b"Not found")
        with Stream() as stream:
            assert stream.packet(0x00, b"k") == (0x20, b"Auth failure.")
            assert stream.socket.recv(1) == b""


def client(*words):
    interpreter = ("php",) if words[0].endswith(".php") else ()
    done = subprocess.run([*interpreter, os.path.join(CLIENTS, words[0]), SERVER, str(PORT),
                           *words[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.returncode}\n" + done.stdout.decode()


def stock_clients_by_sasl():
    with Lab("auth-stock") as lab, UserFile(f"bob:other\nalice:{SECRET}\n") as file, \
            started(lab, file):
        client("php_sasl.php", "alice", SECRET)
        client("pylibmc_sasl.py", "alice", SECRET)


def the_file_is_read_again():
    with Lab("auth-hup") as lab, UserFile(f"alice:{SECRET}\n") as file, \
            started(lab, file) as appliance, Stream() as before:
        assert before.login(SECRET) == b"STORED\r\n"
        file.write(f"zoe:x\nalice:{CHANGED}\n")
        appliance.process.send_signal(signal.SIGHUP)
        appliance.await_line(r"users: 2 in ")
        with Stream() as stream:
            assert stream.login(SECRET) == b"CLIENT_ERROR authentication failure\r\n"
            assert stream.login(CHANGED) == b"STORED\r\n"
        assert before.ask(b"version\r\n").startswith(b"VERSION ")
        file.write(f"alice:{SECRET}\nnobody\n")
        appliance.process.send_signal(signal.SIGHUP)
        appliance.await_line(r"the users stay as they were: .*:2: malformed")
        with Stream() as stream:
            assert stream.login(CHANGED) == b"STORED\r\n"
        silent(appliance)


def a_bad_file_is_named():
    with Lab("auth-bad") as lab:
        with UserFile(f"alice:{SECRET}\nnobody\n") as file:
            appliance = Appliance(lab.name, lab.config("af_xdp"), ("-Y", file.path))
            assert appliance.process.wait(SECONDS) == 1, appliance.output()
            assert re.search(re.escape(file.path) + r":2: malformed", appliance.output())
            silent(appliance)
            appliance.stop()
            done = subprocess.run([JACKDAW, "--check-config", "config/laptop.yaml", "-U", "0", "-Y",
                                   file.path], cwd=ROOT, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False, timeout=SECONDS)
            assert done.returncode == 2 and b":2: malformed" in done.stdout, done.stdout
        appliance = Appliance(lab.name, lab.config("af_xdp"), ("-Y", "/nowhere/users"))
        assert appliance.process.wait(SECONDS) == 1, appliance.output()
        assert "/nowhere/users: can't be read: No such file" in appliance.output()
        appliance.stop()
        with UserFile(f"alice:{SECRET}\n") as file:
            appliance = Appliance(lab.name, lab.config("af_xdp"), ("-Y", file.path, "-U", "11211"))
            assert appliance.process.wait(SECONDS) == 2, appliance.output()
            assert "udp.port: not 0, with auth.file" in appliance.output(), appliance.output()
            appliance.stop()


if __name__ == "__main__":
    run("users", [(test.__name__, test) for test in (
        text_strangers_and_users, datagrams_are_not_answered, binary_strangers_and_users,
        stock_clients_by_sasl, the_file_is_read_again, a_bad_file_is_named)])
