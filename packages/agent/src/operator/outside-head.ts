/**
 * Holds the state against heads of the log that others remember: a witness that the manifest names, and checkpoints that callers send
 * (spec/operator.md §9). Every change of the state is an entry of the log, so a log that continues such a head has not lost any of them.
 *
 * A caller's checkpoint is signed by this log: one that the log does not continue shows that the data directory was put back. That is
 * written down, and the wallet signs nothing until owners acknowledge it.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8, equalBytes, utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { ReceiptDraft, SealedReceipt } from '@assay/ledger';
import {
  authorizedSigners,
  type ChainHead,
  type Hex,
  type OwnerMessage,
  ownerMessageHash,
  refuseMisplaced,
  UNCHANGED,
} from '@assay/operator';
import { type Checkpoint, parseCheckpoint, parseVerifierKey, verifyCheckpoint } from '@assay/receipt';
import { ServerError } from '../errors.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import { coverAnswer, openDraft, sealChangeRefusal } from './owner-receipt.ts';
import type { Witness, WitnessWord } from './witness.ts';

/** A head that somebody outside remembers, and that the log continues. */
export interface Anchor {
  readonly anchor: 'witness' | 'client-checkpoint';
  /** Of the witness's key; of the log for a caller's checkpoint. */
  readonly name: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  /** The checkpoint, signed. */
  readonly note: string;
}

/** Owners know that entries up to a size are lost. */
export interface AcknowledgeHeadEntry {
  readonly message: Extract<OwnerMessage, { readonly type: 'AcknowledgeHead' }>;
  readonly signatures: readonly Hex[];
}

/** A head of this log that the log does not continue. */
interface BehindRow {
  readonly size: number;
  /** Epoch seconds, as signed. */
  readonly at: number;
}
interface AcknowledgedRow extends ChainHead {
  readonly size: number;
  /** Epoch seconds. */
  readonly at: number;
  /** Owners let the wallet go on without the manifest's witness. */
  readonly withoutWitness: boolean;
}

const BEHIND = 'head/behind';
const ACKNOWLEDGED = 'head/acknowledged';
/** Characters of the header. */
const MAX_HEADER = 12 * 1024;
/** Between two questions to a witness that did not cosign, when nothing waits for its answer. */
const ASK_AGAIN_MS = 15_000;
/** Entries beyond the log that owners may acknowledge although no signed checkpoint shows them. */
const MOST_UNSEEN = 1_000;

export class OutsideHead {
  readonly #operator: Operator;
  readonly #witness: Witness | null;
  /** Count of what was sealed, and how much of it stands under a cosigned head. What was before the start counts as one. */
  #sealed = 1;
  #covered = 0;
  #newest: Extract<WitnessWord, { readonly state: 'cosigned' }> | null = null;
  /** Entries that the witness says it remembers, when its last word was a refusal. Not signed: it is shown, and stops nothing by itself. */
  #refusedSize: number | null = null;
  #running: Promise<WitnessWord> | null = null;
  #next: Promise<WitnessWord> | null = null;
  #askAgainAt = 0;

  constructor(operator: Operator, witness: Witness | null) {
    this.#operator = operator;
    this.#witness = witness;
  }

  /**
   * The outside heads that the log continues, before something is signed.
   * @param given base64 of a checkpoint that the caller remembers; `null` for none.
   * @throws {ServerError} `operator/state-behind`, `operator/witness-unreachable`, `task/bad-input`.
   */
  async guard(given: string | null): Promise<readonly Anchor[]> {
    const anchors: Anchor[] = [];
    const client = given === null ? null : await this.#ofClient(given);
    const behind = this.#behind;
    if (behind !== null) throw behindCaller(behind.size);
    const witness = await this.#ofWitness();
    if (witness !== null) anchors.push(witness);
    if (client !== null) anchors.push(client);
    return anchors;
  }

