// What an operator sees who signs in at "/" as an administrator.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Bridge } from "./support/bridge.mjs";
import { screenshot } from "./support/chromium.mjs";
import { Pages } from "./support/pages.mjs";
import { Producer } from "./support/program.mjs";
import { makeToken, newSecret } from "./support/token.mjs";
import { LANGUAGES } from "./support/words.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const KiB = 1024;
let bridge, producer;
const pages = new Pages();

/** A page of the administrator's at a view. */
async function open(view = "overview", options = {}) {
  const page = await pages.open(`${bridge.url}/#token=${bridge.adminToken}`, options, bridge.url);
  await page.waitForSelector("#user[data-admin=true]");
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
  await page.waitForSelector(`nav [data-view=${view.split("?")[0]}][aria-current=page]`);
  return page;
}

/** What axe-core has against the page, in words. */
async function complaints(page) {
  // The page's policy lets no script in but its own; the tool comes in by the debugger.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary})`).join("; ")}`);
}

beforeAll(() => pages.launch());
afterAll(() => pages.end());
beforeEach(async () => {
  bridge = await Bridge.start();
  producer = await Producer.connect(bridge.endpoint);
});
afterEach(async () => {
  const problems = await pages.close();
  await producer?.end();
  await bridge?.stop();
  expect(problems).toEqual([]);
});

describe("the overview", () => {
  it.each(LANGUAGES)("tells how the bridge does (%s)", async (locale, say) => {
    const page = await open("overview", { locale });
    await page.waitForSelector("#problems[data-count='0']");
    await page.waitForSelector("#readiness[data-ready=true]");
    await page.waitForFunction((version) => new RegExp(`${version}\\d+\\.\\d+`).test(document.querySelector("#bar").textContent), say("bar.version", { version: "" }));
    await page.waitForSelector(`#readiness >> text=${say("overview.ready")}`);
    await page.waitForSelector("[data-tile=producers] >> text=1");
    await producer.send("orders", { type: "order" });
    await page.waitForSelector("#busiest-topics >> text=orders"); // which came after the page was opened
    await page.waitForFunction(() => /0\.\d|[1-9]/.test(document.querySelector("[data-tile=in] .value").textContent));
    await screenshot(page, locale === "en-GB" ? "overview" : `overview-${locale}`);
  });

  it("has what was before it was opened", async () => {
    for (let i = 0; i < 40; i++) await producer.send("orders", { type: "order" });
    const kept = async () => (await bridge.call("GET", "/api/ws/samples", bridge.adminToken)).samples.events.some((n) => n > 0);
    while (!(await kept())); // a sample is taken each second
    const page = await open();
    await page.waitForFunction(() => document.querySelector("[data-tile=in] polyline")?.getAttribute("points").split(" ").some((point) => point.endsWith(",2.0")));
  });

  it.each(LANGUAGES)("says what is wrong, and counts it in the bar (%s)", async (locale, say) => {
    const page = await open("overview", { locale });
    await page.waitForSelector("#problems[data-count='0']");
    await producer.send("", "no topic");
    await page.waitForSelector("[data-problem='problem.rejected']");
    await page.waitForSelector("[data-loss*=topic_empty]");
    await producer.end();
    await page.waitForSelector(`[data-problem='problem.producers'] >> text=${say("problem.producers")}`);
    await page.waitForSelector(`#problems[data-count='2'] >> text=${say("bar.problems", { n: 2 })}`);
  });

  it.each([["en-GB", "Log and audit", "Newest administrators' calls"], ["zh-CN", "日志与审计", "最新管理员调用"]])("shows the newest lines of the log and of the audit (%s)", async (locale, title, audit) => {
    await bridge.call("POST", "/api/ws/publish", bridge.adminToken, { topic: "\u202e<b>x</b>", message: 1 });
    const page = await open("overview", { locale });
    await page.waitForSelector(`#log-title:has-text("${title}")`);
    await page.waitForSelector(`h3:has-text("${audit}")`);
    await page.waitForSelector('[data-lines=log] [data-level=info]:has-text("listening")');
    await page.waitForSelector("#busiest-topics td a");
    expect(await page.textContent("#busiest-topics")).toContain("\\u202e<b>x</b>");
    const line = '[data-lines=audit] li:has-text("/api/ws/publish")';
    expect(await page.textContent(line)).toContain('topic="\\xe2\\x80\\xae<b>x</b>"');
    await bridge.call("DELETE", "/api/ws/users/ada/connections", bridge.adminToken);
    await page.waitForSelector('[data-lines=audit] li:has-text("/api/ws/users/ada/connections")'); // it is asked for again
    expect(await page.content()).not.toContain(bridge.adminToken);
  });

  it("asks for nothing that leaves a line in the audit while nobody looks at it", async () => {
    const page = await open("configuration");
    await page.evaluate(() => Object.defineProperty(document, "hidden", { get: () => true }));
    await page.click("nav [data-view=overview]");
    const shows = (n) => page.waitForFunction((least) => parseFloat(document.querySelector("[data-tile=in] .value")?.textContent) >= least, n);
    await page.waitForSelector("[aria-labelledby=busiest-title] :is(.empty, table)"); // the answer to what was asked as it was opened
    const asked = async () => (await bridge.call("GET", "/api/ws/log?limit=200", bridge.adminToken)).audit.filter(({ text }) => text.includes('path="/api/ws/stats"')).length;
    const before = await asked();
    for (const count of [3, 3]) {
      for (let i = 0; i < count; i++) await producer.send("orders", { type: "order" });
      await shows(1);
    }
    expect(await asked()).toBe(before);
  });

  it("greys what it knows when the bridge is gone, and says how old that is", async () => {
    const secret = newSecret(); // with a key a token outlives the bridge
    await bridge.stop();
    bridge = await Bridge.start({ "auth.hs256_secret": secret });
    const page = await pages.open(`${bridge.url}/#token=${makeToken(secret, "root", 3600, { role: "admin" })}`, {}, bridge.url);
    await page.waitForSelector(".figures:not(.stale)");
    await bridge.kill();
    await page.waitForSelector(".figures.stale");
    await page.waitForSelector("#age");
    expect(await page.evaluate(() => getComputedStyle(document.querySelector("main")).filter)).toBe("grayscale(1)");
    await screenshot(page, "overview-without-a-bridge");
    await bridge.start();
    await page.waitForSelector(".figures:not(.stale)");
    await page.waitForSelector("#age", { state: "detached" });
    expect(await page.evaluate(() => getComputedStyle(document.querySelector("main")).filter)).toBe("none");
  });

  it("shows nothing of the bridge before as if it were of the one that comes", async () => {
    const secret = newSecret();
    await bridge.stop();
    bridge = await Bridge.start({ "auth.hs256_secret": secret, "limits.topics": 1000 });
    const page = await pages.open(`${bridge.url}/#token=${makeToken(secret, "root", 3600, { role: "admin" })}`, {}, bridge.url);
    await page.waitForSelector("#user[data-admin=true]");
    await page.evaluate(() => { location.hash = "#/configuration?search=limits.topics"; });
    await page.waitForSelector('[data-key="limits.topics"] >> text=1000');
    await bridge.kill();
    await page.waitForSelector("main.stale");
    bridge.change((text) => text.replace("1000", "2000"));
    await bridge.start();
    await page.waitForSelector('[data-key="limits.topics"] >> text=2000');
    await bridge.kill();
    await page.waitForSelector("main.stale");
    await Promise.all([page.waitForEvent("requestfailed", (request) => request.url().includes("/assets/")), page.click("nav [data-view=fleet]")]); // whose files nobody can give now
    await bridge.start();
    await page.waitForSelector("#for-admins"); // the new page, for which the token is gone
    expect(page.url()).toBe(`${bridge.url}/#/fleet`);
  });

  it("says to everybody else, too, how old what they see is", async () => {
    const page = await pages.open(`${bridge.url}/#/imports`, {}, bridge.url);
    await page.waitForSelector("#connection[data-state=connected]");
    expect(await page.$("#age")).toBeNull();
    await bridge.kill();
    await page.waitForSelector("#age");
    await bridge.start();
    await page.waitForSelector("#age", { state: "detached" });
  });
});

