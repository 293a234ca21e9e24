// What each view of the console costs beside a bridge with many topics and connections; reports, and asserts nothing.
//
//   node figures.mjs [TOPICS] [CONNECTIONS]     in tests/browser, 100000 and 10000 if absent, on a machine that does nothing else
//
// Per call: the first answer, the middle one of nine, and what one took of the processor. Per view: when its last answer had come, the longest piece of work, and the
// frames a second with the longest pause between two, in the two seconds from its address on. The same of a tail that holds 100,000 lines, while 1,000 more come
// a second. At last, what an open console costs.
import WebSocket from "ws";
import { Bridge, ROOT } from "./support/bridge.mjs";
import { launch } from "./support/chromium.mjs";
import { Program, PYTHON } from "./support/program.mjs";

const [topics = 100_000, connections = 10_000] = process.argv.slice(2).map(Number);
const CALLS = [
  "/stats", "/log", "/samples", "/connections", "/connections?sort=-queued", "/connections?search=127", "/topics", "/topics?sort=-rate",
  "/topics?sort=-events&search=99", "/topics?topic=market:7:price", "/sources?limit=100", "/config", "/bridges",
];
const VIEWS = ["overview", "connections", "topics", "topics?as=list&sort=-rate", "topics?topic=market:7:price", "tail?topics=market:*", "send", "rights?user=ada", "configuration", "fleet", "imports", "wallets"];
const TAIL_LINES = 105_000; // more than a tail holds
const PRODUCER = `
import sys, threading, time
sys.path.insert(0, sys.argv[2])
from support.producer import Producer
with Producer(sys.argv[1]) as producer:
    producer.wait_ready()
    for n in range(int(sys.argv[3])):
        producer.send(f"market:{n}:price", {"type": "price", "data": {"n": n}})
    print("sent", flush=True)
    pace = threading.Event()  # which never comes
    for line in sys.stdin:
        count, per_second = map(int, line.split())
        began = time.monotonic()
        for n in range(count):
            producer.send("flood", {"type": "flood", "n": n})
            if n % 10 == 9:
                pace.wait(max(0, began + n / per_second - time.monotonic()))
        print("sent", flush=True)
`;

const call = async (bridge, path) => {
  const began = performance.now();
  await (await fetch(`${bridge.wsUrl.replace("ws", "http")}${path}`, { headers: { authorization: `Bearer ${bridge.adminToken}` } })).text();
  return performance.now() - began;
};

/** In the page: goes to the view, and tells what the two seconds from then on were like. */
const visit = async (view) => {
  const began = performance.now();
  let longest = 0;
  const observer = new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) longest = Math.max(longest, duration); });
  observer.observe({ type: "longtask" });
  location.hash = `#/${view}`;
  const frames = [];
  await new Promise((done) => {
    const frame = (at) => { frames.push(at); if (at < began + 2000) requestAnimationFrame(frame); else done(); };
    requestAnimationFrame(frame);
  });
  observer.disconnect();
  const answers = performance.getEntriesByType("resource").filter(({ name, startTime }) => name.includes("/api/ws/") && startTime >= began && startTime < began + 300);
  const pauses = frames.slice(1).map((at, n) => at - frames[n]);
  performance.clearResourceTimings();
  return {
    answered: answers.length ? Math.max(...answers.map(({ responseEnd }) => responseEnd - began)) : 0,
    longest, frames: frames.length / 2, pause: Math.max(...pauses),
  };
};

const row = (...cells) => console.log(cells.map((cell, n) => (n === 0 ? String(cell).padEnd(38) : String(typeof cell === "number" ? cell.toFixed(0) : cell).padStart(12))).join(""));

const bridge = await Bridge.start({ "limits.topics": 2 * topics, "history.bytes": 1 << 30, "limits.connections": 2 * connections + 100, "limits.connections_per_ip": 2 * connections + 100 });
const producer = new Program(PYTHON, ["-c", PRODUCER, bridge.endpoint, `${ROOT}/tests`, String(topics)]);
const clients = [];
try {
  await producer.line();
  for (let n = 0; n < connections; n += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, k) => new Promise((done, fail) => {
      const client = new WebSocket(bridge.wsUrl);
      clients.push(client);
      client.on("error", fail);
      client.on("open", () => client.send(JSON.stringify({ type: "subscribe", topic: `market:${n + k}:price` })));
      client.on("message", (text) => { if (String(text).includes("subscribed")) done(); });
    })));
  }
  const { topics: known, connections: here } = await bridge.call("GET", "/api/ws/stats", bridge.adminToken);
  console.log(`${known} topics, ${here} connections\n`);
  row("call, ms", "first", "middle", "processor");
  for (const path of CALLS) {
    const began = bridge.processorMs;
    const first = await call(bridge, path);
    const more = [];
    while (more.length < 9) more.push(await call(bridge, path));
    row(path, first, more.sort((a, b) => a - b)[4], (bridge.processorMs - began) / 10);
  }
  const browser = await launch();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${bridge.url}/#token=${bridge.adminToken}`);
  await page.waitForSelector("#user[data-admin=true]");
  console.log("");
  row("view, ms", "answered", "longest task", "frames/s", "longest pause");
  for (const view of VIEWS) {
    const { answered, longest, frames, pause } = await page.evaluate(visit, view);
    row(view, answered, longest, frames, pause);
  }
  await page.evaluate(visit, "tail?topics=flood&last=0");
  await producer.ask(`${TAIL_LINES} 5000`);
  producer.say("5000 1000");
  const { longest, frames, pause } = await page.evaluate(visit, "tail?topics=flood&last=0");
  row(`${await page.textContent("#tail-count")}, 1,000 a second`, "", longest, frames, pause);
  await producer.line();
  await page.evaluate(visit, "overview");
  const began = bridge.processorMs;
  for (let n = 0; n < 5; n++) await page.evaluate(visit, "overview"); // two seconds each
  console.log(`\nOf a core the bridge takes ${((bridge.processorMs - began) / 100).toFixed(1)} % while the overview is open.`);
  await browser.close();
} finally {
  for (const client of clients) client.terminate();
  await producer.end();
  await bridge.stop();
}
