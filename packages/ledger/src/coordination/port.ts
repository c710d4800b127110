/**
 * What agents on one store settle among each other apart from the log: who has used up a rate, which request came twice, and how a task goes that
 * runs at another agent. What tasks say is sealed under the data key.
 */

import type { Json } from '@assay/encoding/json';

/** A request that says under which key it may be sent again. */
export interface RepeatableRequest {
  /** Hex SHA-256 of the API key, `null` for none: keys of one are nothing to another. */
  readonly access: string | null;
  /** As the client chose it. */
  readonly key: string;
  /** Hex SHA-256 of what makes the request this one. */
  readonly digest: string;
  /** The task that it starts when it is the first. */
  readonly taskId: string;
}

export interface Coordination {
  /** What all agents on the store hold under this name: the first one's value. */
  agree(name: string, value: string): Promise<string>;
  /** Takes one of `perMinute`. Returns the milliseconds until there is one; 0 when it was taken. */
  take(name: string, perMinute: number): Promise<number>;
  /** The task of the first request under this key within a day, and whether that is this one; `mismatch` when the first was another request. */
  claim(request: RepeatableRequest): Promise<{ readonly kind: 'first' | 'again' | 'mismatch'; readonly taskId: string }>;
  /** Forgets a request that began nothing. */
  release(request: Pick<RepeatableRequest, 'access' | 'key' | 'taskId'>): Promise<void>;
  /** Adds to what agents elsewhere can read of a task, by its receipt id. */
  publish(receiptId: string, page: Json): Promise<void>;
  /** Pages behind the first `after` of them. */
  pages(receiptId: string, after: number): Promise<readonly Json[]>;
  /** Asks whichever agent runs a task for something. */
  order(receiptId: string, order: Json): Promise<void>;
  /** Takes the orders for these tasks, oldest first; each is given once. */
  takeOrders(receiptIds: readonly string[]): Promise<readonly { readonly receiptId: string; readonly order: Json }[]>;
  /** Lets go of what was published and ordered; the receipt has it from then on. */
  forget(receiptId: string): Promise<void>;
}
