#!/usr/bin/python3
"""A forward proxy that knows CONNECT, with or without a login. One JSON line a request in the log: what was
asked for, the user name, and what was answered.

  forward_proxy.py --port-file F --log F [--auth USER:PASSWORD] [--to PORT] [--refuse STATUS]

--to: wherever the client wants to go, it is taken to this port of 127.0.0.1.
"""
import argparse
import base64
import json
import socket
import socketserver
import threading

from relay import end_with_parent, relay, tell_port


class Handler(socketserver.StreamRequestHandler):
    rbufsize = 0                        # what follows the head belongs to the tunnel

    def read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.rfile.read(1)
            if not byte or len(head) > 65536:
                return None
            head += byte
        return head.decode("latin-1").split("\r\n")

    def answer(self, target, status, user):
        with self.server.lock, open(self.server.options.log, "a", encoding="utf-8") as f:
            f.write(json.dumps({"target": target, "user": user, "status": status}) + "\n")
        extra = "Proxy-Authenticate: Basic realm=\"proxy\"\r\n" if status == 407 else ""
        end = "" if status == 200 else "Content-Length: 0\r\n"
        self.wfile.write(f"HTTP/1.1 {status} X\r\n{extra}{end}\r\n".encode())

    def login(self, lines):
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "proxy-authorization":
                return base64.b64decode(value.split()[-1]).decode()
        return None

    def handle(self):
        options = self.server.options
        while lines := self.read_head():
            method, target, *_ = lines[0].split()
            login = self.login(lines)
            user = login.partition(":")[0] if login else None
            if method != "CONNECT":
                self.answer(target, 405, user)
            elif options.auth and login != options.auth:
                self.answer(target, 407, user)
            elif options.refuse:
                self.answer(target, options.refuse, user)
            else:
                host, _, port = target.rpartition(":")
                far = ("127.0.0.1", options.to) if options.to else (host.strip("[]"), int(port))
                tunnel = socket.create_connection(far)
                self.answer(target, 200, user)
                relay(self.connection, tunnel)
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def main():
    end_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--auth")
    parser.add_argument("--to", type=int)
    parser.add_argument("--refuse", type=int)
    server = Server(("127.0.0.1", 0), Handler)
    server.options = parser.parse_args()
    server.lock = threading.Lock()
    open(server.options.log, "w", encoding="utf-8").close()
    tell_port(server.options.port_file, server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
