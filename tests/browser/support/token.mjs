import { createHmac, randomBytes } from "node:crypto";

/** A secret that a test gives to its bridge. */
export const newSecret = () => randomBytes(32).toString("hex");
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An HS256 token of `user` that a bridge takes for `seconds` more: it adds 30 s to `exp`. */
export function makeToken(secret, user, seconds = 3600, claims = {}) {
  const exp = Math.floor(Date.now() / 1000) + seconds - 30;
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, exp, jti: randomBytes(4).toString("hex"), ...claims })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
