#!/usr/bin/python3
"""A datagram socket that keeps what it receives: datagram_sink.py SOCKET RECORD.

One JSON object a datagram, a line each. Understands what sd_notify(3) and journald's native protocol have in
common: lines of KEY=VALUE, or a line KEY, a 64-bit little-endian length, the value and a newline. Ends with
its parent, or on SIGTERM.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import sys

PR_SET_PDEATHSIG = 1


def fields(data):
    result = {}
    while data:
        line, _, rest = data.partition(b"\n")
        key, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack_from("<Q", rest)
            value = rest[8 : 8 + size]
            if rest[8 + size : 9 + size] != b"\n":
                raise ValueError("no newline behind " + key.decode())
            rest = rest[9 + size :]
        if key.decode() in result:
            raise ValueError("twice: " + key.decode())
        result[key.decode("ascii")] = value.decode("utf-8")
        data = rest
    return result


def main():
    parent = os.getppid()
    path, record = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)
    sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sink.bind(path)
    with open(record, "w", encoding="utf-8") as f:
        while True:
            data = sink.recv(1 << 20)
            try:
                entry = fields(data)
            except (ValueError, UnicodeDecodeError, struct.error) as e:
                entry = {"malformed": "%s: %r" % (e, data)}
            f.write(json.dumps(entry) + "\n")
            f.flush()


if __name__ == "__main__":
    main()
