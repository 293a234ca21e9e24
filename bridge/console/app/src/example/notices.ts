// Notifications, from the moment the page is open: those to everyone who listens, to this user, and to all.
import { effectScope, ref, shallowRef, watch } from "vue";
import type { AnyEvent } from "@zwsbridge/client";
import { keyOf, subscribe, topicOf } from "../bridge/subscription";
import { onEveryEvent, sitting, user } from "../bridge/session";
import { fields, jsonText, Recent, short } from "../values";

export const LEVELS = ["info", "success", "warning", "error"] as const;
export type NoticeLevel = (typeof LEVELS)[number];

export interface Notice {
  key: string;
  level: NoticeLevel;
  title: string;
  content: string;
  topic: string;
  at: Date;
}

const KEPT = 100;
const TOASTS = 4;
const TOAST_MS = 7000;
const TOAST_ERROR_MS = 20_000;

export const notices = shallowRef<Notice[]>([]);
export const toasts = ref<Notice[]>([]);

const seen = new Recent<true>(1000); // a subscription that begins again brings old events again

export function noticeOf(event: AnyEvent): Notice {
  const data = fields(event["data"]);
  const isKnown = event.type === "notification";
  const at = new Date(String(event.timestamp ?? ""));
  return {
    key: keyOf(event),
    level: LEVELS.find((level) => level === data["level"]) ?? "info",
    title: short((isKnown ? data["title"] : event.type) ?? "notification"),
    content: isKnown ? short(data["content"] ?? "", 2000) : short(jsonText(event["data"] ?? event["message"] ?? ""), 2000),
    topic: topicOf(event),
    at: Number.isNaN(at.getTime()) ? new Date() : at,
  };
}

function note(event: AnyEvent, isPast: boolean): void {
  const notice = noticeOf(event);
  if (seen.has(notice.key)) return;
  seen.touch(notice.key, true);
  notices.value = [notice, ...notices.value].slice(0, KEPT);
  if (isPast) return;
  toasts.value = [...toasts.value, notice].slice(-TOASTS);
  setTimeout(() => dismiss(notice), notice.level === "error" ? TOAST_ERROR_MS : TOAST_MS);
}

export function dismiss({ key }: Notice): void {
  toasts.value = toasts.value.filter((each) => each.key !== key);
}

/** Called once, by the page. */
export function watchNotices(): void {
  effectScope(true).run(() => {
    subscribe("notifications", { last: 20, onEvent: note });
    watch(sitting, () => {
      notices.value = toasts.value = [];
      seen.clear();
    });
    let end = (): void => {};
    watch(
      user,
      (now) => {
        end();
        // What is for a user comes without asking; asking brings what came before.
        end = now === null ? () => {} : subscribe(`@user/${now}`, { last: 20, onEvent: note });
      },
      { immediate: true },
    );
    onEveryEvent((event) => {
      if (topicOf(event).startsWith("@all")) note(event, false);
    });
  });
}
