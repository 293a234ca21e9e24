// Throwing connections out. What is closed with 4403 does not come back by itself.
import { call, part, Refusal } from "./calls";
import { identity } from "./session";
import type { Connection } from "./shapes";

const AT_ONCE = 4; // so that a long list takes no lane for itself

export async function closeOne(clientId: string): Promise<number> {
  try {
    return (await call<{ closed: number }>(`/connections/${part(clientId)}`, { method: "DELETE" })).closed;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return 0; // it went by itself
    throw error;
  }
}

export const closeUser = async (user: string): Promise<number> => (await call<{ closed: number }>(`/users/${part(user)}/connections`, { method: "DELETE" })).closed;

/** Closes all that `list` gives, whatever the number of pages, but not this page's own connection. */
export async function closeAll(list: (cursor: string | null) => Promise<{ connections: Connection[]; cursor: string | null }>): Promise<number> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { connections: Connection[]; cursor: string | null } = await list(cursor);
    ids.push(...page.connections.map(({ client_id }) => client_id));
    cursor = page.cursor;
  } while (cursor !== null);
  const waiting = [...new Set(ids)].filter((id) => id !== identity.value?.clientId);
  let closed = 0;
  const worker = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const its = await closeOne(id); // apart: the others count meanwhile
      closed += its;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return closed;
}
