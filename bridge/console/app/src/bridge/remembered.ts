// What a person chose, kept by the browser: never a token. A browser that keeps nothing is no trouble.

export function remembered<T extends string>(name: string, otherwise: T): T {
  try {
    return (localStorage.getItem(`zws.${name}`) as T | null) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`zws.${name}`, value);
  } catch {
    // private windows may refuse; the choice then lasts as long as the page
  }
}
