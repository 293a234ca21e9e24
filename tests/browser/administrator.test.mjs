// What an administrator finds and does, view by view and in both languages: connections, topics, a tail, sending, and the rest.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Bridge, freePort, ROOT } from "./support/bridge.mjs";
import { screenshot } from "./support/chromium.mjs";
import { LineReader } from "./support/line_reader.mjs";
import { Pages } from "./support/pages.mjs";
import { FaultProxy, Producer, PYTHON } from "./support/program.mjs";
import { makeToken, newSecret } from "./support/token.mjs";
import { LANGUAGES } from "./support/words.mjs";

let bridge, producer, secret, admin, locale, say;
const ROUTES = '[[route]]\nmatch = "prices.*"\nhistory = 50\n[[route]]\nmatch = "raw.*"\nformat = "raw"\n';
const pages = new Pages();
const clients = [];
const run = promisify(execFile);
const ZWS = process.env.ZWS_BIN ?? join(ROOT, "build/dev/tools/zws/zws");
/** What no number of a browser's can hold. */
const WEI = ["123456789012345678901234567890", "123456789012345678901234567891"];
const wallet = (wei) => `{"type":"wallet","data":{"wei":${wei},"label":"${wei}"}}`;

/** A page of the administrator's at a view; `at`: the bridge, if not its own address. */
async function open(view, options = {}, at = bridge.url) {
  const page = await pages.open(`${at}/#token=${admin}`, { locale, permissions: ["clipboard-read", "clipboard-write"], ...options }, at);
  await page.waitForSelector("#user[data-admin=true]");
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);
  await page.waitForSelector(`nav [data-view=${view.split("?")[0]}][aria-current=page]`);
  return page;
}

const shoot = (page, name) => screenshot(page, locale === "en-GB" ? name : `${name}-${locale}`);
/** Goes to an address in the same page, as one does who follows a link. */
const follow = (page, view) => page.evaluate((hash) => { location.hash = hash; }, `#/${view}`);

/** A client of `user` that listens to `topics`; `heard` is what it got, `closed` resolves with the close code. */
async function connect(user, topics = [], at = bridge.wsUrl) {
  const socket = new WebSocket(at, ["zws.v1.json", `bearer.${makeToken(secret, user)}`]);
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
  bridge = await Bridge.start({ "auth.hs256_secret": secret }, ROUTES);
  producer = await Producer.connect(bridge.endpoint);
});
afterEach(async () => {
  const problems = await pages.close();
  for (const { socket } of clients.splice(0)) socket.terminate();
  await producer?.end();
  await bridge?.stop();
  expect(problems).toEqual([]);
});

