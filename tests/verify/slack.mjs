/* Do our Slack messages keep to Block Kit's documented limits, and can nothing in them ping or link?
 * https://docs.slack.dev/reference/block-kit/blocks. node slack.mjs [FILE...]: bodies that were posted; without: the golden
 * messages of the unit tests. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const golden = path.join(path.dirname(fileURLToPath(import.meta.url)), "../unit/golden/receiver/slack");
const length = (s) => [...s].length;

/* What stands between < and > is a link of ours or nothing: <!channel>, <@U1> and <#C1> ping. */
function checkMrkdwn(s, at) {
        for (const [, inside] of s.matchAll(/<([^>]*)>?/g))
                assert.match(inside, /^https?:\/\/[^\s|<>]+\|Open the job$/, at);
        assert.doesNotMatch(s.replace(/<[^>]*>/g, ""), /[<>]|&(?!amp;|lt;|gt;)/, at);
        const fences = s.split("```").length - 1;
        assert.equal(fences % 2, 0, `${at}: a fence is open`);
        assert.equal((s.replaceAll("```", "").split("`").length - 1) % 2, 0, `${at}: a backtick is open`);
}

function checkText(t, max, at, types = ["mrkdwn", "plain_text"]) {
        assert.ok(types.includes(t.type), `${at}: ${t.type}`);
        assert.ok(t.text.length > 0 && length(t.text) <= max, `${at}: ${length(t.text)} of ${max} characters`);
        if (t.type === "plain_text")
                assert.doesNotMatch(t.text, /[<>]/, at);
        else {
                assert.equal(t.verbatim, true, `${at}: names and URLs would be linked`);
                checkMrkdwn(t.text, at);
        }
}

const blocks = {
        header: (b, at) => checkText(b.text, 150, at, ["plain_text"]),
        section: (b, at) => {
                assert.ok(b.text || b.fields, at);
                if (b.text)
                        checkText(b.text, 3000, at);
                if (b.fields) {
                        assert.ok(b.fields.length >= 1 && b.fields.length <= 10, `${at}: ${b.fields.length} fields`);
                        b.fields.forEach((f, i) => checkText(f, 2000, `${at}.fields[${i}]`));
                }
        },
        context: (b, at) => {
                assert.ok(b.elements.length >= 1 && b.elements.length <= 10, at);
                b.elements.forEach((e) => checkText(e, 3000, at));
        },
};

function checkBlocks(list, at) {
        list.forEach((b, i) => {
                assert.ok(blocks[b.type], `${at}[${i}]: ${b.type}`);
                blocks[b.type](b, `${at}[${i}]`);
        });
        return list.length;
}

function check(file) {
        const text = fs.readFileSync(file, "utf8"), m = JSON.parse(text), name = path.basename(file);
        assert.ok(m.text.length > 0 && length(m.text) <= 4000, `${name}: text`);
        assert.equal(m.mrkdwn, false, name);
        assert.doesNotMatch(m.text, /[<>]|@(here|channel|everyone)/, name);
        assert.doesNotMatch(text, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/, name);
        let n = checkBlocks(m.blocks ?? [], `${name}: blocks`);
        for (const a of m.attachments ?? []) {
                assert.match(a.color, /^#[0-9a-f]{6}$/, name);
                n += checkBlocks(a.blocks, `${name}: attachment`);
        }
        assert.ok(n <= 50, `${name}: ${n} blocks`);
}

/* The checker sees what is wrong. */
for (const bad of ["<!channel>", "<@U123>", "a < b", "`", "```x"])
        assert.throws(() => checkMrkdwn(bad, "self-test"), bad);

const files = process.argv.length > 2 ? process.argv.slice(2)
        : fs.readdirSync(golden).map((f) => path.join(golden, f));
assert.ok(files.length > 0);
files.forEach(check);
console.log(`${files.length} messages accepted`);
