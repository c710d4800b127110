/** Opens what a manifest asks for: the platform's secret, the agent id, the keys, the state. */

import { readFile } from 'node:fs/promises';
import type { Clock, Ledger } from '@assay/ledger';
import { agentId, manifestDigest, parseManifest } from '@assay/operator';
import { ServerError } from '../errors.ts';
import type { ChannelKeys } from '../identity/channel-keys.ts';
import type { Attester } from '../ports/attester.ts';
import { Operator } from './operator.ts';
import { type OperatorApi, type OperatorParts, operatorApi } from './operator-api.ts';
import { digestSigner, OperatorKeyring } from './operator-keys.ts';
import { OutsideHead } from './outside-head.ts';
import { SealedState } from './sealed-state.ts';
import { openSecrets, type SealedSecret } from './secrets.ts';
import { TransactionBook } from './transaction-book.ts';
import { TransactionOutcomes } from './transaction-outcomes.ts';
import { TransactionReplacement } from './transaction-replacement.ts';
import { TransactionWatch } from './transaction-watch.ts';
import { Variables } from './variables.ts';
import { Wallet } from './wallet.ts';
import { WalletSignatures } from './wallet-signatures.ts';
import { Witness } from './witness.ts';

export interface OpenOperatorOptions {
  /** Absolute path. */
  readonly manifestFile: string;
  readonly attester: Attester;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly channelKeys: ChannelKeys;
  readonly prompts: OperatorParts['prompts'];
  /** The secret under a KMS key; see `adapters/kms/kms-secret.ts`. */
  readonly kmsSecret: (key: string) => Promise<SealedSecret>;
  /** Told when transactions could not be followed. */
  readonly onFailure: (error: unknown) => void;
}

/** An operator, opened: its keys for keysets, its answers for routes. */
export interface OpenedOperator {
  readonly keyring: OperatorKeyring;
  readonly api: OperatorApi;
  /** Follows transactions no more. */
  close(): Promise<void>;
}

/**
 * The operator of a manifest.
 * @throws {ServerError} `config/unreadable`, `attester/unavailable`, `operator/secret-missing`, `operator/secret-unavailable`, `operator/secret-exposed`, `operator/state-broken`; {OperatorError} `operator/manifest-malformed`.
 * @example const operator = await openOperator({ manifestFile, attester, ledger, clock, channelKeys, prompts, kmsSecret, onFailure })
 */
export async function openOperator(options: OpenOperatorOptions): Promise<OpenedOperator> {
  const { manifestFile, attester, ledger, clock, channelKeys } = options;
  const bytes = await readFile(manifestFile).catch((cause: unknown) => {
    throw new ServerError(
      'config/unreadable',
      `ASSAY_OPERATOR_MANIFEST: ${manifestFile} cannot be read; check the path and its permissions`,
      { cause },
    );
  });
  const manifest = parseManifest(new Uint8Array(bytes));
  const { kms } = manifest;
  const secrets = await openSecrets(attester, kms === null ? null : () => options.kmsSecret(kms.key));
  const id = agentId({
    manifest: manifestDigest(manifest),
    log: ledger.origin,
    logKeys: ledger.verifierKeys,
    secret: secrets.id,
  });
  const walletKey = secrets.kept || manifest.wallet === 'ephemeral' ? digestSigner(secrets.wallet) : null;
  const keyring = new OperatorKeyring({ agentId: id, wallet: walletKey });
  const operator = new Operator({
    manifest,
    agentId: id,
    secretId: secrets.id,
    keyring,
    wallet: walletKey,
    kept: secrets.kept,
    kmsCiphertext: secrets.kmsCiphertext,
    state: await SealedState.open(ledger, secrets.state, id),
    ledger,
    clock,
  });
  const variables = new Variables(operator, () => channelKeys.baselines(operator.now));
  const book = new TransactionBook(operator.state);
  const outcomes = new TransactionOutcomes(operator, book, options.onFailure);
  const head = new OutsideHead(operator, manifest.witness === null ? null : new Witness(manifest.witness, ledger));
  const signing = { operator, variables, book, outcomes, head };
  const wallet = new Wallet(signing);
  const signatures = new WalletSignatures(signing);
  const replacement = new TransactionReplacement(signing);
  const watch = new TransactionWatch({ operator, outcomes, book, head, onFailure: options.onFailure });
  const parts = { operator, variables, prompts: options.prompts, wallet, signatures, replacement, book, watch, head };
  return { keyring, api: operatorApi(parts), close: () => watch.close() };
}
