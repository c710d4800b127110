/** JSON-RPC of a chain, as far as checks of contracts ask it. Every answer is bounded and shaped before it is used. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeHex } from '@assay/encoding/hex';
import { parseLooseJson } from '@assay/encoding/json';
import { CliError } from '../errors.ts';

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const ANSWER_MS = 30_000;

export class ChainRpc {
  readonly #url: URL;
  readonly #fetch: typeof globalThis.fetch;
  readonly #signal: AbortSignal;
  #next = 1;

  constructor(url: URL, { fetch, signal }: { readonly fetch: typeof globalThis.fetch; readonly signal: AbortSignal }) {
    this.#url = url;
    this.#fetch = fetch;
    this.#signal = signal;
  }

  /**
   * The result of one method.
   * @throws {CliError} `cli/rpc-failed` when nothing answers, or with an error; `details.rpcCode` has the RPC's own.
   */
  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const id = this.#next++;
    const answer = await this.#ask(JSON.stringify({ jsonrpc: '2.0', id, method, params }), method);
    const { result, error } = (answer ?? {}) as {
      readonly result?: unknown;
      readonly error?: { readonly code?: unknown; readonly message?: unknown };
    };
    if (error !== undefined && error !== null)
      throw failed(method, `error ${String(error.code)}: ${String(error.message).slice(0, 160)}`);
    if (result === undefined) throw failed(method, 'an answer without a result');
    return result;
  }

  /** As {@link call}, for methods that answer with bytes. */
  async bytes(method: string, params: readonly unknown[]): Promise<Uint8Array> {
    const value = await this.call(method, params);
    if (typeof value !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(value))
      throw failed(method, 'something other than 0x and hex');
    return decodeHex(value.slice(2).toLowerCase());
  }

  /** As {@link call}, for methods that answer with an object. */
  async object(method: string, params: readonly unknown[]): Promise<Readonly<Record<string, unknown>>> {
    const value = await this.call(method, params);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw failed(method, 'no such object');
    return value as Readonly<Record<string, unknown>>;
  }

  async #ask(body: string, method: string): Promise<unknown> {
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_MS)]);
      const response = await this.#fetch(this.#url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
        signal,
        redirect: 'error',
      });
      const refuse = () => failed(method, `more than ${MAX_ANSWER_BYTES} bytes`);
      const bytes = await readAtMost(response.body ?? new Blob([]).stream(), {
        most: MAX_ANSWER_BYTES,
        what: 'an answer',
        refuse,
      });
      return parseLooseJson(new TextDecoder().decode(bytes));
    } catch (cause) {
      if (this.#signal.aborted || CliError.is(cause)) throw cause;
      throw failed(method, `no answer (${(cause as Error).message.slice(0, 120)})`, cause);
    }
  }
}

function failed(method: string, got: string, cause?: unknown): CliError {
  return new CliError(
    'cli/rpc-failed',
    `expected a result of ${method} from the chain's RPC, got ${got}; check --rpc, or take another`,
    { cause },
  );
}
