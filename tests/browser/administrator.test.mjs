// What an administrator finds and does: connections, topics, a tail, and sending.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Bridge, freePort } from "./support/bridge.mjs";
import { screenshot } from "./support/chromium.mjs";
import { LineReader } from "./support/line_reader.mjs";
import { Pages } from "./support/pages.mjs";
import { Producer } from "./support/program.mjs";
import { makeToken, newSecret } from "./support/token.mjs";

let bridge, producer, secret, admin;
const pages = new Pages();
const clients = [];

async function open(view, options = {}) {
  const page = await pages.open(`${bridge.url}/#token=${admin}`, { permissions: ["clipboard-read", "clipboard-write"], ...options }, bridge.url);
  await page.waitForSelector("#user[data-admin=true]");
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
  await page.waitForSelector(`nav [data-view=${view.split("?")[0]}][aria-current=page]`);
  return page;
}

/** A client of `user` that listens to `topics`; `heard` is what it got, `closed` resolves with the close code. */
async function connect(user, topics = []) {
  const socket = new WebSocket(bridge.wsUrl, ["zws.v1.json", `bearer.${makeToken(secret, user)}`]);
  const client = { socket, heard: [], closed: new Promise((resolve) => socket.on("close", resolve)) };
  clients.push(client);
  let left = topics.length + 1;
  await new Promise((ready) => socket.on("message", (data) => {
    const message = JSON.parse(data);
    client.heard.push(message);
    if (message.type === "connection") for (const topic of topics) socket.send(JSON.stringify({ type: "subscribe", topic }));
    if (["connection", "subscribed"].includes(message.type) && --left === 0) ready();
  }));
  return client;
}

/** Types the word without which nothing is done. */
async function confirm(page, word) {
  await page.fill("#confirm-input", word);
  await page.press("#confirm-input", "Enter");
}

beforeAll(() => pages.launch());
afterAll(() => pages.end());
beforeEach(async () => {
  secret = newSecret();
  admin = makeToken(secret, "root", 3600, { role: "admin" });
  bridge = await Bridge.start({ "auth.hs256_secret": secret }, '[[route]]\nmatch = "prices.*"\nhistory = 50\n');
  producer = await Producer.connect(bridge.endpoint);
});
afterEach(async () => {
  const problems = await pages.close();
  for (const { socket } of clients.splice(0)) socket.terminate();
  await producer?.end();
  await bridge?.stop();
  expect(problems).toEqual([]);
});

