"""What the servers of the tests share that stand between a client and ftsim: bytes both ways, a file that says
the port, and an end when the test ends."""
import ctypes
import os
import signal
import socket
import threading

PR_SET_PDEATHSIG = 1


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(near, far):
    threading.Thread(target=pump, args=(far, near), daemon=True).start()
    pump(near, far)


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def tell_port(path, port):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(str(port))
    os.rename(path + ".new", path)
