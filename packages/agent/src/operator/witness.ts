/**
 * A witness of the agent's log (C2SP tlog-witness, `add-checkpoint`): it remembers the newest head that it saw and cosigns none that is smaller
 * or of another history. Its word is the cosignature, which is verified under the key of the manifest; its refusal is not signed, so a false
 * one only stops the agent, and only for the question that it answers.
 *
 * A log has a new report, and so a new head, at every start: an old cosignature is never one of the head that is sent.
 */

import { encodeBase64 } from '@assay/encoding/base64';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import type { Ledger } from '@assay/ledger';
import { type Manifest, OperatorError } from '@assay/operator';
import {
  type Checkpoint,
  ED25519_NOTE,
  parseCheckpoint,
  parseVerifierKey,
  ReceiptError,
  type VerifierKey,
  verifyCheckpoint,
} from '@assay/receipt';
import { ServerError } from '../errors.ts';

/** What a witness says of the newest head. */
export type WitnessWord =
  | {
      readonly state: 'cosigned';
      readonly size: number;
      /** Hex. */
      readonly root: string;
      /** Epoch seconds, as signed. */
      readonly time: number;
      /** The checkpoint with the cosignature. */
      readonly note: string;
    }
  /** It has seen more entries, or other ones up to this size. */
  | { readonly state: 'ahead'; readonly size: number };

const TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 16 * 1024;
/** Another agent on the same log may have it cosigned in between. */
const ATTEMPTS = 4;

export class Witness {
  readonly url: string;
  readonly #key: VerifierKey;
  readonly #ledger: Pick<Ledger, 'checkpoint' | 'consistency'>;
  /** Size of the newest head that it cosigned. */
  #seen = 0;

  /** @throws {OperatorError} `operator/manifest-malformed` for a key that cosigns nothing. */
  constructor({ url, vkey }: NonNullable<Manifest['witness']>, ledger: Pick<Ledger, 'checkpoint' | 'consistency'>) {
    this.url = url;
    this.#key = cosigningKey(vkey);
    this.#ledger = ledger;
  }

  get name(): string {
    return this.#key.name;
  }

  /**
   * Has the newest head cosigned.
   * @throws {ServerError} `operator/witness-unreachable`.
   */
  async cosign(): Promise<WitnessWord> {
    let old = this.#seen;
    for (let attempt = 1; ; attempt += 1) {
      const note = await this.#ledger.checkpoint();
      const checkpoint = parseCheckpoint(note);
      // Of another agent on this log, or of a log that was put back.
      if (old > checkpoint.size) return { state: 'ahead', size: old };
      const { status, text } = await this.#add(note, checkpoint, old);
      if (status === 200) return this.#cosigned(note, checkpoint, text);
      if (status === 422 && old > 0) return { state: 'ahead', size: old };
      const size = status === 409 ? Number(/^(0|[1-9][0-9]{0,15})\n$/.exec(text)?.[1] ?? Number.NaN) : Number.NaN;
      if (!Number.isSafeInteger(size) || attempt === ATTEMPTS) throw this.#unreachable(`it answers ${status}`);
      old = size;
    }
  }

  async #add(note: string, { size }: Checkpoint, old: number): Promise<{ readonly status: number; readonly text: string }> {
    const path = old === 0 ? [] : await this.#ledger.consistency(old, size);
    const lines = [`old ${old}`, ...path.map((hash) => encodeBase64(hash)), '', note];
    try {
      const answer = await fetch(`${this.url.replace(/\/$/, '')}/add-checkpoint`, {
        method: 'POST',
        body: lines.join('\n'),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const bytes = await readAtMost(answer.body, { most: MAX_ANSWER_BYTES, what: 'the witness' });
      return { status: answer.status, text: decodeUtf8(bytes) };
    } catch (cause) {
      throw this.#unreachable('it gives no answer', cause);
    }
  }

  async #cosigned(note: string, { size, root, text }: Checkpoint, lines: string): Promise<WitnessWord> {
    try {
      const [signature] = await verifyCheckpoint(parseCheckpoint(`${text}\n${lines}`), [this.#key]);
      if (signature === undefined || signature.time === null) throw new Error('verified signatures of a cosigner have a time');
      this.#seen = size;
      return { state: 'cosigned', size, root: encodeHex(root), time: signature.time, note: `${note}${lines}` };
    } catch (cause) {
      if (!ReceiptError.is(cause)) throw cause;
      throw this.#unreachable('its cosignature does not verify', cause);
    }
  }

  #unreachable(why: string, cause?: unknown): ServerError {
    return new ServerError(
      'operator/witness-unreachable',
      `expected a cosignature of ${this.name}, got none: ${why}; see that the witness runs and knows this log, then send the request again`,
      { cause },
    );
  }
}

function cosigningKey(vkey: string): VerifierKey {
  const malformed = (why: string, cause?: unknown): OperatorError =>
    new OperatorError('operator/manifest-malformed', `the operator manifest: witness.vkey: ${why}; see spec/operator.md §1`, {
      cause,
    });
  let key: VerifierKey;
  try {
    key = parseVerifierKey(vkey);
  } catch (cause) {
    if (!ReceiptError.is(cause)) throw cause;
    throw malformed(cause.message, cause);
  }
  if (key.type === ED25519_NOTE) throw malformed('expected the key of a cosigner (type 4 or 6), got one that signs no time');
  return key;
}
