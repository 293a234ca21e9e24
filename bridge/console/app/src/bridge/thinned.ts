// Fifteen minutes of samples as a line that is small: of so many seconds the highest, so that no peak is lost.
import type { Sample } from "./figures";

export function thinned(samples: Sample[], column: keyof Sample, seconds: number): number[] {
  const peaks = new Map<number, number>(); // by a part of the clock, which stays as the samples move on
  for (const sample of samples) {
    const part = Math.floor(sample.at / seconds);
    peaks.set(part, Math.max(peaks.get(part) ?? 0, sample[column]));
  }
  return [...peaks.values()];
}
