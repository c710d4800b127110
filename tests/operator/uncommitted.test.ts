/** While a change of the owners is on its way to the log: a refusal names only what came into force, and nothing is shown that may still fail. */

import { utf8 } from '@assay/encoding/bytes';
import type { Ledger, SealedReceipt } from '@assay/ledger';
import { type ControlState, type Hex, parseManifest } from '@assay/operator';
import { expect, test } from 'vitest';
import type { Identity } from '../../packages/agent/src/identity/identity.ts';
import { Operator } from '../../packages/agent/src/operator/operator.ts';
import { type OperatorParts, operatorApi } from '../../packages/agent/src/operator/operator-api.ts';
import { digestSigner, OperatorKeyring } from '../../packages/agent/src/operator/operator-keys.ts';
import { OutsideHead } from '../../packages/agent/src/operator/outside-head.ts';
import { SealedState } from '../../packages/agent/src/operator/sealed-state.ts';
import { TransactionBook } from '../../packages/agent/src/operator/transaction-book.ts';
import { Variables } from '../../packages/agent/src/operator/variables.ts';
import { WalletSignatures } from '../../packages/agent/src/operator/wallet-signatures.ts';
import { directory, NOW, open as openDraft, start } from '../crash/test-ledger.ts';
import { MANIFEST } from './owned-agent.ts';

const ID: Hex = `0x${'ab'.repeat(32)}`;

/** An operator over a real ledger, whose writes of rows wait for `end`; with a pause on its way. */
async function whilePausing() {
  const { ledger: real } = await start(directory());
  const sealed: SealedReceipt[] = [];
  let end = (_error: Error | null): void => undefined;
  const ended = new Promise<Error | null>((resolve) => {
    end = resolve;
  });
  const seal: Ledger['seal'] = async (draft, options) => {
    if (options?.changes !== undefined) {
      const error = await ended;
      if (error !== null) throw error;
    }
    const receipt = await real.seal(draft, options);
    sealed.push(receipt);
    return receipt;
  };
  const ledger = new Proxy(real, {
    get: (target, name) => {
      if (name === 'seal') return seal;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const wallet = digestSigner(new Uint8Array(32).fill(5));
  const keyring = new OperatorKeyring({ agentId: ID, wallet });
  keyring.publish(keyring.next());
  const operator = new Operator({
    ...{ manifest: parseManifest(utf8(JSON.stringify(MANIFEST))), agentId: ID, secretId: ID, kept: true, kmsCiphertext: null },
    ...{ keyring, wallet, ledger, clock: { now: () => NOW } },
    state: await SealedState.open(ledger, new Uint8Array(32).fill(7), ID),
  });
  const variables = new Variables(operator, () => []);
  const head = new OutsideHead(operator, null);
  const signatures = new WalletSignatures({ operator, variables, book: new TransactionBook(operator.state), head });
  const { control } = operator;
  const next: ControlState = { ...control, paused: { ...control.paused, value: true, version: 1 } };
  const change = operator.seal(openDraft(ledger, 'pause'), [operator.controlRow(next)]);
  const sign = () =>
    operator.again(() =>
      signatures.sign({
        ...{ bytes: utf8('{"message":"hello"}'), method: 'POST', endpoint: '/api/v1/sign-message', access: 'ab'.repeat(32) },
      }),
    );
  const api = operatorApi({ operator, variables, head, signatures } as OperatorParts);
  const report = { document: {}, evidence: { evidence: {} }, keysetDigest: 'sha256:00' };
  const identity = { report: async () => report } as unknown as Identity;
  return { operator, sealed, end, change, sign, config: () => api.config(identity, '00') };
}

const codes = (sealed: readonly SealedReceipt[]): readonly unknown[] =>
  sealed.flatMap(({ receipt }) => receipt.event_log.flatMap(({ type, code }) => (type === 'decision.made' ? [code] : [])));

test('a refusal by a pause that is written comes after it', async () => {
  const { operator, sealed, end, change, sign } = await whilePausing();
  const refused = sign().catch((error: { readonly code: string }) => error.code);
  // Long enough for a refusal that does not wait.
  for (const name of ['first', 'second']) await operator.ledger.seal(openDraft(operator.ledger, name));
  end(null);
  await change;
  expect(await refused).toBe('operator/paused');
  const written = sealed.map(({ receipt }) => receipt.event_log.some(({ type }) => type === 'state.written'));
  expect(written).toEqual([false, false, true, false]);
  expect(codes(sealed)).toEqual(['operator/paused']);
});

test('a refusal by a pause that was not written is decided again', async () => {
  const { sealed, end, change, sign } = await whilePausing();
  const refused = sign().catch((error: { readonly code: string }) => error.code);
  end(new Error('the disk is full'));
  await expect(change).rejects.toThrow('full');
  expect(await refused).toBe('operator/denied');
  expect(codes(sealed)).toEqual(['operator/denied']);
});

test('the configuration shows a pause once it is written', async () => {
  const { operator, end, change, config } = await whilePausing();
  const paused = async () => ((await config()).control as { readonly paused: { readonly paused: boolean } }).paused.paused;
  expect([operator.control.paused.value, await paused()]).toEqual([true, false]);
  end(null);
  await change;
  expect(await paused()).toBe(true);
});
