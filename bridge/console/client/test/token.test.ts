import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ClientOptions, ZwsClient, type ZwsError } from "../src/index.js";
import { FakeSocket } from "./fake_socket.js";

let client: ZwsClient;
const errors: ZwsError[] = [];
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

async function connect(options: ClientOptions): Promise<void> {
  client = new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket, onError: (error) => errors.push(error), ...options });
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  FakeSocket.all = [];
  errors.length = 0;
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("getToken", () => {
  it("is asked before the first connection if there is no token", async () => {
    await connect({ getToken: async () => "first" });
    expect(FakeSocket.last.protocols[1]).toBe("bearer.first");
  });

  it("may have none: then the connection is anonymous", async () => {
    await connect({ getToken: () => null });
    expect(FakeSocket.last.protocols).toEqual(["zws.v1.json"]);
  });

  it("is asked again, later, when it fails", async () => {
    const getToken = vi.fn().mockRejectedValueOnce(new Error("login is down")).mockResolvedValue("second");
    await connect({ getToken });
    expect(client.state).toEqual({ name: "disconnected", code: null, reason: "getToken: login is down", retry: true });
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.second");
  });

  it("renews the token in place a minute before it ends, by the bridge's clock", async () => {
    await connect({ token: "old", getToken: () => "new" });
    const hourAhead = (seconds: number): string => inSeconds(3600 + seconds);
    const socket = FakeSocket.last.greet({ user: "ada", timestamp: hourAhead(0), expires: hourAhead(600) });
    socket.onSend = (message) => message["type"] === "ping" && socket.give({ type: "pong" });
    await vi.advanceTimersByTimeAsync(539_000);
    expect(FakeSocket.last.count("auth")).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.last.request("auth")).toMatchObject({ token: "new" });
    FakeSocket.last.give({ type: "auth", success: true, user: "ada", expires: inSeconds(600), id: FakeSocket.last.request("auth")["id"] });
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(1);
    expect(client.state.name).toBe("connected");
  });

  it("renews a token of a year, which no timer can hold", async () => {
    await connect({ token: "old", getToken: () => "new" });
    const socket = FakeSocket.last.greet({ expires: inSeconds(365 * 86_400), heartbeat: 1e9 });
    socket.onSend = (message) => message["type"] === "ping" && socket.give({ type: "pong" });
    await vi.advanceTimersByTimeAsync(365 * 86_400_000 - 61_000);
    expect(socket.count("auth")).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.count("auth")).toBe(1);
  });

  it("is asked at once when the bridge says that the token has expired", async () => {
    await connect({ token: "old", getToken: () => "new" });
    FakeSocket.last.greet().give({ type: "error", code: "token_expired" });
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.last.request("auth")).toMatchObject({ token: "new" });
  });

  it("tells a refused renewal, keeps the connection, and tries again", async () => {
    await connect({ token: "old", getToken: () => "bad" });
    const socket = FakeSocket.last.greet().give({ type: "error", code: "token_expired" });
    await vi.advanceTimersByTimeAsync(0);
    socket.give({ type: "auth", success: false, code: "invalid_token", id: socket.request("auth")["id"] });
    await vi.advanceTimersByTimeAsync(0);
    expect(errors.map((error) => error.code)).toEqual(["token_expired", "invalid_token"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(socket.count("auth")).toBe(2);
  });
});

describe("a refused token (4401)", () => {
  it("is terminal without getToken", async () => {
    await connect({ token: "bad" });
    FakeSocket.last.give({ type: "error", code: "invalid_token" }).end(4401);
    expect(client.state).toEqual({ name: "disconnected", code: 4401, reason: "invalid_token", retry: false });
  });

  it("is replaced by a new one", async () => {
    const tokens = ["bad", "good"];
    await connect({ getToken: () => tokens.shift()! });
    FakeSocket.last.end(4401);
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.good");
  });

  it.each([["the same one", "bad"], ["none", null]])("is terminal if getToken has %s", async (_, next) => {
    const tokens = ["bad", next];
    await connect({ getToken: () => tokens.shift()! });
    FakeSocket.last.end(4401);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(client.state).toMatchObject({ name: "disconnected", code: 4401, retry: false });
  });

  it("may be given again, such as when the clock is right", async () => {
    await connect({ token: "early" });
    FakeSocket.last.end(4401);
    await client.setToken("early");
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(2);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.early");
  });

  it("is what a token with impossible characters is taken for", async () => {
    await connect({ token: "two words" });
    expect(FakeSocket.all).toHaveLength(0);
    expect(client.state).toMatchObject({ name: "disconnected", code: 4401, retry: false });
    await client.setToken("good");
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.good");
  });
});

describe("setToken", () => {
  it("makes an anonymous connection a user's, and asks again for what was refused", async () => {
    await connect({});
    const socket = FakeSocket.last.greet();
    const subscription = client.subscribe("secret");
    await vi.advanceTimersByTimeAsync(0);
    socket.subscribed("secret", { success: false, code: "unauthorized", message: "sign in" });
    expect(subscription.state).toEqual({ name: "refused", code: "unauthorized", message: "sign in" });
    const done = client.setToken("ada's");
    socket.give({ type: "auth", success: true, user: "ada", expires: null, id: socket.request("auth")["id"] });
    await done;
    expect(client.identity).toEqual({ clientId: "c-1", user: "ada", expires: null });
    expect(socket.count("subscribe")).toBe(2);
    socket.subscribed("secret");
    expect(subscription.state.name).toBe("active");
  });

  it("rejects with the bridge's code, and the old identity stays", async () => {
    await connect({ token: "ada's" });
    const socket = FakeSocket.last.greet({ user: "ada" });
    const done = client.setToken("bob's");
    socket.give({ type: "auth", success: false, code: "forbidden", message: "another user", id: socket.request("auth")["id"] });
    await expect(done).rejects.toMatchObject({ name: "ZwsError", code: "forbidden", message: "another user" });
    expect(client.identity?.user).toBe("ada");
    socket.end(1012);
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.ada's");
  });
});
