import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Before all tests: what they, their bridges and their browsers put into temporary folders lies in one, which is gone after them. */
export default function setup() {
  process.env.TMPDIR = mkdtempSync(join(tmpdir(), "zws-browser-"));
  return () => rmSync(process.env.TMPDIR, { recursive: true, force: true });
}
