/**
 * Serves a streamed answer: hands it on as it comes, except for what makes it look complete; that waits until the receipt is durable. A
 * stream that breaks ends in an error event, and leaves a receipt that says so.
 */

import { createHash } from 'node:crypto';
import { HeldEnd } from '@assay/channel';
import type { Reservation } from '@assay/encoding/budget';
import { ByteBuffer } from '@assay/encoding/byte-buffer';
import { joinBytes, utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import type { Ledger, ReceiptDraft } from '@assay/ledger';
import { ServerError } from '../errors.ts';
import { holdMemory } from '../http/held-memory.ts';
import type { UpstreamAnswer } from '../ports/upstream.ts';
import { estimatedTokens } from '../tasks/token-usage.ts';
import type { StreamTranslation } from './surface.ts';
import { chatIdIn, tokensIn, tooLarge } from './whole-answer.ts';

export interface ServedStream {
  readonly answer: UpstreamAnswer;
  /** The body that was forwarded. */
  readonly sent: Uint8Array;
  readonly translation: StreamTranslation;
  readonly draft: ReceiptDraft;
  readonly ledger: Ledger;
  /** Longest answer, bytes. */
  readonly most: number;
  /** Memory for what the upstream keeps of the answer; released at the end. */
  readonly kept: Reservation;
  /** Told once how many tokens the answer took, also when it broke off. */
  readonly spend: (tokens: number) => void;
}

/** As much of the beginning as is needed to find the answer's id. Bytes. */
const HEAD_BYTES = 64 * 1024;
/** As much of the end as is looked at for tokens. Bytes. */
const TAIL_BYTES = 8 * 1024;
/** Longest event, bytes. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;
/** How long an upstream that signs its answers may keep the connection open behind the end mark. Milliseconds. */
const GRACE_MS = 5000;

/**
 * The bytes for the client. A failure is an event in the stream.
 * @throws {ServerError} behind that event, `upstream/proof-invalid` and the like: what the upstream said is not what it signed.
 */
export async function* servedStream(served: ServedStream): AsyncGenerator<Uint8Array> {
  const { answer, draft, ledger, translation } = served;
  const exchange = new Exchange(served);
  try {
    for await (const piece of untilEnd(answer, exchange)) {
      const open = exchange.take(piece);
      if (open.length > 0) yield open;
    }
    const held = await exchange.settle();
    if (held.length > 0) yield held;
  } catch (error) {
    const { code, message, kind } = isCoded(error) ? error : broken(error);
    yield await exchange.fail(translation.failure({ code, message }), code);
    // Words of an upstream that lied must not look complete to a client that reads no errors either: the connection breaks.
    if (kind === 'untrusted') throw error;
  } finally {
    exchange.release();
    if (!exchange.sealed) {
      // The client went away.
      draft.append({ type: 'task.failed', code: 'task/cancelled' });
      draft.append({ type: 'response.returned', body_hash: exchange.returnedHash() });
      await ledger.seal(draft);
    }
  }
}

/** What went each way, and what of it may go on. */
class Exchange {
  readonly #served: ServedStream;
  readonly #end: HeldEnd;
  readonly #upstreamEnd: HeldEnd;
  readonly #returned = createHash('sha256');
  /** Kept for a proof only. */
  readonly #received = new ByteBuffer();
  /** The beginning of what was returned. */
  readonly #head = new ByteBuffer();
  /** Memory for what is kept of the answer: all of it, or what waits for the end of its event. */
  readonly #memory = holdMemory('answer');
  #length = 0;
  /** The end of what came, where services count tokens. */
  #tail = new Uint8Array();
  #waiting = 0;
  sealed = false;

  constructor(served: ServedStream) {
    this.#served = served;
    this.#end = new HeldEnd(MAX_EVENT_BYTES);
    this.#upstreamEnd = new HeldEnd(MAX_EVENT_BYTES);
  }

  get ended(): boolean {
    return this.#upstreamEnd.ended;
  }

  take(piece: Uint8Array): Uint8Array {
    this.#length += piece.length;
    if (this.#length > this.#served.most) throw tooLarge(this.#served.most);
    const { answer, translation } = this.#served;
    this.#count(piece.length);
    this.#tail = joinBytes([this.#tail, piece]).slice(-TAIL_BYTES);
    if (answer.finish !== undefined) this.#received.append(piece);
    this.#upstreamEnd.push(piece);
    const translated = translation.push(piece);
    const open = this.#end.push(translated);
    this.#waiting += translated.length - open.length;
    return this.#out(open);
  }

  /** Proves and seals; gives what was held. Without a proof over them, bytes behind the end mark are unproved and dropped. */
  async settle(): Promise<Uint8Array> {
    const { answer, sent, draft, ledger, translation } = this.#served;
    const proof = answer.finish === undefined ? null : await answer.finish({ sent, received: this.#received.bytes() });
    if (proof !== null) {
      if (proof.payload !== null) draft.payload(proof.payload.name, proof.payload.mediaType, proof.payload.bytes);
      draft.append(proof.event);
    }
    const late = this.#out(this.#end.push(translation.end()));
    const behind = proof === null ? [] : [this.#end.behind()];
    const held = this.#out(joinBytes([this.#end.held(), ...behind]));
    draft.append({ type: 'response.returned', body_hash: this.returnedHash() });
    await ledger.seal(draft, { chatId: chatIdIn(this.#head.view()) });
    this.sealed = true;
    return joinBytes([late, held]);
  }

  /** Seals a failure and gives the event that tells of it. */
  async fail(event: Uint8Array, code: string): Promise<Uint8Array> {
    const { draft, ledger } = this.#served;
    const out = this.#out(event);
    draft.append({ type: 'task.failed', code });
    draft.append({ type: 'response.returned', body_hash: this.returnedHash() });
    await ledger.seal(draft);
    this.sealed = true;
    return out;
  }

  /** Gives back what is held when nothing of the answer is left to send, and says what it cost. */
  release(): void {
    const { sent, spend } = this.#served;
    spend(tokensIn(this.#tail) ?? estimatedTokens(sent.length + this.#length));
    this.#memory.release();
    this.#served.kept.release();
  }

  /** @throws {ServerError} `server/busy`. */
  #count(arrived: number): void {
    const { answer, translation } = this.#served;
    const kept = answer.finish !== undefined || translation.keeps ? this.#length : 0;
    const wanted = kept + this.#waiting + arrived;
    if (wanted > this.#memory.amount) this.#memory.grow(wanted - this.#memory.amount);
    else this.#memory.shrinkTo(wanted);
  }

  returnedHash(): string {
    return `sha256:${this.#returned.copy().digest('hex')}`;
  }

  #out(bytes: Uint8Array): Uint8Array {
    this.#returned.update(bytes);
    if (this.#head.length < HEAD_BYTES) this.#head.append(bytes);
    return bytes;
  }
}

/**
 * The answer's pieces up to the end mark, whether or not the connection stays open. An upstream that signs its answers signs what stands behind
 * the mark as well, so that it is read on for a moment.
 */
async function* untilEnd({ body, finish }: UpstreamAnswer, exchange: Exchange): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  let grace: Promise<null> | null = null;
  try {
    for (;;) {
      const next = pieces.next();
      const step = grace === null ? await next : await Promise.race([next, grace]);
      if (step === null || step.done === true) return;
      yield step.value;
      if (!exchange.ended) continue;
      if (finish === undefined) return;
      grace ??= new Promise((resolve) => {
        timer = setTimeout(() => resolve(null), GRACE_MS);
      });
    }
  } finally {
    clearTimeout(timer);
    pieces.return?.(undefined)?.catch(() => undefined); // may wait for a piece that never comes
  }
}

function broken(cause: unknown): ServerError {
  return new ServerError('model/bad-reply', 'the upstream broke off its answer; ask again', { cause });
}

/** An error in a stream of OpenAI's chat or completion API. */
export function errorEvent({ code, message }: { readonly code: string; readonly message: string }): Uint8Array {
  return utf8(`data: ${JSON.stringify({ error: { message, type: 'upstream_error', param: null, code } })}\n\n`);
}
