// Every view is an address: what a person pastes is what another one sees.
import { beforeAll, describe, expect, it, vi } from "vitest";

type Address = typeof import("../src/address");
let address: Address;

beforeAll(async () => {
  vi.stubGlobal("location", { hash: "", pathname: "/p/", search: "" });
  vi.stubGlobal("history", { replaceState: vi.fn() });
  vi.stubGlobal("addEventListener", vi.fn());
  address = await import("../src/address");
});

describe("an address", () => {
  it.each([
    ["", { view: "", query: {} }],
    ["#/", { view: "", query: {} }],
    ["#/connections", { view: "connections", query: {} }],
    ["#/connections?user=ada&sort=-queued", { view: "connections", query: { user: "ada", sort: "-queued" } }],
    ["#/topics?topic=a%3Fb%26c%20%E9%92%B1", { view: "topics", query: { topic: "a?b&c 钱" } }],
  ])("%s says which view, and what it shows", (hash, said) => {
    expect(address.parse(hash)).toEqual(said);
    if (hash.length > 2) expect(address.parse(address.format(said))).toEqual(said);
  });

  it("leaves out what is not given", () => {
    expect(address.format({ view: "tail", query: { topics: "", text: "x" } })).toBe("#/tail?text=x");
  });

  it("holds a list, whatever is in its parts, and of one that somebody wrote by hand what it says", () => {
    const topics = ["a,b", "50%", "import:*"];
    expect(address.listed(address.parse(`#/tail?topics=${encodeURIComponent(address.asList(topics))}`).query["topics"]!)).toEqual(topics);
    expect(address.listed("50%,%zz,,prices.*")).toEqual(["50%", "%zz", "prices.*"]);
  });

  it("is rid of a token at once, which is in no history then", () => {
    location.hash = "#token=a.b.c";
    expect(address.takeToken()).toBe("a.b.c");
    expect(history.replaceState).toHaveBeenCalledWith(null, "", "/p/");
    location.hash = "#/tail?token=x";
    expect(address.takeToken()).toBeNull();
  });
});
