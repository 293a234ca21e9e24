import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";

const at = (file: string): URL => new URL(`../${file}`, import.meta.url);
const manifest = JSON.parse(readFileSync(at("package.json"), "utf8"));

describe("the built package", () => {
  beforeAll(() => {
    if (!existsSync(at("dist/client.iife.js"))) throw new Error("dist/ is missing: run `npm run build` first");
  });

  it.each(["dist/client.js", "dist/client.iife.js"])("%s is at most 6 KiB when compressed", (file) => {
    expect(gzipSync(readFileSync(at(file)), { level: 9 }).length).toBeLessThanOrEqual(6 * 1024);
  });

  it("needs nothing else", () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(readFileSync(at("dist/client.js"), "utf8")).not.toMatch(/\bimport\b|\brequire\(/);
  });

  it("gives scripts the global `zws`", () => {
    const page: { zws?: Record<string, unknown> } = {};
    runInNewContext(`${readFileSync(at("dist/client.iife.js"), "utf8")}; this.zws = zws`, page);
    expect(Object.keys(page.zws!).sort()).toEqual(["Subscription", "ZwsClient", "ZwsError"]);
  });

  it("is an ES module with the same names", async () => {
    expect(Object.keys(await import(at("dist/client.js").href)).sort()).toEqual(["Subscription", "ZwsClient", "ZwsError"]);
  });

  it("has every file that its manifest names", () => {
    const named = [manifest.main, manifest.types, ...Object.values(manifest.exports).flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry as object)))];
    for (const file of named) expect(existsSync(at(file)), file).toBe(true);
  });

  it("packs what is built and nothing else, and works where it is unpacked", () => {
    const folder = mkdtempSync(join(tmpdir(), "zws-pack-"));
    try {
      const here = new URL("..", import.meta.url);
      const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: here, encoding: "utf8" }));
      const names: string[] = packed.files.map(({ path }: { path: string }) => path);
      expect(names.filter((name) => !/^dist\/.*\.(js|d\.ts)$/.test(name)).sort()).toEqual(["LICENSE", "README.md", "package.json"]);

      execFileSync("tar", ["xf", packed.filename], { cwd: folder });
      writeFileSync(join(folder, "use.mjs"), 'import { ZwsClient } from "./package/dist/client.js"; console.log(typeof ZwsClient);');
      expect(execFileSync(process.execPath, ["use.mjs"], { cwd: folder, encoding: "utf8" })).toBe("function\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
