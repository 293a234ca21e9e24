import { describe, expectTypeOf, it } from "vitest";
import type { AnyEvent, Freshness, Subscription, TypedEvent, ZwsClient, ZwsEvent } from "../src/index.js";

declare module "../src/index.js" {
  interface EventTypes {
    trade: { readonly data: { readonly price: number } };
  }
}

// Checked by the compiler; nothing here runs against a bridge.
describe("types", () => {
  it("follow the event's type in `on`", () => {
    const use = (client: ZwsClient): void => {
      client.on("import_progress", (event) => expectTypeOf(event.data.progress).toEqualTypeOf<number | undefined>());
      client.on("trade", (event) => expectTypeOf(event.data.price).toBeNumber());
      client.on("anything", (event) => expectTypeOf(event).toEqualTypeOf<AnyEvent>());
    };
    expectTypeOf(use).toBeFunction();
  });

  it("are those of what is told beside events", () => {
    const use = (subscription: Subscription): void => {
      subscription.on("source", (source) => expectTypeOf(source.state).toEqualTypeOf<"alive" | "silent" | "lost">());
      subscription.on("stale", (freshness) => expectTypeOf(freshness).toEqualTypeOf<Freshness>());
      expectTypeOf(subscription.once("fresh")).resolves.toEqualTypeOf<Freshness>();
    };
    expectTypeOf(use).toBeFunction();
  });

  it("are narrowed by a switch over the type", () => {
    const title = (event: ZwsEvent): string => (event.type === "notification" ? event.data.title : event.type);
    expectTypeOf(title).returns.toBeString();
  });

  it("are those of the caller in a loop", () => {
    const first = async (subscription: Subscription<TypedEvent<"wallet_update">>): Promise<string> => {
      for await (const event of subscription) return event.wallet_address;
      return "";
    };
    expectTypeOf(first).returns.resolves.toBeString();
  });
});
