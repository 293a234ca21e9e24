// Who can make a token, as the configuration tells it.
import { describe, expect, it, vi } from "vitest";
import { judgeOf } from "../src/bridge/judge";

vi.stubGlobal("location", { pathname: "/", origin: "http://b" });
vi.stubGlobal("document", { querySelector: () => null });
const { asZwsToken } = await import("../src/bridge/commands");

const configuration = (given: Record<string, unknown>) => ({ since: "", last_reload_failed: false, remarks: [], values: Object.entries({ "auth.hs256_secret": "", "auth.hs256_secret_file": "", "auth.jwks_url": "", ...given }).map(([key, value]) => ({ key, value, origin: "default", applies: "reload" })) });

describe("a token to try with", () => {
  it.each([
    [{}, "open", ""],
    [{ "auth.hs256_secret": "***" }, "secret", ""],
    [{ "auth.hs256_secret_file": "/etc/zws/secret", "auth.jwks_url": "https://a" }, "secret", "/etc/zws/secret"],
    [{ "auth.jwks_url": "https://a" }, "foreign", ""],
  ])("is made by who has the key (%o: %s)", (given, judge, secretFile) => expect(judgeOf(configuration(given))).toEqual({ judge, secretFile }));

  it("is made by a command, whatever is asked for", () => {
    expect(asZwsToken("", [], "", "FILE")).toBe("zws token --user 'ada' --ttl 1h --secret-file 'FILE'");
    expect(asZwsToken("it's", ["ops", "x y"], "prices.*", "/a b")).toBe("zws token --user 'it'\\''s' --role 'ops' --role 'x y' --topics 'prices.*' --ttl 1h --secret-file '/a b'");
  });
});
