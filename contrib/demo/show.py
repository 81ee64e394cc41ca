#!/usr/bin/python3
"""Shows what happens in contrib/demo.sh as people see it.

Listens in place of journald, and follows what ftsim and the SMTP server record. Every notice is a line, the
messages of STORY are drawn. Ends with a sum; fails if the story has no end in time, if a message was refused
or a signature is wrong.
"""

import argparse
import base64
import hashlib
import hmac
import json
import re
import select
import socket
import sys
import time
import urllib.request

from messages import BOLD, COLOURS, CYAN, GREEN, GREY, MAGENTA, RED, WHITE, YELLOW
from messages import DRAW, WIDTH, clean, clip, pad, paint, width_of

# What is drawn: kind of receiver, job, type of notice; and what there is to see.
STORY = {
    ("slack", "contract-summaries", "job.failed"): "the reason, what to do, and the last events",
    ("slack", "claims-grader", "job.paused"): "somebody may have to act",
    ("webhook", "intent-small", "job.cancelled"): "OpenAI's event, signed as Standard Webhooks are",
    ("teams", "support-triage", "job.succeeded"): "the model to deploy, and how the training went",
    ("journal", "smoke-test", "job.succeeded"): "created and over between two polls, and told all the same",
    ("email", "claims-grader", "job.succeeded"): "the text part; the HTML part draws the curve",
}
KINDS = {"slack": "Slack", "teams": "Teams", "email": "e-mail", "webhook": "webhook", "journal": "journal"}
STATUS_COLOURS = {"succeeded": GREEN, "failed": RED, "paused": YELLOW, "cancelled": MAGENTA, "running": CYAN}
MORE = {"succeeded": "FTWATCH_FINE_TUNED_MODEL", "failed": "FTWATCH_ERROR_CODE", "event": "FTWATCH_DETAIL",
        "checkpoint": "FTWATCH_CHECKPOINT"}
STATUS_SECONDS = 0.5
QUIET_SECONDS = 1  # without news after the story's end: the other receivers have theirs, too


def journal_parse(datagram):
    """The native protocol: NAME=value; or NAME, the length in 64 bits, and a value of several lines."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + size], datagram[8 + size + 1 :]
        fields[name.decode()] = clean(value.decode("utf-8", "replace"))
    return fields


def signature_is_right(entry, secret):
    headers = {name.lower(): value for name, value in entry["headers"].items()}
    signed = "%s.%s.%s" % (headers["webhook-id"], headers["webhook-timestamp"], entry["raw"])
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
    return "v1," + mac in headers["webhook-signature"].split(" ")


class Tail:
    """The complete lines of a growing file of JSON."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def entries(self):
        try:
            with open(self.path, "rb") as f:
                f.seek(self.offset)
                data = f.read()
        except FileNotFoundError:
            return []
        data = data[: data.rfind(b"\n") + 1]
        self.offset += len(data)
        return [json.loads(line) for line in data.splitlines()]


