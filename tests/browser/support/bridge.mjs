// The real daemon, as a browser test sees it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineReader } from "./line_reader.mjs";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const DAEMON = process.env.ZWSBRIDGE_BIN ?? join(ROOT, "build/dev/bridge/zwsbridge");

/** A loopback port nobody listens on, below the range that outgoing connections take theirs from. */
export async function freePort() {
  for (;;) {
    const server = createServer();
    try {
      server.listen(15_000 + Math.floor(Math.random() * 17_000), "127.0.0.1");
      await once(server, "listening");
      return server.address().port;
    } catch {
      // Taken: try another.
    } finally {
      server.close();
    }
  }
}

/** One daemon with ports and a configuration of its own. `settings`: dotted keys; `tables`: TOML that follows them. */
export class Bridge {
  #process = null;
  #log = null;

  static async start(settings = {}, tables = "") {
    const bridge = new Bridge();
    const folder = mkdtempSync(join(tmpdir(), "zws-browser-"));
    bridge.port = await freePort();
    bridge.endpoint = `tcp://127.0.0.1:${await freePort()}`;
    bridge.url = `http://127.0.0.1:${bridge.port}`;
    bridge.wsUrl = `ws://127.0.0.1:${bridge.port}/api/ws`;
    bridge.configFile = join(folder, "zwsbridge.toml");
    bridge.adminTokenFile = join(folder, "admin-token");
    const all = {
      "server.listen": `127.0.0.1:${bridge.port}`, "server.threads": 2, "server.drain_timeout": "2s",
      "ingest.bind": [bridge.endpoint], "auth.admin_token_file": bridge.adminTokenFile, ...settings,
    };
    writeFileSync(bridge.configFile, `${Object.entries(all).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join("\n")}\n${tables}`);
    await bridge.start();
    return bridge;
  }

  /** Starts it, again after an end, and returns when it listens. */
  async start() {
    this.#process = spawn("setpriv", ["--pdeathsig", "KILL", DAEMON, "--config", this.configFile], { stdio: ["ignore", "ignore", "pipe"] });
    this.#log = new LineReader(this.#process.stderr);
    await this.#log.find((line) => line.includes("listening"));
  }

  async #end(signal) {
    const ended = this.#process;
    this.#process = null;
    if (!ended || ended.exitCode !== null) throw new Error(`the bridge had ended by itself; its log:\n${this.#log?.text()}`);
    ended.kill(signal);
    const [code] = await once(ended, "exit");
    return code;
  }

  /** What it reads when it is started again. */
  change(change) {
    writeFileSync(this.configFile, change(readFileSync(this.configFile, "utf8")));
  }

  /** Has it read its configuration again, which is what it was but for what `change` makes of it; returns when it has. */
  async reload(change) {
    this.change(change);
    this.#process.kill("SIGHUP");
    await this.#log.find((line) => /reload/.test(line));
  }

  async kill() {
    await this.#end("SIGKILL");
  }

  /** SIGTERM; a daemon that does not exit with 0 is an error. */
  async stop() {
    if (!this.#process) return;
    const code = await this.#end("SIGTERM");
    if (code !== 0) throw new Error(`the bridge ended with ${code}; its log:\n${this.#log.text()}`);
  }

  /** Milliseconds of processor time that it has taken, in steps of ten. */
  get processorMs() {
    const [user, system] = readFileSync(`/proc/${this.#process.pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13);
    return (Number(user) + Number(system)) * 10;
  }

  get adminToken() {
    return readFileSync(this.adminTokenFile, "utf8").trim();
  }

  /** A call of the REST API as `token`; returns the parsed answer. */
  async call(method, path, token, body) {
    const answer = await fetch(this.url + path, {
      method, headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, ...(await answer.json()) };
  }
}
