// What a person sees at "/": the page that the daemon serves, in a real browser, fed by pyzmq.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Bridge } from "./support/bridge.mjs";
import { screenshot } from "./support/chromium.mjs";
import { Pages } from "./support/pages.mjs";
import { underPrefix } from "./support/prefix.mjs";
import { Producer } from "./support/program.mjs";
import { makeToken, newSecret } from "./support/token.mjs";
import { LANGUAGES } from "./support/words.mjs";

let bridge, producer;
const pages = new Pages();
const IMPORTS = "#/imports", WALLETS = "#/wallets", TAIL = "#/tail";
const open = (fragment = IMPORTS, options = {}, at = bridge.url) => pages.open(`${at}/${fragment}`, options, at);

const connected = (page) => page.waitForSelector("#connection[data-state=connected]");
const progressOf = (page, task, value) => page.waitForSelector(`[data-task="${task}"] [role=progressbar][aria-valuenow="${value}"]`);
const notice = (page, title) => page.waitForSelector(`#notifications .title >> text="${title}"`);
const settled = (page) => page.waitForFunction(() => document.querySelector("#refused").hidden);
/** Goes to another view of the same page. */
const goTo = (page, view) => page.click(`nav [data-view=${view}]`);

async function signIn(page, token) {
  await page.click("#sign-in");
  await page.fill("#token-input", token);
  await page.press("#token-input", "Enter");
}

beforeAll(() => pages.launch());
afterAll(() => pages.end());
afterEach(async () => {
  const problems = await pages.close();
  await producer?.end();
  await bridge?.stop();
  bridge = producer = undefined;
  expect(problems).toEqual([]);
});

