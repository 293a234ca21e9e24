// Who can make a token that this bridge takes, by the keys in its configuration; of a secret that is masked, too, it is told that there is one.
import type { Configuration } from "./shapes";

/** `open`: nobody, for no key is configured and every token is ignored. `secret`: who has it. `foreign`: who signs with the key of which the bridge has the public half. */
export type Judge = "open" | "secret" | "foreign";

const SECRETS = ["auth.hs256_secret_file", "auth.hs256_secret"];
const FOREIGN = ["auth.public_key_file", "auth.jwks_file", "auth.jwks_url"];

export function judgeOf({ values }: Configuration): { judge: Judge; secretFile: string } {
  const text = (name: string): string => String(values.find(({ key }) => key === name)?.value ?? "");
  const isSet = (name: string): boolean => text(name) !== "";
  const judge = SECRETS.some(isSet) ? "secret" : FOREIGN.some(isSet) ? "foreign" : "open";
  return { judge, secretFile: text(SECRETS[0]!) };
}
