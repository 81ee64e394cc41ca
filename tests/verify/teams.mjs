/* Does the official Adaptive Cards library read our cards without a complaint, and does the message keep to what Teams
 * wants of it? node teams.mjs [FILE...]: bodies that were posted; without: the golden messages of the unit tests. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
/* The package's ES modules do not load in Node; its bundle does. */
const AC = createRequire(import.meta.url)("adaptivecards/dist/adaptivecards.js");
const golden = path.join(here, "../unit/golden/receiver/teams");

/* Elements and properties of version 1.4 that we use; a typo would be ignored in silence. */
const known = {
        AdaptiveCard: ["type", "$schema", "version", "fallbackText", "body", "actions", "msteams"],
        Container: ["type", "style", "bleed", "items"],
        TextBlock: ["type", "text", "wrap", "size", "weight", "color", "isSubtle", "separator", "spacing"],
        FactSet: ["type", "facts"],
        RichTextBlock: ["type", "inlines", "spacing"],
        TextRun: ["type", "text", "isSubtle", "fontType"],
        "Action.OpenUrl": ["type", "title", "url"],
};

function walk(value, at, visit) {
        visit(value, at);
        if (value && typeof value === "object")
                for (const [key, child] of Object.entries(value))
                        walk(child, `${at}.${key}`, visit);
}

function complaints(card) {
        const context = new AC.SerializationContext(AC.Versions.v1_4), parsed = new AC.AdaptiveCard();
        parsed.parse(card, context);
        return [...Array(context.eventCount).keys()].map((i) => context.getEventAt(i).message)
                .concat(parsed.validateProperties().validationEvents.map((e) => e.message));
}

function check(file) {
        const text = fs.readFileSync(file, "utf8"), message = JSON.parse(text), name = path.basename(file);
        assert.equal(message.type, "message", name);
        assert.equal(message.attachments.length, 1, name);
        const [a] = message.attachments;
        assert.equal(a.contentType, "application/vnd.microsoft.card.adaptive", name);
        assert.equal(a.contentUrl, null, name);
        assert.equal(a.content.version, "1.4", name);
        assert.deepEqual(complaints(a.content), [], name);
        /* As if the server wrote every character outside ASCII as an escape. */
        const worst = JSON.stringify(message).replace(/[^\0-\x7f]/g, (c) => "\\u0000".repeat(c.length));
        assert.ok(worst.length <= 20500, `${name}: ${worst.length} bytes`);
        walk(a.content, name, (v, at) => {
                if (typeof v === "string") {
                        assert.ok(v !== "" && v.isWellFormed?.() !== false, at);
                        assert.doesNotMatch(v, /<at>|\{\{(DATE|TIME)|[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/i, at);
                        assert.doesNotMatch(v, /^javascript:/i, at);
                }
                if (v && typeof v === "object" && !Array.isArray(v) && v.type) {
                        assert.ok(known[v.type], `${at}: ${v.type}`);
                        for (const key of Object.keys(v))
                                assert.ok(known[v.type].includes(key), `${at}.${key}`);
                }
        });
}

/* The checker sees what is wrong. */
assert.equal(complaints({ type: "AdaptiveCard", version: "1.4", body: [{ type: "Nonsense" }] }).length, 1);

const files = process.argv.length > 2 ? process.argv.slice(2)
        : fs.readdirSync(golden).map((f) => path.join(golden, f));
assert.ok(files.length > 0);
files.forEach(check);
console.log(`${files.length} cards accepted`);
