/** What an agent shows of its owners is taken whole and as specified, or refused with the member that is not. */

import { parseSigningPolicy, policyHash } from '@assay/operator';
import { expectRefusal, shownConfig, shownControl, shownWaiting } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { parseShownAgent, parseShownTransactions } from './shown-agent.ts';

const OWNER = `0x${'cc'.repeat(20)}`;
const HASH = `0x${'bb'.repeat(32)}`;
const POLICY = parseSigningPolicy('{"v":"assay-operator-policy/1","chains":{},"rules":[]}');
const VARIABLE = {
  ...{ name: 'greeting', visibility: 'public', mutability: 'mutable', version: 0, change_hash: HASH },
  ...{ value: 'hello', receipt_id: null },
};
const LISTED = {
  ...{ transaction_hash: HASH, chain_id: 1, nonce: 0, to: OWNER, value: '5', delegates_to: null, blobs: 0, rule: 'tips' },
  ...{ time: 1, state: 'sent', reason: null, receipt_id: 'rcpt_1', final_receipt_id: null, block_number: null },
};

describe('/api/v1/config', () => {
  test('an agent with a policy and variables', () => {
    const control = shownControl({ policy: { policy_hash: policyHash(POLICY) } });
    const shown = parseShownAgent(
      shownConfig({ policy: POLICY, control, variables: [VARIABLE], later: 'members are no fault' }),
    );
    expect(shown).toMatchObject({ policy: POLICY, control, variables: [VARIABLE] });
    expect(shown).not.toHaveProperty('later');
  });

  test('addresses in the mixed case of EIP-55 are read as the ones that signatures give', () => {
    const control = shownControl({ owners: { addresses: ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'] } });
    expect(parseShownAgent(shownConfig({ control })).control.owners.addresses).toEqual([
      '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed',
    ]);
  });

  test.each<[string, unknown, string]>([
    ['no object', null, 'the whole'],
    ['a list', [], 'the whole'],
    ['an agent id that is cut', shownConfig({ agent_id: '0xaa' }), 'agent_id'],
    ['no control', shownConfig({ control: undefined }), 'control'],
    ['no owner', shownConfig({ control: shownControl({ owners: { addresses: [] } }) }), 'control.owners.addresses'],
    ['one owner twice', shownConfig({ control: shownControl({ owners: { addresses: [OWNER, OWNER] } }) }), 'each owner once'],
    ['a threshold of none', shownConfig({ control: shownControl({ owners: { threshold: 0 } }) }), 'control.owners.threshold'],
    [
      'a threshold that no set reaches',
      shownConfig({ control: shownControl({ owners: { threshold: 2 } }) }),
      'owners can reach',
    ],
    [
      'a version that is a text',
      shownConfig({ control: shownControl({ paused: { version: '1' } }) }),
      'control.paused.version',
    ],
    ['another policy than the one of the hash', shownConfig({ policy: POLICY }), 'control.policy.policy_hash'],
    ['a hash without its policy', shownConfig({ control: shownControl({ policy: { policy_hash: HASH } }) }), 'policy_hash'],
    ['a policy of unknown members', shownConfig({ policy: { ...POLICY, extra: 1 } }), 'policy'],
    ['a visibility of its own', shownConfig({ variables: [{ ...VARIABLE, visibility: 'shown' }] }), 'variables[0].visibility'],
    ['a value that is no text', shownConfig({ variables: [{ ...VARIABLE, value: { a: 1 } }] }), 'variables[0].value'],
    ['no memory outside', shownConfig({ outside_head: null }), 'outside_head'],
  ])('%s is refused', async (_, answer, at) => {
    await expectRefusal(() => parseShownAgent(answer), 'client/answer-malformed', [at, '/api/v1/config']);
  });
});

describe('/api/v1/transactions', () => {
  test('what was signed, a contract that was created among it, and what waits', () => {
    const listed = [LISTED, { ...LISTED, to: null, block_number: '7' }];
    const answer = { transactions: listed, pending: [shownWaiting()] };
    expect(parseShownTransactions(answer)).toEqual(answer);
  });

  test.each<[string, object, string]>([
    ['no list of what waits', { transactions: [] }, 'pending'],
    ['a value that is no amount', { transactions: [], pending: [shownWaiting({ value: '1.5' })] }, 'pending[0].value'],
    ['calldata of half a byte', { transactions: [], pending: [shownWaiting({ data: '0xabc' })] }, 'pending[0].data'],
    ['an address that is cut', { transactions: [], pending: [shownWaiting({ to: '0xcc' })] }, 'pending[0].to'],
    ['a delegate that is left out', { transactions: [], pending: [shownWaiting({ delegates_to: undefined })] }, 'delegates_to'],
    ['a time that no clock has', { transactions: [], pending: [shownWaiting({ expiry: 1e15 })] }, 'pending[0].expiry'],
    ['a state of its own', { transactions: [{ ...LISTED, state: 'lost' }], pending: [] }, 'transactions[0].state'],
  ])('%s is refused', async (_, answer, at) => {
    await expectRefusal(() => parseShownTransactions(answer), 'client/answer-malformed', [at, '/api/v1/transactions']);
  });
});