describe("connections", () => {
  it("are searched, sorted and filtered, in an address that can be sent to a colleague", async () => {
    for (const user of ["ada", "bob", "bobby"]) await connect(user, ["orders"]);
    const page = await open("connections?sort=user");
    const rows = (at) => at.$$eval("#connections tbody button", (buttons) => buttons.map((button) => button.textContent));
    await page.waitForSelector("#connections tbody tr:nth-of-type(4)");
    expect(await rows(page)).toEqual(["ada", "bob", "bobby", "root"]);
    await page.fill("#search", "BOB");
    await page.waitForFunction(() => document.querySelectorAll("#connections tbody tr").length === 2);
    await page.click("th >> text=User");
    await page.waitForFunction(() => document.querySelector("#connections tbody button").textContent === "bobby");
    const other = await open((await page.evaluate(() => location.hash)).slice(2));
    await other.waitForSelector("#connections tbody tr:nth-of-type(2)");
    expect(await rows(other)).toEqual(["bobby", "bob"]);
  });

  it("show what one hears, and end", async () => {
    const ada = await connect("ada", ["orders", "prices.*"]);
    const bob = await connect("bob");
    const page = await open("connections?sort=user");
    await page.click("#connections >> text=ada");
    await page.waitForSelector("#detail >> text=prices.*");
    await screenshot(page, "connection");
    await page.click("#close-one");
    await confirm(page, "close");
    expect(await ada.closed).toBe(4403);
    await page.waitForFunction(() => document.querySelectorAll("#connections tbody tr").length === 2);
    await page.click("#connections >> text=bob");
    await page.click("#close-user");
    expect(bob.socket.readyState).toBe(WebSocket.OPEN); // it has been asked for only
    await confirm(page, "close");
    expect(await bob.closed).toBe(4403);
  });

  it("are closed by what a filter shows, after the word was typed, but not this page's own", async () => {
    const closed = (await Promise.all([1, 2, 3].map(() => connect("bob")))).map((client) => client.closed);
    const ada = await connect("ada");
    const page = await open("connections?search=o"); // bob and root, who looks
    await page.waitForSelector("#connections tbody tr:nth-of-type(4)");
    await page.click("#close-all");
    await page.fill("#confirm-input", "clos");
    expect(await page.isDisabled("#confirm [type=submit]")).toBe(true);
    await confirm(page, "close");
    expect(await Promise.all(closed)).toEqual([4403, 4403, 4403]);
    await page.waitForSelector("#closed:has-text('3 connections')");
    expect(await page.getAttribute("#connection", "data-state")).toBe("connected");
    expect(ada.socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe("topics", () => {
  it("are a tree of their segments, patterns among them", async () => {
    for (const topic of ["prices.eur", "prices.usd", "import:task-1"]) await producer.send(topic, { type: "t", data: 1 });
    await connect("ada", ["prices.*"]);
    const page = await open("topics");
    await page.waitForSelector('[data-topic="prices.eur"]');
    await page.waitForSelector('[data-topic="prices.*"]');
    await page.click('[data-topic="prices.eur"]');
    await page.waitForSelector("#route:has-text('prices.*')");
    await page.waitForSelector("#receivers >> text=ada");
    await screenshot(page, "topics");
    await page.click("#layout");
    await page.waitForSelector('td [data-topic="import:task-1"]');
    expect(await page.evaluate(() => location.hash)).toContain("as=list");
  });

  it("show their history page by page, and what changed", async () => {
    for (let i = 1; i <= 25; i++) await producer.send("orders", { type: "order", data: { n: i, shop: "east" } }, { src: "life", seq: i });
    const page = await open("topics?topic=orders");
    await page.waitForSelector("#history [data-id='life:25'] >> text=data.n");
    expect(await page.$$("#history li")).toHaveLength(20);
    expect(await page.textContent("#history")).not.toContain("data.shop");
    await page.click("#earlier");
    await page.waitForSelector("#history [data-id='life:1']");
    await page.click("text=Copy as zws pub");
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`zws pub 'orders' '{"type":"order","data":{"n":25,"shop":"east"}}'`);
    await page.click("#listen");
    await page.waitForSelector('[data-topic="orders"][data-state=active]');
  });

  it("say whether who sends them is still there", async () => {
    await producer.send("orders", { type: "order" }, { src: "life", seq: 1 });
    const page = await open("topics?topic=orders");
    await page.waitForSelector("#sources [data-source=life] [data-state=alive]");
    await producer.end();
    await page.waitForFunction(() => {
      document.querySelector("#topic-title ~ button").click(); // anew
      return document.querySelector("#sources [data-source=life] [data-state=lost]");
    }, null, { polling: 200 });
    await screenshot(page, "topic-lost");
  });

  it("with names and payloads of any kind are text", async () => {
    const evil = "<img src=x onerror='window.hacked=1'>\u202egnp.exe";
    await producer.send(evil, { type: evil, data: { [evil]: evil, long: "x".repeat(900_000), many: Array.from({ length: 5000 }, (_, i) => i) } });
    await producer.send(evil, "[".repeat(5000) + "]".repeat(5000));
    const page = await open("topics");
    await page.click("[data-topic*=onerror]");
    await page.waitForSelector("#history li:nth-of-type(2)");
    await page.click("#history li:nth-of-type(2) button");
    await page.waitForSelector("#history >> text=more characters");
    expect(await page.textContent("main")).toContain("\\u202e");
    expect(await page.textContent("main")).not.toContain("\u202e");
    expect(await page.$$("img")).toHaveLength(0);
    expect(await page.evaluate(() => window.hacked)).toBeUndefined();
    expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(3000);
  });
});

describe("a tail", () => {
  const lines = (page) => page.$$eval("#events .text", (texts) => texts.map(({ textContent }) => JSON.parse(textContent).n));

  it("begins with the last N, and filters by type and text", async () => {
    for (let i = 1; i <= 6; i++) await producer.send("orders", { type: i % 2 ? "order" : "bill", n: i });
    const page = await open("tail?topics=orders&last=4");
    await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 4);
    expect(await lines(page)).toEqual([3, 4, 5, 6]);
    await page.fill("#type-filter", "bill");
    await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 2);
    expect(await lines(page)).toEqual([4, 6]);
    await producer.send("orders", { type: "bill", n: 8 });
    await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 3);
  });

  it("pauses, counts what comes meanwhile, and goes on with it", async () => {
    const page = await open("tail?topics=orders");
    await page.waitForSelector("[data-topic=orders][data-state=active]");
    await page.click("#pause");
    for (let i = 1; i <= 3; i++) await producer.send("orders", { type: "order", n: i });
    await page.waitForSelector("#pause >> text=3 more");
    expect(await page.$$("#events .text")).toHaveLength(0);
    await page.click("#pause");
    await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 3);
  });

  it("shows in red what is missing, fetches it, and is exported", async () => {
    const page = await open("tail?topics=orders");
    await page.waitForSelector("[data-topic=orders][data-state=active]");
    await producer.send("orders", { type: "order", n: 1 }, { src: "life", seq: 1 });
    await producer.send("orders", { type: "order", n: 4 }, { src: "life", seq: 4 });
    await page.waitForSelector("#events .gap >> text=2 events are missing");
    await page.click("#events .gap button");
    await page.waitForSelector("#events .gap"); // nobody has them any more
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
    const exported = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    expect(exported.map(({ type }) => type)).toEqual(["order", "gap", "order"]);
  });

  it("says that nobody sends a topic any more, and that somebody does again", async () => {
    await producer.send("orders", { type: "order", n: 1 });
    const page = await open("tail?topics=orders");
    await page.waitForSelector("[data-topic=orders][data-state=active]:not([data-why])");
    await producer.end();
    await page.waitForSelector("[data-topic=orders][data-why=lost] >> text=no producer");
    await screenshot(page, "tail-lost");
    producer = await Producer.connect(bridge.endpoint);
    await producer.send("orders", { type: "order", n: 2 });
    await page.waitForSelector("[data-topic=orders]:not([data-why])");
  });

  it("opens an event as a tree", async () => {
    const page = await open("tail?topics=orders");
    await page.waitForSelector("[data-topic=orders][data-state=active]");
    await producer.send("orders", { type: "order", data: { shop: { name: "east" } } });
    await page.click("#events .text");
    await page.waitForSelector("#whole >> text=east");
    await screenshot(page, "tail");
  });
});

