import { defineConfig } from "vitest/config";
import { getTests } from "@vitest/runner/utils";

export default defineConfig({
  test: {
    include: ["*.test.mjs"],
    globalSetup: "support/temporary.mjs",
    fileParallelism: false, // one Chromium at a time
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: [
      "default",
      {
        onFinished(files = []) {
          const states = getTests(files).map((test) => test.result?.state);
          const passed = states.filter((state) => state === "pass").length;
          console.log(`${passed} passed, ${states.length - passed} failed`);
        },
      },
    ],
  },
});
