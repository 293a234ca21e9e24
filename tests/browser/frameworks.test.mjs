// docs/FRAMEWORKS.md: each piece as it stands there, with the real framework, in a real browser, against the real daemon.
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Bridge, ROOT } from "./support/bridge.mjs";
import { launch } from "./support/chromium.mjs";
import { Producer } from "./support/program.mjs";

const require = createRequire(import.meta.url);
const text = readFileSync(join(ROOT, "docs/FRAMEWORKS.md"), "utf8");
const pieces = [...text.matchAll(/^```(js|jsx|vue|svelte)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));

/** The only piece of a language that holds `mark`. */
function piece(language, mark) {
  const found = pieces.filter((each) => each.language === language && each.code.includes(mark));
  if (found.length !== 1) throw new Error(`${found.length} ${language} pieces in FRAMEWORKS.md hold ${mark}`);
  found[0].isRun = true;
  return found[0].code;
}

// What the plugins of Vite do.
const vue = {
  name: "vue",
  setup({ onLoad }) {
    onLoad({ filter: /\.vue$/ }, ({ path }) => {
      const { parse, compileScript } = require("vue/compiler-sfc");
      const { descriptor, errors } = parse(readFileSync(path, "utf8"));
      if (errors.length > 0) throw errors[0];
      return { contents: compileScript(descriptor, { id: "page", inlineTemplate: true }).content, resolveDir: dirname(path) };
    });
  },
};
const svelte = {
  name: "svelte",
  setup({ onLoad }) {
    onLoad({ filter: /\.svelte$/ }, ({ path }) => ({ contents: require("svelte/compiler").compile(readFileSync(path, "utf8")).js.code, resolveDir: dirname(path) }));
  },
};

/** One script made of files, with the packages they import. */
async function bundle(files) {
  const folder = mkdtempSync(join(tmpdir(), "zws-frameworks-"));
  mkdirSync(join(folder, "node_modules/@zwsbridge"), { recursive: true });
  symlinkSync(join(ROOT, "bridge/console/client"), join(folder, "node_modules/@zwsbridge/client"));
  for (const name of ["react", "react-dom", "scheduler", "loose-envify", "js-tokens", "vue", "@vue", "svelte", "mobx"]) {
    symlinkSync(fileURLToPath(new URL(`node_modules/${name}`, import.meta.url)), join(folder, "node_modules", name));
  }
  for (const [name, code] of Object.entries({ "zws.js": piece("js", "new ZwsClient"), ...files })) writeFileSync(join(folder, name), code);
  const { outputFiles } = await build({
    entryPoints: [join(folder, "page.js")], bundle: true, write: false, format: "iife", target: "es2022", jsx: "automatic", preserveSymlinks: true,
    loader: { ".js": "jsx" }, plugins: [vue, svelte], define: { "process.env.NODE_ENV": '"development"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
  });
  return outputFiles[0].text;
}

// Each page shows the tasks of `show([...])`, and window.client is the client.
const FRAMEWORKS = {
  React: () => ({
    "use_topic.js": piece("js", 'from "react"'), "Progress.jsx": piece("jsx", "useTopic"),
    "page.js": `
      import { StrictMode, useState } from "react";
      import { createRoot } from "react-dom/client";
      import { Progress } from "./Progress.jsx";
      import { client } from "./zws.js";
      function Page() {
        const [tasks, show] = useState([]);
        Object.assign(window, { client, show });
        return tasks.map((task, i) => <Progress key={i} task={task} />);
      }
      createRoot(document.querySelector("#page")).render(<StrictMode><Page /></StrictMode>);`,
  }),
  Vue: () => ({
    "use_topic.js": piece("js", 'from "vue"'), "Progress.vue": piece("vue", "useTopic"),
    "page.js": `
      import { createApp, h, ref } from "vue";
      import Progress from "./Progress.vue";
      import { client } from "./zws.js";
      const tasks = ref([]);
      Object.assign(window, { client, show: (shown) => { tasks.value = shown; } });
      createApp({ render: () => tasks.value.map((task, i) => h(Progress, { key: i, task })) }).mount("#page");`,
  }),
  Svelte: () => ({
    "topic_store.js": piece("js", 'from "svelte/store"'), "Progress.svelte": piece("svelte", "topicStore"),
    "Page.svelte": `<script>
      import Progress from "./Progress.svelte";
      let tasks = [];
      window.show = (shown) => { tasks = shown; };
    </script>{#each tasks as task, i (i)}<Progress {task} />{/each}`,
    "page.js": `
      import Page from "./Page.svelte";
      import { client } from "./zws.js";
      window.client = client;
      new Page({ target: document.querySelector("#page") });`,
  }),
};

let browser, bridge, producer, page;
beforeAll(async () => { browser = await launch(); });
afterAll(() => browser.close());
afterAll(() => {
  piece("js", "react-native"); // which no browser runs
  expect(pieces.filter((each) => !each.isRun).map((each) => each.code)).toEqual([]);
  for (const mark of ['from "react"', 'from "vue"', 'from "svelte/store"']) expect(piece("js", mark).trim().split("\n").length, mark).toBeLessThanOrEqual(20);
});
afterEach(async () => {
  await page.close();
  await producer.end();
  await bridge.stop();
});

async function open(script) {
  bridge = await Bridge.start();
  producer = await Producer.connect(bridge.endpoint);
  page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  await page.goto(`${bridge.url}/healthz`);
  await page.setContent('<div id="page"></div>');
  await page.addScriptTag({ content: script });
  await page.evaluate(() => client.ready());
}

const bars = (values) => page.waitForFunction((values) => JSON.stringify([...document.querySelectorAll("progress")].map((bar) => bar.value)) === JSON.stringify(values), values);

describe.each(Object.keys(FRAMEWORKS))("%s", (name) => {
  it("shows the last state to each bar that comes, moves all of them, follows its task, and goes without a trace", async () => {
    await open(await bundle(FRAMEWORKS[name]()));
    await producer.progress("1", 40);
    await producer.progress("2", 70);
    await page.evaluate(() => show(["1"]));
    await bars([40]);
    await page.evaluate(() => show(["1", "1"])); // the second comes late to what the page has
    await bars([40, 40]);
    await producer.progress("1", 50);
    await bars([50, 50]);
    await page.evaluate(() => show(["1", "2"]));
    await bars([50, 70]);
    await page.evaluate(() => show([]));
    await bars([]);
    expect(await page.evaluate(async () => (await client.stats()).connection.subscriptions)).toEqual([]);
    expect(page.problems).toEqual([]);
  });
});

describe("a store", () => {
  it.each([
    ["Vue's reactive()", 'import { reactive } from "vue"; const wrap = reactive;'],
    ["MobX's observable()", 'import { observable } from "mobx"; const wrap = observable;'],
  ])("of %s may hold the client and its subscriptions", async (_, wrap) => {
    await open(await bundle({ "page.js": `${wrap}
      import { client } from "./zws.js";
      window.client = client;
      window.store = wrap({ client, subscription: client.subscribe("import:1", { last: 1 }) });` }));
    await producer.progress("1", 40);
    const told = await page.evaluate(async () => {
      await store.client.ready();
      await store.subscription.ready();
      for await (const event of store.client.subscribe("import:1", { last: 1 })) return [store.client.state.name, store.subscription.state.name, event.data.progress];
    });
    expect(told).toEqual(["connected", "active", 40]);
    await page.evaluate(() => { store.subscription.unsubscribe(); store.client.close(); });
    expect(await page.evaluate(() => store.client.state.code)).toBe(1000);
    expect(page.problems).toEqual([]);
  });
});