class Show:
    def __init__(self, o):
        self.o = o
        self.started = self.last_news = time.monotonic()
        self.last_status = 0.0
        self.notices, self.waiting, self.counts, self.problems = {}, [], {}, []
        self.story = dict(STORY)
        self.tails = [Tail(o.record), Tail(o.mail)]
        self.is_blank, self.has_status = True, False
        self.http = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.journal.bind(o.journal)

    def elapsed(self):
        return time.monotonic() - self.started

    def say(self, line=""):
        if not line and self.is_blank:
            return
        if self.has_status:
            sys.stdout.write("\r\x1b[K")
        print(line.rstrip(), flush=True)
        self.is_blank, self.has_status = not line, False

    def say_status(self):
        """The last line of a terminal, while nothing happens."""
        if not COLOURS or time.monotonic() - self.last_status < STATUS_SECONDS:
            return
        self.last_status = time.monotonic()
        try:
            requests = json.load(self.http.open(self.o.sim + "/_sim/count", timeout=2))["requests"]
        except OSError:
            return
        text = "  %4.0f s  %d requests to the API, %d notices, %d messages" % (
            self.elapsed(), requests, len(self.notices), sum(self.counts.values()))
        sys.stdout.write("\r\x1b[K" + paint(clip(text, WIDTH - 1), GREY))
        sys.stdout.flush()
        self.has_status = True

    def on_notice(self, entry):
        job, notice_type = entry["MESSAGE"].split(" ")[0], entry["FTWATCH_TYPE"]
        what = notice_type.removeprefix("job.")
        more = entry.get(MORE.get(what), "")
        line = "  %4.1f s  %s  %s" % (self.elapsed(), pad(paint(job, BOLD), 18),
                                     pad(paint(what, STATUS_COLOURS.get(what, WHITE)), 10))
        self.say((line + "  " + paint(clip(more, WIDTH - width_of(line) - 2), GREY)) if more else line)
        self.notices[entry["FTWATCH_NOTICE_ID"]] = (job, notice_type)
        self.on_delivery("journal", "journal", entry, entry["FTWATCH_NOTICE_ID"])

    def on_delivery(self, kind, receiver, entry, notice_id):
        job, notice_type = self.notices[notice_id]
        self.last_news = time.monotonic()
        self.counts[receiver, kind] = self.counts.get((receiver, kind), 0) + 1
        if entry.get("error"):
            self.problems.append("%s refused a message: %s" % (receiver, entry["error"]))
        if kind == "webhook":
            entry["is_genuine"] = signature_is_right(entry, self.o.secret)
            if not entry["is_genuine"]:
                self.problems.append("%s: the signature of %s is wrong" % (receiver, notice_id))
        remark = self.story.pop((kind, job, notice_type), None)
        if remark:
            self.say()
            self.say(paint("  ── %s " % KINDS[kind], BOLD) + paint("── " + remark, GREY))
            for line in DRAW[kind](entry):
                self.say("    " + line)
            self.say()

    def look(self):
        while select.select([self.journal], [], [], 0)[0]:
            self.on_notice(journal_parse(self.journal.recv(1 << 18)))
        entries, self.waiting = self.waiting + [e for tail in self.tails for e in tail.entries()], []
        for entry in entries:
            kind = entry.get("kind", "email")
            found = re.search("evt_[a-z2-7]{26}", entry["raw"] if kind != "email" else str(entry["header"]))
            if found and found.group() in self.notices:
                self.on_delivery(kind, entry.get("sink", "mail"), entry, found.group())
            else:
                self.waiting.append(entry)  # its journal entry comes in a moment

    def run(self):
        while self.story or self.waiting or time.monotonic() - self.last_news < QUIET_SECONDS:
            if self.elapsed() > self.o.deadline:
                self.problems += ["%s did not get %s of %s" % (KINDS[k], t, job) for k, job, t in self.story]
                self.problems += ["a message about no notice"] * len(self.waiting)
                break
            self.look()
            self.say_status()
            select.select([self.journal], [], [], 0.1)
        return self.sum_up()

    def sum_up(self):
        n_jobs = len({job for job, what in self.notices.values() if what.startswith("job.")})
        self.say()
        self.say(paint("In %.0f seconds: %d notices about %d jobs" % (
            self.elapsed(), len(self.notices), n_jobs), BOLD))
        for (receiver, kind), n in sorted(self.counts.items(), key=lambda item: (item[1], item[0])):
            verified = ", every signature verified" if kind == "webhook" and not self.problems else ""
            self.say("  %s %s %2d arrived%s" % (pad(receiver, 12), pad(KINDS[kind], 8), n, verified))
        for problem in self.problems:
            self.say(paint("  " + problem, RED))
        return 1 if self.problems else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sim", required=True, help="URL of ftsim")
    p.add_argument("--record", required=True, help="of ftsim")
    p.add_argument("--mail", required=True, help="record of the SMTP server")
    p.add_argument("--journal", required=True, help="socket to listen on")
    p.add_argument("--secret", required=True, help="of the webhook")
    p.add_argument("--deadline", type=float, default=50, metavar="SECONDS")
    sys.exit(Show(p.parse_args()).run())


if __name__ == "__main__":
    main()
