import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ClientOptions, type ConnectionState, ZwsClient } from "../src/index.js";
import { FakeSocket } from "./fake_socket.js";

let client: ZwsClient;
let states: ConnectionState[];
const windowEvents = new EventTarget();

async function connect(options: ClientOptions = {}): Promise<void> {
  client = new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket, onState: (state) => states.push(state), ...options });
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.stubGlobal("addEventListener", windowEvents.addEventListener.bind(windowEvents));
  vi.stubGlobal("removeEventListener", windowEvents.removeEventListener.bind(windowEvents));
  FakeSocket.all = [];
  states = [];
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("connecting", () => {
  it("takes http addresses for what they are, and refuses what is none", async () => {
    client = new ZwsClient("https://bridge.test/api/ws", { WebSocket: FakeSocket });
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.last.url).toBe("wss://bridge.test/api/ws");
    expect(() => new ZwsClient("ws://[", { WebSocket: FakeSocket })).toThrow(TypeError);
  });

  it("is connecting until the bridge greets", async () => {
    await connect();
    expect(states.map((state) => state.name)).toEqual(["connecting"]);
    FakeSocket.last.greet({ user: "ada" });
    expect(client.state).toEqual({ name: "connected", code: null, reason: "", retry: true });
    expect(client.identity).toEqual({ clientId: "c-1", user: "ada", expires: null });
  });

  it("offers the subprotocol, and the token with it", async () => {
    await connect();
    expect(FakeSocket.last.protocols).toEqual(["zws.v1.json"]);
    client.close();
    await connect({ token: "h.p.s" });
    expect(FakeSocket.last.protocols).toEqual(["zws.v1.json", "bearer.h.p.s"]);
  });

  it.each(["connecting", "connected", "identity"])("stays closed when its owner closes it on hearing: %s", async (when) => {
    let heard = false;
    const closeOn = (what: string): void => {
      if (heard && what === when) client.close();
    };
    await connect({ onState: ({ name }) => closeOn(name), onIdentity: () => closeOn("identity") });
    FakeSocket.last.greet();
    heard = true;
    FakeSocket.last.end(1006);
    await vi.advanceTimersByTimeAsync(2000);
    if (when !== "connecting") FakeSocket.last.greet();
    const dialled = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(150_000);
    expect(FakeSocket.all).toHaveLength(dialled);
    expect(client.state).toMatchObject({ name: "disconnected", code: 1000, retry: false });
  });

  it("gives up on a bridge that accepts and says nothing", async () => {
    await connect();
    FakeSocket.last.readyState = 1;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.state).toMatchObject({ name: "disconnected", code: 4408, retry: true });
    expect(FakeSocket.all[0]!.closedByClient).toBe(true);
  });
});

