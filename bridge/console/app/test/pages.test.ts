// A list in pages: what moved meanwhile stands in it once, and what was there before the bridge was away is not left.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";

const connection = ref({ name: "connected" });
vi.mock("../src/bridge/session", () => ({ connection, bearer: () => null }));
vi.mock("../src/bridge/place", () => ({ callUrl: String, rootUrl: String }));
const { usePages } = await import("../src/bridge/pages");
const { useAnswer } = await import("../src/bridge/answer");

interface Row { id: number; queued: number }
const inScope = <T>(make: () => T): T => effectScope(true).run(make)!;
const answered = ({ isAsking }: { isAsking: { value: boolean } }): Promise<void> => vi.waitFor(() => expect(isAsking.value).toBe(false));

beforeEach(() => void (connection.value = { name: "connected" }));

describe("a list in pages", () => {
  it("has a row that fell behind the page before once, where it is now", async () => {
    const given = [[{ id: 1, queued: 9 }, { id: 2, queued: 8 }], [{ id: 1, queued: 7 }, { id: 3, queued: 6 }]];
    const pages = inScope(() => usePages<Row, string>(() => "", async () => ({ items: given.shift()!, cursor: "more" }), ({ id }) => id));
    await answered(pages);
    await pages.more();
    expect(pages.items.value).toEqual([{ id: 2, queued: 8 }, { id: 1, queued: 7 }, { id: 3, queued: 6 }]);
  });

  it("keeps rows that are alike where they have no name", async () => {
    const pages = inScope(() => usePages<Row, string>(() => "", async () => ({ items: [{ id: 1, queued: 9 }], cursor: "more" })));
    await answered(pages);
    await pages.more();
    expect(pages.items.value).toHaveLength(2);
  });
});

describe("what was asked before the bridge was away", () => {
  it("is asked anew when one is there again", async () => {
    let life = 1;
    const pages = inScope(() => usePages<number, string>(() => "", async () => ({ items: [life], cursor: null })));
    const one = inScope(() => useAnswer(async () => life));
    for (const asked of [pages, one]) await answered(asked);
    life = 2;
    connection.value = { name: "disconnected" };
    await nextTick();
    connection.value = { name: "connected" };
    await vi.waitFor(() => expect([pages.items.value, one.answer.value]).toEqual([[2], 2]));
  });
});
