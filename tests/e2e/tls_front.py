#!/usr/bin/python3
"""TLS in front of ftsim: takes connections, wants a client certificate if it is told to, and passes the bytes
on. What came is logged, one JSON line a connection: the subject of the client's certificate, the name
that was asked for, whether a session was resumed (without certificates); or why the handshake failed.

  tls_front.py --port-file F --log F --to PORT --cert PEM --key PEM [--client-ca PEM] [--host ADDRESS]
"""
import argparse
import json
import socket
import ssl
import threading

from relay import end_with_parent, relay, tell_port


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
    log({"client": common_name(near.getpeercert()), "sni": getattr(near, "ft_sni", None),
         "resumed": near.session_reused})
    far = socket.create_connection(("127.0.0.1", arguments.to))
    relay(near, far)


def main():
    end_with_parent()
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
    tell_port(arguments.port_file, listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, context, arguments, log), daemon=True).start()


if __name__ == "__main__":
    main()
