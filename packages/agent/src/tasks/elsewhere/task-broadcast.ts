/**
 * Tells other agents on the same store how the tasks of this one go, and takes what they are asked for there: to be cancelled, or the decision
 * on code that waits. What is told is sealed in the store; at the end the receipt has it, and it is let go.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import type { Json, JsonObject } from '@assay/encoding/json';
import type { Coordination } from '@assay/ledger';
import type { ProgressEvent } from '../../ports/task-events.ts';
import type { Decision } from '../review.ts';
import type { RunningTask } from '../run-task.ts';

/** How long events wait for others to go with them, milliseconds. */
const GATHER_MS = 200;
/** How often orders are looked for while tasks run, milliseconds. */
const LOOK_MS = 400;
/** How long the end of a task stays for those who follow it, milliseconds. */
const LINGER_MS = 10_000;

/** What an agent elsewhere asks of a task. */
export type TaskOrder = { readonly kind: 'cancel' } | { readonly kind: 'review'; readonly decision: Decision };

export function orderToJson(order: TaskOrder): JsonObject {
  if (order.kind === 'cancel') return { kind: 'cancel' };
  const { requestBody, code, ...decision } = order.decision;
  return { kind: 'review', ...decision, code: code ?? null, body: encodeBase64(requestBody) };
}

function orderOf(json: Json): TaskOrder {
  const { kind, body, code, attempt, proposedHash, decision } = json as JsonObject;
  if (kind === 'cancel') return { kind };
  return {
    kind: 'review',
    decision: {
      attempt: Number(attempt),
      proposedHash: String(proposedHash),
      decision: decision === 'run' ? 'run' : 'discard',
      ...(code === null ? {} : { code: String(code) }),
      requestBody: decodeBase64(String(body)),
    },
  };
}

export class TaskBroadcast {
  readonly #coordination: Coordination;
  readonly #running = new Map<string, RunningTask>();
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(coordination: Coordination) {
    this.#coordination = coordination;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  /** From now on until its end, others can follow and steer this task. */
  add(task: RunningTask): void {
    this.#running.set(task.receiptId, task);
    void this.#tell(task).finally(() => this.#running.delete(task.receiptId));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #tell({ progress, receiptId, outcome }: RunningTask): Promise<void> {
    let page: ProgressEvent[] = [];
    let timer: NodeJS.Timeout | null = null;
    let published: Promise<void> = Promise.resolve();
    const flush = (): void => {
      timer = null;
      published = published.then(async () => {
        const events = page;
        page = [];
        if (events.length === 0) return;
        try {
          await this.#coordination.publish(receiptId, events as unknown as Json);
        } catch {
          page = [...events, ...page]; // the store is away; they go with the next ones
        }
      });
    };
    for await (const event of progress.follow(0, new AbortController().signal)) {
      page.push(event);
      timer ??= setTimeout(flush, GATHER_MS);
    }
    if (timer !== null) clearTimeout(timer);
    flush();
    await published;
    await outcome.catch(() => undefined);
    setTimeout(() => void this.#coordination.forget(receiptId).catch(() => undefined), LINGER_MS).unref();
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#running.size === 0) return;
    this.#looking = true;
    try {
      for (const { receiptId, order } of await this.#coordination.takeOrders([...this.#running.keys()])) {
        const task = this.#running.get(receiptId);
        if (task !== undefined) carryOut(orderOf(order), task);
      }
    } catch {
      // The store is away: the next look finds what is there.
    } finally {
      this.#looking = false;
    }
  }
}

function carryOut(order: TaskOrder, task: RunningTask): void {
  if (order.kind === 'cancel') {
    task.cancel('task/cancelled');
    return;
  }
  try {
    task.review.decide(order.decision);
  } catch {
    // Decided meanwhile: who asked sees it in the task's events.
  }
}