describe("the console of an open bridge", () => {
  beforeEach(async () => {
    bridge = await Bridge.start();
    producer = await Producer.connect(bridge.endpoint);
  });

  it("finds the bridge under the prefix of a proxy", async () => {
    const proxy = await underPrefix("/fleet/live", bridge);
    const page = await open(IMPORTS, {}, proxy.url);
    await connected(page);
    await producer.progress("task-123", 10);
    await progressOf(page, "task-123", "10.0");
    proxy.stop();
  });

  it.each(LANGUAGES)("moves an import's bar while its producer reports (%s)", async (locale, say) => {
    const page = await open(IMPORTS, { locale });
    await connected(page);
    const widths = [];
    for (const percent of [10, 35, 80]) {
      await producer.progress("task-123", percent, { failed: percent / 2 });
      await progressOf(page, "task-123", percent.toFixed(1));
      widths.push(await page.$eval('[data-task="task-123"] .done', (bar) => Number.parseFloat(bar.style.width)));
    }
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect(await page.textContent('[data-task="task-123"]')).toContain(say("imports.rows", { done: "800", total: "1,000" }));
    expect(await page.textContent('[data-task="task-123"]')).toContain(say("imports.failed", { n: 40 }));
    await screenshot(page, "import-moves");
    await producer.progress("task-123", 100);
    await page.waitForSelector('[data-task="task-123"][data-status=completed]');
  });

  it("shows the last state of what has happened before it was opened", async () => {
    await producer.progress("task-123", 20);
    await producer.progress("task-123", 60);
    await producer.notification("notifications", "Earlier");
    const first = await open();
    await progressOf(first, "task-123", "60.0");
    await notice(first, "Earlier");
    expect(await first.$$("#toasts > *")).toHaveLength(0);
  });

  it.each([["light", 1280, 900], ["dark", 1280, 900], ["phone", 390, 844]])("draws the example application (%s)", async (name, width, height) => {
    const page = await open(IMPORTS, { viewport: { width, height }, colorScheme: name === "light" ? "light" : "dark" });
    await connected(page);
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    for (const [task, percent] of [["task-123", 42], ["customers-2025", 88], ["ledger", 100]]) await producer.progress(task, percent, { failed: 31 });
    for (let i = 0; i < 24; i++) {
      const address = `0x${(i % 6 + 1).toString(16).repeat(40)}`;
      await producer.send("wallet_updates", { type: "wallet_update", wallet_address: address, data: { score: 40 + (i * 7) % 55, pnl: Math.sin(i) * 4000 + 900 } });
      await producer.send("system_status", { type: "system_status", data: { cpu: 30 + 20 * Math.sin(i / 3), memory: 61 + i / 10, active_wallets: 150 + i } });
    }
    for (const level of ["info", "success", "warning", "error"]) await producer.notification("notifications", `A ${level}`, level, "What it says in more words");
    await notice(page, "A error");
    await page.waitForSelector('[data-metric=active_wallets][data-value="173"]');
    expect(await page.$$("#toasts .notice")).toHaveLength(4);
    expect(await fits()).toBe(true);
    await screenshot(page, `imports-${name}`);
    await goTo(page, "wallets");
    await page.waitForSelector("[data-wallet]:nth-of-type(6)");
    expect(await fits()).toBe(true);
    await screenshot(page, `wallets-${name}`);
  });

  it.each(LANGUAGES)("sorts and searches wallets, and keeps that in the address (%s)", async (locale, say) => {
    for (const [address, score] of [["0xaa", 5], ["0xbb", 9], ["0xab", 7]]) await producer.send("wallet_updates", { type: "wallet_update", wallet_address: address, data: { score } });
    const page = await open(WALLETS, { locale });
    const shown = () => page.$$eval("[data-wallet]", (rows) => rows.map((row) => row.dataset.wallet));
    await page.waitForSelector("[data-wallet]:nth-of-type(3)");
    for (let turn = 0; turn < 2; turn++) await page.click(`th >> text="${say("wallets.score")}"`);
    expect(await shown()).toEqual(["0xbb", "0xab", "0xaa"]);
    await page.fill(`input[aria-label="${say("wallets.search")}"]`, "XA");
    await page.waitForSelector('[data-wallet="0xbb"]', { state: "detached" });
    const other = await open(await page.evaluate(() => location.hash));
    await other.waitForSelector("[data-wallet]:nth-of-type(2)");
    expect(await other.$$eval("[data-wallet]", (rows) => rows.map((row) => row.dataset.wallet))).toEqual(["0xab", "0xaa"]);
  });

  it.each(LANGUAGES)("shows a balance with all its digits, and numbers however they are written (%s)", async (locale) => {
    const wei = "123456789012345678901234567890";
    const page = await open(WALLETS, { locale });
    await connected(page);
    await producer.send("wallet_updates", `{"type":"wallet_update","wallet_address":"0xaa","data":{"score":45.0,"pnl":${wei}}}`);
    await page.waitForSelector(`[data-wallet="0xaa"] >> text=+${BigInt(wei).toLocaleString(locale)}.00`);
    await producer.send("system_status", '{"type":"system_status","data":{"cpu":45.0,"active_wallets":1e2}}');
    await producer.send("import:task-123", '{"type":"import_progress","task_id":"task-123","data":{"progress":45.0,"eta":40.0}}');
    await goTo(page, "imports");
    await page.waitForSelector('[data-metric=cpu][data-value="45"]');
    await page.waitForSelector('[data-metric=active_wallets][data-value="100"]');
    await progressOf(page, "task-123", "45.0");
  });

  it("takes every text for text", async () => {
    const page = await open();
    await connected(page);
    const evil = '<img src=x onerror="window.hacked = true">';
    await producer.progress(evil, 50, { status: evil });
    await producer.send("wallet_updates", { type: "wallet_update", wallet_address: evil, data: { score: 1 } });
    await producer.send("system_status", { type: "system_status", data: { [evil]: 1, cpu: evil } });
    await producer.send("notifications", { type: "notification", data: { title: evil, content: evil, level: "__proto__" }, timestamp: evil });
    await producer.send("@all", { type: evil, data: evil });
    await page.waitForFunction(() => document.querySelectorAll("#notifications li").length === 2);
    await goTo(page, "wallets");
    await page.waitForSelector("[data-wallet]");
    await goTo(page, "tail");
    await page.fill("#topic-input", "*");
    await page.press("#topic-input", "Enter");
    await page.click("#events .text");
    await page.waitForSelector("#whole");
    expect(await page.$$("img")).toHaveLength(0);
    expect(await page.evaluate(() => window.hacked)).toBeUndefined();
  });

  it("is not disturbed by events that are not what they say", async () => {
    const page = await open();
    await connected(page);
    for (const data of [null, 5, "x", [], { progress: "x", total: -1, processed: {} }]) await producer.send("import:odd", { type: "import_progress", data });
    for (const type of ["import_progress", "wallet_update", "system_status", "notification", "error", "connection"]) await producer.send("notifications", { type });
    await producer.progress("task-123", 5);
    await progressOf(page, "task-123", "5.0");
    expect(await page.getAttribute("#connection", "data-state")).toBe("connected");
  });

  it("comes back after the bridge was killed and started again", async () => {
    const page = await open();
    await connected(page);
    await producer.progress("task-123", 30);
    await progressOf(page, "task-123", "30.0");
    await bridge.kill();
    await page.waitForSelector('#connection[data-state=disconnected][data-code="1006"]');
    await bridge.start();
    await producer.waitReady();
    await connected(page);
    await settled(page);
    await producer.progress("task-123", 70);
    await progressOf(page, "task-123", "70.0");
  });

  it("says why when the bridge stops", async () => {
    const page = await open();
    await connected(page);
    await bridge.stop();
    await page.waitForFunction(() => was.some((line) => /^disconnected .*1012: the bridge restarts/s.test(line)));
    await bridge.start();
    await producer.waitReady();
    await connected(page);
  });

  it("knows the administrator by the token that the bridge wrote at its start", async () => {
    const page = await open(`#token=${bridge.adminToken}`);
    await page.waitForSelector("#user[data-admin=true]");
    await page.waitForSelector("nav [data-view=overview][aria-current=page]");
    const other = await open("");
    await other.waitForSelector("nav [data-view=imports][aria-current=page]");
    expect(await other.$$("nav [data-view=overview]")).toHaveLength(0); // what one may not see is not offered
    await other.goto(`${bridge.url}/#/overview`);
    await other.waitForSelector("#for-admins");
    await other.click("#for-admins button");
    await other.fill("#token-input", bridge.adminToken);
    await other.press("#token-input", "Enter");
    await other.waitForSelector("[data-tile=in]"); // the view of the address, now that it is offered
    await other.click("#sign-in");
    await other.click("#sign-out");
    await other.waitForSelector("#for-admins");
    await other.waitForSelector("#bar .figures", { state: "detached" }); // nor what an administrator saw
    await other.goto(`${bridge.url}/#/nothing`);
    await other.waitForSelector("main >> text=There is no such view");
  });

  it("leaves nothing of what an administrator saw to who comes after, also while the bridge is away", async () => {
    const page = await open(`#token=${bridge.adminToken}`);
    await page.waitForSelector("#bar .figures");
    await bridge.kill();
    await page.waitForSelector("#connection[data-state=disconnected]");
    await page.click("#sign-in");
    await page.click("#sign-out");
    await page.waitForSelector("#bar .figures", { state: "detached" });
    await bridge.start();
  });

  it("listens to any topic, and tells what is refused", async () => {
    const page = await open(TAIL);
    await connected(page);
    await producer.send("prices.eur", { type: "price", data: 1 });
    await page.fill("#topic-input", "prices.*");
    await page.press("#topic-input", "Enter");
    await page.waitForSelector('[data-topic="prices.*"][data-state=active]');
    await producer.send("prices.usd", { type: "price", data: 2 });
    await page.waitForFunction(() => /prices\.eur.*prices\.usd/s.test(document.querySelector("#events").textContent));
    await page.fill("#topic-input", "a*b");
    await page.press("#topic-input", "Enter");
    await page.waitForSelector('[data-topic="a*b"][data-state=refused]');
    await page.click('[data-topic="prices.*"] button');
    await page.waitForSelector('[data-topic="prices.*"]', { state: "detached" });
  });
});