describe("coming back", () => {
  it("tries for ever, with full jitter up to twenty seconds", async () => {
    await connect();
    const waits: number[] = [];
    for (let i = 0; i < 40; i++) {
      const attempts = FakeSocket.all.length;
      FakeSocket.last.end(1006);
      const from = Date.now();
      while (FakeSocket.all.length === attempts) await vi.advanceTimersToNextTimerAsync();
      waits.push(Date.now() - from);
    }
    expect(waits.slice(0, 7)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10000]);
    expect(new Set(waits.slice(6))).toEqual(new Set([10000]));
  });

  it.each([1001, 1006, 1011, 1012, 4408, 4410])("comes back after %i", async (code) => {
    await connect();
    FakeSocket.last.greet().end(code, "why");
    expect(client.state).toEqual({ name: "disconnected", code, reason: "why", retry: true });
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("comes back when the bridge said, and not as after a fault", async () => {
    await connect();
    FakeSocket.last.greet().give({ type: "reconnect", after_ms: 3000 });
    await vi.advanceTimersByTimeAsync(2990);
    expect(client.state.name).toBe("connected");
    FakeSocket.last.end(1012);
    await vi.advanceTimersByTimeAsync(10);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.end(1006); // that was one time: what fails now has its patience
    await vi.advanceTimersByTimeAsync(200);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("forgets when the bridge wanted it back once it has come back for another reason", async () => {
    await connect();
    FakeSocket.last.greet().give({ type: "reconnect", after_ms: 0 });
    client.setToken(null);
    await vi.advanceTimersByTimeAsync(0);
    FakeSocket.last.end(1013);
    const dialled = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(2000);
    expect(FakeSocket.all).toHaveLength(dialled);
  });

  it("does not storm a login that fails when the bridge wanted it back", async () => {
    const getToken = vi.fn().mockResolvedValueOnce("first").mockRejectedValue(new Error("login is down"));
    await connect({ getToken });
    FakeSocket.last.greet({ expires: new Date(Date.now() + 1000).toISOString() }).give({ type: "reconnect", after_ms: 2000 });
    await vi.advanceTimersByTimeAsync(2000);
    getToken.mockClear();
    FakeSocket.last.end(1012);
    await vi.advanceTimersByTimeAsync(1000);
    expect(getToken.mock.calls.length).toBeGreaterThan(0);
    expect(getToken.mock.calls.length).toBeLessThan(4);
  });

  it("goes to the next of several addresses with each break", async () => {
    client = new ZwsClient(["ws://a.test/ws", "ws://b.test/ws", "ws://c.test/ws"], { WebSocket: FakeSocket });
    await vi.advanceTimersByTimeAsync(0);
    for (let i = 0; i < 4; i++) {
      FakeSocket.last.end(1006);
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(FakeSocket.all.slice(0, 4).map((socket) => new URL(socket.url).host)).toEqual(["a.test", "b.test", "c.test", "a.test"]);
  });

  it.each([1013, 4429])("comes back after %i, but not within five seconds", async (code) => {
    await connect();
    FakeSocket.last.greet().end(code);
    await vi.advanceTimersByTimeAsync(4999);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it.each([1002, 1003, 1007, 1009, 4400, 4401, 4403])("stays away after %i", async (code) => {
    await connect();
    FakeSocket.last.greet().end(code);
    expect(client.state).toMatchObject({ name: "disconnected", code, retry: false });
    windowEvents.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(FakeSocket.all).toHaveLength(1);
    client.connect();
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("comes back at once when the network is back", async () => {
    await connect();
    FakeSocket.last.end(1006);
    windowEvents.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("gives the bridge's own words for the reason", async () => {
    await connect();
    FakeSocket.last.greet().give({ type: "error", code: "limit_exceeded", message: "too many" }).end(1013);
    expect(client.state.reason).toBe("limit_exceeded");
  });

  it("does not blame an old error for a lost network", async () => {
    await connect();
    FakeSocket.last.greet().give({ type: "error", code: "invalid_topic", message: "" }).end(1006, "");
    expect(client.state.reason).toBe("");
  });

  it("does not explain an end by what an earlier connection was told", async () => {
    await connect();
    FakeSocket.last.greet().give({ type: "error", code: "invalid_topic", message: "" }).end(1006);
    await vi.advanceTimersByTimeAsync(20_000);
    FakeSocket.last.greet().end(4410, "too slow");
    expect(client.state.reason).toBe("too slow");
  });

  it("listens for the network only while it is open", async () => {
    const listening = new Map<string, Set<unknown>>();
    vi.stubGlobal("addEventListener", (type: string, listener: unknown) => listening.set(type, (listening.get(type) ?? new Set()).add(listener)));
    vi.stubGlobal("removeEventListener", (type: string, listener: unknown) => listening.get(type)!.delete(listener));
    const counts = (): number[] => ["online", "pageshow", "visibilitychange"].map((type) => listening.get(type)!.size);
    await connect();
    expect(counts()).toEqual([1, 1, 1]);
    client.close();
    expect(counts()).toEqual([0, 0, 0]);
    client.connect();
    expect(counts()).toEqual([1, 1, 1]);
    await vi.advanceTimersByTimeAsync(0);
    FakeSocket.last.greet().end(4403); // for good, too
    expect(counts()).toEqual([0, 0, 0]);
  });

  it("stays away from an address that the browser does not let it have", async () => {
    await connect({ WebSocket: class { constructor() { throw new Error("insecure"); } } as unknown as typeof FakeSocket });
    expect(client.state).toEqual({ name: "disconnected", code: null, reason: "Error: insecure", retry: false });
    await vi.advanceTimersByTimeAsync(100_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("never connects if it is closed while getToken thinks", async () => {
    let give = (_: string): void => {};
    await connect({ getToken: () => new Promise((resolve) => (give = resolve)) });
    client.close();
    give("late");
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.all).toHaveLength(0);
  });

  it("stays closed after close()", async () => {
    await connect();
    FakeSocket.last.greet();
    client.close();
    expect(client.state).toMatchObject({ name: "disconnected", code: 1000, retry: false });
    windowEvents.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("never connects if it is closed in the turn in which it was made", async () => {
    client = new ZwsClient("ws://bridge.test/", { WebSocket: FakeSocket });
    client.close();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.all).toHaveLength(0);
  });
});

describe("the watchdog", () => {
  it("breaks a silence of one heartbeat with a ping, and stays while there is an answer", async () => {
    await connect();
    const socket = FakeSocket.last.greet({ heartbeat: 5 });
    socket.onSend = (message) => message["type"] === "ping" && socket.give({ type: "pong" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(socket.count("ping")).toBe(12);
    expect(client.state.name).toBe("connected");
  });

  it("takes 25 s for the heartbeat of a bridge that names none", async () => {
    await connect();
    const socket = FakeSocket.last.greet({ heartbeat: undefined });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(socket.count("ping")).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.count("ping")).toBe(1);
  });

  it("does not ping while events come", async () => {
    await connect();
    const socket = FakeSocket.last.greet({ heartbeat: 5 });
    for (let seq = 1; seq <= 30; seq++) {
      await vi.advanceTimersByTimeAsync(2000);
      socket.event("t", `a:${seq}`);
    }
    expect(socket.count("ping")).toBe(0);
  });

  it("gives up on a network that has gone silent, without waiting for its handshake", async () => {
    await connect();
    FakeSocket.last.greet({ heartbeat: 5 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(states[states.length - 1]).toMatchObject({ name: "disconnected", code: 4408, retry: true });
    expect(FakeSocket.all[0]!.closedByClient).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.all).toHaveLength(2);
    expect(FakeSocket.all[0]!.onmessage).toBeNull();
  });

  it.each([1013, 4429])("keeps the patience that the bridge asked for (%s), however often the page is shown", async (code) => {
    await connect();
    FakeSocket.last.end(code);
    for (let i = 0; i < 50; i++) windowEvents.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(5000);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it.each(["online", "pageshow", "visibilitychange"])("asks at once whether the connection lives at %s", async (type) => {
    await connect();
    const socket = FakeSocket.last.greet();
    windowEvents.dispatchEvent(new Event(type));
    expect(socket.count("ping")).toBe(1);
    await vi.advanceTimersByTimeAsync(9_000);
    windowEvents.dispatchEvent(new Event(type)); // puts off nothing
    expect(socket.count("ping")).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.state.code).toBe(4408);
  });

  it("does not ask when the page is hidden, and comes back at once when it is shown", async () => {
    await connect();
    const socket = FakeSocket.last.greet();
    vi.stubGlobal("document", { visibilityState: "hidden" });
    windowEvents.dispatchEvent(new Event("visibilitychange"));
    expect(socket.count("ping")).toBe(0);
    socket.end(1006);
    windowEvents.dispatchEvent(new Event("visibilitychange"));
    expect(client.state.name).toBe("disconnected");
    vi.stubGlobal("document", { visibilityState: "visible" });
    windowEvents.dispatchEvent(new Event("visibilitychange"));
    expect(client.state.name).toBe("connecting");
  });

  it("asks when told to connect though it is connected, as an app does that comes to the front", async () => {
    await connect();
    const socket = FakeSocket.last.greet();
    client.connect();
    expect(socket.count("ping")).toBe(1);
  });

  it("notices that the machine has slept, whose timers slept with it", async () => {
    await connect();
    const socket = FakeSocket.last.greet();
    await vi.advanceTimersByTimeAsync(1000);
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(4000);
    expect(socket.count("ping")).toBe(1);
  });

  it("is not hurried by a clock that is set back, nor put to sleep by it", async () => {
    await connect();
    const socket = FakeSocket.last.greet();
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(24_000);
    expect(socket.count("ping")).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.count("ping")).toBe(1);
  });
});
