/** Coordination over a store. */

import { randomBytes } from 'node:crypto';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, parseJson } from '@assay/encoding/json';
import type { Clock } from '../clock.ts';
import type { LogStore } from '../store.ts';
import {
  addOrder,
  addPage,
  agree,
  claimRequest,
  forgetTask,
  hasOrders,
  pagesOf,
  releaseRequest,
  takeOrders,
  takeToken,
} from './operations.ts';
import type { Coordination, RepeatableRequest } from './port.ts';

type CoordinationStore = Pick<LogStore, 'change' | 'dataKey' | 'read'>;

export class StoreCoordination implements Coordination {
  readonly #store: CoordinationStore;
  readonly #clock: Clock;
  /** How many pages this process has published, by receipt. */
  readonly #published = new Map<string, number>();

  readonly #steady: () => number;
  /** Wall time less steady time, when this began. */
  readonly #offset: number;

  /** @param steady - milliseconds that pass whatever is done to the clock. */
  constructor(store: CoordinationStore, clock: Clock, steady: () => number = () => performance.now()) {
    this.#store = store;
    this.#clock = clock;
    this.#steady = steady;
    this.#offset = clock.now() - steady();
  }

  /** A clock that jumps ahead makes nothing old before its time: what is forgotten could be done twice. */
  get #oldest(): number {
    return Math.min(this.#clock.now(), this.#offset + this.#steady());
  }

  agree(name: string, value: string): Promise<string> {
    return this.#store.change(agree, { name, value });
  }

  take(name: string, perMinute: number): Promise<number> {
    return this.#store.change(takeToken, { name, perMinute, now: this.#clock.now() });
  }

  async claim({ access, key, digest, taskId }: RepeatableRequest) {
    const args = { owner: access ?? '', key, digest, task: taskId, now: this.#clock.now(), oldest: this.#oldest };
    const there = await this.#store.change(claimRequest, args);
    if (there.digest !== digest) return { kind: 'mismatch', taskId: there.task } as const;
    return { kind: there.task === taskId ? 'first' : 'again', taskId: there.task } as const;
  }

  async release({ access, key, taskId }: Pick<RepeatableRequest, 'access' | 'key' | 'taskId'>): Promise<void> {
    await this.#store.change(releaseRequest, { owner: access ?? '', key, task: taskId });
  }

  async publish(receiptId: string, page: Json): Promise<void> {
    const n = this.#published.get(receiptId) ?? 0;
    this.#published.set(receiptId, n + 1);
    const sealed = this.#seal(`page/${n}`, receiptId, page);
    await this.#store.change(addPage, { receipt: receiptId, n, page: sealed, now: this.#clock.now() });
  }

  async pages(receiptId: string, after: number): Promise<readonly Json[]> {
    const rows = await this.#store.read(pagesOf(receiptId, after));
    // Without a gap: a page is read when those before it are there.
    return rows.filter(({ n }, i) => n === after + i).map(({ n, page }) => this.#open(`page/${n}`, receiptId, page));
  }

  async order(receiptId: string, order: Json): Promise<void> {
    const id = randomBytes(8).toString('hex');
    const content = `${id} ${this.#seal(`order/${id}`, receiptId, order)}`;
    await this.#store.change(addOrder, { receipt: receiptId, content, now: this.#clock.now() });
  }

  async takeOrders(receiptIds: readonly string[]) {
    if (receiptIds.length === 0 || !(await this.#store.read(hasOrders(receiptIds)))) return [];
    const taken = await this.#store.change(takeOrders, receiptIds);
    return taken.map(({ receipt, content }) => {
      const [id = '', sealed = ''] = content.split(' ');
      return { receiptId: receipt, order: this.#open(`order/${id}`, receipt, sealed) };
    });
  }

  async forget(receiptId: string): Promise<void> {
    this.#published.delete(receiptId);
    await this.#store.change(forgetTask, receiptId);
  }

  #seal(what: string, receiptId: string, content: Json): string {
    return encodeBase64(this.#store.dataKey.seal(placeOf(what, receiptId), utf8(canonicalJson(content))));
  }

  #open(what: string, receiptId: string, sealed: string): Json {
    return parseJson(decodeUtf8(this.#store.dataKey.open(placeOf(what, receiptId), decodeBase64(sealed))));
  }
}

function placeOf(what: string, receiptId: string): string {
  return JSON.stringify(['task', receiptId, what]);
}
