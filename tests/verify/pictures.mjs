/* Writes the web pages that contrib/docs-images.sh takes pictures of: the golden messages of the unit tests as their
 * places show them. Teams: the official Adaptive Cards renderer. Mail: its own HTML. Slack: an approximation of Block Kit.
 *
 *      node pictures.mjs OUTPUT_DIR
 *
 * Each page sets its title to "W H", the window it needs in pixels, for the camera. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const golden = path.join(here, "../unit/golden/receiver");
const out = process.argv[2];

const read = (kind, name) => fs.readFileSync(path.join(golden, kind, name), "utf8");
const json = (kind, name) => JSON.parse(read(kind, `${name}.json`));
/* For a script element: nothing in it may end it. */
const literal = (o) => JSON.stringify(o).replaceAll("<", "\\u003c");

/* The HTML part of a mail, decoded. */
function mailHtml(name) {
        const part = read("email", `${name}.eml`).split(/\r\n--=_[^\r]*\r\n/).find((p) => p.includes("text/html"));
        const qp = part.slice(part.indexOf("\r\n\r\n") + 4).replaceAll("=\r\n", "");
        /* Of the fonts it names Linux has the last resort only: one that looks like the first. */
        const bytes = qp.replaceAll("'Segoe UI'", "'Segoe UI','Open Sans'").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
        return Buffer.from(bytes, "latin1").toString("utf8");
}

const pageStyle = `
        body { margin: 0; background: #fff; font-family: "Segoe UI", "Open Sans", "DejaVu Sans", sans-serif; }
        .frame { box-sizing: border-box; padding: 20px; display: inline-block; vertical-align: top; }`;

const teamsStyle = `
        .teams { width: 500px; background: #f5f5f5; border-radius: 8px; padding: 16px; box-sizing: border-box; }
        .teams .from { display: flex; gap: 10px; align-items: center; margin: 0 0 8px; font-size: 13px; color: #424242; }
        .teams .from b { color: #242424; }
        .teams .face { width: 32px; height: 32px; border-radius: 16px; background: #5b5fc7; color: #fff; font-size: 14px;
                       display: flex; align-items: center; justify-content: center; font-weight: 600; }
        .teams .card { background: #fff; border: 1px solid #d1d1d1; border-radius: 6px; overflow: hidden; }
        .teams .ac-pushButton { border: 1px solid #d1d1d1; background: #fff; border-radius: 4px; padding: 6px 14px;
                                font-weight: 600; font-size: 13px; font-family: inherit; color: #242424; }`;

/* Sizes and colours as Teams has them (light). */
const hostConfig = {
        fontFamily: "'Segoe UI','Open Sans','DejaVu Sans',sans-serif",
        fontTypes: {
                default: { fontFamily: "'Segoe UI','Open Sans','DejaVu Sans',sans-serif" },
                monospace: { fontFamily: "Consolas,'DejaVu Sans Mono',monospace" },
        },
        spacing: { small: 6, default: 10, medium: 14, large: 18, extraLarge: 24, padding: 14 },
        separator: { lineThickness: 1, lineColor: "#e0e0e0" },
        fontSizes: { small: 12, default: 14, medium: 16, large: 19, extraLarge: 22 },
        containerStyles: {
                default: {
                        backgroundColor: "#ffffff",
                        foregroundColors: {
                                default: { default: "#242424", subtle: "#616161" },
                                good: { default: "#0e700e", subtle: "#0e700e" },
                                attention: { default: "#b10e1c", subtle: "#b10e1c" },
                                warning: { default: "#8a5a00", subtle: "#8a5a00" },
                        },
                },
                emphasis: { backgroundColor: "#f0f0f0" },
                good: {
                        backgroundColor: "#dff6dd",
                        foregroundColors: { good: { default: "#0e700e", subtle: "#0e700e" } },
                },
                attention: {
                        backgroundColor: "#fde7e9",
                        foregroundColors: { attention: { default: "#b10e1c", subtle: "#b10e1c" } },
                },
                warning: {
                        backgroundColor: "#fff4ce",
                        foregroundColors: { warning: { default: "#8a5a00", subtle: "#8a5a00" } },
                },
        },
        factSet: {
                title: { weight: "bolder", wrap: true, maxWidth: 170 },
                value: { wrap: true },
                spacing: 14,
        },
        actions: { actionAlignment: "left", spacing: "default", buttonSpacing: 8 },
};

