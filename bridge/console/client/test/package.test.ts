import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
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

  it.each(["dist/client.js", "dist/client.iife.js", "dist/served/client.js", "dist/served/client.mjs"])("%s is at most 7 KiB when compressed", (file) => {
    expect(gzipSync(readFileSync(at(file)), { level: 9 }).length).toBeLessThanOrEqual(7 * 1024);
  });

  it.each(["dist/client.js", "dist/cjs/client.js", "dist/client.iife.js", "dist/served/client.js", "dist/served/client.mjs"])("%s leads to a map with its sources in it", (file) => {
    const map = /\n\/\/# sourceMappingURL=(\S+)\n$/.exec(readFileSync(at(file), "utf8"))![1]!;
    expect(map).toBe(`${file.split("/").pop()}.map`);
    const { sources, sourcesContent } = JSON.parse(readFileSync(at(`${file}.map`), "utf8"));
    expect(sources.some((name: string) => name.endsWith("src/client.ts"))).toBe(true);
    expect(sourcesContent).toHaveLength(sources.length);
  });

  it("needs nothing else", () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(readFileSync(at("dist/client.js"), "utf8")).not.toMatch(/\bimport\b|\brequire\(/);
  });

  it("gives scripts the global `zws`", () => {
    const page: { zws?: Record<string, unknown> } = {};
    runInNewContext(readFileSync(at("dist/client.iife.js"), "utf8"), page);
    expect(Object.keys(page.zws!).sort()).toEqual(["Subscription", "ZwsClient", "ZwsError"]);
  });

  it("is an ES module with the same names", async () => {
    expect(Object.keys(await import(at("dist/client.js").href)).sort()).toEqual(["Subscription", "ZwsClient", "ZwsError"]);
  });

  it("has every file that its manifest names", () => {
    const leaves = (entry: unknown): string[] => (typeof entry === "string" ? [entry] : Object.values(entry as object).flatMap(leaves));
    const named = [manifest.main, manifest.module, manifest.types, manifest.unpkg, ...leaves(manifest.exports)];
    for (const file of named) expect(existsSync(at(file)), file).toBe(true);
  });

  it("packs what is built and nothing else, and works where it is unpacked", () => {
    const folder = mkdtempSync(join(tmpdir(), "zws-pack-"));
    try {
      const here = new URL("..", import.meta.url);
      const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: here, encoding: "utf8" }));
      const names: string[] = packed.files.map(({ path }: { path: string }) => path);
      expect(names.filter((name) => !/^dist\/(cjs\/)?\w+(\.\w+)*\.(js|js\.map|d\.ts)$/.test(name)).sort()).toEqual(["LICENSE", "README.md", "dist/cjs/package.json", "package.json"]);
      expect(names.filter((name) => name.includes("served"))).toEqual([]);

      mkdirSync(join(folder, "node_modules/@zwsbridge"), { recursive: true });
      execFileSync("tar", ["xf", packed.filename], { cwd: folder });
      renameSync(join(folder, "package"), join(folder, "node_modules/@zwsbridge/client"));
      const use = "const client = new ZwsClient('/x'); client.close(); console.log(client.state.code);\n";
      for (const [name, get] of [["use.mjs", "import { ZwsClient } from '@zwsbridge/client'"], ["use.cjs", "const { ZwsClient } = require('@zwsbridge/client')"]] as const) {
        writeFileSync(join(folder, name), `${get};\n${use}`);
        expect(execFileSync(process.execPath, [name], { cwd: folder, encoding: "utf8" })).toBe("1000\n");
      }
      // What TypeScript makes of it in a package of either kind, and what it makes of the internals: nothing.
      const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
      const typed = "import { ZwsClient } from '@zwsbridge/client';\nconst state: 'connecting' | 'connected' | 'disconnected' = new ZwsClient('/x').state.name;\n// @ts-expect-error\nnew ZwsClient('/x').subscribe('t').setState(state);\n";
      for (const name of ["use.mts", "use.cts"]) writeFileSync(join(folder, name), typed);
      execFileSync(process.execPath, [tsc, "--noEmit", "--strict", "--target", "es2022", "--module", "node16", "--lib", "es2022,dom", "use.mts", "use.cts"], { cwd: folder, encoding: "utf8" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);
});
