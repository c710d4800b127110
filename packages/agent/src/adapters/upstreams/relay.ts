/**
 * Hands an upstream's answer on as it comes, within a limit of silence. Error answers come in OpenAI's shape, without keys.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { ServerError } from '../../errors.ts';
import type { UpstreamAnswer } from '../../ports/upstream.ts';
import { beginningOf, refusedBody } from './refused-answer.ts';

export interface RelayOptions {
  readonly name: string;
  /** Base URL with version, without a trailing slash. */
  readonly base: string;
  readonly apiKey: string | null;
  /** Longest silence before an answer and within it, milliseconds. */
  readonly timeoutMs: number;
}

export interface Relayed<Sent> {
  readonly answer: UpstreamAnswer;
  /** What `send` gave. */
  readonly sent: Sent;
}

/**
 * @param send - Sends the request, ended by the signal it is given.
 * @throws {ServerError} `model/timeout` when nothing comes for `timeoutMs`, before the answer or within it, `model/unreachable`;
 * `model/bad-reply` when the connection breaks within the answer; coded errors of `send` and of the body as they are.
 */
export async function relay<Sent extends { readonly response: Response }>(
  options: RelayOptions,
  signal: AbortSignal,
  send: (signal: AbortSignal) => Promise<Sent>,
): Promise<Relayed<Sent>> {
  const silence = new Silence(options.timeoutMs);
  let sent: Sent;
  try {
    sent = await send(AbortSignal.any([signal, silence.signal]));
  } catch (cause) {
    if (isCoded(cause)) throw cause;
    if (silence.broken) throw tooSlow(options, 'did not begin to answer', cause);
    throw new ServerError('model/unreachable', `no answer from ${options.base}; check AI_API_BASE and the network`, { cause });
  } finally {
    silence.end();
  }
  const { response } = sent;
  const { status, headers } = response;
  const contentType = headers.get('content-type') ?? 'application/json';
  const pieces = piecesOf(options, response, silence);
  if (status < 400) return { answer: { status, contentType, headers, body: pieces }, sent };
  const text = await beginningOf(pieces);
  const refused = refusedBody({ name: options.name, status, body: text, secret: options.apiKey });
  return { answer: { status, contentType: 'application/json', headers, body: once(refused) }, sent };
}

/** Ends a request when nothing came for so long. */
class Silence {
  readonly #ms: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#ms = ms;
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get broken(): boolean {
    return this.signal.aborted;
  }

  begin(): void {
    this.end();
    this.#timer = this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(), this.#ms);
  }
}

async function* piecesOf(options: RelayOptions, { body }: Response, silence: Silence): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    silence.begin();
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
      silence.end(); // the reader may take its time
      yield piece;
      silence.begin();
    }
  } catch (cause) {
    if (silence.broken) throw tooSlow(options, 'fell silent in the middle of its answer', cause);
    if (isCoded(cause) || (cause as Error).name === 'AbortError') throw cause;
    const message = `the connection to ${options.name} broke in the middle of its answer; ask again`;
    throw new ServerError('model/bad-reply', message, { cause });
  } finally {
    silence.end();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function tooSlow({ name, timeoutMs }: RelayOptions, what: string, cause: unknown): ServerError {
  const message = `${name} ${what} for ${timeoutMs / 1000} s; raise ASSAY_MODEL_SECONDS or ask again`;
  return new ServerError('model/timeout', message, { cause });
}
