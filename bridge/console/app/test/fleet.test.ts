import { expect, it } from "vitest";
import { whyAlone } from "../src/bridge/fleet";

it("says why no other bridge is listed", () => {
  expect(whyAlone(1, undefined)).toBe("fleet.alone");
  expect(whyAlone(1, 1)).toBe("fleet.only");
  expect(whyAlone(3, 1)).toBeNull();
  expect(whyAlone(1, 0)).toBe("fleet.apart"); // those that were listed may well be there
});
