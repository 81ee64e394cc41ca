"""Draws messages in a terminal: Slack's Block Kit, Teams' Adaptive Cards, e-mail, webhook, journal entry.

As far as ftwatchd uses them, no further: contrib/demo/show.py is the only user.
"""

import json
import os
import re
import shutil
import sys
import unicodedata

COLOURS = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
WIDTH = max(40, min(shutil.get_terminal_size((100, 24)).columns, 104))
INSIDE = WIDTH - 6  # of a message: four of indent, two of colour bar
BOLD, UNDERLINED, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE, GREY = 1, 4, 31, 32, 33, 34, 35, 36, 37, 90
TONES = {"good": GREEN, "attention": RED, "warning": YELLOW}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
INVISIBLE = re.compile("[\u034f\u200b]")  # what keeps a mark from being one


# --- lines --------------------------------------------------------------------------------------

def paint(text, *codes):
    """Word by word, so that a line may be broken anywhere."""
    if not COLOURS or not codes:
        return text
    start = "\x1b[%sm" % ";".join(str(code) for code in codes)
    return re.sub(r"[^ \n]+", lambda word: start + word.group() + "\x1b[0m", text)


def clean(text):
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) != "Cc")


def width_of(text):
    text = (c for c in ESCAPE.sub("", text) if not unicodedata.combining(c) and c not in "\ufe0f\u200b")
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text, width):
    return text + " " * max(0, width - width_of(text))


def clip(text, width):
    return text if width_of(text) <= width else text[: max(width - 1, 0)] + "…"


def wrap(text, width, indent=""):
    for line in text.split("\n"):
        row, *words = line.split(" ")
        for word in words:
            if row.strip() and width_of(row) + 1 + width_of(word) > width:
                yield row
                row = indent + word
            else:
                row += " " + word
        yield row


# --- Slack: https://docs.slack.dev/reference/block-kit ------------------------------------------

MRKDWN = re.compile(r"(?<!\u034f)(?:```(.*?)```|`(.*?)`|\*(.*?)\*|<[^|>]*\|([^>]*)>)", re.S)
SPANS = ((), (CYAN,), (BOLD,), (UNDERLINED, BLUE))


def mrkdwn(text):
    def span(match):
        return next(paint(group, *codes) for group, codes in zip(match.groups(), SPANS) if group is not None)

    text = MRKDWN.sub(span, text)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return INVISIBLE.sub("", text)


def slack_fields(fields):
    for i in range(0, len(fields), 2):
        cells = [mrkdwn(field["text"]).split("\n", 1) for field in fields[i : i + 2]]
        for row in zip(*cells):
            yield "".join(pad(cell, INSIDE // 2) for cell in row).rstrip()


def slack_block(block):
    if block["type"] == "header":
        yield paint(block["text"]["text"], BOLD)
    elif block["type"] == "context":
        text = " ".join(mrkdwn(element["text"]) for element in block["elements"])
        yield from wrap(paint(ESCAPE.sub("", text), GREY), INSIDE)
    elif "text" in block:
        yield from wrap(mrkdwn(block["text"]["text"]), INSIDE)
    yield from slack_fields(block.get("fields", []))


def terminal_colour(colour):
    """The nearest to "#rrggbb" of a terminal's 256."""
    r, g, b = (round(int(colour[i : i + 2], 16) / 255 * 5) for i in (1, 3, 5))
    return 38, 5, 16 + 36 * r + 6 * g + b


def draw_slack(entry):
    for block in entry["body"]["blocks"]:
        yield from slack_block(block)
    for attachment in entry["body"]["attachments"]:
        bar = paint("▌", *terminal_colour(attachment["color"]))
        for i, block in enumerate(attachment["blocks"]):
            if i > 0:
                yield bar
            yield from (bar + " " + line for line in slack_block(block))


# --- Teams: https://adaptivecards.io/explorer ---------------------------------------------------

def markdown(text):
    return INVISIBLE.sub("", re.sub(r"\\([][*_`~\\])", r"\1", text))


def card_codes(o, tone):
    codes = (
        (BOLD, o.get("weight") == "Bolder"),
        (GREY, o.get("isSubtle")),
        (CYAN, o.get("fontType") == "Monospace"),
        (tone, o.get("color") in ("Good", "Attention", "Warning")),
    )
    return [code for code, is_wanted in codes if is_wanted]


def card_facts(facts):
    width = max(width_of(markdown(fact["title"])) for fact in facts) + 2
    for fact in facts:
        title = pad(paint(markdown(fact["title"]), BOLD), width)
        yield from wrap(title + markdown(fact["value"]), INSIDE, " " * width)


def card_item(item, tone):
    if item["type"] == "Container":
        for inner in item["items"]:
            yield from card_item(inner, tone)
    elif item["type"] == "FactSet":
        yield from card_facts(item["facts"])
    elif item["type"] == "RichTextBlock":
        runs = (paint(INVISIBLE.sub("", run["text"]), *card_codes(run, tone)) for run in item["inlines"])
        yield from wrap("".join(runs), INSIDE)
    else:
        yield from wrap(paint(markdown(item["text"]), *card_codes(item, tone)), INSIDE)


def draw_teams(entry):
    card = entry["body"]["attachments"][0]["content"]
    tone = TONES.get(card["body"][0].get("style"), WHITE)
    bar, before = paint("▌", tone), None
    for item in card["body"]:
        is_line = item["type"] == "RichTextBlock"
        if before and not (is_line and before in ("RichTextBlock", "TextBlock")):
            yield bar
        yield from (bar + " " + line for line in card_item(item, tone))
        before = item["type"]


# --- the others ---------------------------------------------------------------------------------

def draw_webhook(entry):
    shown = ("id", "source", "status", "previous_status", "model", "suffix")
    event, data = entry["body"], entry["body"]["data"]
    yield paint("POST " + entry["path"], BOLD)
    for name, value in entry["headers"].items():
        if name.lower().startswith("webhook-"):
            yield paint(name + ":", GREY) + " " + value
    yield paint("✓ signature verified", GREEN) if entry["is_genuine"] else paint("✗ wrong signature", RED)
    yield ""
    yield "{"
    for key in ("object", "id", "type", "created_at"):
        yield "  %s: %s," % (paint(json.dumps(key), CYAN), json.dumps(event[key]))
    yield "  %s: {" % paint('"data"', CYAN)
    for key in shown:
        yield "    %s: %s," % (paint(json.dumps(key), CYAN), json.dumps(data[key]))
    rest = [key for key in data if key not in shown]
    yield from wrap(paint("    … " + ", ".join(rest), GREY), INSIDE, "      ")
    yield "  }"
    yield "}"


def draw_email(entry):
    for name, value in entry["header"]:
        if name in ("From", "To", "Subject"):
            yield paint(pad(name + ":", 9), GREY) + (paint(value, BOLD) if name == "Subject" else value)
    yield ""
    text = next(part["text"] for part in entry["parts"] if part["type"] == "text/plain")
    yield from wrap(clean(text).rstrip("\n"), INSIDE, " " * 8)


def draw_journal(entry):
    for name in sorted(entry, key=lambda name: (name != "MESSAGE", name)):
        value = clip(entry[name].replace("\n", "\\n"), INSIDE - len(name) - 1)
        yield paint(name + "=", GREY) + value


DRAW = {
    "slack": draw_slack,
    "teams": draw_teams,
    "webhook": draw_webhook,
    "email": draw_email,
    "journal": draw_journal,
}
