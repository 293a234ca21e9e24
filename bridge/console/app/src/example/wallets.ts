// What is known of wallets, from the events on `wallet_updates`.
import type { AnyEvent } from "@zwsbridge/client";
import type { Digits } from "../exact";
import { exact, fields, Recent, short } from "../values";

const POINTS = 40;

export interface Wallet {
  address: string;
  /** With all digits, for it may be a balance in wei. */
  score: number | Digits | null;
  pnl: number | Digits | null;
  /** The newest values of `pnl`, for the line. */
  points: number[];
  heard: Date;
}

export type WalletColumn = "address" | "score" | "pnl" | "heard";

export class Wallets {
  readonly #known = new Recent<Wallet>(500);

  note(event: AnyEvent): void {
    const address = short(event["wallet_address"] ?? "unknown", 255);
    const data = fields(event["data"]);
    const before = this.#known.get(address);
    const pnl = exact(data["pnl"]);
    const points = pnl === null ? (before?.points ?? []) : [...(before?.points ?? []).slice(1 - POINTS), Number(pnl)];
    this.#known.touch(address, { address, points, score: exact(data["score"]) ?? before?.score ?? null, pnl: pnl ?? before?.pnl ?? null, heard: new Date() });
  }

  get size(): number {
    return this.#known.size;
  }

  /** `sort`: a column, with `-` before it the other way round; without one as they came first. */
  list(search: string, sort: string): Wallet[] {
    const wanted = search.trim().toLowerCase();
    const found = [...this.#known.values()].filter(({ address }) => address.toLowerCase().includes(wanted));
    const column = sort.replace(/^-/, "") as WalletColumn;
    const value = (wallet: Wallet): string | number => (column === "address" ? wallet.address : Number(wallet[column] ?? -Infinity));
    const direction = sort.startsWith("-") ? -1 : 1;
    return found.sort((a, b) => direction * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
  }
}

export const shortAddress = (address: string): string => (address.length > 16 ? `${address.slice(0, 8)}…${address.slice(-6)}` : address);
