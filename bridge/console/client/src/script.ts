// What a page gets that loads the client as a plain script: the global `zws`.
import { Subscription, ZwsClient, ZwsError } from "./index.js";

(globalThis as unknown as { zws: object }).zws = { ZwsClient, Subscription, ZwsError };
