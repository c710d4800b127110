/** What the routes below `/api/v1/` are answered with. Routes know this interface only, so that agents without a manifest load nothing else. */

import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, type JsonObject } from '@assay/encoding/json';
import type { SealedReceipt } from '@assay/ledger';
import type { ControlState } from '@assay/operator';
import type { Identity } from '../identity/identity.ts';
import type { Upstream } from '../ports/upstream.ts';
import { agentCard, agentRegistration, type CardFacts } from './agent-card.ts';
import { type AcknowledgeEntry, acknowledgeState, type ControlEntry, changeControl } from './control.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import type { AcknowledgeHeadEntry, OutsideHead } from './outside-head.ts';
import { answerPrompt, type PromptAnswer, type PromptPorts, type PromptRequest } from './prompt.ts';
import { readControlEntry, readVariableEntries } from './requests.ts';
import type { BookedTransaction, TransactionBook } from './transaction-book.ts';
import type { TransactionReplacement } from './transaction-replacement.ts';
import type { TransactionWatch } from './transaction-watch.ts';
import type { ShownVariable, Variables } from './variables.ts';
import type { SignAnswer, Wallet } from './wallet.ts';
import type { SignedMessage, WalletSignatures } from './wallet-signatures.ts';

export interface OperatorApi {
  /** True when the manifest takes the seed's legacy messages and answers in its words. */
  readonly compatible: boolean;
  readonly agentId: string;
  /** False: the wallet ends with this process. */
  readonly walletKept: boolean;
  /** `GET /api/v1/config`. */
  config(identity: Identity, nonce: string): Promise<JsonObject>;
  /** Takes in what other agents wrote, where several share a database; before what follows is read. */
  refresh(): Promise<void>;
  /** Public variables as the seed shows them, by name. */
  publicVariables(): JsonObject;
  /** The value of a public variable; `undefined` for every other name. */
  publicValue(name: string): string | undefined;
  setVariables(request: OperatorRequest): Promise<SealedReceipt>;
  changeControl(request: OperatorRequest): Promise<SealedReceipt>;
  /** A2A card, signed; registration file of ERC-8004. */
  card(facts: CardFacts): JsonObject;
  registration(facts: CardFacts): JsonObject;
  /** Signs a message (EIP-191) or typed data (EIP-712) under the wallet key. */
  signMessage(request: OperatorRequest): Promise<SignedMessage>;
  /** Signs the nonce of a waiting transaction again: with a higher fee, or empty. */
  replaceTransaction(request: OperatorRequest): Promise<SignAnswer>;
  signTransaction(request: OperatorRequest, idempotencyKey: string | null): Promise<SignAnswer>;
  /** Transactions of one caller, newest first, and what waits for owners. */
  /** Those of `access`; `all`: also what other keys asked owners for. */
  transactions(asked: { readonly access: string | null; readonly all: boolean }): JsonObject;
  close(): Promise<void>;
  prompt(request: PromptRequest, identity: Identity, upstream: Upstream): Promise<PromptAnswer>;
}

const MOST_LISTED = 200;
/** Signed cards that are kept, one for each keyset and origin. */
const MOST_CARDS = 8;

/** The parts that answer. */
export interface OperatorParts {
  readonly operator: Operator;
  readonly variables: Variables;
  readonly prompts: Omit<PromptPorts, 'upstream' | 'signers'>;
  readonly wallet: Wallet;
  readonly signatures: WalletSignatures;
  readonly replacement: TransactionReplacement;
  readonly book: TransactionBook;
  readonly watch: TransactionWatch;
  readonly head: OutsideHead;
}

