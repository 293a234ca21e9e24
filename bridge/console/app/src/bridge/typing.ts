// What follows somebody who types: a single change holds at once, and of many close behind each other the first and the last.

export interface Typing {
  changed: () => void;
  stop: () => void;
}

export function whileTyping(ask: () => void, restMs: number): Typing {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasMore = false;

  function rest(): void {
    timer = undefined;
    if (hasMore) ask();
    hasMore = false;
  }
  return {
    changed: () => {
      if (timer === undefined) ask();
      else hasMore = true;
      clearTimeout(timer);
      timer = setTimeout(rest, restMs);
    },
    stop: () => clearTimeout(timer),
  };
}
