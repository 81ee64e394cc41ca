"use strict";
/* Node 18 has Web Crypto but not as a global, where the openai package looks for it. Required before it. */
globalThis.crypto ??= require("node:crypto").webcrypto;
