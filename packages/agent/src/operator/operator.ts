/**
 * An agent under an operator manifest: its identity, and what its owners set. One instance a process; built by `open-operator.ts`.
 *
 * Changes by owners are made one after another. Each is sealed as a receipt together with the rows it writes. A changed policy, owner set
 * or pause applies to decisions as soon as its receipt is on its way to the log, because the receipts of those decisions follow it there.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { Clock, Ledger, ReceiptDraft, SealedReceipt } from '@assay/ledger';
import {
  agentDocument,
  type ControlState,
  type Hex,
  initialControl,
  type Manifest,
  manifestDigest,
  policyHash,
  type SigningPolicy,
  ZERO_HASH,
} from '@assay/operator';
import { ServerError } from '../errors.ts';
import type { DigestSigner, OperatorKeyring } from './operator-keys.ts';
import { RefusalLimit } from './refusal-limit.ts';
import type { RowChange, SealedState } from './sealed-state.ts';

export interface OperatorOptions {
  readonly manifest: Manifest;
  readonly agentId: Hex;
  /** Names the platform's secret. */
  readonly secretId: Hex;
  readonly keyring: OperatorKeyring;
  /** `null` where the platform keeps no key and the manifest does not take an ephemeral one. */
  readonly wallet: DigestSigner | null;
  /** Whether the platform keeps the wallet's key. */
  readonly kept: boolean;
  /** Base64: the secret as KMS sealed it; `null` where KMS does not keep it. */
  readonly kmsCiphertext: string | null;
  readonly state: SealedState;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** What a piece of work for the operator's routes came with. */
export interface OperatorRequest {
  readonly bytes: Uint8Array;
  readonly method: string;
  readonly endpoint: string;
  /** Hex SHA-256 of the API key, or `null`. */
  readonly access: string | null;
  /** Whether its key has the scope `sign`; the wallet's tools need it, whatever the model calls. Left out: it may. */
  readonly maySign?: boolean | undefined;
  /** Base64 of a checkpoint of the log that the caller remembers; absent or `null` for none. */
  readonly checkpoint?: string | null | undefined;
  /** The body that answers a change, for its receipt. */
  readonly answer?: ((receiptId: string) => string) | undefined;
}

/** Of work that another agent's write overtook. */
const ATTEMPTS = 20;
const BACKOFF_MS = 10;
const CONTROL_ROW = 'control';
const POLICY_ROW = 'policy';

export class Operator {
  readonly manifest: Manifest;
  readonly agentId: Hex;
  readonly keyring: OperatorKeyring;
  readonly wallet: DigestSigner | null;
  readonly kept: boolean;
  readonly kmsCiphertext: string | null;
  readonly state: SealedState;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly refusals = new RefusalLimit();
  /** Receipts of prompts that are running, with the API key of each (hex SHA-256). */
  readonly prompts = new Map<string, string | null>();
  readonly manifestDigest: Hex;
  /** What the agent id commits to; kept beside every change of owners. */
  readonly document: Uint8Array;
  #turn: Promise<unknown> = Promise.resolve();
  #policyForm: { readonly hash: Hex; readonly bytes: Uint8Array } | null = null;

  constructor(options: OperatorOptions) {
    this.manifest = options.manifest;
    this.agentId = options.agentId;
    this.keyring = options.keyring;
    this.wallet = options.wallet;
    this.kept = options.kept;
    this.kmsCiphertext = options.kmsCiphertext;
    this.state = options.state;
    this.ledger = options.ledger;
    this.clock = options.clock;
    this.manifestDigest = manifestDigest(options.manifest);
    const { origin: log, verifierKeys: logKeys } = options.ledger;
    this.#refuseOtherPolicy();
    this.document = agentDocument({ manifest: options.manifest, log, logKeys, secret: options.secretId });
  }

