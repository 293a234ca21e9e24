import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ClientOptions, ZwsClient, type ZwsError } from "../src/index.js";
import { TokenKeeper } from "../src/token_keeper.js";
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

  it.each(["<html>502 Bad Gateway</html>", "Bad Gateway", ""])("is asked again, later, when it gives what is no token: %s", async (page) => {
    const getToken = vi.fn().mockResolvedValueOnce(page).mockResolvedValue("second");
    await connect({ getToken });
    expect(client.state).toEqual({ name: "disconnected", code: null, reason: "getToken: not a new token", retry: true });
    expect(FakeSocket.all).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.second");
  });

  it("keeps the token that there is when it gives what is no token, and shows no page to the bridge", async () => {
    const getToken = vi.fn().mockResolvedValueOnce("<html>502 Bad Gateway</html>").mockResolvedValue("new");
    await connect({ token: "old", getToken });
    const socket = FakeSocket.last.greet({ user: "ada", expires: inSeconds(300) });
    socket.onSend = (message) => message["type"] === "ping" && socket.give({ type: "pong" });
    await vi.advanceTimersByTimeAsync(240_000);
    expect(socket.count("auth")).toBe(0);
    expect(errors).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.request("auth")).toMatchObject({ token: "new" });
  });

  it.each(["a.b.c\n", '"a.b.c"', '"a.b.c"\r\n'])("may give it as a backend writes it, with quotes or the end of a line: %j", async (text) => {
    await connect({ getToken: () => text });
    expect(FakeSocket.last.protocols[1]).toBe("bearer.a.b.c");
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

  it.each([[60, 48], [10, 8], [600, 540]])("renews a token of %i s after %i s", async (lives, after) => {
    const renewal = vi.fn();
    new TokenKeeper("old", () => "new").endsIn(lives * 1000, renewal);
    await vi.advanceTimersByTimeAsync(after * 1000 - 1);
    expect(renewal).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(renewal).toHaveBeenCalledTimes(1);
  });

  it("renews a token of a year, which no timer can hold", async () => {
    const renewal = vi.fn();
    new TokenKeeper("old", () => "new").endsIn(365 * 86_400_000, renewal);
    await vi.advanceTimersByTimeAsync(365 * 86_400_000 - 61_000);
    expect(renewal).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(renewal).toHaveBeenCalledTimes(1);
  });

  it("renews by a clock that nobody sets", async () => {
    await connect({ token: "old", getToken: () => "new" });
    const socket = FakeSocket.last.greet({ user: "ada", expires: inSeconds(600) });
    socket.onSend = (message) => message["type"] === "ping" && socket.give({ type: "pong" });
    vi.setSystemTime(Date.now() - 86_400_000);
    await vi.advanceTimersByTimeAsync(540_000);
    expect(socket.count("auth")).toBe(1);
    socket.end(1012);
    await vi.advanceTimersByTimeAsync(60_000); // what was given for its end is now past
    expect(FakeSocket.last.protocols[1]).toBe("bearer.new");
  });

  it.each(["token_expired", "invalid_token"])("is asked at once when the bridge says that the token has ended: %s", async (code) => {
    await connect({ token: "old", getToken: () => "new" });
    FakeSocket.last.greet().give({ type: "error", code });
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.last.request("auth")).toMatchObject({ token: "new" });
  });

  it("tells a refused renewal, keeps the connection, and tries again", async () => {
    const tokens = ["bad", "good"];
    await connect({ token: "old", getToken: () => tokens.shift()! });
    const socket = FakeSocket.last.greet().give({ type: "error", code: "token_expired" });
    await vi.advanceTimersByTimeAsync(0);
    socket.give({ type: "auth", success: false, code: "invalid_token", id: socket.request("auth")["id"] });
    await vi.advanceTimersByTimeAsync(0);
    expect(errors.map((error) => error.code)).toEqual(["token_expired", "invalid_token"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(socket.count("auth")).toBe(2);
  });

  it("is asked again with patience while it gives the token that is ending, and nobody is bothered", async () => {
    const getToken = vi.fn(() => "stale");
    await connect({ token: "stale", getToken });
    const socket = FakeSocket.last.greet({ user: "ada", expires: inSeconds(300) });
    socket.onSend = (message) => message["type"] === "ping" && socket.give({ type: "pong" });
    await vi.advanceTimersByTimeAsync(240_000 + 14_000);
    expect(getToken).toHaveBeenCalledTimes(3);
    expect(socket.count("auth")).toBe(0);
    expect(errors).toEqual([]);
    getToken.mockReturnValue("fresh");
    await vi.advanceTimersByTimeAsync(1000);
    expect(socket.request("auth")).toMatchObject({ token: "fresh" });
  });
});

describe("setToken in place", () => {
  it.each([false, true])("has its token renewed before it ends (signed out before: %s)", async (signedOut) => {
    await connect({ token: "first", getToken: () => "renewed" });
    FakeSocket.last.greet({ user: "ada" });
    if (signedOut) {
      await client.setToken(null);
      await vi.advanceTimersByTimeAsync(0);
      FakeSocket.last.greet();
    }
    const socket = FakeSocket.last;
    socket.onSend = (message) => {
      if (message["type"] === "ping") socket.give({ type: "pong" });
      if (message["type"] === "auth") socket.give({ type: "auth", success: true, user: "ada", expires: inSeconds(300), id: message["id"] });
    };
    await client.setToken("second");
    await vi.advanceTimersByTimeAsync(240_000);
    expect(socket.request("auth")).toMatchObject({ token: "renewed" });
  });

  it("does not come back with a token that has ended meanwhile", async () => {
    await connect({ token: "first", getToken: () => "renewed" });
    const socket = FakeSocket.last.greet({ user: "ada" });
    socket.onSend = (message) => message["type"] === "auth" && socket.give({ type: "auth", success: true, user: "ada", expires: inSeconds(0.2), id: message["id"] });
    await client.setToken("second");
    socket.end(1006);
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.renewed");
  });
});

describe("a getToken that never answers", () => {
  it.each(["first", new Error("login is down")])("is asked again after a while, and what it says late changes nothing: %s", async (said) => {
    let late = (): void => {};
    const thinking = new Promise<string>((resolve, reject) => (late = () => (said instanceof Error ? reject(said) : resolve(said))));
    const getToken = vi.fn().mockReturnValueOnce(thinking).mockResolvedValue("second");
    await connect({ getToken });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(client.state).toEqual({ name: "disconnected", code: null, reason: "getToken: no answer", retry: true });
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.second");
    FakeSocket.last.greet();
    late();
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(1);
    expect(client.state.name).toBe("connected");
  });
});

it("a connection lost during setToken comes back with the new token, and with patience", async () => {
  await connect({ token: "old" });
  FakeSocket.last.greet();
  const taken = client.setToken("new");
  FakeSocket.last.end(4429);
  await taken;
  expect(FakeSocket.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(6000);
  expect(FakeSocket.last.protocols[1]).toBe("bearer.new");
});

it("setToken rejects where the connection ends for good during it", async () => {
  await connect({ token: "old" });
  FakeSocket.last.greet();
  const taken = client.setToken("new");
  FakeSocket.last.end(4403);
  await expect(taken).rejects.toMatchObject({ code: "disconnected" });
});

describe("another user's token", () => {
  it("from getToken takes another connection, and is not refused", async () => {
    await connect({ token: "ada", getToken: () => "bob" });
    const socket = FakeSocket.last.greet({ user: "ada" }).give({ type: "error", code: "token_expired" });
    await vi.advanceTimersByTimeAsync(0);
    socket.give({ type: "auth", success: false, code: "forbidden", id: socket.request("auth")["id"] });
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.closedByClient).toBe(true);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.bob");
    FakeSocket.last.greet({ user: "bob" });
    expect(client.identity?.user).toBe("bob");
  });

  it("that the bridge has not judged yet is tried, when the one before it ends the connection", async () => {
    await connect({ token: "old", getToken: () => "new" });
    const socket = FakeSocket.last.greet({ user: "ada" }).give({ type: "error", code: "token_expired" });
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.request("auth")).toMatchObject({ token: "new" });
    socket.end(4401);
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.new");
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

  it("is asked for again with patience, and not tried twice, if getToken has not noticed", async () => {
    const getToken = vi.fn(() => "bad");
    await connect({ getToken });
    FakeSocket.last.end(4401);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(client.state).toEqual({ name: "disconnected", code: null, reason: "getToken: not a new token", retry: true });
    expect(getToken.mock.calls.length).toBeGreaterThan(180);
    expect(getToken.mock.calls.length).toBeLessThan(400); // once in ten seconds, after the first ones
    getToken.mockReturnValue("good");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.good");
  });

  it.each([["null", null], ["nothing", undefined as unknown as null]])("is terminal if getToken gives %s", async (_, next) => {
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
  it("with null signs out: another connection, of nobody, until there is a token again", async () => {
    const getToken = vi.fn(() => "ada's");
    await connect({ getToken });
    FakeSocket.last.greet({ user: "ada", expires: inSeconds(600) });
    const subscription = client.subscribe("t");
    await vi.advanceTimersByTimeAsync(0);
    FakeSocket.last.subscribed("t", { at: ["a:1"] });
    await client.setToken(null);
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all[0]!.closedByClient).toBe(true);
    expect(FakeSocket.last.protocols).toEqual(["zws.v1.json"]);
    expect(client.identity).toBeNull();
    FakeSocket.last.greet();
    FakeSocket.last.subscribed("t", { success: false, code: "unauthorized", message: "sign in first" });
    expect(subscription.state.name).toBe("refused");
    FakeSocket.last.end(1012);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.greet();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(getToken).toHaveBeenCalledTimes(1);
    await client.setToken("bob's");
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.last.protocols[1]).toBe("bearer.bob's");
  });

  it("with null wins over a getToken that is still thinking", async () => {
    let give = (_: string): void => {};
    await connect({ getToken: () => new Promise((resolve) => (give = resolve)) });
    await client.setToken(null);
    give("late");
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all.map((socket) => socket.protocols)).toEqual([["zws.v1.json"]]);
  });

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
