#!/usr/bin/python3
"""TLS in front of ftsim: takes connections, wants a client certificate if it is told to, and passes the bytes
on. What came is logged, one JSON line a connection: the subject of the client's certificate, or why the
handshake failed.

  tls_front.py --port-file F --log F --to PORT --cert PEM --key PEM [--client-ca PEM] [--host ADDRESS]
"""
import argparse
import ctypes
import json
import os
import signal
import socket
import ssl
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


def common_name(certificate):
    if not certificate:
        return None
    return dict(pair for rdn in certificate["subject"] for pair in rdn).get("commonName")


def serve(connection, context, arguments, log):
    try:
        near = context.wrap_socket(connection, server_side=True)
    except (ssl.SSLError, OSError) as e:
        log({"error": str(e)})
        return
    log({"client": common_name(near.getpeercert()), "sni": getattr(near, "ft_sni", None)})
    far = socket.create_connection(("127.0.0.1", arguments.to))
    threading.Thread(target=pump, args=(far, near), daemon=True).start()
    pump(near, far)


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    parser = argparse.ArgumentParser()
    for name in ("--port-file", "--log", "--cert", "--key"):
        parser.add_argument(name, required=True)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--client-ca")
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert, arguments.key)
    context.sni_callback = lambda s, name, _: setattr(s, "ft_sni", name)
    if arguments.client_ca:
        context.load_verify_locations(arguments.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    family = socket.AF_INET6 if ":" in arguments.host else socket.AF_INET
    listener = socket.create_server((arguments.host, 0), family=family)
    lock = threading.Lock()

    def log(entry):
        with lock, open(arguments.log, "a", encoding="utf-8") as f:
            f.write(json.dumps(entry) + "\n")

    open(arguments.log, "w", encoding="utf-8").close()
    with open(arguments.port_file + ".new", "w", encoding="utf-8") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename(arguments.port_file + ".new", arguments.port_file)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, context, arguments, log), daemon=True).start()


if __name__ == "__main__":
    main()
