// node browser.mjs URL TOPIC: opens the console in Chromium, and from a WebSocket of that page
// waits for the next event of TOPIC. Prints "subscribed", then the event.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../browser/package.json", import.meta.url)));
const { chromium } = require("playwright-core");
const [url, topic] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--host-resolver-rules=MAP app.example.org 127.0.0.1"],
});
try {
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.goto(url);
  await page.locator("#user[data-user=ada]").waitFor();
  await page.exposeFunction("say", (text) => console.log(text));
  const event = await page.evaluate(
    ([token, name]) => new Promise((resolve) => {
      const socket = new WebSocket(`wss://${location.host}/api/ws`, ["zws.v1.json", `bearer.${token}`]);
      let replayed = 0;
      socket.onmessage = async ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "connection") socket.send(JSON.stringify({ type: "subscribe", topic: name }));
        else if (message.type === "subscribed") { replayed = message.replayed ?? 0; await window.say("subscribed"); }
        else if (message.topic === name && replayed-- <= 0) resolve(message);
      };
    }),
    [url.split("#token=")[1], topic],
  );
  console.log(JSON.stringify(event));
} finally {
  await browser.close();
}
