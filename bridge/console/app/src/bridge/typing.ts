// When to ask anew: what somebody types is asked about at once, and then when they rest; what changes by itself at once, and then seldom.

export interface Typing {
  changed: () => void;
  stop: () => void;
}

/** At once, and then when nothing has changed for so long. */
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

/** At once, and then not before so much time has passed, however often it changes. */
export function seldom(ask: () => void, everyMs: number): Typing {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasMore = false;

  function go(): void {
    ask();
    hasMore = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (hasMore) go();
    }, everyMs);
  }
  return {
    changed: () => {
      if (timer === undefined) go();
      else hasMore = true;
    },
    stop: () => clearTimeout(timer),
  };
}
