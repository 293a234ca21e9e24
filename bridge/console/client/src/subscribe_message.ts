import type { Channel } from "./channel.js";
import type { Position } from "./types.js";

// The bridge takes 64 KiB from a client, and refuses a thousand sources at once; these leave room.
const MAX_BYTES = 48 * 1024;
const MAX_SOURCES = 500;
// Or a little more: TextEncoder is not everywhere (React Native, jsdom).
const bytesOf = (value: unknown): number => JSON.stringify(value).replace(/[^\0-\x7f]/g, "...").length;

/** One subscribe message and the channels it asks for. */
export class SubscribeMessage {
  channels: Channel[] = [];
  readonly resuming: boolean;
  readonly #last: number;
  readonly #sources: boolean;
  readonly #since = new Map<string, Position[]>();
  #bytes = 0;
  #positions = 0;

  constructor(first: Channel) {
    this.resuming = first.positions.known;
    this.#last = first.last;
    this.#sources = first.wantsSources;
    this.admit(first);
  }

  /** False if the channel needs a message of its own kind, or there is no room. */
  admit(channel: Channel): boolean {
    const resuming = channel.positions.known;
    if (resuming !== this.resuming || channel.last !== this.#last || channel.wantsSources !== this.#sources) return false;
    let limit = resuming ? 2 * MAX_SOURCES : 0;
    let since;
    do since = channel.positions.upTo((limit >>= 1));
    while (bytesOf(since) > MAX_BYTES - 1024);
    const bytes = bytesOf([channel.topic, since]);
    const count = since.flatMap(([, list]) => list).length;
    if (this.channels[0] && (this.#bytes + bytes > MAX_BYTES || this.#positions + count > MAX_SOURCES)) return false;
    this.#bytes += bytes;
    this.#positions += count;
    this.channels.push(channel);
    for (const [topic, list] of since) if (!this.#since.has(topic) || !channel.isPattern) this.#since.set(topic, list);
    return true;
  }

  toJSON(): object {
    return {
      type: "subscribe",
      topics: this.channels.map((channel) => channel.topic),
      since: this.resuming ? Object.fromEntries(this.#since) : undefined,
      last: this.#last || undefined, // beside `since`: what to get if nothing can be recovered
      sources: this.#sources || undefined,
    };
  }
}

/** As few messages as hold them all: one, as a rule. */
export function subscribeMessages(channels: Iterable<Channel>): SubscribeMessage[] {
  const messages: SubscribeMessage[] = [];
  for (const channel of channels) {
    if (!messages.some((message) => message.admit(channel))) messages.push(new SubscribeMessage(channel));
  }
  return messages;
}
