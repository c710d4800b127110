/** A platform that keeps no secret: no wallet, or one that ends with the process, as the manifest says. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLedger } from '@assay/ledger';
import { expectRefusal } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { createSimulatedAttester } from '../../packages/agent/src/adapters/attesters/simulated/simulated.ts';
import { ChannelKeys } from '../../packages/agent/src/identity/channel-keys.ts';
import { KeysetRotation } from '../../packages/agent/src/identity/rotation.ts';
import { openOperator } from '../../packages/agent/src/operator/open-operator.ts';
import { TalkKeyring } from '../../packages/agent/src/tasks/talk/talk-keys.ts';
import { MANIFEST, temporary } from './owned-agent.ts';

/** An operator on a platform like Nitro. */
async function openWithoutSecret(manifest: object) {
  const directory = temporary();
  const manifestFile = join(directory, 'operator.json');
  writeFileSync(manifestFile, JSON.stringify(manifest));
  const clock = { now: () => Date.now() };
  const ledger = await openLedger({ directory: join(directory, 'data'), clock });
  const { keptSecret: _, ...attester } = await createSimulatedAttester({ directory, clock });
  const channelKeys = new ChannelKeys();
  const open = () =>
    openOperator({
      manifestFile,
      attester,
      ledger,
      clock,
      channelKeys,
      kmsSecret: () => expect.unreachable('the manifest names no KMS key'),
      prompts: { openRouter: () => expect.unreachable('no prompt is asked'), verifiedOnly: false },
      onFailure: (error) => expect.unreachable(String(error)),
    });
  const operator = await open();
  const identity = await KeysetRotation.start({
    attester,
    ledger,
    channelKeys,
    talkKeys: new TalkKeyring(),
    createTlsKey: null,
    clock,
    lifetimeSeconds: 3600,
    overlapSeconds: 60,
    operatorKeys: operator.keyring,
    provenance: { repo_url: null, repo_commit: null, image_digest: null, image_provenance: null },
    onRotated: () => undefined,
    onFailure: () => undefined,
  });
  const again = await open();
  onTestFinished(async () => {
    await operator.close();
    await again.close();
    await identity.close();
    await ledger.close();
  });
  const config = (opened: typeof operator) => opened.api.config(identity, 'ab'.repeat(32));
  return { operator, first: await config(operator), identity, againId: again.api.agentId };
}

const BODY = { transaction: { to: `0x${'a1'.repeat(20)}`, value: 1 }, rpc_url: 'http://127.0.0.1:1' };
const request = (body: object) => ({
  bytes: new TextEncoder().encode(JSON.stringify(body)),
  method: 'POST',
  endpoint: '/api/v1/sign-transaction',
  access: 'ab'.repeat(32),
});

test('no wallet by default: nothing is signed, and the keyset lists none', async () => {
  const { operator, first, identity } = await openWithoutSecret(MANIFEST);
  expect(first.wallet).toEqual({ address: null, kept: false, kms_ciphertext: null });
  expect(identity.keyset.receipt_signing_keys.map(({ algo }) => algo)).not.toContain('assay-wallet-secp256k1');
  await expectRefusal(() => operator.api.signTransaction(request(BODY), null), 'operator/wallet-absent', ['ephemeral']);
});

test('an ephemeral wallet is one that the manifest takes; each start is another agent, so no old message serves it', async () => {
  const { operator, first, againId } = await openWithoutSecret({ ...MANIFEST, wallet: 'ephemeral' });
  expect(first.wallet).toEqual({ address: expect.stringMatching(/^0x[0-9a-f]{40}$/), kept: false, kms_ciphertext: null });
  expect(operator.api.walletKept).toBe(false);
  expect(againId).not.toBe(first.agent_id);
});
