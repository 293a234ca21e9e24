// The views: their addresses, and who is offered them. Each is loaded when it is first looked at.
import { type Component, computed, defineAsyncComponent } from "vue";
import type { Word } from "./words/en";
import { address } from "./address";
import { isAdmin } from "./bridge/session";

export interface View {
  name: string;
  word: Word;
  /** Only an administrator may make the calls that it shows. */
  admin: boolean;
  example?: boolean;
  component: Component;
}

const view = (name: string, word: Word, admin: boolean, load: () => Promise<Component>, example = false): View => ({ name, word, admin, example, component: defineAsyncComponent(load) });

const all: View[] = [
  view("overview", "view.overview", true, () => import("./views/Overview.vue")),
  view("connections", "view.connections", true, () => import("./views/Connections.vue")),
  view("topics", "view.topics", true, () => import("./views/Topics.vue")),
  view("tail", "view.tail", false, () => import("./views/Tail.vue")),
  view("send", "view.send", true, () => import("./views/Send.vue")),
  view("rights", "view.rights", true, () => import("./views/Rights.vue")),
  view("configuration", "view.configuration", true, () => import("./views/Configuration.vue")),
  view("fleet", "view.fleet", true, () => import("./views/Fleet.vue")),
  view("imports", "view.imports", false, () => import("./example/Imports.vue"), true),
  view("wallets", "view.wallets", false, () => import("./example/Wallets.vue"), true),
];

/** Those that this user is offered. */
export const views = computed(() => all.filter(({ admin }) => !admin || isAdmin.value === true));

/**
 * The view of the address; without one the first that is of use: the overview for an administrator, else what everyone
 * may see. Null while it is not known who looks, undefined if there is none of that name.
 */
export const current = computed<View | null | undefined>(() => {
  if (address.view === "") return isAdmin.value === null ? null : views.value.find(({ name }) => name === (isAdmin.value ? "overview" : "imports"));
  const named = all.find(({ name }) => name === address.view);
  if (named?.admin && isAdmin.value === null) return null;
  return views.value.find((each) => each === named);
});

/** The address names a view that only an administrator is offered: after a reload, for which a token is gone, that is nobody's fault. */
export const isForAdmins = computed(() => isAdmin.value === false && all.some(({ name, admin }) => admin && name === address.view));
