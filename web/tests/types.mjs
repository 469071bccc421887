// Writes the types of what the services say, from their own OpenAPI documents. With `--check` nothing is written: what is there
// must be what would be.

import { readFile, writeFile } from "node:fs/promises";
import openapi, { astToString } from "openapi-typescript";
import { Stack } from "./stack.mjs";

const isCheck = process.argv.includes("--check");
const stack = await Stack.start();
try {
  const ports = { "stock-listing": stack.env.STOCK_LISTING_PORT, trade: stack.env.TRADE_PORT };
  for (const [service, port] of Object.entries(ports)) {
    const document = await (await fetch(`http://localhost:${port}/openapi.json`)).json();
    const types = `// Written by \`npm run types\` from the OpenAPI document of ${service}.\n\n${astToString(await openapi(document))}`;
    const path = new URL(`../src/api/schema/${service}.ts`, import.meta.url);
    if (!isCheck) await writeFile(path, types);
    else if ((await readFile(path, "utf8").catch(() => "")) !== types) {
      console.error(`the types of ${service} are not those of its document: npm run types`);
      process.exitCode = 1;
    }
  }
} finally {
  await stack.remove();
}
