// The session: this page's one connection to the bridge, and who it is there.
//
// A token comes from the fragment (#token=...) or the form, lives in this page's memory only, and leaves it only for
// the bridge: inside the WebSocket, and as the Authorization of calls.
import { computed, onScopeDispose, reactive, ref, shallowRef } from "vue";
import { type AnyEvent, type ConnectionState, type Identity, ZwsClient, ZwsError } from "@zwsbridge/client";
import { readJson } from "../exact";
import { say } from "../words/language";
import { socketUrl } from "./place";

const TOKEN_TEXT = /^[A-Za-z0-9._~+/=-]+$/;

let token: string | null = null;
let complaint = ""; // the code of the bridge's last error on this connection

/** The client; another one after somebody else signed in. Whoever subscribes watches it. */
export const client = shallowRef<ZwsClient>();
export const connection = ref<ConnectionState>({ name: "connecting", code: null, reason: "", retry: true });
export const identity = ref<Identity | null>(null);
/** What the connection may: told by the bridge with the figures of the connection. Null until it has. */
export const isAdmin = ref<boolean | null>(null);
/** The form to sign in: whether it is there, and what was wrong with the last token. */
export const signInForm = reactive({ open: false, error: "" });

export const user = computed(() => identity.value?.user ?? null);
/** Grows when somebody else takes the page over from a user, to whom nothing is left of what that one saw. */
export const sitting = ref(0);
export const bearer = (): string | null => token;

const listeners = new Set<(event: AnyEvent) => void>();
/** Hears every event that comes, also those that come without a subscription. */
export function onEveryEvent(listener: (event: AnyEvent) => void): void {
  listeners.add(listener);
}

const rawListeners = new Set<(data: ArrayBuffer) => void>();
/** Hears the payloads of raw routes, which come without a name or number, until the caller's scope ends. */
export function onRaw(listener: (data: ArrayBuffer) => void): void {
  rawListeners.add(listener);
  onScopeDispose(() => rawListeners.delete(listener));
}

function changed(state: ConnectionState): void {
  const expired = state.code === 4401 && complaint === "token_expired";
  connection.value = expired ? { ...state, reason: "token_expired" } : state;
  if (state.name === "connected") {
    complaint = "";
    if (token !== null) signInForm.open = false;
    void askRights();
  } else if ((state.code === 4401 && !expired) || state.code === 4403) {
    isAdmin.value = false; // whose token has ended keeps what they see, greyed, until they give another
  }
  if (state.code === 4401) askForToken(say(expired ? "sign.expired" : token === null ? "sign.needed" : "sign.refused"));
}

/** Asks the bridge anew what this connection may: a reload may have changed it. */
export async function askRights(): Promise<void> {
  try {
    const figures = (await client.value?.stats()) as { connection?: { admin?: boolean } } | undefined;
    isAdmin.value = figures?.connection?.admin === true;
  } catch {
    // the connection ended; the next one asks again
  }
}

function told(error: ZwsError): void {
  complaint = error.code;
  if (error.code === "token_expired") askForToken(say("sign.expired"));
  if (error.code === "invalid_token") askForToken(say("sign.refused"));
}

function open(): void {
  client.value?.close();
  complaint = "";
  isAdmin.value = null;
  client.value = new ZwsClient(socketUrl(), {
    token,
    onState: changed,
    onIdentity: (now) => {
      if (user.value !== null && user.value !== now.user) sitting.value++;
      identity.value = now;
    },
    onEvent: (event) => listeners.forEach((listener) => listener(event as unknown as AnyEvent)),
    onError: told,
    parse: readJson,
    onRaw: (data) => rawListeners.forEach((listener) => listener(data)),
  });
}

export function askForToken(error = ""): void {
  Object.assign(signInForm, { open: true, error });
}

/** Takes a token in place if it is the same user's, else by a connection of its own. */
export async function signIn(given: string): Promise<void> {
  if (!TOKEN_TEXT.test(given)) return askForToken(say("sign.odd"));
  if (connection.value.name !== "connected") {
    token = given;
    return open();
  }
  try {
    await client.value!.setToken(given);
    token = given;
    signInForm.open = false;
    await askRights();
  } catch (error) {
    const { code } = error as ZwsError;
    if (code !== "forbidden") return askForToken(say("sign.notAccepted", { code }));
    token = given;
    open();
  }
}

export function signOut(): void {
  token = null;
  identity.value = null;
  sitting.value++;
  signInForm.open = false;
  open();
  isAdmin.value = false; // whether there is a bridge to say so or not
}

/** `given`: the token of the page's address, if it had one. */
export function start(given: string | null): void {
  token = given;
  open();
}
