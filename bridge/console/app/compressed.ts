// What the bridge sends to browsers that take it: each file as gzip, and those named by their hash as brotli too.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const KiB = 1024;
/** What all of it may weigh, so that a console is there at once on a phone's network. */
const MOST_GZIP_BYTES = 260 * KiB;

export function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: ({ root, build }) => void (folder = join(root, build.outDir)),
    writeBundle: {
      sequential: true,
      order: "post",
      handler({ dir = folder }) {
        let sum = 0;
        for (const name of ["index.html", ...readdirSync(join(dir, "assets")).map((each) => `assets/${each}`)]) {
          if (/\.(gz|br)$/.test(name)) continue;
          const bytes = readFileSync(join(dir, name));
          const packed = gzipSync(bytes, { level: 9 });
          sum += packed.length;
          writeFileSync(join(dir, `${name}.gz`), packed);
          if (name !== "index.html") writeFileSync(join(dir, `${name}.br`), brotliCompressSync(bytes));
        }
        console.log(`console: ${(sum / KiB).toFixed(1)} KiB gzip`);
        if (sum > MOST_GZIP_BYTES) throw new Error(`the console is larger than ${MOST_GZIP_BYTES / KiB} KiB`);
      },
    },
  };
}