  /** Something was sealed that no later start may miss: resolves when a witness cosigned a head over it; at once without a witness. */
  async sealed(): Promise<void> {
    this.#sealed += 1;
    if (this.#witness === null || this.#acknowledged.withoutWitness) return;
    const word = await this.#cosign();
    if (word.state === 'ahead') throw behindWitness(this.#witness.name, word.size);
  }

  /** As {@link sealed}, when the answer does not depend on it: {@link retry} asks again after a failure. */
  async noted(): Promise<void> {
    await this.sealed().catch(() => undefined);
  }

  /** Asks the witness again for what it did not cosign yet. */
  async retry(): Promise<void> {
    if (this.#witness === null || this.#acknowledged.withoutWitness) return;
    if (this.#covered >= this.#sealed || this.#running !== null || Date.now() < this.#askAgainAt) return;
    await this.#cosign().catch(() => undefined);
  }

  /** For owners: what is remembered outside, and what they acknowledged. */
  shown(): JsonObject {
    const behind = this.#behind;
    const { size, version, changeHash, withoutWitness } = this.#acknowledged;
    const witness = this.#witness;
    return {
      witness:
        witness === null
          ? null
          : {
              name: witness.name,
              cosigned_size: this.#newest?.size ?? null,
              time: this.#newest?.time ?? null,
              refused_size: this.#refusedSize,
            },
      behind: behind === null ? null : { size: behind.size },
      acknowledged: { size, version, change_hash: changeHash, without_witness: withoutWitness },
    };
  }

  /**
   * Lets the wallet go on although entries up to a size are lost, and without the witness when owners say so.
   * @throws {OperatorError} those of `refuseMisplaced` and `authorizedSigners`; {ServerError} `operator/head-unknown`; the ledger's errors.
   */
  acknowledge({ message, signatures }: AcknowledgeHeadEntry, request: OperatorRequest): Promise<SealedReceipt> {
    return this.#operator.inTurn(async () => {
      const { ledger, agentId, now, control } = this.#operator;
      const { size, version, withoutWitness } = message.fields;
      const draft = openDraft(ledger, 'operator_change', { ...request, access: null });
      const current = this.#acknowledged;
      const changeHash = ownerMessageHash(message);
      let signers: readonly Hex[];
      try {
        refuseMisplaced(message.fields, current, { agentId, now });
        signers = authorizedSigners(changeHash, signatures, control.owners.value, control.owners.value.threshold);
        await this.#refuseUnknown(size);
      } catch (error) {
        await sealChangeRefusal(this.#operator, draft, { type: 'operator.refused', message: message.type }, error);
        throw error;
      }
      const links = { version, change: changeHash, previous: current.changeHash, signers: [...signers] };
      draft.append({ type: 'head.acknowledged', agent_id: agentId, ...links, size, without_witness: withoutWitness });
      draft.payload('change.json', 'application/json', utf8(canonicalJson({ ...message, signatures: [...signatures] })));
      coverAnswer(draft, request);
      // Owners who only ask the witness again, or no more, say nothing of heads.
      const sameHeads = size === current.size && withoutWitness !== current.withoutWitness;
      const row: AcknowledgedRow = { version, changeHash, size, at: sameHeads ? current.at : now, withoutWitness };
      this.#askAgainAt = 0;
      return this.#operator.seal(draft, [{ key: ACKNOWLEDGED, value: row as unknown as JsonObject }]);
    });
  }

  get #acknowledged(): AcknowledgedRow {
    const row = this.#operator.state.get(ACKNOWLEDGED) as unknown as Partial<AcknowledgedRow> | undefined;
    // Rows of earlier releases do not name the witness: it is still asked.
    return { ...UNCHANGED, size: 0, at: 0, withoutWitness: false, ...row };
  }

  /** What a caller showed, and owners do not know to be lost. */
  get #behind(): BehindRow | null {
    const row = this.#operator.state.get(BEHIND) as unknown as BehindRow | undefined;
    return row !== undefined && isUnknown(row, this.#acknowledged) ? row : null;
  }

  /** @throws {ServerError} `operator/head-unknown` for more entries than the log had by all that is known. */
  async #refuseUnknown(size: number): Promise<void> {
    const { ledger, state } = this.#operator;
    const own = parseCheckpoint(await ledger.checkpoint()).size;
    const shown = (state.get(BEHIND) as unknown as BehindRow | undefined)?.size ?? 0;
    const most = Math.max(own + MOST_UNSEEN, shown, this.#acknowledged.size);
    if (size > most)
      throw new ServerError(
        'operator/head-unknown',
        `expected a size of at most ${most}, got ${size}: the log has ${own} entries, and no signed checkpoint of ${size} was shown; send one as Assay-Checkpoint first, or sign a smaller size`,
      );
  }

  async #ofClient(given: string): Promise<Anchor | null> {
    const { ledger } = this.#operator;
    const { checkpoint, time, note } = await this.#readCheckpoint(given);
    const { size, root, origin } = checkpoint;
    const own = await ledger.rootAt(size);
    if (own !== null && equalBytes(own, root))
      return { anchor: 'client-checkpoint', name: origin, size, root: encodeHex(root), note };
    const lost = { size, at: time };
    if (!isUnknown(lost, this.#acknowledged)) return null;
    await this.#writeBehind(lost, note);
    throw behindCaller(size);
  }

  async #readCheckpoint(
    given: string,
  ): Promise<{ readonly checkpoint: Checkpoint; readonly time: number; readonly note: string }> {
    const { ledger } = this.#operator;
    const malformed = (why: string, cause?: unknown): ServerError =>
      new ServerError(
        'task/bad-input',
        `Assay-Checkpoint: expected base64 of a checkpoint of this log, as GET /log/checkpoint gives it, got ${why}`,
        { cause },
      );
    if (given.length > MAX_HEADER) throw malformed(`${given.length} characters`);
    try {
      const note = decodeUtf8(decodeBase64(given));
      const checkpoint = parseCheckpoint(note);
      if (checkpoint.origin !== ledger.origin) throw malformed('one of another log');
      const signatures = await verifyCheckpoint(checkpoint, ledger.verifierKeys.map(parseVerifierKey));
      const time = signatures.find((each) => each.time !== null)?.time ?? null;
      if (signatures.length !== ledger.verifierKeys.length || time === null) throw malformed('one without both signatures');
      return { checkpoint, time, note };
    } catch (cause) {
      if (ServerError.is(cause) || !isCoded(cause)) throw cause;
      throw malformed(`another: ${cause.message}`, cause);
    }
  }

  async #writeBehind({ size, at }: BehindRow, note: string): Promise<void> {
    const { ledger, agentId } = this.#operator;
    // One that owners acknowledged says nothing about this head.
    const known = this.#behind ?? { size: 0, at: 0 };
    if (known.size >= size && known.at >= at) return;
    const row = { size: Math.max(known.size, size), at: Math.max(known.at, at) };
    const event = { type: 'state.behind', agent_id: agentId, anchor: 'client-checkpoint', size };
    const about = { method: 'POST', endpoint: '/api/v1/sign-transaction', access: null };
    const draft = openDraft(ledger, 'operator_change', { bytes: utf8(canonicalJson(event)), ...about });
    draft.append({ ...event, checkpoint_hash: draft.payload('checkpoint', 'text/plain', utf8(note)) });
    await this.#operator.seal(draft, [{ key: BEHIND, value: row }]);
  }

  async #ofWitness(): Promise<Anchor | null> {
    const witness = this.#witness;
    // Owners alone waive it: its refusals are not signed.
    if (witness === null || this.#acknowledged.withoutWitness) return null;
    if (this.#covered < this.#sealed || this.#newest === null) {
      const word = await this.#cosign();
      if (word.state === 'ahead') throw behindWitness(witness.name, word.size);
    }
    if (this.#newest === null) return null;
    const { size, root, note } = this.#newest;
    return { anchor: 'witness', name: witness.name, size, root, note };
  }

  /** One question after another; each call is answered by one that began after it. */
  #cosign(): Promise<WitnessWord> {
    if (this.#running === null) return this.#begin();
    this.#next ??= this.#running.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<WitnessWord> {
    if (this.#witness === null) throw new Error('checked before');
    this.#next = null;
    const sealed = this.#sealed;
    const run = this.#witness
      .cosign()
      .then((word) => {
        this.#refusedSize = word.state === 'ahead' ? word.size : null;
        if (word.state === 'cosigned') {
          this.#covered = sealed;
          this.#newest = word;
        } else this.#askAgainAt = Date.now() + ASK_AGAIN_MS;
        return word;
      })
      .catch((error: unknown) => {
        this.#askAgainAt = Date.now() + ASK_AGAIN_MS;
        throw error;
      })
      .finally(() => {
        this.#running = null;
      });
    this.#running = run;
    return run;
  }
}

/** What a receipt says of the guard: `chain-nonce`, then the anchors; `not-checked` for nothing. */
export function rollbackWords(anchors: readonly Anchor[], chainNonce: boolean): string {
  const words = [...(chainNonce ? ['chain-nonce'] : []), ...anchors.map(({ anchor }) => anchor)];
  return words.length === 0 ? 'not-checked' : words.join(', ');
}

/** Writes anchors into a receipt, each with its signed checkpoint. */
export function recordAnchors(draft: ReceiptDraft, anchors: readonly Anchor[]): void {
  for (const { note, ...facts } of anchors)
    draft.append({
      type: 'state.anchored',
      ...facts,
      checkpoint_hash: draft.payload(`anchor/${facts.anchor}`, 'text/plain', utf8(note)),
    });
}

/** Whether a head is none of those that owners know to be lost: it has more entries, or was signed after they acknowledged them. */
function isUnknown({ size, at }: BehindRow, known: AcknowledgedRow): boolean {
  return size > known.size || at > known.at;
}

function behindCaller(size: number): ServerError {
  return new ServerError(
    'operator/state-behind',
    `expected a log that continues the ${size} entries that a caller remembers, got another: the data directory was put back; restore it, or owners sign AcknowledgeHead with size ${size}`,
    { details: { size } },
  );
}

function behindWitness(name: string, size: number): ServerError {
  return new ServerError(
    'operator/state-behind',
    `expected a log that continues the ${size} entries that ${name} says it remembers, got another: the data directory was put back, or the answer is not the witness's own; restore the directory and look at the witness, or owners sign AcknowledgeHead with withoutWitness`,
    { details: { size } },
  );
}
