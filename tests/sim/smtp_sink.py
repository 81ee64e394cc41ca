#!/usr/bin/python3
"""A real SMTP server on loopback that keeps what it receives and misbehaves on request.

Writes its port to --port-file once it listens, one JSON line per mail accepted or refused to --record (or, if
that is a directory, the mail itself to NUMBER.eml and the rest to NUMBER.json there). Ends with its parent, or on
SIGTERM. Uses Debian's python3-aiosmtpd.
"""

import argparse
import asyncio
import base64
import ctypes
import email
import email.policy
import json
import logging
import os
import random
import signal
import ssl
import sys
import time
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

PR_SET_PDEATHSIG = 1
SIZE_MAX = 8 * 1024 * 1024


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--port-file", required=True)
    p.add_argument("--record", required=True)
    p.add_argument("--tls-cert")
    p.add_argument("--tls-key")
    p.add_argument("--starttls", action="store_true", help="offer and require STARTTLS instead of TLS at once")
    p.add_argument("--auth", metavar="USER:PASS", help="require this login")
    p.add_argument("--refuse", metavar="CODE", type=int, help="answer every mail with this code")
    p.add_argument("--refuse-rcpt", metavar="ADDRESS", action="append", default=[])
    p.add_argument("--slow", metavar="SECONDS", type=float, default=0, help="wait before the answer to the mail")
    p.add_argument("--fail-probability", metavar="P", type=float, default=0, help="answer 451 that often")
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args()
    if bool(o.tls_cert) != bool(o.tls_key):
        p.error("--tls-cert and --tls-key go together")
    if o.starttls and not o.tls_cert:
        p.error("--starttls needs --tls-cert")
    if o.auth is not None and ":" not in o.auth:
        p.error("--auth wants USER:PASS")
    return o


def die_with_parent(parent):
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def part_to_json(part):
    body = part.get_payload(decode=True) or b""
    return {
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "encoding": part.get("Content-Transfer-Encoding"),
        "text": body.decode(part.get_content_charset() or "utf-8", "replace"),
    }


def message_to_json(content):
    message = email.message_from_bytes(content, policy=email.policy.default)
    return {
        "subject": message.get("Subject"),
        "header": [[name, str(value)] for name, value in message.items()],
        "content_type": message.get_content_type(),
        "parts": [part_to_json(part) for part in message.walk() if not part.is_multipart()],
        "defects": [str(d) for part in message.walk() for d in part.defects],
    }


class Sink:
    """aiosmtpd's handler: one instance serves all connections."""

    def __init__(self, o):
        self.o = o
        self.count = 0
        self.dice = random.Random(o.seed)

    def record(self, entry, content):
        entry["number"] = self.count
        self.count += 1
        if os.path.isdir(self.o.record):
            base = os.path.join(self.o.record, "%06d" % entry["number"])
            with open(base + ".eml", "wb") as f:
                f.write(content)
            with open(base + ".json.new", "w", encoding="utf-8") as f:
                json.dump(entry, f)
            os.rename(base + ".json.new", base + ".json")
            return
        entry["raw"] = base64.b64encode(content).decode()
        with open(self.o.record, "a", encoding="utf-8") as f:
            f.write(json.dumps(entry) + "\n")

    def verdict(self):
        if self.o.refuse:
            return "%d Refused as told" % self.o.refuse
        if self.o.fail_probability > 0 and self.dice.random() < self.o.fail_probability:
            return "451 Try again later"
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in self.o.refuse_rcpt:
            return "550 No such user here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.o.slow > 0:
            await asyncio.sleep(self.o.slow)
        answer = self.verdict()
        entry = {
            "time": time.time(),
            "answer": int(answer[:3]),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "helo": session.host_name,
            "tls": session.ssl is not None or bool(self.o.tls_cert and not self.o.starttls),
            "login": session.auth_data.decode() if session.auth_data else None,
        }
        entry.update(message_to_json(envelope.content))
        self.record(entry, envelope.content)
        return answer


def authenticator(auth):
    user, _, password = auth.partition(":")

    def check(server, session, envelope, mechanism, data):
        good = (
            isinstance(data, LoginPassword)
            and data.login == user.encode()
            and data.password == password.encode()
        )
        return AuthResult(success=good, handled=good, auth_data=user.encode() if good else None)

    return check


def factory(o, sink, context):
    kwargs = {"data_size_limit": SIZE_MAX, "enable_SMTPUTF8": True, "ident": "smtp sink"}
    if o.starttls:
        kwargs.update(tls_context=context, require_starttls=True)
    if o.auth is not None:
        # Over a plain connection a login is only possible because all of this is loopback.
        kwargs.update(authenticator=authenticator(o.auth), auth_required=True, auth_require_tls=o.starttls)
    return lambda: SMTP(sink, **kwargs)


def write_port(path, port):
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % port)
    os.rename(path + ".new", path)


async def serve(o):
    context = None
    if o.tls_cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(o.tls_cert, o.tls_key)
    loop = asyncio.get_running_loop()
    at_once = context if context and not o.starttls else None
    server = await loop.create_server(factory(o, Sink(o), context), "127.0.0.1", o.port, ssl=at_once)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    write_port(o.port_file, server.sockets[0].getsockname()[1])
    await stop.wait()
    server.close()


def main():
    parent = os.getppid()
    o = options()
    warnings.simplefilter("ignore")  # login without TLS is what some tests ask for
    logging.disable(logging.WARNING)
    die_with_parent(parent)
    asyncio.run(serve(o))


if __name__ == "__main__":
    main()