const teams = (name) => `
        <div class="teams"><div class="from"><span class="face">W</span><span><b>Workflows</b> &nbsp;15:03</span></div>
        <div class="card" data-card='${name}'></div></div>`;

const teamsScript = (names) => `
        <script>${fs.readFileSync(path.join(here, "node_modules/adaptivecards/dist/adaptivecards.js"), "utf8")
                .replaceAll("</script", "<\\/script")}</script>
        <script>
                const cards = ${literal(Object.fromEntries(names.map((n) => [n, json("teams", n)])))};
                for (const e of document.querySelectorAll("[data-card]")) {
                        const card = new AdaptiveCards.AdaptiveCard();
                        card.hostConfig = new AdaptiveCards.HostConfig(${literal(hostConfig)});
                        card.parse(cards[e.dataset.card].attachments[0].content);
                        e.append(card.render());
                }
        </script>`;

/* --- Slack ----------------------------------------------------------------------------------------- */

const slackStyle = `
        .slack { width: 500px; box-sizing: border-box; padding: 16px; background: #fff; border: 1px solid #ddd;
                 border-radius: 8px; color: #1d1c1d; font: 15px/1.46 "Lato", "Noto Sans", "DejaVu Sans", sans-serif; }
        .slack .row { display: flex; gap: 10px; }
        .slack .face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #4a154b; color: #fff;
                       display: flex; align-items: center; justify-content: center; font-weight: 700; }
        .slack .main { min-width: 0; flex: 1; }
        .slack .app { background: #e8e8e8; color: #616061; font-size: 10px; padding: 1px 4px; border-radius: 2px;
                      margin: 0 4px; }
        .slack h3 { margin: 2px 0 8px; font-size: 18px; line-height: 1.3; }
        .slack .attachment { border-left: 4px solid; border-radius: 4px; padding: 2px 0 2px 12px; }
        .slack .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; }
        .slack .fields div { overflow-wrap: anywhere; }
        .slack .block { margin: 0 0 10px; }
        .slack code { border: 1px solid #ddd; background: #f6f6f6; border-radius: 3px; padding: 1px 3px; color: #c01343;
                      font: 12px/1.5 "DejaVu Sans Mono", monospace; }
        .slack pre { border: 1px solid #ddd; background: #f8f8f8; border-radius: 4px; padding: 8px; margin: 4px 0 0;
                     font: 12px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
        .slack .context { color: #616061; font-size: 13px; margin: 0; overflow-wrap: anywhere; }
        .slack a { color: #1264a3; text-decoration: none; }`;

/* Enough of mrkdwn for what we write ourselves; the text is already escaped. */
const mrkdwn = (s) => s
        .split(/(```[^]*?```|`[^`]*`)/)
        .map((part) => part.startsWith("```") ? `<pre>${part.slice(3, -3)}</pre>`
                : part.startsWith("`") ? `<code>${part.slice(1, -1)}</code>`
                : part.replace(/<(https?:[^|>]*)\|([^>]*)>/g, '<a href="$1">$2</a>')
                        .replace(/(^|[\s(])\*([^*\n]+)\*(?=$|[\s).,:])/g, "$1<b>$2</b>").replaceAll("\n", "<br>"))
        .join("");

const escapeHtml = (s) => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const slackBlock = (b) => ({
        header: () => `<h3>${escapeHtml(b.text.text)}</h3>`,
        section: () => `<div class="block">${b.text ? mrkdwn(b.text.text) : ""}${b.fields ? `<div class="fields">${
                b.fields.map((f) => `<div>${mrkdwn(f.text)}</div>`).join("")}</div>` : ""}</div>`,
        context: () => `<div class="block context">${b.elements.map((e) => mrkdwn(e.text)).join(" ")}</div>`,
})[b.type]();

