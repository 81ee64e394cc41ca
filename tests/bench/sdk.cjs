"use strict";
/* The loop that people leave running, with the official SDK: all jobs, then the last events of those that
 * are not finished. The first cycles follow at once on each other: a loop that has run for hours is compiled.
 *
 *      BENCH_KEY=... node sdk.cjs BASE-URL INTERVAL-MS FIRST-CYCLES
 */
require("../verify/node18.cjs");
const { createRequire } = require("node:module");
const { setTimeout: sleep } = require("node:timers/promises");
const { AzureOpenAI } = createRequire(require.resolve("../verify/package.json"))("openai");

const endpoint = process.argv[2];
const [interval, first] = process.argv.slice(3).map(Number);
const finished = new Set(["succeeded", "failed", "cancelled"]);
const client = new AzureOpenAI({ endpoint, apiKey: process.env.BENCH_KEY, apiVersion: "2024-10-21" });
let seen = 0;

async function cycle() {
        const jobs = await client.fineTuning.jobs.list({ limit: 100 });
        for (const job of jobs.data) {
                if (finished.has(job.status)) continue;
                const events = await client.fineTuning.jobs.listEvents(job.id, { limit: 20 });
                for (const event of events.data) seen += event.message.length;
        }
}

async function main() {
        const parent = process.ppid;
        for (let n = 0; process.ppid === parent; n++) {
                const started = performance.now();
                await cycle();
                if (n < first) continue;
                await sleep(Math.max(0, interval - (performance.now() - started)));
        }
}

main().catch((error) => {
        console.error(`sdk: ${error.message} (after ${seen} characters)`);
        process.exitCode = 1;
});
