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
import { SealedState } from './sealed-state.ts';
import { openSecrets } from './secrets.ts';
import { Variables } from './variables.ts';

export interface OpenOperatorOptions {
  /** Absolute path. */
  readonly manifestFile: string;
  readonly attester: Attester;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly channelKeys: ChannelKeys;
  readonly prompts: OperatorParts['prompts'];
}

/** An operator, opened: its keys for keysets, its answers for routes. */
export interface OpenedOperator {
  readonly keyring: OperatorKeyring;
  readonly api: OperatorApi;
}

/**
 * The operator of a manifest.
 * @throws {ServerError} `config/unreadable`, `attester/unavailable`, `operator/state-broken`; {OperatorError} `operator/manifest-malformed`.
 * @example const operator = await openOperator({ manifestFile, attester, ledger, clock, channelKeys, prompts })
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
  const secrets = await openSecrets(attester);
  const id = agentId({
    manifest: manifestDigest(manifest),
    log: ledger.origin,
    logKeys: ledger.verifierKeys,
    secret: secrets.id,
  });
  const wallet = secrets.kept || manifest.wallet === 'ephemeral' ? digestSigner(secrets.wallet) : null;
  const keyring = new OperatorKeyring({ agentId: id, wallet });
  const operator = new Operator({
    manifest,
    agentId: id,
    keyring,
    wallet,
    kept: secrets.kept,
    state: await SealedState.open(ledger, secrets.state, id),
    ledger,
    clock,
  });
  const variables = new Variables(operator, () => channelKeys.baselines(operator.now));
  return { keyring, api: operatorApi({ operator, variables, prompts: options.prompts }) };
}
