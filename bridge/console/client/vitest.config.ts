import { defineConfig } from "vitest/config";
import { getTests } from "@vitest/runner/utils";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    fakeTimers: { toFake: ["setTimeout", "clearTimeout", "Date", "performance"] },
    reporters: [
      "default",
      {
        // tools/dev adds up the last lines of all test runs.
        onFinished(files = []) {
          const states = getTests(files).map((test) => test.result?.state);
          const passed = states.filter((state) => state === "pass").length;
          console.log(`${passed} passed, ${states.length - passed} failed`);
        },
      },
    ],
  },
});
