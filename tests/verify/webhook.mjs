/* Do the official verifiers accept our webhooks? `standardwebhooks`, and `unwrap()` of the `openai` SDK.
 *
 *      node webhook.mjs                        the golden messages of the unit tests
 *      node webhook.mjs SECRET FILE...         requests that were received: {"headers": {...}, "body": "..."} */
import "./node18.cjs";
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";

const golden = path.join(path.dirname(fileURLToPath(import.meta.url)), "../unit/golden/receiver/webhook");
const client = new OpenAI({ apiKey: "unused", webhookSecret: null });
const secrets = {
        whsec: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        text: "plain text is a key as it is",
};

const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const lowerCase = (headers) => Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));

async function accept({ headers, body }, secret, tolerance = 300) {
        const lower = lowerCase(headers);
        /* The package takes base64 with or without whsec_, or raw bytes; a secret that is a plain text is raw. */
        const verifier = secret.startsWith("whsec_") ? new Webhook(secret) : new Webhook(secret, { format: "raw" });
        const bySpec = verifier.verify(body, lower);
        const bySdk = await client.webhooks.unwrap(body, lower, secret, tolerance);
        assert.deepEqual(bySpec, bySdk);
        assert.equal(bySdk.object, "event");
        assert.equal(bySdk.id, lower["webhook-id"]);
        assert.ok(Number.isInteger(bySdk.created_at));
        assert.equal(typeof bySdk.type, "string");
        assert.equal(typeof bySdk.data, "object");
        assert.ok(Buffer.byteLength(body) <= 20000, "the standard wants less than 20 kB");
        return bySdk;
}

async function refuse(request, secret) {
        await assert.rejects(accept(request, secret));
}

/* Verifiers look at the clock: it stands where the message was signed. */
async function at(seconds, run) {
        const now = Date.now;
        Date.now = () => seconds * 1000;
        const RealDate = Date;
        globalThis.Date = class extends RealDate {
                constructor(...args) {
                        super(...(args.length > 0 ? args : [seconds * 1000]));
                }
        };
        try {
                await run();
        } finally {
                globalThis.Date = RealDate;
                Date.now = now;
        }
}

async function checkSigned() {
        const signed = read(path.join(golden, "signed.json"));
        const stamp = Number(signed.headers["webhook-timestamp"]);
        await at(stamp, async () => {
                for (const secret of Object.values(secrets)) {
                        const event = await accept(signed, secret);
                        assert.equal(event.type, "fine_tuning.job.succeeded");
                }
                await refuse({ ...signed, body: signed.body.replace("succeeded", "SUCCEEDED") }, secrets.whsec);
                await refuse(signed, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        });
        await at(stamp + 3600, () => refuse(signed, secrets.whsec));
}

/* Every sample, signed by the package itself: the SDK takes the body as it is. */
async function checkSamples() {
        const files = fs.readdirSync(golden).filter((f) => f !== "signed.json");
        assert.ok(files.length >= 13);
        for (const file of files) {
                const body = JSON.stringify(read(path.join(golden, file)));
                const { id, type, data } = JSON.parse(body);
                const now = new Date();
                await accept({
                        headers: {
                                "webhook-id": id,
                                "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
                                "webhook-signature": new Webhook(secrets.whsec).sign(id, now, body),
                        },
                        body,
                }, secrets.whsec);
                if (type.startsWith("fine_tuning.job."))
                        assert.equal(typeof data.id, "string", `${file}: data.id is what the SDK's types promise`);
        }
        return files.length;
}

if (process.argv.length > 2) {
        const [secret, ...files] = process.argv.slice(2);
        for (const file of files)
                await accept(read(file), secret, 10 * 365 * 86400);
        console.log(`${files.length} webhooks accepted`);
} else {
        await checkSigned();
        console.log(`${await checkSamples()} samples accepted`);
}
