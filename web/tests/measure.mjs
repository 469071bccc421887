// What the page costs, measured by the browser itself: first paint, weight, and frames a second with 10,000 symbols of which a
// hundred a second change. Prints figures, and asserts nothing: a machine that does other things paints late.

import { setTimeout as sleep } from "node:timers/promises";
import { openBrowser, openPage, Stack } from "./stack.mjs";

const SYMBOLS = 10_000;
const TICKS_A_SECOND = 100;
const ROUNDS = 5;
const SECONDS = 5;

const median = (values) => values.toSorted((one, two) => one - two)[Math.floor(values.length / 2)];
const figures = (values, digits = 0) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`;

/** What came over the wire for those addresses. */
async function bytesOf(page, counts) {
  const loaded = await page.evaluate(() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(
      ({ name, transferSize }) => ({ name, transferSize }),
    ),
  );
  return loaded.filter(({ name }) => counts(name)).reduce((sum, { transferSize }) => sum + transferSize, 0);
}

const stack = await Stack.start();
const browser = await openBrowser();
try {
  const paints = [];
  let weight = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { page, context } = await openPage(browser, stack);
    await page.waitForSelector("[data-symbol]");
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
    paints.push(paint);
    weight = await bytesOf(page, (name) => !name.includes("/stream"));
    if (round === ROUNDS - 1) {
      // The rest of the page, which comes when it is wanted.
      for (const [path, drawn] of [
        ["#/stocks/AAPL", "canvas"],
        ["#/portfolio", "[data-trades], .empty"],
        ["#/operations", "[data-health]"],
      ]) {
        await page.goto(`${stack.url}/${path}`);
        await page.waitForSelector(drawn);
      }
      const all = await bytesOf(page, (name) => /\/($|#|assets\/|icon)/.test(name));
      console.log(`weight of all views, compressed: ${(all / 1000).toFixed(0)} kB`);
    }
    await context.close();
  }
  console.log(`first contentful paint: ${figures(paints)} ms`);
  console.log(`weight of the market with ten stocks, compressed: ${(weight / 1000).toFixed(0)} kB`);

  for (let first = 0; first < SYMBOLS; first += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        stack.send("POST", "/stocks", {
          symbol: `S${String(first + index).padStart(5, "0")}`,
          name: `Company ${first + index}`,
          sector: "Many",
          current_price: 100,
        }),
      ),
    );
  }
  const { page } = await openPage(browser, stack);
  await page.waitForFunction((count) => document.querySelector("[aria-rowcount]")?.ariaRowCount > count, SYMBOLS);
  await page.selectOption("select", "Many");
  let isOver = false;
  let told = 0;
  const feed = (async () => {
    let due = Date.now();
    while (!isOver) {
      const prices = Array.from({ length: TICKS_A_SECOND / 10 }, () => ({
        // Half of them among the rows in sight.
        symbol: `S${String(Math.floor(Math.random() * (Math.random() < 0.5 ? 20 : SYMBOLS))).padStart(5, "0")}`,
        price: (90 + Math.random() * 20).toFixed(2),
      }));
      await stack.send("PUT", "/prices", prices);
      told += prices.length;
      due += 100;
      await sleep(Math.max(0, due - Date.now()));
    }
  })();
  const frames = async (isScrolling) => {
    const rates = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      rates.push(
        await page.evaluate(
          ([seconds, isScrolling]) =>
            new Promise((done) => {
              const scroller = document.querySelector(".table .body");
              const began = performance.now();
              let count = 0;
              const frame = (now) => {
                count += 1;
                if (isScrolling) scroller.scrollTop += 15;
                if (now - began < seconds * 1000) requestAnimationFrame(frame);
                else done((count / (now - began)) * 1000);
              };
              requestAnimationFrame(frame);
            }),
          [SECONDS, isScrolling],
        ),
      );
    }
    return rates;
  };
  console.log(`frames a second with ${SYMBOLS} symbols: ${figures(await frames(false), 1)}`);
  console.log(`frames a second while it is scrolled: ${figures(await frames(true), 1)}`);
  isOver = true;
  await feed;
  console.log(`prices told a second: ${(told / (2 * ROUNDS * SECONDS)).toFixed(0)}`);
} finally {
  await browser.close();
  await stack.remove();
}
