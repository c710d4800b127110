/**
 * An agent under an operator manifest: its identity, and what its owners set. One instance a process; built by `open-operator.ts`.
 *
 * Changes by owners are made one after another. Each is sealed as a receipt together with the rows it writes; memory follows only then.
 */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { Clock, Ledger, ReceiptDraft, SealedReceipt } from '@assay/ledger';
import {
  agentDocument,
  type ControlState,
  type Hex,
  initialControl,
  type Manifest,
  manifestDigest,
  type SigningPolicy,
} from '@assay/operator';
import type { DigestSigner, OperatorKeyring } from './operator-keys.ts';
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
  /** The body that answers a change, for its receipt. */
  readonly answer?: ((receiptId: string) => string) | undefined;
}

const CONTROL_ROW = 'control';
const POLICY_ROW = 'policy';

export class Operator {
  readonly manifest: Manifest;
  readonly agentId: Hex;
  readonly keyring: OperatorKeyring;
  readonly wallet: DigestSigner | null;
  readonly kept: boolean;
  readonly state: SealedState;
  readonly ledger: Ledger;
  readonly clock: Clock;
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
    this.state = options.state;
    this.ledger = options.ledger;
    this.clock = options.clock;
    this.manifestDigest = manifestDigest(options.manifest);
    const { origin: log, verifierKeys: logKeys } = options.ledger;
    this.document = agentDocument({ manifest: options.manifest, log, logKeys, secret: options.secretId });
  }

  /** The first 16 hex characters of the id, for names of files and lines for people. */
  get shortId(): string {
    return this.agentId.slice(2, 18);
  }

  /** Owners, policy and pause in force. */
  get control(): ControlState {
    return (this.state.get(CONTROL_ROW) as unknown as ControlState | undefined) ?? initialControl(this.manifest);
  }

  /** The policy in force; `null`: none, everything is denied. */
  get policy(): SigningPolicy | null {
    return (this.state.get(POLICY_ROW) as unknown as SigningPolicy | undefined) ?? null;
  }

  /** The JCS form of the policy in force, made once. */
  get policyBytes(): Uint8Array {
    const { value: hash } = this.control.policy;
    if (this.#policyForm?.hash !== hash)
      this.#policyForm = { hash, bytes: utf8(canonicalJson(this.policy as unknown as JsonObject)) };
    return this.#policyForm.bytes;
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

  /** One change of the owners after another. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn;
    return turn;
  }

  /** Seals a receipt with the rows it writes, then takes them into memory. */
  async seal(draft: ReceiptDraft, changes: readonly RowChange[]): Promise<SealedReceipt> {
    const sealed = await this.ledger.seal(draft, { changes: this.state.prepare(changes) });
    this.state.commit(changes);
    return sealed;
  }
}
