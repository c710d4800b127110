/** Nothing is signed for an agent whose attested keyset names another id, and an approval goes with the transaction that it was given for. */

import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import type { Agent } from '../index.ts';
import { ownedConfig } from './owned-agent.ts';
import { approvedRequest, waitingTransactions } from './waiting-transactions.ts';

const AGENT = `0x${'aa'.repeat(32)}` as const;
const HASH = `0x${'bb'.repeat(32)}` as const;
const TO = `0x${'cc'.repeat(20)}`;
const PLAIN = { hash: HASH, chain_id: 1, to: TO, value: '5', data: '0x', delegates_to: null, blobs: 0, expiry: 1 };

function agentThatShows(documents: Readonly<Record<string, object>>, subject = `urn:assay:agent:${AGENT}`): Agent {
  const fetch = async (url: string): Promise<Response> => Response.json(documents[new URL(url).pathname]);
  return { attested: { url: new URL('http://agent.example'), keyset: { subject } }, fetch } as unknown as Agent;
}

const config = { agent_id: AGENT, policy: { chains: { '1': { rpc_urls: ['https://node.example'] } } } };
const shows = (waiting: object): Agent =>
  agentThatShows({ '/api/v1/config': config, '/api/v1/transactions': { pending: [waiting] } });
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
  ['one that waits no more', { ...PLAIN, hash: `0x${'dd'.repeat(32)}` }, HASH],
  ['one with blobs, which its sender has', { ...PLAIN, blobs: 1 }, 'blobs'],
])('an approval of %s is not sent', async (_, waiting, word) => {
  await expectRefusal(() => approvedRequest(shows(waiting), approval), 'cli/bad-option', [word]);
});