describe("the console of a bridge with users", () => {
  let secret;
  beforeEach(async () => {
    secret = newSecret();
    bridge = await Bridge.start({ "auth.hs256_secret": secret, "auth.expiry_grace": "1s" });
    producer = await Producer.connect(bridge.endpoint);
  });

  it("says what a visitor without a token may not see, and shows it after signing in", async () => {
    const page = await open();
    await connected(page);
    await page.waitForFunction(() => document.querySelector("#refused").textContent.includes("import:*"));
    await signIn(page, makeToken(secret, "ada"));
    await page.waitForSelector("#user[data-user=ada]");
    await page.waitForSelector("#refused", { state: "hidden" });
    await producer.progress("task-123", 12);
    await progressOf(page, "task-123", "12.0");
    expect(page.sockets).toBe(1);
    await screenshot(page, "signed-in");
  });

  it("takes the token of the fragment, and out of the address", async () => {
    const page = await open(`#token=${makeToken(secret, "ada")}`);
    await page.waitForSelector("#user[data-user=ada]");
    expect(await page.evaluate(() => location.href)).toBe(`${bridge.url}/`);
  });

  it("shows a personal notification in one of two browsers only", async () => {
    const [ada, bob] = [await open(`#token=${makeToken(secret, "ada")}`), await open(`#token=${makeToken(secret, "bob")}`)];
    await ada.waitForSelector("#user[data-user=ada]");
    await bob.waitForSelector("#user[data-user=bob]");
    const admin = makeToken(secret, "backend", 3600, { role: "admin" });
    const sent = await bridge.call("POST", "/api/ws/notify", admin, { title: "For Ada", level: "success", target_users: ["ada"] });
    expect(sent).toEqual({ status: 200, success: true, recipients: 1 });
    await producer.notification("notifications", "For everyone");
    for (const page of [ada, bob]) await notice(page, "For everyone");
    await notice(ada, "For Ada");
    expect(await ada.textContent('#toasts [data-from="@user/ada"]')).toContain("for you");
    expect(await bob.textContent("body")).not.toContain("For Ada");
    await screenshot(ada, "personal-notification");
  });

  it("renews its token without a reconnect", async () => {
    const page = await open(`#token=${makeToken(secret, "ada", 600)}`);
    await page.waitForSelector("#user[data-user=ada]");
    await signIn(page, makeToken(secret, "ada"));
    await page.waitForSelector("#sign-in-form", { state: "hidden" });
    await producer.notification("notifications", "Still here");
    await notice(page, "Still here");
    expect(page.sockets).toBe(1);
  });

  it("becomes another user by a new connection", async () => {
    const page = await open(`#token=${makeToken(secret, "ada")}`);
    await page.waitForSelector("#user[data-user=ada]");
    await settled(page);
    await producer.notification("@user/ada", "For Ada");
    await producer.notification("notifications", "For everyone");
    await notice(page, "For Ada");
    await notice(page, "For everyone");
    await signIn(page, makeToken(secret, "bob"));
    await page.waitForSelector("#user[data-user=bob]");
    expect(page.sockets).toBe(2);
    await producer.notification("notifications", "For everyone, too");
    await notice(page, "For everyone, too");
    await notice(page, "For everyone");
    expect(await page.$$eval("#notifications .title", (titles) => titles.map(({ textContent }) => textContent))).toEqual(["For everyone, too", "For everyone"]);
    expect(await page.textContent("#toasts")).not.toContain("For Ada");
  });

  it("asks for a new token when one is bad, and when one ends", async () => {
    const page = await open("#token=not.a.token");
    await page.waitForSelector('#connection[data-state=disconnected][data-code="4401"]');
    await page.waitForSelector("#token-error >> text=not accept");
    await page.fill("#token-input", makeToken(secret, "ada", 2));
    await page.press("#token-input", "Enter");
    await page.waitForSelector("#user[data-user=ada]");
    await page.waitForSelector('#connection[data-state=disconnected][data-code="4401"]');
    await page.waitForSelector("#token-error >> text=expired");
    await page.fill("#token-input", makeToken(secret, "ada"));
    await page.press("#token-input", "Enter");
    await connected(page);
  });
});
