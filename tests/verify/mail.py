#!/usr/bin/env python3
"""Does Python's mail parser read our mails without a defect, and say what was meant?

mail.py FILE...: mails as they were sent.
"""
import email
import email.policy
import html.parser
import re
import sys

ONCE = ["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
        "X-Auto-Response-Suppress", "List-Id", "MIME-Version", "Content-Type"]
ALLOWED_TAGS = {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "p", "a", "b"}


class Html(html.parser.HTMLParser):
    """Balanced, of few elements, without anything active or loaded."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED_TAGS, tag
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("src", "background"), name
            assert name != "href" or value.startswith(("https://", "http://")), value
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text += data


def check(name):
    with open(name, "rb") as f:
        data = f.read()
    assert b"\n" not in data.replace(b"\r\n", b""), "a line end that is not CRLF"
    assert max(map(len, data.split(b"\r\n"))) <= 100, "a long line"
    message = email.message_from_bytes(data, policy=email.policy.default.clone(raise_on_defect=True))
    for header in ONCE:
        assert len(message.get_all(header, [])) == 1, header
    assert not message.get_all("Bcc"), "a header was injected"
    for header, value in message.items():
        assert not getattr(value, "defects", ()), (header, value.defects)
    for word in re.findall(rb"=\?[^?]*\?[BQ]\?[^?]*\?=", data):
        assert len(word) <= 75, word
    assert all(a.addr_spec for a in message["To"].addresses) and message["From"].addresses
    assert message["Date"].datetime.tzinfo is not None
    assert message["References"] == message["In-Reply-To"] != message["Message-ID"]
    text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text.strip() and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    if message.get_content_type() == "text/plain":
        return
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]
    page = Html()
    page.feed(message.get_body(("html",)).get_content())
    page.close()
    assert page.open == [], page.open
    title = text.split("\n")[0].split(" ", 1)[1]
    assert title in page.text, title


for path in sys.argv[1:]:
    try:
        check(path)
    except Exception as e:
        sys.exit(f"{path}: {type(e).__name__}: {e}")
print(f"{len(sys.argv) - 1} mails accepted")
