// Python programs that the tests talk to by lines.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT } from "./bridge.mjs";
import { LineReader } from "./line_reader.mjs";

/** The Python of tools/dev, which has pyzmq and websockets. */
export const PYTHON = process.env.ZWS_PYTHON ?? join(ROOT, "build/venv/bin/python");

export class Program {
  #process;
  #lines;

  constructor(command, args) {
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = new LineReader(this.#process.stdout);
  }

  line() {
    return this.#lines.find();
  }

  say(line) {
    this.#process.stdin.write(`${line}\n`);
  }

  async ask(line) {
    this.say(line);
    return this.line();
  }

  /** Returns its exit code. */
  async end(signal = "SIGTERM") {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return exitCode;
    if (signal) this.#process.kill(signal);
    const [code] = await once(this.#process, "exit");
    return code;
  }
}

/** A pyzmq producer, connected to a bridge that hears it. */
export class Producer {
  #program;

  static async connect(endpoint) {
    const producer = new Producer();
    producer.#program = new Program(PYTHON, [join(ROOT, "tests/browser/support/producer.py"), endpoint]);
    await producer.#program.line();
    return producer;
  }

  /** Sends [topic][payload] or, with a header, [topic][payload][header]. */
  async send(topic, payload, header) {
    await this.#program.ask(JSON.stringify({ topic, payload, header }));
  }

  /** Returns when a bridge has subscribed anew, after the one before has ended. */
  async waitReady() {
    await this.#program.ask("null");
  }

  end() {
    return this.#program.end();
  }

  progress(task, percent, more = {}) {
    const processed = Math.round(percent * 10);
    return this.send(`import:${task}`, {
      type: "import_progress", task_id: task, timestamp: new Date().toISOString(),
      data: { status: percent < 100 ? "processing" : "completed", total: 1000, processed, success: processed, failed: 0, progress: percent, eta: Math.round((100 - percent) * 2), ...more },
    });
  }

  notification(topic, title, level = "info", content = "") {
    return this.send(topic, { type: "notification", data: { title, content, level }, timestamp: new Date().toISOString() });
  }
}

/** tests/support/fault_proxy.py in front of a bridge. */
export class FaultProxy {
  #program;

  static async start(bridge) {
    const proxy = new FaultProxy();
    proxy.#program = new Program(PYTHON, [join(ROOT, "tests/support/fault_proxy.py"), String(bridge.port)]);
    proxy.port = Number(await proxy.#program.line());
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  freeze() { return this.#program.ask("freeze"); }
  thaw() { return this.#program.ask("thaw"); }
  cut() { return this.#program.ask("cut"); }
  end() { return this.#program.end(); }
}