describe("sending", () => {
  it("tells whom it would reach, and whom it reached", async () => {
    const ada = await connect("ada", ["orders"]);
    const page = await open("send?topic=orders");
    await page.waitForSelector("#would-reach[data-count='1']");
    await page.fill("#send-message", '{"type":"order","n":12345678901234567890}');
    await page.click("#send-button");
    await page.waitForSelector("#reached[data-count='1']");
    await page.waitForSelector("#sent-before >> text=orders");
    await screenshot(page, "send");
    const { heard } = ada;
    expect(heard.some(({ type, topic }) => type === "order" && topic === "orders")).toBe(true);
    await page.fill("#send-message", "{oops");
    await page.waitForSelector("[role=alert]");
    expect(await page.isDisabled("#send-button")).toBe(true);
  });

  it("notifies users by name", async () => {
    const ada = await connect("ada");
    const page = await open("send?kind=notify&users=ada");
    await page.waitForSelector("#would-reach[data-count='1']");
    await page.fill("#send-headline", "Ready");
    await page.click("#send-button");
    await page.waitForSelector("#reached[data-count='1']");
    expect(ada.heard.at(-1).data.title).toBe("Ready");
  });

  it("asks before everybody gets something", async () => {
    const ada = await connect("ada");
    const page = await open("send?kind=broadcast");
    await page.click("#send-button");
    await page.waitForSelector("#confirm-input");
    expect(ada.heard.some(({ type }) => type === "hello")).toBe(false);
    await confirm(page, "all");
    await page.waitForSelector("#reached[data-count='2']");
    expect(ada.heard.at(-1).type).toBe("hello");
  });
});

