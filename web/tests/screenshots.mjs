// Takes the pictures of docs/page: market, stock and portfolio, light, dark and on a phone.

import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { openBrowser, openPage, Stack } from "./stack.mjs";

const FOLDER = new URL("../../docs/page/", import.meta.url).pathname;
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** How long the market moves first, so that there is something to see. */
const HISTORY_MS = Number(process.env.HISTORY_SECONDS ?? 240) * 1000;

await mkdir(FOLDER, { recursive: true });
const stack = await Stack.start({ args: ["--demo"] });
const browser = await openBrowser();
try {
  for (const [index, { symbol, current_price: price }] of (await stack.json("/stocks")).entries()) {
    if (index % 2 === 1) continue;
    for (const [side, quantity] of [
      ["buy", 40 - 3 * index],
      ["sell", 5],
    ]) {
      await stack.send("POST", `/trades/${side}`, { user_id: "user-001", symbol, quantity, price });
    }
  }
  await sleep(HISTORY_MS);
  for (const [name, colorScheme, viewport] of [
    ["light", "light", DESK],
    ["dark", "dark", DESK],
    ["phone", "dark", PHONE],
  ]) {
    const { page, context } = await openPage(browser, stack, { colorScheme, viewport });
    for (const [view, path, drawn] of [
      ["market", "#/", "[data-symbol]"],
      ["stock", "#/stocks/AAPL", "canvas"],
      ["portfolio", "#/portfolio", "[data-trades]"],
    ]) {
      await page.goto(`${stack.url}/${path}`);
      await page.waitForSelector(drawn);
      await sleep(1_500);
      const picture = `${FOLDER}${view}-${name}.png`;
      await page.screenshot({ path: picture });
      // A quarter of the size, and nobody sees it.
      const { error, status } = spawnSync("pngquant", ["--force", "--ext=.png", "--strip", picture], {
        stdio: "inherit",
      });
      if (error || status !== 0) throw new Error("pngquant has failed: apt-get install pngquant");
    }
    await context.close();
  }
} finally {
  await browser.close();
  await stack.remove();
}