function slack(name) {
        const m = json("slack", name), a = m.attachments[0];
        return `<div class="slack"><div class="row"><span class="face">f</span><div class="main">
                <b>ftwatchd</b><span class="app">APP</span><span style="color:#616061;font-size:12px">15:03</span>
                ${m.blocks.map(slackBlock).join("")}
                <div class="attachment" style="border-color:${a.color}">${a.blocks.map(slackBlock).join("")}</div>
                </div></div></div>`;
}

/* --- journal --------------------------------------------------------------------------------------- */

const journalStyle = `
        .journal { width: 500px; box-sizing: border-box; padding: 14px 16px; background: #1e1e1e; color: #d4d4d4;
                   border-radius: 8px; font: 12px/1.55 "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
        .journal b { color: #fff; } .journal .err { color: #ff6b68; font-weight: bold; } .journal .notice { color: #fff; }
        .journal .warning { color: #e5c07b; } .journal p { margin: 0; padding-left: 2ch; text-indent: -2ch; }`;
const levels = { 3: "err", 4: "warning", 5: "notice" };

/* What `journalctl -t ftwatchd -o cat` prints, in its colours. */
const journal = (names) => `<div class="journal"><b>$ journalctl -t ftwatchd -o cat</b>${names.map((n) => {
        const text = read("journal", `${n}.txt`);
        const field = (name) => text.match(new RegExp(`^${name}=(.*)$`, "m"))[1];
        return `<p class="${levels[field("PRIORITY")] ?? ""}">${escapeHtml(field("MESSAGE"))}</p>`;
}).join("")}</div>`;

/* --- pages ----------------------------------------------------------------------------------------- */

const mail = (name) => `<iframe style="width:624px;border:0" srcdoc="${mailHtml(name).replaceAll("&", "&amp;")
        .replaceAll('"', "&quot;")}"></iframe>`;

const measure = `<script>
        const fit = () => { for (const f of document.querySelectorAll("iframe"))
                f.style.height = f.contentDocument.documentElement.offsetHeight + "px"; };
        addEventListener("load", () => { fit();
                document.title = document.documentElement.dataset.width + " " +
                        Math.ceil(document.querySelector("#all").getBoundingClientRect().height); });
        </script>`;

const page = (width, style, body, script = "") => `<!DOCTYPE html>
<html data-width="${width}"><meta charset="utf-8"><title></title><style>${pageStyle}${style}</style>
<body><div id="all" style="width:${width}px;display:flow-root">${body}</div>${script}${measure}</body></html>\n`;

const cardNames = fs.readdirSync(path.join(golden, "teams")).map((f) => f.replace(/\.json$/, ""));
const heading = (s) => `<div style="font-size:15px;font-weight:600;color:#57606a;margin:0 0 8px">${s}</div>`;

fs.mkdirSync(out, { recursive: true });
const write = (name, text) => fs.writeFileSync(path.join(out, `${name}.html`), text);

for (const n of cardNames)
        write(`teams-${n}`, page(540, teamsStyle, `<div class="frame">${teams(n)}</div>`, teamsScript([n])));
for (const n of cardNames.filter((c) => !c.endsWith("-degraded"))) {
        write(`slack-${n}`, page(540, slackStyle, `<div class="frame">${slack(n)}</div>`));
        write(`email-${n}`, page(624, "", mail(n)));
}
write("messages", page(1060, teamsStyle + slackStyle + journalStyle, `
        <div class="frame" style="width:540px">${heading("Microsoft Teams")}${teams("succeeded")}</div><div
        class="frame" style="width:520px;padding-left:0">${heading("Slack")}${slack("failed")}
        <div style="height:18px"></div>${heading("The journal")}${journal(["created", "paused", "source_unauthorized",
                "source_recovered"])}</div>`,
teamsScript(["succeeded"])));