describe("every view", () => {
  const VIEWS = ["overview", "connections", "topics?topic=orders", "tail?topics=orders&last=5", "send", "rights?user=ada", "configuration", "fleet", "imports", "wallets"];

  beforeEach(async () => {
    for (let i = 0; i < 3; i++) await producer.send("orders", { type: "order", data: { n: i } });
    await producer.progress("task-123", 40, { failed: 3 });
    await producer.progress("task-7", 100);
    await producer.notification("notifications", "A title", "warning", "and words");
    await producer.send("wallet_updates", { type: "wallet_update", wallet_address: "0xab", data: { score: 7, pnl: -3 } });
    await producer.send("system_status", { type: "system_status", data: { cpu: 40, active_wallets: 4 } });
  });

  it.each([["light", "en-GB"], ["dark", "en-GB"], ["light", "zh-CN"]])("is without a finding of axe-core (%s, %s)", async (colorScheme, locale) => {
    const page = await open("overview", { colorScheme, locale, reducedMotion: "reduce" });
    for (const view of VIEWS) {
      const [name] = view.split("?");
      await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
      await page.waitForSelector(`nav [data-view=${name}][aria-current=page]`);
      await page.waitForSelector("main h2");
      expect(await complaints(page), name).toEqual([]);
      await screenshot(page, `${name}-${colorScheme}-${locale}`);
    }
    await page.evaluate(() => { location.hash = "#/connections?search=127"; });
    await page.click("#connections tbody button");
    await page.waitForSelector("#detail");
    expect(await complaints(page), "a connection").toEqual([]);
    await page.click("#close-one");
    await page.waitForSelector("#confirm-input");
    expect(await complaints(page), "the word that is asked for").toEqual([]);
    await screenshot(page, `confirm-${colorScheme}-${locale}`);
    for (const form of ["#confirm-input", "#detail"]) {
      await page.keyboard.press("Escape");
      await page.waitForSelector(form, { state: "hidden" });
    }
    await page.click("#sign-in");
    await page.waitForSelector("#sign-in-form");
    expect(await complaints(page), "the form to sign in").toEqual([]);
    await page.keyboard.press("Escape");
    await page.waitForSelector("#sign-in-form", { state: "hidden" });
    await bridge.kill();
    await page.waitForSelector("main.stale");
    expect(await complaints(page), "without a bridge").toEqual([]);
    await bridge.start();
  });

  it("fits a phone", async () => {
    const page = await open("overview", { viewport: { width: 390, height: 844 } });
    for (const view of VIEWS) {
      await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
      await page.waitForSelector(`nav [data-view=${view.split("?")[0]}][aria-current=page]`);
      await page.waitForSelector("main h2");
      expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBeLessThanOrEqual(390);
      await screenshot(page, `${view.split("?")[0]}-phone`);
    }
  });

  it("is used by keyboard alone", async () => {
    const page = await open("overview", { reducedMotion: "reduce" });
    const focused = (what) => page.waitForFunction((selector) => document.activeElement?.matches(selector), what);
    await page.keyboard.press("Tab");
    await focused(".skip");
    await page.keyboard.press("Enter");
    await focused("#main");
    await page.keyboard.press("Shift+Tab");
    await focused("nav [data-view=wallets]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("nav [data-view=wallets][aria-current=page]");
    await page.evaluate(() => { location.hash = "#/connections"; });
    await page.focus("#connections th button");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#connections th[aria-sort=ascending] button");
    await page.focus("#connections tbody button");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail");
    await focused("[role=dialog], [role=dialog] *");
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0); // as asked for
    await page.keyboard.press("Escape");
    await page.waitForSelector("#detail", { state: "detached" });
    await focused("#connections tbody button");
  });

  it("comes with no more than it may weigh", async () => {
    const weights = new Map();
    const page = await pages.open("about:blank", {}, bridge.url);
    page.problems.length = 0;
    page.on("request", (request) => weights.set(request.url().split("#")[0], 0));
    const weigh = async () => {
      for (const url of weights.keys()) {
        if (url !== `${bridge.url}/` && !url.includes("/assets/")) { weights.delete(url); continue; }
        const answer = await fetch(url, { method: "HEAD", headers: { "accept-encoding": "gzip" } });
        expect(answer.headers.get("content-encoding"), url).toBe("gzip");
        weights.set(url, Number(answer.headers.get("content-length")));
      }
      return [...weights.values()].reduce((sum, bytes) => sum + bytes, 0);
    };
    await page.goto(`${bridge.url}/#token=${bridge.adminToken}`);
    await page.waitForSelector("[data-tile=in]");
    const first = await weigh();
    expect(first).toBeGreaterThan(50 * KiB);
    expect(first).toBeLessThanOrEqual(180 * KiB);
    for (const link of await page.$$("nav a")) {
      await link.click();
      await page.waitForSelector("main h2");
    }
    expect(await weigh()).toBeLessThanOrEqual(260 * KiB);
    for (const client of ["client.js", "client.mjs"]) {
      const answer = await fetch(`${bridge.url}/${client}`, { method: "HEAD", headers: { "accept-encoding": "gzip" } });
      expect(answer.headers.get("content-encoding"), client).toBe("gzip");
      expect(Number(answer.headers.get("content-length")), client).toBeLessThanOrEqual(7 * KiB); // as it is sent
    }
  });
});

