// The client that the daemon serves at /client.js, in a real browser, against the real daemon.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Bridge } from "./support/bridge.mjs";
import { launch } from "./support/chromium.mjs";
import { FaultProxy, Producer } from "./support/program.mjs";
import { makeToken, newSecret } from "./support/token.mjs";

let browser, bridge, producer, proxy;
const contexts = [];

/**
 * A page with the client in it, and what it told in `window.told`: {states, identities, errors, events, gaps, recovered}.
 * `getToken` is called here, in the test.
 */
async function open({ origin = bridge.url, topics = [], getToken, token } = {}) {
  const context = await browser.newContext();
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000); // only a failing test waits so long
  page.sockets = 0;
  page.on("websocket", () => page.sockets++);
  await page.goto(`${origin}/healthz`);
  await page.addScriptTag({ url: "/client.js" });
  if (getToken) await page.exposeFunction("getToken", getToken);
  await page.evaluate(({ topics, token }) => {
    const told = (window.told = { states: [], identities: [], errors: [], events: {}, gaps: [], recovered: [], notices: [] });
    window.client = new zws.ZwsClient("/api/ws", {
      token, getToken: window.getToken,
      onState: (state) => told.states.push(state), onIdentity: (identity) => told.identities.push(identity), onError: (error) => told.errors.push(error.code),
    });
    client.on("notification", (event) => told.notices.push(event.data.title));
    window.subscriptions = topics.map((topic) => client.subscribe(topic, {
      onEvent: (event) => (told.events[topic] ??= []).push(event.data),
      onGap: (gap) => told.gaps.push(gap),
      onRecovered: (replayed) => told.recovered.push([topic, replayed]),
    }));
  }, { topics, token });
  return page;
}

const told = (page) => page.evaluate(() => window.told);
const connected = (page) => page.waitForFunction(() => client.state.name === "connected");
const gone = (page, code) => page.waitForFunction((code) => client.state.code === code && !client.state.retry, code);
// A state that may have passed by.
const ended = (page, code) => page.waitForFunction((code) => told.states.some((each) => each.name === "disconnected" && each.code === code), code);
const active = (page) => page.waitForFunction(() => subscriptions.every((each) => each.state.name === "active"));
const heard = (page, topic, count) => page.waitForFunction(([topic, count]) => told.events[topic]?.length >= count, [topic, count]);

/** Sends events whose data is their number, counted by a header as a good producer counts them. */
async function count(topic, from, to) {
  for (let seq = from; seq <= to; seq++) await producer.send(topic, { type: "count", data: seq }, { src: "life-1", seq });
}
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function setUp(settings) {
  bridge = await Bridge.start(settings);
  producer = await Producer.connect(bridge.endpoint);
  proxy = await FaultProxy.start(bridge);
}

beforeAll(async () => { browser = await launch(); });
afterAll(() => browser.close());
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await proxy?.end();
  await producer?.end();
  await bridge?.stop();
  bridge = producer = proxy = undefined;
});

