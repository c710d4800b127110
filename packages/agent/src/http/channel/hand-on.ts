/**
 * A sealed request that came to the wrong one of several agents, as behind a load balancer: handed on unopened to the live agent whose key
 * it names, and the sealed answer handed back. Nothing of it can be read or changed on the way. Only requests of OHTTP name their key
 * (RFC 9458 §4.3); one that was handed on once is not handed on again.
 *
 * Where it goes is what that agent sealed into the store, held against the log: the keyset that it names must stand in a logged report and
 * list the key. Bytes that no agent could open go nowhere.
 *
 * Time and memory are bounded: by an overall limit, by the life of the other agent, by the length of the answer and by how many are on
 * their way.
 */

import { type EncapsulatedHeader, ohttpKeys } from '@assay/channel';
import type { Fleet, KeyHolderAgent, Ledger } from '@assay/ledger';
import { parseReport } from '@assay/receipt';
import { ServerError } from '../../errors.ts';

export const FORWARDED_HEADER = 'assay-forwarded';

/** On their way at the same time; each holds a request and a piece of an answer. */
const MOST_AT_ONCE = 64;
/** Longest task, and some. */
const MOST_MS = 3_600_000;
/** How often it is asked whether the other agent lives. */
const LOOK_EVERY_MS = 5_000;
/** Two bundles of the length that verifiers take. */
const MOST_ANSWER_BYTES = 512 * 1024 * 1024;
const MOST_KNOWN_KEYSETS = 64;
const HANDED_BACK = ['content-type', 'cache-control', 'retry-after'];

type Listed = readonly EncapsulatedHeader[];

export interface HandOnOptions {
  readonly fleet: Pick<Fleet, 'holderOf'>;
  readonly ledger: Pick<Ledger, 'loggedReport'>;
  /** As `globalThis.fetch`, without limits of its own on silence. */
  readonly fetch: typeof globalThis.fetch;
  readonly limits?: Partial<HandOnLimits> | undefined;
}

export interface HandOnLimits {
  readonly atOnce: number;
  readonly milliseconds: number;
  readonly lookEveryMs: number;
  readonly answerBytes: number;
}

const LIMITS: HandOnLimits = {
  atOnce: MOST_AT_ONCE,
  milliseconds: MOST_MS,
  lookEveryMs: LOOK_EVERY_MS,
  answerBytes: MOST_ANSWER_BYTES,
};

export class HandOn {
  readonly #fleet: HandOnOptions['fleet'];
  readonly #ledger: HandOnOptions['ledger'];
  readonly #fetch: typeof globalThis.fetch;
  readonly #limits: HandOnLimits;
  /** Keys of logged keysets, by digest. */
  readonly #listed = new Map<string, Listed>();
  #onTheirWay = 0;

  constructor({ fleet, ledger, fetch, limits = {} }: HandOnOptions) {
    this.#fleet = fleet;
    this.#ledger = ledger;
    this.#fetch = fetch;
    this.#limits = { ...LIMITS, ...limits };
  }

  /**
   * The answer of the agent that has the key; `null` when there is none that can be reached.
   * @param header of `sealed`.
   * @throws {ServerError} `server/busy` when that agent does not answer, or too many requests are on their way.
   */
  async answer(request: Request, sealed: Uint8Array, header: EncapsulatedHeader): Promise<Response | null> {
    if (request.headers.has(FORWARDED_HEADER)) return null;
    const holder = await this.#fleet.holderOf(header.keyId);
    if (holder === null || !(await this.#isListed(holder, header))) return null;
    if (this.#onTheirWay >= this.#limits.atOnce)
      throw busy(`${this.#onTheirWay} requests for other agents are on their way; try again in a moment`);
    const ended = this.#begin(holder, header.keyId);
    try {
      const answer = await this.#fetch(`${holder.address}/ohttp`, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.any([request.signal, ended.signal]),
        headers: { 'content-type': request.headers.get('content-type') ?? '', [FORWARDED_HEADER]: '1' },
        body: sealed as BodyInit,
      });
      const headers = new Headers();
      for (const name of HANDED_BACK) {
        const value = answer.headers.get(name);
        if (value !== null) headers.set(name, value);
      }
      if (answer.body === null) ended.end();
      const body = answer.body === null ? null : bounded(answer.body, this.#limits.answerBytes, ended.end);
      return new Response(body, { status: answer.status, headers });
    } catch (cause) {
      ended.end();
      const why = 'the agent whose key this request is sealed to does not answer; verify again, or try again in a moment';
      throw busy(why, cause);
    }
  }

  /** Whether the keyset that the agent names was logged, and lists this key: any keyset that is logged was attested. */
  async #isListed({ keyset }: KeyHolderAgent, { keyId, kem }: EncapsulatedHeader): Promise<boolean> {
    let listed = this.#listed.get(keyset);
    if (listed === undefined) {
      const logged = await this.#ledger.loggedReport(keyset);
      if (logged === null) return false;
      const report = parseReport(logged.report, logged.nonce);
      listed = report.keysetDigest === keyset ? ohttpKeys(report.keyset.e2ee_public_keys) : [];
      const [oldest] = this.#listed.keys();
      if (oldest !== undefined && this.#listed.size >= MOST_KNOWN_KEYSETS) this.#listed.delete(oldest);
      this.#listed.set(keyset, listed);
    }
    return listed.some((key) => key.keyId === keyId && key.kem === kem);
  }

  /** Counts one in, and aborts it when its time is over or its agent is no longer there. */
  #begin(holder: KeyHolderAgent, keyId: number): { readonly signal: AbortSignal; readonly end: () => void } {
    const abort = new AbortController();
    this.#onTheirWay += 1;
    const look = async (): Promise<void> => {
      const now = await this.#fleet.holderOf(keyId);
      if (now?.member !== holder.member) abort.abort(new Error('the agent that had the key is gone'));
    };
    // A store that does not answer says nothing of the other agent.
    const looking = setInterval(() => void look().catch(() => undefined), this.#limits.lookEveryMs).unref();
    const limit = setTimeout(
      () => abort.abort(new Error('the time of the request is over')),
      this.#limits.milliseconds,
    ).unref();
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      clearInterval(looking);
      clearTimeout(limit);
      this.#onTheirWay -= 1;
    };
    return { signal: abort.signal, end };
  }
}

/** The same bytes, up to a length; `end` is called once they ended, were refused or are no longer wanted. */
function bounded(body: ReadableStream<Uint8Array>, most: number, end: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let length = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          length += value?.length ?? 0;
          if (length > most) throw new Error(`expected an answer of at most ${most} bytes from the other agent`);
          if (value !== undefined) controller.enqueue(value);
          if (!done) return;
          controller.close();
          end();
        } catch (cause) {
          end();
          await reader.cancel(cause).catch(() => undefined);
          throw cause;
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function busy(why: string, cause?: unknown): ServerError {
  return new ServerError('server/busy', why, { cause, details: { retryAfterSeconds: 1 } });
}
