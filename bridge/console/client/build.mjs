// node build.mjs [FOLDER]: makes FOLDER (dist), for npm: client.js (ES module), cjs/ (for require), client.iife.js
// (a script, global `zws`) and the types; and FOLDER/served, what the bridge serves: client.js (the script) and client.mjs.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const MOST_GZIP_BYTES = 7 * 1024;
// Members that our own modules use and nobody else: they get short names. No name of the protocol, of an option or of a
// public member may be here.
const OURS = /^(admit|adopt|answer|any|ask|asked|begin|canRenew|catching|caughtUp|changed|channels|complaint|done|dropped|emit|end|endAll|endsIn|event|failed|forConnecting|forget|gap|greeted|hear|held|hold|interrupt|isActive|isPattern|isPossible|isWatched|issue|known|lasted|leave|left|look|lost|makeDue|matches|miss|move|moved|overlaps|positions|probe|put|reconsider|refusal|refuse|release|renew|renewInPlace|resuming|retryIn|seek|seq|setState|silence|stop|subscribers|take|takeDue|tell|toJSON|until|upTo|waiting|wake|wanted|wantedAt|wantsSources|watchers)$/;
const here = fileURLToPath(new URL(".", import.meta.url));
const folder = resolve(process.argv[2] ?? `${here}dist`);
const { version } = JSON.parse(readFileSync(`${here}package.json`, "utf8"));
// esbuild makes one file of the modules and shortens members; terser, which uses a name again as soon as it is free, saves
// 2 % more when it is compressed.
async function bundle(format, name) {
  const outfile = `${folder}/${name}`;
  await build({
    entryPoints: [`${here}src/${format === "iife" ? "script" : "index"}.ts`], format, outfile,
    bundle: true, minify: true, mangleProps: OURS, target: "es2022", tsconfigRaw: { compilerOptions: { alwaysStrict: false } }, legalComments: "none", sourcemap: "external",
  });
  const { code, map } = await minify(readFileSync(outfile, "utf8"), {
    ecma: 2022, module: format === "esm", toplevel: true, compress: { passes: 3, pure_getters: true, unsafe_arrows: true, sequences: false, lhs_constants: false },
    format: { preamble: `/* @zwsbridge/client ${version}, MIT */` },
    sourceMap: { content: readFileSync(`${outfile}.map`, "utf8"), includeSources: true, url: `${basename(name)}.map` },
  });
  writeFileSync(outfile, `${code}\n`);
  writeFileSync(`${outfile}.map`, map);
}
const types = (to) => execFileSync(process.execPath, [createRequire(import.meta.url).resolve("typescript/bin/tsc"), "-p", here, "--outDir", to], { stdio: "inherit" });

rmSync(folder, { recursive: true, force: true });
await Promise.all([
  bundle("esm", "client.js"), bundle("cjs", "cjs/client.js"), bundle("iife", "client.iife.js"),
  bundle("iife", "served/client.js"), bundle("esm", "served/client.mjs"),
]);
types(folder);
types(`${folder}/cjs`);
writeFileSync(`${folder}/cjs/package.json`, '{"type":"commonjs"}\n');

for (const file of ["client.js", "served/client.js", "served/client.mjs"]) {
  const bytes = gzipSync(readFileSync(`${folder}/${file}`), { level: 9 }).length;
  console.log(`${file}: ${bytes} bytes gzip`);
  if (bytes > MOST_GZIP_BYTES) throw new Error(`${file} is larger than ${MOST_GZIP_BYTES} bytes`);
}
