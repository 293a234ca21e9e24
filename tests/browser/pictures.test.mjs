// The pictures of docs/CONSOLE.md: of each view one, with something in it. ZWS_PICTURES=1 writes them anew.
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import { Bridge, ROOT } from "./support/bridge.mjs";
import { Pages } from "./support/pages.mjs";
import { Producer } from "./support/program.mjs";

const FOLDER = join(ROOT, process.env.ZWS_PICTURES ? "docs/pictures" : "build/screenshots");
const BYTES_MAX = 60 * 1024;
const VIEWS = [
  ["overview", "[data-lines=log] li"],
  ["connections", "table.list tbody tr"],
  ["topics?topic=import:task-123", "main >> text=import:task-123"],
  ["tail?topics=orders,notifications&last=8", "main >> text=orders"],
  ["send", "main h2"],
  ["rights?user=ada&topic=orders", "#rights-answer"],
  ["configuration", "main >> text=server.listen"],
  ["fleet", "table.list tbody tr"],
  ["imports", "main >> text=task-123"],
  ["wallets", "main >> text=0xab"],
];
const pages = new Pages();
const clients = [];
let bridge, producer, page;

/** A client that hears `topic`, once it does. */
function listen(topic) {
  return new Promise((done, fail) => {
    const client = new WebSocket(bridge.wsUrl);
    clients.push(client);
    client.on("error", fail);
    client.on("open", () => client.send(JSON.stringify({ type: "subscribe", topic })));
    client.on("message", (text) => String(text).includes("subscribed") && done());
  });
}

async function tell() {
  for (const topic of ["orders", "import:*", "notifications"]) await listen(topic);
  for (let n = 1; n <= 8; n++) {
    await producer.send("orders", { type: "order", data: { id: n, total: n * 19 } });
    await producer.progress("task-123", n * 9, { failed: n });
  }
  await producer.progress("task-7", 100);
  await producer.notification("notifications", "The import is through", "success", "1,000 rows");
  for (const [wallet, score, pnl] of [["0xab", 71, 3.5], ["0x17", 64, -1.2], ["0xc4", 58, 0.4]])
    await producer.send("wallet_updates", { type: "wallet_update", wallet_address: wallet, data: { score, pnl } });
  await producer.send("system_status", { type: "system_status", data: { cpu: 40, memory: 55, active_wallets: 3 } });
}

beforeAll(async () => {
  await pages.launch();
  bridge = await Bridge.start();
  producer = await Producer.connect(bridge.endpoint);
  page = await pages.open(`${bridge.url}/#token=${bridge.adminToken}`, { viewport: { width: 1120, height: 760 }, reducedMotion: "reduce" }, bridge.url);
  await page.waitForSelector("#user[data-admin=true]");
  await tell();
  mkdirSync(FOLDER, { recursive: true });
});
afterAll(async () => {
  const problems = await pages.close();
  for (const client of clients) client.terminate();
  await producer?.end();
  await bridge?.stop();
  await pages.end();
  expect(problems).toEqual([]);
});

// The overview last: by then it has something to draw.
it.each([...VIEWS.slice(1), VIEWS[0]])("the picture of %s is small and shows no secret", async (view, content) => {
  const [name] = view.split("?");
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
  await page.waitForSelector(`nav [data-view=${name}][aria-current=page]`);
  await page.waitForSelector(content);
  expect(await page.content()).not.toContain(bridge.adminToken);
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: 50 });
  const picture = Buffer.from(data, "base64");
  expect(picture.length).toBeLessThanOrEqual(BYTES_MAX);
  writeFileSync(join(FOLDER, `${name}.webp`), picture);
});

it("docs/CONSOLE.md shows one of each view", () => {
  const text = readFileSync(join(ROOT, "docs/CONSOLE.md"), "utf8");
  const shown = [...text.matchAll(/\]\((pictures\/[a-z]+\.webp)\)/g)].map(([, path]) => path);
  expect(shown).toEqual(VIEWS.map(([view]) => `pictures/${view.split("?")[0]}.webp`));
  for (const path of shown) expect(statSync(join(ROOT, "docs", path)).size, path).toBeLessThanOrEqual(BYTES_MAX);
});