describe("rights", () => {
  it("tell what a user would hear and by what, without a token in the address", async () => {
    const page = await open("rights?user=ada&topic=orders");
    await page.waitForSelector("[data-asked=orders][data-granted=true]");
    await page.fill("#rights-token", makeToken(secret, "bob", 3600, { topics: ["prices.*"] }));
    await page.click("#rights-ask");
    await page.waitForSelector("[data-asked=orders][data-granted=false]");
    await page.waitForSelector("#rights-answer >> text=prices.*");
    await screenshot(page, "rights");
    await page.fill("#rights-token", makeToken(newSecret(), "bob"));
    await page.click("#rights-ask");
    await page.waitForSelector("#rights-answer h2.bad");
    expect(await page.evaluate(() => location.hash)).not.toContain("token");
  });
});

describe("the configuration", () => {
  it("is what is in force and whence, without its secrets", async () => {
    const page = await open("configuration?changed=true");
    await page.waitForSelector('[data-key="server.threads"]');
    expect(await page.textContent("#configuration")).not.toContain(secret);
    expect(await page.$$('[data-key="limits.queue_bytes"]')).toHaveLength(0);
    await page.click("#changed");
    await page.fill("#search", "queue");
    await page.waitForSelector('[data-key="limits.queue_bytes"] >> text=1048576');
    await screenshot(page, "configuration");
  });
});

describe("the fleet", () => {
  it("is this bridge where it is alone", async () => {
    await connect("ada");
    const page = await open("fleet");
    await page.waitForSelector("#fleet tbody tr");
    await page.waitForSelector("main >> text=This bridge is alone");
  });

  it("is all bridges that share a Redis, and says when that is away", async () => {
    const port = await freePort();
    const redis = spawn("setpriv", ["--pdeathsig", "KILL", "redis-server", "--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"], { stdio: ["ignore", "pipe", "inherit"] });
    await new LineReader(redis.stdout).find((line) => line.includes("Ready to accept connections"));
    const settings = { "auth.hs256_secret": secret, "relay.redis": `redis://127.0.0.1:${port}` };
    const other = await Bridge.start({ ...settings, "relay.name": "other" });
    await bridge.stop();
    bridge = await Bridge.start({ ...settings, "relay.name": "this-one" });
    const fleet = async () => (await bridge.call("GET", "/api/ws/bridges", admin)).bridges.length;
    while ((await fleet()) < 2); // they hear of each other within seconds
    const page = await open("fleet");
    await page.waitForSelector("#fleet [data-bridge=other] >> text=ready");
    await page.waitForSelector("#fleet [data-bridge=this-one] >> text=ready");
    expect(await page.$("#alone")).toBeNull();
    await screenshot(page, "fleet-of-two");
    redis.kill("SIGKILL");
    await page.waitForSelector("#alone");
    await page.waitForSelector("#problems:not([data-count='0'])");
    await other.stop();
  });
});