describe("a connection that is lost", () => {
  it("is resumed whole: topic and pattern, each event once and in order", async () => {
    await setUp();
    const page = await open({ origin: proxy.url, topics: ["orders", "import:*", "quiet"] });
    await active(page);
    await count("orders", 1, 3);
    await count("import:7", 1, 2);
    await heard(page, "import:*", 2);
    await proxy.freeze(); // so that what is sent now does not arrive
    await count("orders", 4, 40);
    await count("import:7", 3, 9);
    await count("import:8", 1, 2);
    await proxy.cut();
    await ended(page, 1006);
    await proxy.thaw();
    await active(page);
    await count("orders", 41, 42);
    await heard(page, "orders", 42);
    await heard(page, "import:*", 11);
    const { events, gaps, recovered } = await told(page);
    expect(events.orders).toEqual(numbers(1, 42));
    expect(events["import:*"].filter((_, i) => i < 2)).toEqual([1, 2]);
    expect(events["import:*"].slice(2).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(gaps).toEqual([]);
    expect(recovered).toEqual(expect.arrayContaining([["orders", 37], ["import:*", 9], ["quiet", 0]]));
  });

  it("is told as a gap when too much was missed", async () => {
    await setUp({ "history.size": 5 });
    const page = await open({ origin: proxy.url, topics: ["orders"] });
    await active(page);
    await count("orders", 1, 3);
    await heard(page, "orders", 3);
    await proxy.freeze();
    await count("orders", 4, 40);
    await proxy.cut();
    await ended(page, 1006);
    await proxy.thaw();
    await active(page);
    await count("orders", 41, 41);
    await page.waitForFunction(() => told.events.orders.includes(41));
    expect((await told(page)).gaps).toEqual([{ topic: "orders", reason: "resume" }]);
  });

  it("gives a pattern what it missed of a topic that the page asks for meanwhile", async () => {
    await setUp();
    const page = await open({ origin: proxy.url, topics: ["import:*"] });
    await active(page);
    await count("import:7", 1, 2);
    await heard(page, "import:*", 2);
    await proxy.freeze();
    await count("import:7", 3, 9);
    await proxy.cut();
    await ended(page, 1006);
    await page.evaluate(() => {
      window.late = [];
      subscriptions.push(client.subscribe("import:7", { last: 2, onEvent: (event) => late.push(event.data) }));
    });
    await proxy.thaw();
    await active(page);
    await count("import:7", 10, 10);
    await heard(page, "import:*", 10);
    await page.waitForFunction(() => late.includes(10));
    expect((await told(page)).events["import:*"]).toEqual(numbers(1, 10));
    expect(await page.evaluate(() => late)).toEqual([8, 9, 10]);
    expect((await told(page)).gaps).toEqual([]);
  });

  it("comes back when the bridge was killed and started again", async () => {
    await setUp();
    const page = await open({ topics: ["orders"] });
    await active(page);
    await count("orders", 1, 2);
    await heard(page, "orders", 2);
    await bridge.kill();
    await ended(page, 1006);
    await bridge.start();
    await producer.waitReady();
    await active(page);
    await count("orders", 3, 4);
    await heard(page, "orders", 4);
    const { events, states, gaps } = await told(page);
    expect(events.orders).toEqual([1, 2, 3, 4]);
    expect(gaps).toEqual([{ topic: "orders", reason: "resume" }]); // the new bridge cannot know what it did not hear
    expect(states.map((each) => each.name)).toEqual(expect.arrayContaining(["connecting", "connected", "disconnected"]));
  });

  it("is given up by the watchdog when the network is frozen, and resumed when it thaws", async () => {
    await setUp({ "heartbeat.interval": "1s", "heartbeat.timeout": "60s" });
    const page = await open({ origin: proxy.url, topics: ["orders"] });
    await active(page);
    await count("orders", 1, 2);
    await heard(page, "orders", 2);
    await proxy.freeze();
    await ended(page, 4408);
    await count("orders", 3, 9);
    await proxy.cut(); // what was held back in the tunnel is gone
    await proxy.thaw();
    await heard(page, "orders", 9);
    expect((await told(page)).events.orders).toEqual(numbers(1, 9));
  });

  it("is not sought again after an administrator has ended it", async () => {
    await setUp();
    const page = await open();
    await connected(page);
    const { clientId } = await page.evaluate(() => client.identity);
    const answer = await bridge.call("DELETE", `/api/ws/connections/${clientId}`, bridge.adminToken);
    expect(answer).toMatchObject({ success: true, closed: 1 });
    await gone(page, 4403);
    await page.evaluate(() => client.connect());
    await connected(page);
  });
});

describe("a token", () => {
  let secret;
  const withUsers = () => setUp({ "auth.hs256_secret": (secret = newSecret()), "auth.expiry_grace": "5s" });

  it("is renewed in place before it ends", async () => {
    await withUsers();
    let made = 0;
    const page = await open({ topics: ["orders"], getToken: () => makeToken(secret, "ada", ++made < 3 ? 4 : 3600) });
    await active(page);
    await vi.waitFor(() => expect(made).toBe(3), { timeout: 60_000 });
    await page.waitForFunction(() => told.identities.length === 3);
    await count("orders", 1, 1);
    await heard(page, "orders", 1);
    expect(page.sockets).toBe(1);
    expect((await told(page)).identities.map((identity) => identity.user)).toEqual(["ada", "ada", "ada"]);
  });

  it("that has ended is replaced on a new connection", async () => {
    await withUsers();
    let made = 0;
    const page = await open({ getToken: () => makeToken(secret, "ada", ++made === 1 ? -60 : 3600) });
    await connected(page);
    expect(made).toBe(2);
    expect((await told(page)).states).toContainEqual({ name: "disconnected", code: 4401, reason: "token_expired", retry: true });
  });

  it("that is bad is not tried twice", async () => {
    await withUsers();
    const page = await open({ token: "bad.bad.bad" });
    await gone(page, 4401);
    expect((await told(page)).states.at(-1)).toEqual({ name: "disconnected", code: 4401, reason: "invalid_token", retry: false });
    await page.evaluate((token) => client.setToken(token), makeToken(secret, "ada"));
    await connected(page);
  });

  it("of another user is refused in place, and the old identity stays", async () => {
    await withUsers();
    const page = await open({ token: makeToken(secret, "ada") });
    await connected(page);
    const code = await page.evaluate((token) => client.setToken(token).then(() => "taken", (error) => error.code), makeToken(secret, "bob"));
    expect(code).toBe("forbidden");
    expect(await page.evaluate(() => client.identity.user)).toBe("ada");
  });

  it("is put away by setToken(null), and the connection is nobody's", async () => {
    await withUsers();
    const page = await open({ getToken: () => makeToken(secret, "ada") });
    await connected(page);
    expect(await page.evaluate(async () => { await client.setToken(null); return (await client.ready()).user; })).toBe(null);
    expect(page.sockets).toBe(2);
  });

  it("that gives no right to a topic has the refusal told: to onError, or on the console", async () => {
    await withUsers();
    const page = await open({ token: makeToken(secret, "ada", 3600, { topics: ["orders"] }), topics: ["orders"] });
    await active(page);
    await page.evaluate(() => void client.subscribe("secret"));
    await page.waitForFunction(() => told.errors.includes("forbidden"));
    const line = page.waitForEvent("console", (message) => message.type() === "warning");
    await page.evaluate((token) => void (window.quiet = new zws.ZwsClient("/api/ws", { token })).subscribe("secret"), makeToken(secret, "ada", 3600, { topics: [] }));
    expect((await line).text()).toMatch(/^zwsbridge: forbidden: .*\(secret\)$/);
  });

  it("decides which of two browsers gets a personal notification", async () => {
    await withUsers();
    const [ada, bob] = [await open({ token: makeToken(secret, "ada"), topics: ["notifications"] }), await open({ token: makeToken(secret, "bob"), topics: ["notifications"] })];
    await active(ada);
    await active(bob);
    await producer.notification("@user/ada", "For Ada");
    await producer.notification("notifications", "For everyone");
    for (const page of [ada, bob]) await page.waitForFunction(() => told.notices.includes("For everyone"));
    expect((await told(ada)).notices).toEqual(["For Ada", "For everyone"]);
    expect((await told(bob)).notices).toEqual(["For everyone"]);
  });
});

describe("one connection", () => {
  it("has a topic once, however many listen, and gives it up with the last", async () => {
    await setUp();
    const page = await open({ topics: ["orders", "orders"] });
    await active(page);
    await page.evaluate(() => subscriptions[0].unsubscribe());
    await count("orders", 1, 1);
    await heard(page, "orders", 1);
    expect((await told(page)).events.orders).toEqual([1]);
    await page.evaluate(async () => {
      subscriptions[1].unsubscribe();
      await client.stats(); // answered after the unsubscribe
    });
    await count("orders", 2, 2);
    await producer.notification("@all", "After it");
    await page.waitForFunction(() => told.notices.includes("After it"));
    expect((await told(page)).events.orders).toEqual([1]);
  });

  it("brings the state to each part of the page that comes late, and nothing twice to the others", async () => {
    await setUp();
    const page = await open({ topics: ["import:*"] });
    await active(page);
    await count("import:7", 1, 5);
    await heard(page, "import:*", 5);
    const late = (topic, last) => page.evaluate(async ([topic, last]) => {
      const heard = [];
      const subscription = client.subscribe(topic, { last, onEvent: (event) => heard.push(event.data) });
      await subscription.ready();
      await client.stats(); // what came with it is behind us
      return heard;
    }, [topic, last]);
    expect(await late("import:7", 1)).toEqual([5]);
    expect(await late("import:7", 3)).toEqual([3, 4, 5]);
    expect(await late("import:*", 2)).toEqual([4, 5]);
    expect(await late("import:7*", 1)).toEqual([5]);
    await count("import:7", 6, 6);
    await heard(page, "import:*", 6);
    expect((await told(page)).events["import:*"]).toEqual(numbers(1, 6));
  });

  it("is the same for a page that imports the client as a module", async () => {
    await setUp();
    const page = await open();
    await page.addScriptTag({ type: "module", content: 'import * as exports from "/client.mjs"; window.module = exports;' });
    await page.waitForFunction(() => window.module);
    expect(await page.evaluate(() => [zws, module].map((exports) => Object.keys(exports).sort()))).toEqual(Array(2).fill(["Subscription", "ZwsClient", "ZwsError"]));
    expect(await page.evaluate(async () => (await new module.ZwsClient("/api/ws").ready()).user)).toBe(null);
  });

  it("that fetches goes on hearing what is live, each event once", async () => {
    await setUp();
    const page = await open({ topics: ["orders"] });
    await active(page);
    const sent = count("orders", 1, 200);
    await heard(page, "orders", 1);
    const fetched = await page.evaluate(async () => {
      const all = [];
      while (all.length < 50) all.push(await client.fetch({ topic: "orders", src: "life-1", from: 1, to: 1000 }), await client.fetch({ topic: "orders", last: 3 }));
      return all.map(({ events }) => events.map((event) => event.data));
    });
    await sent;
    await heard(page, "orders", 200);
    expect((await told(page)).events.orders).toEqual(numbers(1, 200));
    for (const events of fetched) expect(events).toEqual(numbers(events[0], events.at(-1)));
  });

  it("fetches what it is asked for", async () => {
    await setUp();
    await count("orders", 1, 9);
    const page = await open();
    await connected(page);
    const fetched = await page.evaluate(() => client.fetch({ topic: "orders", src: "life-1", from: 4, to: 6 }));
    expect(fetched.complete).toBe(true);
    expect(fetched.events.map((event) => event.data)).toEqual([4, 5, 6]);
  });
});

describe("sources", () => {
  it("tell a page whether there is no news or no producer, across a bridge that begins anew", async () => {
    await setUp();
    await count("orders", 1, 1);
    const page = await open();
    await page.evaluate(() => {
      window.words = [];
      window.orders = client.subscribe("orders", { sources: true });
      orders.on("source", ({ src, state }) => words.push(`${src} ${state}`));
      for (const type of ["fresh", "stale"]) orders.on(type, ({ why }) => words.push(why ?? type));
    });
    const said = (...expected) => page.waitForFunction((expected) => JSON.stringify(words) === JSON.stringify(expected), expected);
    await said("life-1 alive", "fresh");
    await producer.end();
    await said("life-1 alive", "fresh", "life-1 lost", "lost");
    producer = await Producer.connect(bridge.endpoint);
    await producer.send("orders", { type: "count", data: 1 }, { src: "life-2", seq: 1 });
    await said("life-1 alive", "fresh", "life-1 lost", "lost", "life-2 alive", "fresh");
    await page.evaluate(() => { words.length = 0; });
    await bridge.kill();
    await bridge.start(); // it knows of nobody
    await page.waitForFunction(() => words.at(-1) === "lost");
    await producer.waitReady();
    await producer.send("orders", { type: "count", data: 2 }, { src: "life-2", seq: 2 });
    await said("pending", "lost", "life-2 alive", "fresh");
  });
});