describe("a machine whose clock is wrong", () => {
  it.each([["behind", -2], ["ahead", 2]])("shows how long things are there by the bridge's (two hours %s)", async (_, hours) => {
    const page = await pages.open("about:blank", {}, bridge.url);
    page.problems.length = 0;
    await page.addInitScript((ms) => { const now = Date.now; Date.now = () => now() + ms; }, hours * 3_600_000);
    await page.goto(`${bridge.url}/#token=${bridge.adminToken}`);
    await page.waitForFunction(() => /up [1-9]\d* s/.test(document.querySelector("#bar").textContent));
    await page.evaluate(() => { location.hash = "#/connections"; });
    await page.waitForFunction(() => /^[1-9]\d* s$/.test(document.querySelector("table.list tbody td:last-child")?.textContent.trim() ?? ""));
    await page.evaluate(() => { location.hash = "#/fleet"; });
    await page.waitForFunction(() => /^[1-9]\d* s$/.test(document.querySelector("#fleet td:last-child")?.textContent.trim() ?? ""));
    await page.waitForSelector("#problems[data-count='0']");
  });
});

describe("the bar", () => {
  it("changes language and colours, and remembers them", async () => {
    const page = await open("tail");
    await page.click("#language");
    await page.waitForSelector("nav >> text=实时跟踪");
    expect(await page.getAttribute("html", "lang")).toBe("zh-CN");
    await page.click("#theme");
    await page.waitForSelector("html.dark");
    await page.reload();
    await page.waitForSelector("html.dark[lang=zh-CN]");
  });
});
