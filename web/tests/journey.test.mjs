// The whole way of a trader through the page, on the real services and in a real browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { eventually, openBrowser, openPage, Stack, writeKeys } from "./stack.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** A view that asks again for what it has would soon be past it. */
const MAX_REQUESTS = 250;

let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

/** axe-core comes in by the debugger, since the page's policy lets nothing else in. */
async function assertAccessible(page, where) {
  // A view is loaded when it is first wanted.
  await page.waitForSelector("h1");
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate((tags) => axe.run({ runOnly: tags }), RULES);
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => html + any.map((it) => it.message)).join("\n")}`,
  );
  assert.deepEqual(found, [], where);
  assert.ok(passes.length > 10, `${where}: axe looked at ${passes.length} rules`);
}

async function assertFits(page, where) {
  const [wide, narrow] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= narrow, `${where} is ${wide} px wide on a screen of ${narrow}`);
}

const text = (page, selector) => page.locator(selector).first().innerText();
const changes = async (page, selector) => {
  const first = await text(page, selector);
  await eventually(`${selector} changes from ${first}`, async () => (await text(page, selector)) !== first);
};

describe("a trader", () => {
  let stack, page, context, wrong, expected, asked;
  before(async () => {
    stack = await Stack.start({ args: ["--demo"] });
    ({ page, context, wrong, expected, asked } = await openPage(browser, stack));
  });
  after(() => stack?.remove());

  test("finds the market, live", async () => {
    await page.waitForSelector("[data-symbol=AAPL]");
    assert.equal(await page.locator("[data-symbol]").count(), 10);
    await page.waitForSelector("[data-connection=live]");
    await changes(page, "[data-symbol=AAPL] .price");
    await assertAccessible(page, "market");
  });

  test("searches, filters and sorts", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("apple");
    await eventually("one row", async () => (await page.locator("[data-symbol]").count()) === 1);
    await page.fill("#search", "nothing of that name");
    await page.waitForSelector(".empty");
    await page.fill("#search", "");
    await page.selectOption("select", "Technology");
    const symbols = () => page.locator("[data-symbol]").evaluateAll((rows) => rows.map((row) => row.dataset.symbol));
    const technology = (await stack.json("/stocks?sector=Technology")).map(({ symbol }) => symbol);
    assert.deepEqual(await symbols(), technology);
    await page.click(".header .symbol button");
    assert.deepEqual(await symbols(), technology.toReversed());
    await page.click(".header .symbol button");
    await page.selectOption("select", "");
  });

  test("opens a stock by the keyboard and watches its price", async () => {
    await page.locator("[data-symbol=AAPL] a").focus();
    await page.keyboard.press("ArrowDown");
    const second = await page.evaluate(() => document.activeElement.textContent);
    assert.equal(second, (await stack.json("/stocks?limit=2"))[1].symbol);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-price]");
    await changes(page, "[data-price]");
    await page.waitForSelector("canvas");
    await page.click("text=Prices as a table");
    await page.waitForSelector("details tbody tr");
    await assertAccessible(page, "stock");
  });

  test("buys once with a double click", async () => {
    await page.keyboard.press("b");
    await page.keyboard.type("10");
    await page.dblclick("button.primary");
    await page.waitForSelector("text=Bought 10 AAPL");
    await eventually("the position", async () => (await text(page, "[data-held]")) === "10");
    assert.equal((await stack.trades()).length, 1);
  });

  test("buys for an amount", async () => {
    await page.click("button:text-is('Amount')");
    await page.fill("#price", "200");
    await page.fill("#amount", "500");
    assert.equal(await text(page, "[data-total]"), "500.00");
    await page.click("button.primary");
    await page.waitForSelector("text=Bought 2.5 AAPL at 200.00");
    await page.click("button:text-is('Shares')");
  });

  test("sends an order again whose answer was lost, and it happens once", async () => {
    expected.push(/trades\/buy/);
    await page.route(
      "**/trades/buy",
      async (route) => {
        await route.fetch();
        await route.abort();
      },
      { times: 1 },
    );
    await page.fill("#quantity", "1");
    await page.click("button.primary");
    await page.waitForSelector("text=No answer came");
    assert.equal((await stack.trades()).length, 3, "the first one has arrived");
    assert.ok(await page.locator("#quantity").isDisabled());
    await page.click("text=Send again");
    await page.waitForSelector("text=Bought 1 AAPL");
    assert.equal((await stack.trades()).length, 3);
  });

  test("sees why more than is held cannot be sold, and sells what is", async () => {
    expected.push(/trades\/sell/);
    await page.keyboard.press("Escape");
    await page.click("button.sell");
    await page.fill("#quantity", "14");
    await page.waitForSelector("#quantity-error:text('You hold 13.5')");
    await page.click("button.primary");
    await page.waitForSelector("p.error[role=alert]");
    assert.match(await text(page, "#quantity-error"), /You hold 13\.5/);
    await page.fill("#quantity", "1.5");
    await page.click("button.primary");
    await page.waitForSelector("text=Sold 1.5 AAPL");
    assert.equal((await stack.json("/portfolio/user-001"))[0].quantity, 12);
  });

  test("is told about numbers that are none, before anything is sent", async () => {
    const before = (await stack.trades()).length;
    for (const [quantity, price] of [
      ["", ""],
      ["ten", ""],
      ["1", "0"],
      ["0.0000001", ""],
    ]) {
      await page.fill("#quantity", quantity);
      await page.fill("#price", price);
      await page.click("button.primary");
      await page.waitForSelector("input[aria-invalid=true]");
    }
    await page.fill("#quantity", "");
    await page.fill("#price", "");
    assert.equal((await stack.trades()).length, before);
  });

  test("sees the portfolio, its trades and their file", async () => {
    await page.click("text=Portfolio");
    await page.waitForSelector("[data-positions] >> text=AAPL");
    await changes(page, "[data-value]");
    assert.equal(await page.locator("[data-trades] tbody tr").count(), 4);
    await page.selectOption("text=Side", "sell");
    await eventually("the one sell", async () => (await page.locator("[data-trades] tbody tr").count()) === 1);
    await page.selectOption("text=Side", "");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Download CSV")]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
    assert.equal(lines.length, 5);
    assert.match(lines[0], /^id,user_id,symbol,side/);
    await page.waitForSelector("canvas");
    await assertAccessible(page, "portfolio");
  });

  test("is somebody else by another name", async () => {
    await page.fill("#user", "user-002");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=Nothing is held yet");
    await page.fill("#user", "nobody at all");
    await page.waitForSelector("#user-error");
    await page.fill("#user", "user-001");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-positions] >> text=AAPL");
  });

  test("sees which release serves and how it does", async () => {
    await page.click("text=Operations");
    await page.waitForSelector("[data-orders]");
    assert.deepEqual(await page.locator("[data-health]").allInnerTexts(), ["✓ Healthy", "✓ Healthy"]);
    await assertAccessible(page, "operations");
  });

  test("finds the keys, and closes their list", async () => {
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await assertAccessible(page, "keys");
    await page.keyboard.press("Escape");
    await eventually("no dialog", async () => (await page.locator("dialog[open]").count()) === 0);
    await page.keyboard.press("m");
    await page.waitForSelector("[data-symbol=AAPL]");
  });

  test("sees that the connection is lost, and that it is back", async () => {
    // While it starts it says so.
    expected.push(/status of 503/);
    expected.push(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
    await stack.down();
    await page.waitForSelector("[data-connection=reconnecting]");
    await page.waitForSelector("text=Prices may be old");
    await stack.up();
    await page.waitForSelector("[data-connection=live]");
    await changes(page, "[data-symbol=AAPL] .price");
    await context.setOffline(true);
    await stack.down("SIGKILL");
    await page.waitForSelector("[data-connection=offline]");
    await stack.up();
    await context.setOffline(false);
    await page.waitForSelector("[data-connection=live]");
  });

  test("reads it all in the dark and on a phone", async () => {
    expected.push(/ERR_INTERNET_DISCONNECTED/);
    await page.click("button[aria-label='Dark colours']");
    await page.setViewportSize({ width: 390, height: 844 });
    for (const [where, path, drawn] of [
      ["market", "#/", "[data-symbol=AAPL]"],
      ["stock", "#/stocks/AAPL", "canvas"],
      ["portfolio", "#/portfolio", "[data-trades]"],
      ["operations", "#/operations", "[data-orders]"],
    ]) {
      await page.goto(`${stack.url}/${path}`);
      await page.waitForSelector(drawn);
      await assertFits(page, where);
      await assertAccessible(page, `${where}, dark, on a phone`);
    }
  });

  test("has met no error, has asked no more than was of use, and nothing has left this machine", () => {
    assert.deepEqual(wrong, []);
    assert.ok(asked.count < MAX_REQUESTS, `${asked.count} requests`);
  });
});

describe("where callers show who they are", () => {
  let stack, page, wrong, expected, asked, keys;
  before(async () => {
    stack = await Stack.start();
    await stack.down();
    keys = await writeKeys(stack.folder, ["orders:user-007", "orders:user-008"]);
    Object.assign(stack.env, { AUTH: "keys", API_KEYS_FILE: keys.path });
    await stack.up();
    ({ page, wrong, expected, asked } = await openPage(browser, stack));
    expected.push(/status of 40[13]/);
  });
  after(() => stack?.remove());

  async function signIn(user, key) {
    await page.fill("input[autocomplete=username]", user);
    await page.fill("input[type=password]", key);
    await page.click("button:text-is('Sign in')");
  }

  test("a key that does not count, or is somebody else's, is refused in words", async () => {
    await page.waitForSelector("[data-symbol=AAPL]");
    await page.click("a:text-is('Sign in')");
    await assertAccessible(page, "sign-in");
    await signIn("user-007", "sk_00000000_wrong");
    await page.waitForSelector("text=This key does not count");
    await signIn("user-007", keys.shown[1]);
    await page.waitForSelector("text=This key is not for user-007");
  });

  test("a key opens its user's portfolio, and is kept nowhere that lasts", async () => {
    await signIn("user-007", keys.shown[0]);
    await page.waitForSelector("text=Nothing is held yet");
    const kept = await page.evaluate(() => JSON.stringify(localStorage) + document.cookie + location.href);
    assert.ok(!kept.includes("sk_"), kept);
    await page.reload();
    await page.waitForSelector("text=Signed in as user-007");
    await page.goto(`${stack.url}/#/operations`);
    await page.waitForSelector("text=those with a key for operations");
  });

  test("signing out leaves nothing behind", async () => {
    await page.goto(`${stack.url}/#/portfolio`);
    await page.click("text=Sign out");
    await page.waitForSelector("input[type=password]");
    const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
    assert.ok(!kept.includes("sk_"), kept);
    await page.reload();
    await page.waitForSelector("input[type=password]");
  });

  test("nothing went wrong meanwhile", () => {
    assert.deepEqual(wrong, []);
    assert.ok(asked.count < MAX_REQUESTS, `${asked.count} requests`);
  });
});