describe.each(LANGUAGES)("in %s,", (of, words) => {
  beforeAll(() => { [locale, say] = [of, words]; });

  describe("connections", () => {
    it("are searched, sorted and filtered, in an address that can be sent to a colleague", async () => {
      for (const user of ["ada", "bob", "bobby"]) await connect(user, ["orders"]);
      const page = await open("connections?sort=user");
      const rows = (at) => at.$$eval("#connections tbody button", (buttons) => buttons.map((button) => button.textContent));
      await page.waitForSelector("#connections tbody tr:nth-of-type(4)");
      expect(await rows(page)).toEqual(["ada", "bob", "bobby", "root"]);
      await page.fill("#search", "BOB");
      await page.waitForFunction(() => document.querySelectorAll("#connections tbody tr").length === 2);
      await page.click(`th >> text="${say("connections.user")}"`);
      await page.waitForFunction(() => document.querySelector("#connections tbody button").textContent === "bobby");
      const other = await open((await page.evaluate(() => location.hash)).slice(2));
      await other.waitForSelector("#connections tbody tr:nth-of-type(2)");
      expect(await rows(other)).toEqual(["bobby", "bob"]);
    });

    it("are filtered by user, address and slowness, and come in pages", async () => {
      const proxy = await FaultProxy.start(bridge);
      const slow = await connect("tortoise", ["orders"], `ws://127.0.0.1:${proxy.port}/api/ws`);
      await Promise.all(Array.from({ length: 105 }, (_, n) => connect(`user-${n}`)));
      const page = await open("connections");
      const rows = (count) => page.waitForFunction((n) => document.querySelectorAll("#connections tbody tr").length === n, count);
      await rows(100);
      await page.click("#more");
      await rows(107);
      await page.waitForSelector(`tr:has-text("root") >> text=${say("connections.own")}`);
      await page.fill("#user-filter", "user-7");
      await rows(1);
      await page.fill("#user-filter", "");
      await page.fill("#address-filter", "192.0.2.1");
      await page.waitForSelector(`text=${say("connections.none")}`);
      await page.fill("#address-filter", "127.0.0.1");
      await rows(100);
      await proxy.freeze();
      for (let n = 0; n < 40; n++) await producer.send("orders", { type: "order", data: "x".repeat(200_000) });
      await page.check("#slow-filter");
      await rows(1);
      await page.waitForSelector("#connections >> text=tortoise");
      expect(await page.evaluate(() => location.hash)).toBe("#/connections?address=127.0.0.1&slow=true");
      await follow(page, "overview"); // which says who is behind the losses
      await page.waitForSelector('[data-loss*=slow_consumer] >> text=tortoise');
      await shoot(page, "losses");
      await page.click('[data-loss*=slow_consumer] a');
      await page.waitForSelector("#detail >> text=tortoise");
      slow.socket.terminate();
      await proxy.end();
    });

    it("show what one hears, and end", async () => {
      const ada = await connect("ada", ["orders", "prices.*"]);
      const bob = await connect("bob");
      await producer.send("orders", { type: "order" }, { src: "life", seq: 1 });
      const page = await open("connections?sort=user");
      await page.click("#connections >> text=ada");
      await page.waitForSelector("#detail >> text=prices.*");
      await page.waitForSelector("#detail tr:has-text('orders') >> text=life:1"); // where the live events go on
      await shoot(page, "connection");
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
      await page.waitForSelector(`#closed:has-text("${say("connections.closed", { n: 3 })}")`);
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
      await shoot(page, "topics");
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
      expect(await page.$$eval("#history .changed", (marked) => marked.map(({ textContent }) => textContent.trim()))).toEqual(["n: 25"]);
      await page.click("#earlier");
      await page.waitForSelector("#history [data-id='life:1']");
      await page.click(`text=${say("topics.copyPub")}`);
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`zws pub 'orders' '{"type":"order","data":{"n":25,"shop":"east"}}'`);
      await page.click("#listen");
      await page.waitForSelector('[data-topic="orders"][data-state=active]');
    });

    it("show, compare and copy the digits that were sent, however many", async () => {
      for (const [i, wei] of WEI.entries()) await producer.send("wallets", wallet(wei), { src: "life", seq: 2 ** 60 + i * 1024 });
      const page = await open("topics?topic=wallets");
      await page.waitForSelector(`#history .changed >> text=wei: ${WEI[1]}`);
      await page.waitForSelector(`#sources >> text=${(2n ** 60n + 1024n).toLocaleString(locale)}`);
      const copied = async (word) => {
        await page.click(`text=${say(word)}`);
        return page.evaluate(() => navigator.clipboard.readText());
      };
      const commands = { pub: await copied("topics.copyPub"), curl: await copied("topics.copyCurl"), python: await copied("topics.copyPython") };
      expect(commands.pub).toBe(`zws pub 'wallets' '${wallet(WEI[1])}'`);
      const { socket } = await connect("ada", ["wallets"]);
      const came = [];
      socket.on("message", (data) => came.push(String(data)));
      const arrives = async (count) => { while (came.filter((text) => text.includes(wallet(WEI[1]).slice(0, -1))).length < count) await once(socket, "message"); };
      await run("bash", ["-c", commands.curl], { env: { ...process.env, TOKEN: admin } });
      await arrives(1);
      await run(PYTHON, ["-c", commands.python.replace("tcp://127.0.0.1:5556", bridge.endpoint)], { env: { ...process.env, PYTHONPATH: join(ROOT, "publishers/python/src") } });
      await arrives(2);
      await run("bash", ["-c", `"$ZWS"${commands.pub.slice(3)} --to "$TO"`], { env: { ...process.env, ZWS, TO: bridge.endpoint } });
      await arrives(3);
    });

    it("show what is no text as base64, and copy it as the bytes that it was", async () => {
      const python = (program) => run(PYTHON, ["-c", program], { env: { ...process.env, PYTHONPATH: join(ROOT, "publishers/python/src") } });
      await python(`import zwsbridge\nwith zwsbridge.Publisher("${bridge.endpoint}") as publisher: publisher.publish("camera", bytes([255, 0, 10, 254]))`);
      const page = await open("topics?topic=camera");
      await page.waitForSelector('#history .leaf:has-text("/wAK/g==")');
      expect(await page.$$(`#history >> text=${say("topics.copyPub")}`)).toHaveLength(0); // no word of a shell holds them
      await page.click(`text=${say("topics.copyPython")}`);
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      await python(copied.replace("tcp://127.0.0.1:5556", bridge.endpoint));
      const kept = async () => (await bridge.call("GET", "/api/ws/topics/camera/history", admin)).events;
      while ((await kept()).length < 2);
      expect((await kept()).map(({ encoding, data }) => [encoding, data])).toEqual([["base64", "/wAK/g=="], ["base64", "/wAK/g=="]]);
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
      await shoot(page, "topic-lost");
    });

    it("name the sources that missed something, on the overview too", async () => {
      for (const seq of [1, 5]) await producer.send("orders", { type: "order" }, { src: "life", seq });
      while (!(await bridge.call("GET", "/api/ws/samples", admin)).samples.missed.some((gaps) => gaps > 0));
      const page = await open("overview");
      await page.waitForSelector("[data-problem='problem.gaps']"); // which was before it was opened
      await page.click("[data-loss=zws_ingest_gaps_total] >> text=orders");
      await page.waitForSelector("#sources [data-source=life] .bad >> text=3");
    });

    it("with names and payloads of any kind are text", async () => {
      const evil = "<img src=x onerror='window.hacked=1'>\u202egnp.exe";
      await producer.send(evil, { type: evil, data: { [evil]: evil, long: "x".repeat(900_000), many: Array.from({ length: 5000 }, (_, i) => i) } });
      await producer.send(evil, "[".repeat(5000) + "]".repeat(5000));
      const page = await open("topics");
      await page.click("[data-topic*=onerror]");
      await page.waitForSelector("#history li:nth-of-type(2)");
      await page.click("#history li:nth-of-type(2) button");
      await page.waitForSelector(`#history >> text=/${say("json.bytes", { n: "[\\d,]+" })}/`);
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

    it("begins with the last N of all that a pattern matches, and anew with another N", async () => {
      for (let n = 1; n <= 6; n++) await producer.send(`prices.${n % 3}`, { type: "price", n });
      const page = await open("tail?topics=prices.*,orders&last=2");
      await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 2);
      expect(await lines(page)).toEqual([5, 6]);
      await producer.send("orders", { type: "order", n: 7 });
      await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 3);
      await follow(page, "tail?topics=prices.*&last=4"); // as an address that was pasted
      await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 4);
      expect(await lines(page)).toEqual([3, 4, 5, 6]);
      await follow(page, "tail?topics=%zz,100%25"); // no address of this page's making
      await page.waitForSelector('[data-topic="100%"][data-state=active]');
      await page.fill("#topic-input", "a*b");
      await page.press("#topic-input", "Enter");
      await page.waitForSelector('[data-topic="a*b"][data-state=refused]');
      expect(await page.isHidden("#refused")).toBe(true); // it is no name; rights have nothing to do with it
    });

    it("draws what is in sight only, of however many lines", async () => {
      const page = await open("tail?topics=orders");
      await page.waitForSelector("[data-topic=orders][data-state=active]");
      for (let n = 1; n <= 3000; n++) await producer.send("orders", { type: "order", n });
      await page.waitForSelector('#events .text >> text="n":3000');
      expect(await page.$$("#events li")).not.toHaveLength(3000);
      expect((await page.$$("#events li")).length).toBeLessThan(100);
      await page.evaluate(() => { document.querySelector("#events").scrollTop = 0; });
      await page.waitForSelector('#events .text >> text="n":1,');
    });

    it("shows what is bytes, megabytes, hostile or deep as text", async () => {
      const page = await open("tail?topics=raw.*,odd");
      await page.waitForSelector('[data-topic="raw.*"][data-state=active]');
      await page.waitForSelector("[data-topic=odd][data-state=active]");
      const evil = "<img src=x onerror='window.hacked=1'>\u202egnp.exe";
      const broad = (depth) => (depth === 0 ? 1 : Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`m${n}`, broad(depth - 1)])));
      const hostile = [
        ["raw.camera", `not JSON ${evil}`],
        ["odd", { type: evil, data: { [evil]: evil, long: "x".repeat(900_000) } }],
        ["odd", "[".repeat(5000) + "]".repeat(5000)],
        ["odd", { type: "broad", ...broad(3) }],
      ];
      for (const [index, [topic, payload]] of hostile.entries()) {
        await producer.send(topic, payload);
        await page.waitForSelector(`#events li:nth-of-type(${index + 1})`); // two of these are more than a queue holds
      }
      for (const row of [1, 2, 3, 4]) {
        await page.click(`#events li:nth-of-type(${row}) .text`);
        await page.waitForSelector("#whole");
        expect(await page.$$("img")).toHaveLength(0);
        expect(await page.textContent("main")).not.toContain("\u202e");
        expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(3000);
      }
      await page.fill("#type-filter", "raw");
      await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 1);
      expect(await page.textContent("#events .text")).toContain("not JSON");
      expect(await page.evaluate(() => window.hacked)).toBeUndefined();
    });

    it("fetches what was dropped while it was slow", async () => {
      await bridge.stop();
      bridge = await Bridge.start({ "auth.hs256_secret": secret, "limits.queue_bytes": 262_144 }, '[[route]]\nmatch = "orders"\nhistory = 1000\n');
      await producer.end();
      producer = await Producer.connect(bridge.endpoint);
      const proxy = await FaultProxy.start(bridge);
      const page = await open("tail?topics=orders&last=0", {}, proxy.url);
      await page.waitForSelector("[data-topic=orders][data-state=active]");
      const { socket } = await connect("ada", ["orders"]);
      const isOver = new Promise((over) => socket.on("message", (data) => JSON.parse(data).n === 60 && over()));
      await proxy.freeze();
      for (let n = 1; n <= 60; n++) await producer.send("orders", { type: "order", n, data: "x".repeat(60_000) }, { src: "life", seq: n });
      await isOver; // what the bridge hears after the thaw would be lost apart from the rest, or not at all
      await proxy.thaw();
      await page.waitForSelector("#events .gap button");
      await shoot(page, "tail-gap");
      await page.fill("#text-filter", "only gaps"); // which are shown whatever is filtered
      const fetchWhatIsMissing = async () => { // in two gaps, if the kernel took a little more between
        await page.$$eval("#events .gap button", (buttons) => buttons.forEach((button) => button.click()));
        return page.textContent("#tail-count");
      };
      await expect.poll(fetchWhatIsMissing, { timeout: 20_000 }).toBe(say("tail.shown", { shown: 0, all: 60 })); // an answer has a bound, so more than one is asked for
      await page.fill("#text-filter", "");
      await page.waitForSelector("#events .text");
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
      const numbers = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line).n);
      expect(numbers).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
      await proxy.end();
    });

    it("pauses, counts what comes meanwhile, and goes on with it", async () => {
      const page = await open("tail?topics=orders");
      await page.waitForSelector("[data-topic=orders][data-state=active]");
      await page.click("#pause");
      for (let i = 1; i <= 3; i++) await producer.send("orders", { type: "order", n: i });
      await page.waitForSelector(`#pause >> text=${say("tail.waiting", { n: 3 })}`);
      await page.fill("#text-filter", "order"); // who looks for something has not gone on
      await page.waitForFunction(() => location.hash.includes("text=order"));
      expect(await page.$$("#events .text")).toHaveLength(0);
      await page.waitForSelector(`#pause >> text=${say("tail.waiting", { n: 3 })}`);
      await page.click("#pause");
      await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 3);
    });

    it("shows in red what is missing, fetches it, and is exported", async () => {
      const page = await open("tail?topics=orders");
      await page.waitForSelector("[data-topic=orders][data-state=active]");
      await producer.send("orders", { type: "order", n: 1 }, { src: "life", seq: 1 });
      await producer.send("orders", { type: "order", n: 4 }, { src: "life", seq: 4 });
      await page.waitForSelector(`#events .gap >> text=${say("tail.gap", { n: 2, reason: "producer" })}`);
      await page.click("#events .gap button");
      await page.waitForSelector(`#events .gap >> text=${say("tail.gone")}`);
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
      const exported = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
      expect(exported.map(({ type }) => type)).toEqual(["order", "gap", "order"]);
    });

    it("goes on with another life of the bridge, and says that something may be missing in between", async () => {
      const page = await open("tail?topics=orders");
      await page.waitForSelector("[data-topic=orders][data-state=active]");
      await producer.send("orders", { type: "order", n: 1 }, { src: "life", seq: 1 });
      await page.waitForSelector('#events .text >> text="n":1');
      await bridge.kill();
      await page.waitForSelector("[data-topic=orders][data-state=pending]");
      await page.waitForSelector("main.stale #events .text"); // what came stays to be read
      await bridge.start();
      await producer.waitReady();
      await page.waitForSelector("[data-topic=orders][data-state=active]");
      await producer.send("orders", { type: "order", n: 3 }, { src: "life", seq: 3 });
      await page.waitForSelector('#events .text >> text="n":3');
      expect(await lines(page)).toEqual([1, 3]);
      expect(await page.$$eval("#events li", (rows) => rows.map((row) => row.classList.contains("gap")))).toEqual([false, true, false]);
      expect(await page.textContent("#events .gap")).toContain(say("tail.gapUnknown", { reason: "resume" }));
    });

    it("says that nobody sends a topic any more, and that somebody does again", async () => {
      await producer.send("orders", { type: "order", n: 1 });
      const page = await open("tail?topics=orders");
      await page.waitForSelector("[data-topic=orders][data-state=active]:not([data-why])");
      await producer.end();
      await page.waitForSelector(`[data-topic=orders][data-why=lost] >> text=${say("tail.lost")}`);
      await shoot(page, "tail-lost");
      producer = await Producer.connect(bridge.endpoint);
      await producer.send("orders", { type: "order", n: 2 });
      await page.waitForSelector("[data-topic=orders]:not([data-why])");
    });

    it("shows, finds and exports the digits that were sent, however many", async () => {
      await producer.send("wallets", wallet(WEI[0]));
      const page = await open("tail?topics=wallets");
      await page.waitForSelector(`#events .text >> text="wei":${WEI[0]}`); // which was fetched
      await producer.send("wallets", wallet(WEI[1]));
      await page.waitForSelector(`#events .text >> text="wei":${WEI[1]}`);
      await page.fill("#text-filter", WEI[1]);
      await page.waitForFunction(() => document.querySelectorAll("#events .text").length === 1);
      await page.click("#events .text");
      expect(await page.$$eval("#whole .leaf", (leaves) => leaves.map(({ dataset, textContent }) => [dataset.kind, textContent]).slice(1, 3))).toEqual([["number", WEI[1]], ["string", `"${WEI[1]}"`]]);
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
      expect(readFileSync(await download.path(), "utf8")).toContain(`"data":{"wei":${WEI[1]},`);
    });

    it("opens an event as a tree", async () => {
      const page = await open("tail?topics=orders");
      await page.waitForSelector("[data-topic=orders][data-state=active]");
      await producer.send("orders", { type: "order", data: { shop: { name: "east" } } });
      await page.click("#events .text");
      await page.waitForSelector("#whole >> text=east");
      await shoot(page, "tail");
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
      await shoot(page, "send");
      const { heard } = ada;
      expect(heard.some(({ type, topic }) => type === "order" && topic === "orders")).toBe(true);
      await page.fill("#send-message", "{oops");
      await page.waitForSelector("[role=alert]");
      expect(await page.isDisabled("#send-button")).toBe(true);
    });

    it("says what is wrong with a message, as text", async () => {
      const page = await open("send?topic=orders");
      await page.fill("#send-message", '{"a":\u202e<img src=x>}');
      await page.waitForSelector("#send [role=alert]:has-text('\\\\u202e')");
      expect(await page.textContent("main")).not.toContain("\u202e");
      expect(await page.isDisabled("#send-button")).toBe(true);
      await page.fill("#send-message", `{"n":${WEI[0]}}`);
      await page.waitForSelector("#send [role=alert]", { state: "detached" });
      await page.click("#send-button");
      await page.waitForSelector("#reached[data-count='0']");
      const answer = await fetch(`${bridge.url}/api/ws/topics/orders/history`, { headers: { authorization: `Bearer ${admin}` } });
      expect(await answer.text()).toContain(WEI[0]);
    });

    it("notifies users by name", async () => {
      const ada = await connect("ada");
      const page = await open("send?kind=notify&users=ada,ada");
      await page.waitForSelector("#would-reach[data-count='1']");
      await page.fill("#send-headline", "Ready");
      await page.click("#send-button");
      await page.waitForSelector("#reached[data-count='1']");
      expect(ada.heard.at(-1).data.title).toBe("Ready");
    });

    it("completes names, fills in templates, and takes again what was sent", async () => {
      await connect("ada");
      await connect("bob");
      await producer.send("prices.eur", { type: "price" });
      const page = await open("send");
      const offered = (name) => page.waitForFunction((wanted) => [...document.querySelectorAll("#suggestions option")].some(({ value }) => value === wanted), name);
      await page.fill("#send-topic", "eur");
      await offered("prices.eur");
      await page.selectOption("#template", "wallet_update");
      expect(await page.inputValue("#send-topic")).toBe("wallet_updates");
      await page.click("#send-button");
      await page.waitForSelector("#reached[data-count='0']");
      await page.click("[data-kind=notify]");
      await page.fill("#send-users", "ada, bo");
      await offered("ada, bob");
      await page.waitForSelector("#would-reach[data-count='1']"); // nobody is called bo
      await page.fill("#send-users", "ada, bob");
      await page.waitForSelector("#would-reach[data-count='2']");
      await page.click("#sent-before button");
      expect(await page.inputValue("#send-topic")).toBe("wallet_updates");
      expect(JSON.parse(await page.inputValue("#send-message")).type).toBe("wallet_update");
      await page.waitForSelector("#would-reach[data-count='0']");
    });

    it("asks before everybody gets something", async () => {
      const ada = await connect("ada");
      const page = await open("send?kind=publish&topic=@all");
      await page.click("#send-button");
      await page.waitForSelector("#confirm-input");
      await page.keyboard.press("Escape");
      await page.waitForSelector("#confirm-input", { state: "hidden" });
      await follow(page, "send?kind=broadcast");
      await page.waitForSelector("#would-reach[data-count='2']");
      await page.click("#send-button");
      await page.waitForSelector("#confirm-input");
      expect(ada.heard.some(({ type }) => type === "hello")).toBe(false);
      await confirm(page, "all");
      await page.waitForSelector("#reached[data-count='2']");
      expect(ada.heard.at(-1).type).toBe("hello");
    });
  });

  describe("rights", () => {
    it("say who makes a token to try with: the command that they show", async () => {
      const file = join(mkdtempSync(join(tmpdir(), "zws-browser-")), "secret");
      writeFileSync(file, secret);
      await bridge.stop();
      bridge = await Bridge.start({ "auth.hs256_secret_file": file });
      const page = await open("rights?user=ada&topic=prices.*");
      await page.waitForSelector(`#minting[data-judge=secret] >> text=${say("rights.minting.secret")}`);
      await page.click("#minting button");
      const command = await page.evaluate(() => navigator.clipboard.readText());
      const { stdout } = await run("bash", ["-c", `"$ZWS"${command.slice(3)}`], { env: { ...process.env, ZWS } });
      await page.fill("#rights-token", stdout.trim());
      await page.click("#rights-ask");
      await page.waitForSelector('#answer-title:text-is("ada")');
      await page.waitForSelector("[data-asked='prices.*'][data-granted=true]");
    });

    it("say that an open bridge ignores tokens, and what would help", async () => {
      await bridge.stop();
      bridge = await Bridge.start();
      admin = bridge.adminToken;
      const page = await open("rights?user=ada&roles=ops");
      await page.waitForSelector("#rights-answer");
      await page.waitForSelector(`#minting[data-judge=open] >> text=${say("rights.minting.open")}`);
      expect(await page.textContent("#minting pre")).toBe("zws token --user 'ada' --role 'ops' --ttl 1h --secret-file 'FILE'");
      await shoot(page, "rights-open");
    });

    it("tell what a user would hear and by what, without a token in the address", async () => {
      const page = await open("rights?user=ada&topic=orders");
      await page.waitForSelector("[data-asked=orders][data-granted=true]");
      await follow(page, "rights?user=bob&topic=orders");
      await page.waitForSelector('#answer-title:text-is("bob")');
      await page.fill("#rights-token", makeToken(secret, "bob", 3600, { topics: ["prices.*"] }));
      await page.click("#rights-ask");
      await page.waitForSelector("[data-asked=orders][data-granted=false]");
      await page.waitForSelector("#rights-answer >> text=prices.*");
      await shoot(page, "rights");
      await page.fill("#rights-token", makeToken(newSecret(), "bob"));
      await page.click("#rights-ask");
      await page.waitForSelector("#rights-answer h2.bad");
      expect(await page.evaluate(() => location.hash)).not.toContain("token");
    });
  });

  describe("whose token ends while they look", () => {
    it("are asked for another one, and go on where they were", async () => {
      await bridge.stop();
      bridge = await Bridge.start({ "auth.hs256_secret": secret, "auth.expiry_grace": "1s" });
      const whole = admin;
      admin = makeToken(secret, "root", 6, { role: "admin" });
      const page = await open("connections");
      await page.waitForSelector(`#token-error >> text=${say("sign.expired")}`);
      await page.waitForSelector("main.stale #connections tbody tr"); // what they saw
      await page.fill("#token-input", whole);
      await page.press("#token-input", "Enter");
      await page.waitForSelector("main:not(.stale) #connections tbody tr");
      await page.waitForSelector("#sign-in-form", { state: "hidden" });
    });

    it("have none, where nobody may be without one, and are told so", async () => {
      await bridge.stop();
      bridge = await Bridge.start({ "auth.hs256_secret": secret, "auth.anonymous.connect": false, "auth.timeout": "1s" });
      const page = await pages.open(bridge.url, { locale }, bridge.url);
      await page.waitForSelector(`#token-error >> text=${say("sign.needed")}`);
      await page.fill("#token-input", makeToken(newSecret(), "ada"));
      await page.press("#token-input", "Enter");
      await page.waitForSelector(`#token-error >> text=${say("sign.refused")}`);
      await page.fill("#token-input", makeToken(secret, "ada"));
      await page.press("#token-input", "Enter");
      await page.waitForSelector("#user[data-user=ada]");
      await page.waitForSelector("#sign-in-form", { state: "hidden" });
    });

    it("have no right at all with some tokens, and are told so", async () => {
      admin = makeToken(secret, "eve", 3600, { topics: [] });
      const page = await pages.open(`${bridge.url}/#token=${admin}`, { locale }, bridge.url);
      await page.waitForSelector("#user[data-user=eve][data-admin=false]");
      expect(await page.$$eval("nav a", (links) => links.map(({ dataset }) => dataset.view))).toEqual(["tail", "imports", "wallets"]);
      await page.waitForFunction(() => document.querySelector("#refused").textContent.includes("notifications"));
      await follow(page, "connections");
      await page.waitForSelector(`#for-admins >> text=${say("view.forAdmins")}`);
      await follow(page, "tail?topics=orders");
      await page.waitForSelector("[data-topic=orders][data-state=refused] >> text=forbidden");
    });
  });

  describe("whose rights a reload takes", () => {
    it("see no more what is for administrators", async () => {
      const page = await open("connections");
      await page.waitForSelector("#connections tbody tr");
      await page.waitForSelector("#bar .figures");
      await bridge.reload((text) => `auth.claims.admin = ["boss"]\n${text}`);
      await page.waitForSelector("#user[data-admin=false]");
      await page.waitForSelector("#for-admins");
      await page.waitForSelector("#bar .figures", { state: "detached" });
      expect(await page.$$eval("nav a", (links) => links.map(({ dataset }) => dataset.view))).toEqual(["tail", "imports", "wallets"]);
      expect(page.sockets).toBe(1);
    });

    it("are told which topics they hear no more", async () => {
      const page = await pages.open(`${bridge.url}/#token=${makeToken(secret, "eve")}`, { locale }, bridge.url);
      await page.waitForSelector("#user[data-user=eve]");
      await follow(page, "tail?topics=orders,prices.eur");
      for (const topic of ["orders", "prices.eur"]) await page.waitForSelector(`[data-topic="${topic}"][data-state=active]`);
      await bridge.reload((text) => `auth.user.subscribe = ["prices.*"]\n${text}`);
      await page.waitForSelector("[data-topic=orders][data-state=refused] >> text=forbidden");
      await page.waitForFunction(() => document.querySelector("#refused").textContent.includes("orders"));
      await producer.send("prices.eur", { type: "price", n: 1 });
      await page.waitForSelector('#events .text >> text="n":1');
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
      await shoot(page, "configuration");
    });

    it("says how the last reload went, as it happens", async () => {
      const page = await open("configuration?search=queue_bytes");
      await page.waitForSelector(`#last-reload[data-failed=false] >> text=${say("configuration.reloadGood")}`);
      await bridge.reload((text) => `limits.queue_bytes = "none"\n${text}`);
      await page.waitForSelector(`#last-reload[data-failed=true] >> text=${say("configuration.reloadBad")}`);
      await page.waitForSelector("#problems[data-count='1']");
      await bridge.reload((text) => text.replace('"none"', "2097152"));
      await page.waitForSelector('[data-key="limits.queue_bytes"] >> text=2097152');
      await page.waitForSelector("#last-reload[data-failed=false]");
    });

    it("shows how a program connects to this very bridge", async () => {
      const page = await open("configuration");
      const snippet = (name) => page.textContent(`div:has(> .bar-of-fields h3:text-is("${name}")) > pre`);
      for (const name of ["JavaScript", "Python", "zws"]) expect(await snippet(name)).toContain(bridge.wsUrl);
      const { stdout } = await run("bash", ["-c", await snippet("curl")], { env: { ...process.env, TOKEN: admin } });
      expect(JSON.parse(stdout)).toMatchObject({ success: true, recipients: 0 });
    });
  });

  describe("the fleet", () => {
    it("is this bridge where it is alone", async () => {
      await connect("ada");
      const page = await open("fleet");
      await page.waitForSelector("#fleet tbody tr");
      await page.waitForSelector(`main >> text=${say("fleet.alone")}`);
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
      await page.waitForSelector(`#relay[data-up=true] >> text=${say("relay.up")}`);
      await shoot(page, "fleet-of-two");
      redis.kill("SIGKILL");
      await page.waitForSelector("#alone");
      await page.waitForSelector("#relay[data-up=false]");
      await page.waitForSelector("#problems:not([data-count='0'])");
      await other.stop();
    });
  });
});
