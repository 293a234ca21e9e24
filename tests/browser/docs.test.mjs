// docs/CLIENTS.md: every program runs as it stands there; only the default address is replaced by the test bridge's.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Bridge, ROOT } from "./support/bridge.mjs";
import { launch } from "./support/chromium.mjs";
import { Producer, Program, PYTHON } from "./support/program.mjs";
import { makeToken, newSecret } from "./support/token.mjs";

const page = readFileSync(join(ROOT, "docs/CLIENTS.md"), "utf8");
const programs = [...page.matchAll(/^```(html|python|js|ts)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text }));

/** The only program of a language that holds `mark`. */
function program(language, mark) {
  const found = programs.filter((each) => each.language === language && each.text.includes(mark));
  if (found.length !== 1) throw new Error(`${found.length} ${language} programs in CLIENTS.md hold ${mark}`);
  found[0].isRun = true;
  return found[0].text;
}

let bridge, producer, running;
const here = (text) => text.replaceAll("127.0.0.1:8000", `127.0.0.1:${bridge.port}`);

/** A folder with a program in it, and the packages it imports beside it. */
function folderWith(name, text) {
  const folder = mkdtempSync(join(tmpdir(), "zws-docs-"));
  mkdirSync(join(folder, "node_modules/@zwsbridge"), { recursive: true });
  symlinkSync(join(ROOT, "bridge/console/client"), join(folder, "node_modules/@zwsbridge/client"));
  symlinkSync(fileURLToPath(new URL("node_modules/ws", import.meta.url)), join(folder, "node_modules/ws"));
  writeFileSync(join(folder, name), text);
  return folder;
}

function run(command, name, text) {
  running = new Program(command, [join(folderWith(name, here(text)), name)]);
  return running;
}

afterAll(() => expect(programs.filter((each) => !each.isRun).map((each) => each.text)).toEqual([]));

describe("a program of CLIENTS.md", () => {
  beforeEach(async () => {
    bridge = await Bridge.start();
    producer = await Producer.connect(bridge.endpoint);
  });
  afterEach(async () => {
    await running?.end();
    running = undefined;
    await producer.end();
    await bridge.stop();
  });

  it("in Python prints progress", async () => {
    await producer.progress("task-123", 50);
    const python = run(PYTHON, "listen.py", program("python", "import:*"));
    expect(await python.line()).toBe("import:task-123 50");
    await producer.progress("task-7", 12.5);
    expect(await python.line()).toBe("import:task-7 12.5");
  });

  it("in Python resumes without a loss", async () => {
    const python = run(PYTHON, "resume.py", program("python", "since"));
    expect(await python.line()).toBe("from here");
    const lines = async (count) => { const all = []; while (all.length < count) all.push(await python.line()); return all; };
    for (const order of ["a", "b"]) await producer.send("orders", { type: "order", data: order });
    expect(await lines(2)).toEqual(["1 a", "2 b"]);
    for (const order of ["c", "d"]) await producer.send("orders", { type: "order", data: order });
    python.say("");
    expect(await lines(3)).toEqual(["recovered", "3 c", "4 d"]);
    await producer.send("orders", { type: "order", data: "e" });
    expect(await lines(1)).toEqual(["5 e"]);
    expect(await python.end(null)).toBe(0);
  });

  it("in Node listens with our client until the import is done", async () => {
    await producer.progress("task-123", 50);
    const node = run(process.execPath, "listen.mjs", program("js", "@zwsbridge/client"));
    expect(await node.line()).toBe("connecting  ");
    expect(await node.line()).toBe("connected  ");
    expect(await node.line()).toBe("task-123 50");
    await producer.progress("task-123", 100);
    expect(await node.line()).toBe("task-123 100");
    expect(await node.line()).toBe("disconnected 1000 closed by this client");
    expect(await node.end(null)).toBe(0);
  });

  it("in TypeScript adds a type of event", () => {
    const use = 'import { ZwsClient } from "@zwsbridge/client";\nnew ZwsClient("ws://x/").on("trade", (event) => event.data.price.toFixed(2));\n';
    const folder = folderWith("trade.ts", use + program("ts", "declare module"));
    execFileSync(join(ROOT, "bridge/console/node_modules/.bin/tsc"), ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom", "trade.ts"], { cwd: folder });
  });
});

describe("a page of CLIENTS.md", () => {
  let browser;
  beforeAll(async () => { browser = await launch(); });
  afterAll(() => browser.close());
  afterEach(async () => {
    await producer.end();
    await bridge.stop();
  });

  async function open(html, settings, answers = {}) {
    bridge = await Bridge.start(settings);
    producer = await Producer.connect(bridge.endpoint);
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    for (const [path, body] of Object.entries(answers)) await page.route(bridge.url + path, (route) => route.fulfill({ body }));
    await page.goto(`${bridge.url}/healthz`); // for the bridge's origin
    await page.setContent(html);
    return page;
  }

  it.each([["our client", "zws.ZwsClient(\"/api/ws\");"], ["a bare WebSocket", "new WebSocket"]])("moves a bar with %s", async (_, mark) => {
    const page = await open(program("html", mark));
    await producer.progress("task-123", 40);
    await page.waitForFunction(() => document.querySelector("#bar").value === 40);
    await producer.progress("task-123", 90);
    await page.waitForFunction(() => document.querySelector("#bar").value === 90);
  });

  it("says that nobody sends what it listens to", async () => {
    const prelude = '<p id="banner"></p><script src="/client.js"></script><script>const client = new zws.ZwsClient("/api/ws");';
    const page = await open(`${prelude}\n${program("js", "sources: true")}</script>`);
    await page.waitForFunction(() => document.querySelector("#banner").textContent === "no news: lost");
  });

  it("signs in and shows notifications", async () => {
    const secret = newSecret();
    const page = await open(program("html", "getToken"), { "auth.hs256_secret": secret }, { "/my-token": makeToken(secret, "ada") });
    await page.waitForFunction(() => client.identity?.user === "ada");
    await producer.notification("@user/ada", "<b>For Ada</b>");
    await page.waitForFunction(() => document.querySelector("#notices li")?.textContent === "<b>For Ada</b>");
  });
});