  /** Owners signed the hash in `control`; a policy of another one is not theirs. */
  #refuseOtherPolicy(): void {
    const { policy, control } = this;
    const found = policy === null ? ZERO_HASH : policyHash(policy);
    if (found === control.policy.value) return;
    throw new ServerError(
      'operator/state-broken',
      `expected the policy ${control.policy.value}, which owners signed, got ${found}; the data directory was changed, restore it`,
    );
  }

  /** The first 16 hex characters of the id, for names of files and lines for people. */
  get shortId(): string {
    return this.agentId.slice(2, 18);
  }

  /** Owners, policy and pause in force. */
  get control(): ControlState {
    return (this.state.coming(CONTROL_ROW) as unknown as ControlState | undefined) ?? initialControl(this.manifest);
  }

  /** The policy in force; `null`: none, everything is denied. */
  get policy(): SigningPolicy | null {
    return (this.state.coming(POLICY_ROW) as unknown as SigningPolicy | undefined) ?? null;
  }

  /** The JCS form of the policy in force, made once. */
  get policyBytes(): Uint8Array {
    const { value: hash } = this.control.policy;
    if (this.#policyForm?.hash !== hash)
      this.#policyForm = { hash, bytes: utf8(canonicalJson(this.policy as unknown as JsonObject)) };
    return this.#policyForm.bytes;
  }

  /** What is committed, for those who look on: nothing of it can still fail. */
  get committed(): { readonly control: ControlState; readonly policy: SigningPolicy | null } {
    const control = this.state.get(CONTROL_ROW) as unknown as ControlState | undefined;
    const policy = this.state.get(POLICY_ROW) as unknown as SigningPolicy | undefined;
    return { control: control ?? initialControl(this.manifest), policy: policy ?? null };
  }

  /**
   * Waits until `control`, on which work that writes no row was decided, is committed.
   * @throws {ServerError} `operator/state-moved` when it never came to be: decide again.
   */
  async requireCommitted(control: ControlState): Promise<void> {
    const isCommitted = (): boolean => canonicalJson(this.committed.control) === canonicalJson(control);
    if (isCommitted()) return;
    await this.state.settled();
    if (isCommitted()) return;
    throw new ServerError(
      'operator/state-moved',
      'expected what owners set to be written, got a state without it; send the request again',
    );
  }

  /** The row that a changed policy writes. */
  policyRow(policy: JsonObject | null): RowChange {
    return { key: POLICY_ROW, value: policy };
  }

  /** The row that a changed control writes. */
  controlRow(next: ControlState): RowChange {
    return { key: CONTROL_ROW, value: next as unknown as JsonObject };
  }

  /** Epoch seconds. */
  get now(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  /**
   * Takes in what other agents wrote, where several share a database.
   * @returns whether all of it is known; `false` while this agent writes.
   */
  async fresh(): Promise<boolean> {
    return this.ledger.shared ? this.state.refresh() : true;
  }

  /**
   * Work that writes, made again on the newest state when another agent wrote first.
   * @throws {ServerError} `operator/state-moved` when others always were first.
   */
  async again<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      await this.fresh();
      try {
        return await work();
      } catch (error) {
        if (!isMoved(error) || attempt === ATTEMPTS) throw error;
        // At a time of its own, so that two agents do not meet again and again.
        await sleep(Math.random() * BACKOFF_MS * attempt);
        await this.state.refresh();
      }
    }
  }

  /** One change of the owners after another. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn;
    return turn;
  }

  /** Seals a receipt with the rows it writes, then takes them into memory. */
  seal(draft: ReceiptDraft, changes: readonly RowChange[]): Promise<SealedReceipt> {
    return this.state.write(changes, ({ changes: writes, event }) => {
      draft.append(event);
      return this.ledger.seal(draft, { changes: writes });
    });
  }
}

/** Whether work failed only because the state had moved on: nothing of it was written. */
export function isMoved(error: unknown): boolean {
  return isCoded(error) && (error.code === 'ledger/conflict' || error.code === 'operator/state-moved');
}