/** The interface over its parts. */
export function operatorApi({
  operator,
  variables,
  prompts,
  wallet,
  signatures,
  replacement,
  book,
  watch,
  head,
}: OperatorParts): OperatorApi {
  const { manifest, agentId, ledger } = operator;
  const cards = new Map<string, JsonObject>();
  return {
    compatible: manifest.compatibility !== null,
    agentId,
    walletKept: operator.kept,
    config: async (identity, nonce) => {
      await operator.fresh();
      const { document, evidence, keysetDigest } = await identity.report(nonce);
      const { control, policy } = operator.committed;
      return {
        tee_name: manifest.name,
        tee_public_key: operator.keyring.agent.address,
        operator_pubkey: manifest.compatibility?.operator_public_key ?? null,
        code_attestation: attestationText(evidence.evidence),
        agent_id: agentId,
        wallet: {
          address: operator.wallet?.address ?? null,
          kept: operator.kept,
          kms_ciphertext: operator.kmsCiphertext,
        },
        manifest: manifest as unknown as JsonObject,
        manifest_digest: operator.manifestDigest,
        log: { origin: ledger.origin, verifier_keys: [...ledger.verifierKeys] },
        control: controlMember(control),
        outside_head: head.shown(),
        policy: policy as unknown as JsonObject | null,
        variables: variables.list().map(variableMember),
        keyset_digest: keysetDigest,
        nonce,
        report: document,
      };
    },
    publicVariables: () =>
      Object.fromEntries(
        variables
          .list()
          .flatMap((shown) =>
            shown.visibility === 'public'
              ? [[shown.name, { ...variableMember(shown), public: true, immutable: shown.mutability === 'immutable' }]]
              : [],
          ),
      ),
    publicValue: (name) => variables.list().find((shown) => shown.name === name)?.value ?? undefined,
    setVariables: async (request) => {
      const entries = readVariableEntries(request.bytes);
      const sealed = await operator.again(() => variables.set(entries, request));
      await head.noted();
      return sealed;
    },
    changeControl: async (request) => {
      const entry = readControlEntry(request.bytes);
      const change = (): Promise<SealedReceipt> => {
        switch (entry.message.type) {
          case 'AcknowledgeState':
            return acknowledgeState(operator, book, entry as AcknowledgeEntry, request);
          case 'AcknowledgeHead':
            return head.acknowledge(entry as AcknowledgeHeadEntry, request);
          default:
            return changeControl(operator, entry as ControlEntry, request);
        }
      };
      const sealed = await operator.again(change);
      await head.noted();
      return sealed;
    },
    card: (facts) => {
      const key = `${facts.keysetDigest} ${facts.origin}`;
      const known = cards.get(key) ?? agentCard(operator, facts);
      if (cards.size >= MOST_CARDS) cards.clear();
      cards.set(key, known);
      return known;
    },
    registration: (facts) => agentRegistration(operator, facts),
    signMessage: (request) => operator.again(() => signatures.sign(request)),
    replaceTransaction: (request) => operator.again(() => replacement.replace(request)),
    signTransaction: (request, idempotencyKey) => operator.again(() => wallet.sign(request, idempotencyKey)),
    transactions: ({ access, all }) => ({
      transactions: book
        .list()
        .filter((each) => each.access === null || each.access === access)
        .slice(-MOST_LISTED)
        .reverse()
        .map((each) => transactionMember(each)),
      pending: wallet.pending
        .list()
        .filter((each) => all || each.access === null || each.access === access)
        .map(({ hash, chainId, to, value, data, delegate = null, blobHashes = [], mostForBlobs = '0', expiry }) => ({
          ...{ hash, chain_id: chainId, to, value, data, delegates_to: delegate, blobs: blobHashes.length, expiry },
          most_for_blobs: mostForBlobs,
        })),
    }),
    close: () => watch.close(),
    refresh: async () => void (await operator.fresh()),
    prompt: (request, identity, upstream) =>
      answerPrompt(operator, variables, identity, { ...prompts, upstream, signers: { operator, wallet, signatures } }, request),
  };
}

/** A transaction as callers see it. */
export function transactionMember(transaction: BookedTransaction): JsonObject {
  const {
    chainId,
    nonce,
    hash,
    signed,
    to,
    creates = null,
    delegate = null,
    blobs = 0,
    value,
    rule,
    time,
    state,
    reason,
    receiptId,
    finalReceiptId,
    blockNumber,
  } = transaction;
  return {
    transaction_hash: hash,
    signed_transaction: signed,
    chain_id: chainId,
    nonce,
    to,
    creates: transaction.cancels === true ? null : creates,
    delegates_to: delegate,
    blobs,
    value,
    rule,
    time,
    state,
    reason,
    receipt_id: receiptId,
    final_receipt_id: finalReceiptId,
    block_number: blockNumber,
  };
}

/** Base64 of the TEE's own document where it has one (Nitro), else of the evidence as JCS. */
function attestationText(evidence: Readonly<Record<string, unknown>>): string {
  return typeof evidence.document === 'string' ? evidence.document : encodeBase64(utf8(canonicalJson(evidence)));
}

function variableMember({
  name,
  visibility,
  mutability,
  version,
  changeHash,
  valueHash,
  value,
  salt,
  receiptId,
}: ShownVariable) {
  return {
    name,
    visibility,
    mutability,
    version,
    change_hash: changeHash,
    value_hash: valueHash,
    ...(visibility === 'public' ? { value, salt } : {}),
    receipt_id: receiptId,
  };
}

function controlMember({ owners, policy, paused }: ControlState): Json {
  return {
    owners: {
      addresses: [...owners.value.addresses],
      threshold: owners.value.threshold,
      version: owners.version,
      change_hash: owners.changeHash,
    },
    policy: { policy_hash: policy.value, version: policy.version, change_hash: policy.changeHash },
    paused: { paused: paused.value, version: paused.version, change_hash: paused.changeHash },
  };
}
