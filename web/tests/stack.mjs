// Starts the real program on free ports with data of its own, and a browser to look at it.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";

const PROGRAM = process.env.STOCKS_BIN ?? new URL("../../target/debug/stocks", import.meta.url).pathname;
const READY_MS = 30_000;
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Waits until `condition` gives something; says what it waited for where it never does. */
export async function eventually(what, condition, milliseconds = READY_MS) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(50);
  }
}

export class Stack {
  /** Starts the program; `env` is what is set beside ports and data. */
  static async start({ args = [], env = {} } = {}) {
    const stack = new Stack();
    stack.folder = await mkdtemp(join(tmpdir(), "stocks-web-"));
    stack.args = args;
    const [listing, trade] = [await freePort(), await freePort()];
    stack.url = `http://localhost:${listing}`;
    stack.env = {
      PATH: process.env.PATH,
      STOCK_LISTING_PORT: String(listing),
      TRADE_PORT: String(trade),
      DATA_DIR: join(stack.folder, "data"),
      ...env,
    };
    await stack.up();
    return stack;
  }

  async up() {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: cargo build`);
    this.said = "";
    this.process = spawn(PROGRAM, this.args, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on("data", (piece) => (this.said = (this.said + piece).slice(-10_000)));
    }
    this.ended = new Promise((done) => this.process.on("exit", done));
    await eventually(`ready at ${this.url}`, async () => {
      if (this.process.exitCode !== null) throw new Error(`it has ended: ${this.said}`);
      const answers = ["/readyz", "/portfolio/user-001"].map((path) => fetch(this.url + path).catch(() => null));
      const [listing, trade] = await Promise.all(answers);
      return listing?.ok && trade !== null && trade.status < 500;
    });
  }

  /** Ends it, by a signal. */
  async down(signal = "SIGTERM") {
    this.process.kill(signal);
    await this.ended;
  }

  async remove() {
    await this.down("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }

  async json(path, init) {
    const response = await fetch(this.url + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** What a user has traded, the newest first. */
  trades(user = "user-001") {
    return this.json(`/trades?user_id=${user}`);
  }

  /** Sends JSON, and reads what is answered. */
  send(method, path, body) {
    const headers = { "Content-Type": "application/json" };
    return this.json(path, { method, headers, body: JSON.stringify(body) });
  }
}

/** Writes a file of keys as `stocksctl keys` does; gives its path, and what the owner of each shows. */
export async function writeKeys(folder, scopes) {
  const pepper = "0123456789abcdef0123456789abcdef";
  const keys = [];
  const shown = scopes.map((scope, index) => {
    const id = String(index).padStart(8, "0");
    const key = `sk_${id}_${"k".repeat(43)}`;
    const hash = createHmac("sha256", pepper).update(key).digest("hex");
    keys.push({ id, hash, scopes: scope, expires: null });
    return key;
  });
  const path = join(folder, "keys.json");
  await writeFile(path, JSON.stringify({ pepper, keys }));
  return { path, shown };
}

export async function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? BROWSERS.find(existsSync);
  if (executablePath === undefined) throw new Error("no Chromium: apt-get install chromium, or name one in CHROMIUM");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A page that keeps in mind what must not happen: an error, or a request that leaves this machine. */
export async function openPage(browser, stack, options = {}) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  /** Errors that a test brings about. */
  const expected = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = `${message.text()} ${message.location().url}`;
    if (["error", "warning"].includes(message.type()) && !expected.some((it) => it.test(text))) wrong.push(text);
  });
  const asked = { count: 0 };
  page.on("request", (request) => {
    asked.count += 1;
    const { protocol, host } = new URL(request.url());
    if (protocol !== "blob:" && protocol !== "data:" && host !== new URL(stack.url).host)
      wrong.push(`left: ${request.url()}`);
  });
  await page.goto(`${stack.url}/`);
  return { page, context, wrong, expected, asked };
}
