// node build.mjs [FOLDER]: makes FOLDER (dist): client.js (ES module), client.iife.js (global `zws`, served by the bridge at /client.js), and the types.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const MOST_GZIP_BYTES = 6 * 1024;
const here = fileURLToPath(new URL(".", import.meta.url));
const folder = resolve(process.argv[2] ?? `${here}dist`);
const { version } = JSON.parse(readFileSync(`${here}package.json`, "utf8"));
const shared = {
  entryPoints: [`${here}src/index.ts`], bundle: true, minify: true, target: "es2022", legalComments: "none",
  banner: { js: `/* @zwsbridge/client ${version}, MIT licence */` },
};

rmSync(folder, { recursive: true, force: true });
await build({ ...shared, format: "esm", outfile: `${folder}/client.js` });
await build({ ...shared, format: "iife", globalName: "zws", outfile: `${folder}/client.iife.js` });
execFileSync(process.execPath, [createRequire(import.meta.url).resolve("typescript/bin/tsc"), "-p", here, "--outDir", folder], { stdio: "inherit" });

for (const file of ["client.js", "client.iife.js"]) {
  const bytes = gzipSync(readFileSync(`${folder}/${file}`), { level: 9 }).length;
  console.log(`${file}: ${bytes} bytes gzip`);
  if (bytes > MOST_GZIP_BYTES) throw new Error(`${file} is larger than ${MOST_GZIP_BYTES} bytes`);
}
