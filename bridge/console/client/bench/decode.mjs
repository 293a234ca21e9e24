// How many events the built client decodes and hands to a handler in a second of CPU, without a network:
//   npm run build && npm run bench [-- EVENTS]
// The frames are those of docs/CLIENTS.md for payloads of about 200 bytes, on 100 topics and one pattern.
import { ZwsClient } from "../dist/client.js";

const EVENTS = Number(process.argv[2] ?? 1_000_000); // in each round
const ROUNDS = 5;
let socket;

/** Calls a second of this process's CPU time, so that a busy machine does not count. */
function rate(call) {
  const start = process.cpuUsage();
  for (let i = 0; i < EVENTS; i++) call(i);
  const { user, system } = process.cpuUsage(start);
  return (EVENTS / (user + system)) * 1e6;
}
class Wire {
  readyState = 1;
  constructor() { socket = this; }
  send() {}
  close() {}
}

const frame = (topic, seq) => {
  const event = { type: "import_progress", task_id: topic.slice(7), data: { status: "processing", total: 1000, processed: seq % 1000, success: seq % 1000, failed: 20, progress: (seq % 1000) / 10, eta: 120 }, timestamp: "2025-11-22T10:00:00.000Z", topic, "@id": `b7c1f2d09a3e:${seq}` };
  return { data: JSON.stringify(event) };
};
const frames = Array.from({ length: 10_000 }, (_, i) => frame(`import:task-${i % 100}`, Math.floor(i / 100) + 1));

async function measure(name, subscribe) {
  const client = new ZwsClient("ws://bridge.test/", { WebSocket: Wire });
  await new Promise((resolve) => setImmediate(resolve));
  const give = (message) => socket.onmessage({ data: JSON.stringify(message) });
  give({ type: "connection", client_id: "c", user: null, expires: null, heartbeat: 25, timestamp: new Date().toISOString() });
  let heard = 0;
  subscribe(client, () => heard++);
  await new Promise((resolve) => setImmediate(resolve));
  const rates = [];
  for (let round = 0; round < ROUNDS; round++) {
    rates.push(rate((i) => socket.onmessage(frames[i % frames.length])));
  }
  client.close();
  if (heard !== EVENTS * ROUNDS) throw new Error(`${name}: ${heard} events heard, ${EVENTS * ROUNDS} given`);
  rates.sort((a, b) => a - b);
  console.log(`${name}: ${Math.round(rates[ROUNDS >> 1]).toLocaleString("en")} events/s (median of ${ROUNDS}; ${Math.round(rates[0]).toLocaleString("en")} to ${Math.round(rates[ROUNDS - 1]).toLocaleString("en")})`);
}

console.log(`node ${process.version}, frames of ${frames[5000].data.length} bytes`);
console.log(`JSON.parse alone: ${Math.round(rate((i) => JSON.parse(frames[i % frames.length].data))).toLocaleString("en")} frames/s`);
await measure("100 topics", (client, onEvent) => { for (let i = 0; i < 100; i++) client.subscribe(`import:task-${i}`, { onEvent }); });
await measure("one pattern", (client, onEvent) => client.subscribe("import:*", { onEvent }));
