/** Nothing is signed for an agent whose attested keyset names another id, and an approval goes with the transaction that it was given for. */

import { parseSigningPolicy, policyHash } from '@assay/operator';
import { expectRefusal, shownConfig, shownControl, shownWaiting } from '@assay/testing';
import { expect, test } from 'vitest';
import type { Agent } from '../index.ts';
import { ownedConfig } from './owned-agent.ts';
import { approvedRequest, waitingTransactions } from './waiting-transactions.ts';

const AGENT = `0x${'aa'.repeat(32)}` as const;
const HASH = `0x${'bb'.repeat(32)}` as const;
const TO = `0x${'cc'.repeat(20)}`;
const PLAIN = shownWaiting({ to: TO });
const POLICY = parseSigningPolicy(
  JSON.stringify({
    v: 'assay-operator-policy/1',
    chains: { '1': { rpc_urls: ['https://node.example'], max_fee_per_gas: '1' } },
    rules: [],
  }),
);

function agentThatShows(documents: Readonly<Record<string, object>>, subject = `urn:assay:agent:${AGENT}`): Agent {
  const fetch = async (url: string): Promise<Response> => Response.json(documents[new URL(url).pathname]);
  return { attested: { url: new URL('http://agent.example'), keyset: { subject } }, fetch } as unknown as Agent;
}

const OTHER = parseSigningPolicy('{"v":"assay-operator-policy/1","chains":{},"rules":[]}');
const config = shownConfig({ policy: POLICY, control: shownControl({ policy: { policy_hash: policyHash(POLICY) } }) });
const shows = (waiting: object): Agent =>
  agentThatShows({ '/api/v1/config': config, '/api/v1/transactions': { transactions: [], pending: [waiting] } });
const fields = { agentId: AGENT, chainId: 1, transactionHash: HASH, expiry: 1000 };
const approval = { message: { type: 'ApproveTransaction', fields }, signatures: [] } as const;

test('the id of the attested keyset is the one that owners sign for', async () => {
  expect((await ownedConfig(agentThatShows({ '/api/v1/config': config }))).agent_id).toBe(AGENT);
  for (const subject of [`urn:assay:agent:${HASH}`, '']) {
    const foreign = agentThatShows({ '/api/v1/config': config }, subject);
    await expectRefusal(() => ownedConfig(foreign), 'cli/other-agent', [AGENT]);
  }
});

test('an approval goes with its transaction, to a node of the policy', async () => {
  expect(await waitingTransactions(shows(PLAIN))).toEqual([PLAIN]);
  const transaction = { to: TO, value: '5', data: '0x', delegate: undefined };
  expect(await approvedRequest(shows(PLAIN), approval)).toEqual({ transaction, rpc_url: 'https://node.example', approval });
  expect(await approvedRequest(shows({ ...PLAIN, delegates_to: TO }), approval)).toMatchObject({
    transaction: { delegate: TO },
  });
});

test.each([
  ['no policy', shownConfig(), 'no policy'],
  [
    'a policy without its chain',
    shownConfig({ policy: OTHER, control: shownControl({ policy: { policy_hash: policyHash(OTHER) } }) }),
    'chain 1',
  ],
])('an approval under %s is not sent: there is no node to send it to', async (_, shown, words) => {
  const agent = agentThatShows({
    '/api/v1/config': shown,
    '/api/v1/transactions': { transactions: [], pending: [PLAIN] },
  });
  await expectRefusal(() => approvedRequest(agent, approval), 'cli/bad-option', [words, 'nothing was sent']);
});

test.each([
  ['one that waits no more', { ...PLAIN, hash: `0x${'dd'.repeat(32)}` }, HASH],
  ['one with blobs, which its sender has', { ...PLAIN, blobs: 1 }, 'blobs'],
])('an approval of %s is not sent', async (_, waiting, word) => {
  await expectRefusal(() => approvedRequest(shows(waiting), approval), 'cli/bad-option', [word]);
});

test.each([
  ['the policy of another hash', { policy: null }],
  ['no owners', { control: undefined }],
])('an agent that shows %s is not signed for', async (_, members) => {
  const lying = agentThatShows({ '/api/v1/config': { ...config, ...members } });
  await expectRefusal(() => ownedConfig(lying), 'client/answer-malformed', ['/api/v1/config', 'report it']);
});

test('what waits is read of a whole answer only', async () => {
  const odd = shows({ ...PLAIN, value: '-5' });
  await expectRefusal(() => waitingTransactions(odd), 'client/answer-malformed', ['pending[0].value']);
});
