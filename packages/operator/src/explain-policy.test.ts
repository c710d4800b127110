/** The words of a policy say what its rules say: each member that narrows or counts has its sentence. */

import { describe, expect, test } from 'vitest';
import { amountOf, coinsOf, explainPolicy } from './explain-policy.ts';
import { parseSigningPolicy } from './policy.ts';

const A = `0x86693cbe${'0'.repeat(28)}6dba`;
const B = `0x15639158${'0'.repeat(28)}5508`;
const CHAINS = { '84532': { rpc_urls: ['https://rpc.example'], max_fee_per_gas: '2000000000' } };

const explained = (...rules: readonly object[]) =>
  explainPolicy(parseSigningPolicy(JSON.stringify({ v: 'assay-operator-policy/1', chains: CHAINS, rules })));

test('a chain says its node, fees and confirmations', () => {
  expect(explained().chains).toEqual([
    'Chain 84532, through https://rpc.example. An inclusion counts after 2 blocks: no second node has to agree, so a payment that is cancelled counts until its window ends. One gas costs at most 0.000000002 of the native coin (2000000000 wei), one transaction takes at most 1000000 gas.',
  ]);
  expect(explained().always[0]).toBe('What no rule allows is denied; a rule that denies wins.');
});

const agreeing = ', and https://second.example/ must agree';
const alone = 'so a payment that is cancelled counts until its window ends';

test.each<readonly [string, readonly string[], string]>([
  ['no node of the list', ['https://rpc.example'], agreeing],
  ['the only node of the list', ['https://second.example'], `: no second node has to agree, ${alone}`],
  [
    'a node of the list',
    ['https://rpc.example', 'https://SECOND.example'],
    `${agreeing}, but not for what goes through https://SECOND.example, ${alone}`,
  ],
])('a chain whose second node is %s', (_, urls, words) => {
  const { chains, ...rest } = parseSigningPolicy(JSON.stringify({ v: 'assay-operator-policy/1', chains: CHAINS, rules: [] }));
  const chain = { ...chains['84532']!, rpc_urls: [...urls], confirming_rpc_url: 'https://second.example/' };
  const [sentences] = explainPolicy({ ...rest, chains: { 84532: chain } }).chains;
  expect(sentences).toContain(`An inclusion counts after 2 blocks${words}. One gas`);
});

test('contract creation', () => {
  const rule = { id: 'factory', effect: 'allow', match: { creates: ['any'] } };
  expect(explained(rule).rules[0]?.summary).toBe('Allows contract creation, spending nothing.');
});

test('a tip jar', () => {
  const rule = {
    ...{
      id: 'tips',
      effect: 'allow',
      match: { recipients: [A, B] },
      caps: [{ asset: 'native', at_most: '10000000000000000' }],
    },
    rate: { at_most: 20, window_seconds: 3600 },
  };
  expect(explained(rule).rules).toEqual([
    {
      id: 'tips',
      effect: 'allow',
      summary:
        'Allows transactions to 0x8669…6dba or 0x1563…5508, spending at most 0.01 of the native coin (10000000000000000 wei).',
      conditions: [
        `Sent to ${A} or ${B}.`,
        'All transactions under this rule together: at most 0.01 of the native coin (10000000000000000 wei) in 24 hours.',
        'At most 20 transactions in 1 hour.',
      ],
    },
  ]);
});

describe('every member of a rule has its sentence', () => {
  test.each<readonly [string, object, string]>([
    ['chain_ids', { match: { chain_ids: [1, 8453] } }, 'On chain 1 or 8453.'],
    ['creates', { match: { creates: [`0x${'ab'.repeat(32)}`] } }, `Of code with hash 0x${'ab'.repeat(32)}.`],
    ['types', { match: { types: ['legacy'] } }, 'Of type legacy.'],
    ['beneficiaries', { match: { beneficiaries: [A] } }, `Tokens go to, or may be spent by, ${A}.`],
    ['selectors', { match: { selectors: ['0xa9059cbb'] } }, 'The call has selector 0xa9059cbb.'],
    [
      'value_at_most',
      { match: { value_at_most: '5' } },
      'One transaction sends at most 0.000000000000000005 of the native coin (5 wei).',
    ],
    ['hours_utc', { match: { hours_utc: { from: 7, to: 18 } } }, 'From 7:00 to 18:00 UTC.'],
    ['weekdays_utc', { match: { weekdays_utc: [1, 2] } }, 'On Monday or Tuesday (UTC).'],
    ['callers', { match: { callers: ['tool'] } }, 'Asked for by a tool call of a model.'],
    [
      'arguments',
      {
        match: {
          function: 'function vote(uint256 id, uint8 support)',
          arguments: [{ index: 1, one_of: ['0', '1'], at_most: '1' }],
        },
      },
      'Argument 2 is 0 or 1 and is at most 1.',
    ],
    [
      'approval',
      { approval: { asset: A, above: '100' } },
      `Owners must approve a transaction that spends more than 100 smallest units of token ${A}.`,
    ],
    ['rate', { rate: { at_most: 1, window_seconds: 90 } }, 'At most 1 transaction in 90 seconds.'],
  ])('%s', (_, members, sentence) =>
    expect(explained({ id: 'one', effect: 'allow', ...members }).rules[0]?.conditions).toContain(sentence),
  );
});

describe('what is signed without a transaction', () => {
  const cap = { asset: A, at_most: '7' };
  const typed = { primary_type: 'Vote', verifying_contract: B, chain_id: 84532 };
  test.each<readonly [string, object, string, readonly string[]]>([
    [
      'texts of messages',
      { match: { paths: ['message'], message: { one_of: ['yes', 'no "thanks"'] } } },
      'Allows signatures of messages.',
      ['The message is "yes" or "no \\"thanks\\"".'],
    ],
    [
      'starts of messages',
      { match: { paths: ['message'], message: { starts_with: ['status: '] } }, rate: { at_most: 1, window_seconds: 60 } },
      'Allows signatures of messages.',
      ['The message starts with "status: ".', 'At most 1 signature in 1 minute.'],
    ],
    [
      'messages, none of which fits',
      { match: { paths: ['transaction', 'message'] } },
      'Allows transactions, spending nothing.',
      ['No message fits: a rule that allows messages needs `message`, and nothing that messages lack.'],
    ],
    [
      'permits',
      { match: { paths: ['typed-data'], recipients: [A], beneficiaries: [B] }, caps: [cap] },
      `Allows signatures of typed data to 0x8669…6dba, spending at most 7 smallest units of token ${A}.`,
      [
        'Of typed data, only the permits and authorisations that are known.',
        `The contract of the typed data is ${A}.`,
        `Tokens go to, or may be spent by, ${B}.`,
        `All that is signed under this rule together: at most 7 smallest units of token ${A} in 24 hours.`,
      ],
    ],
    [
      'named types',
      { match: { paths: ['typed-data'], typed_data: [typed, { primary_type: 'Login' }] } },
      'Allows signatures of typed data, spending nothing.',
      [
        `The typed data is "Vote" of contract ${B} on chain 84532 or "Login" of a domain without a contract and without a chain.`,
      ],
    ],
    [
      'typed data and transactions',
      { match: { paths: ['transaction', 'typed-data'], recipients: [A] }, approval: { above: '1' } },
      'Allows transactions and signatures of typed data to 0x8669…6dba, spending nothing.',
      [
        'Of typed data, only the permits and authorisations that are known.',
        `Sent to, or of the contract, ${A}.`,
        'Owners must approve a transaction that spends more than 0.000000000000000001 of the native coin (1 wei).',
        'Typed data that spends more is denied: owners approve transactions only.',
      ],
    ],
    [
      'what nothing has',
      { match: { message: { one_of: ['x'] } } },
      'Allows nothing: no request has all that the rule wants.',
      ['The message is "x".'],
    ],
    [
      'messages that are denied',
      { effect: 'deny', match: { message: { starts_with: ['pay'] } } },
      'Denies signatures of messages.',
      ['The message starts with "pay".'],
    ],
    [
      'paths that are denied',
      { effect: 'deny', match: { paths: ['message', 'typed-data'] } },
      'Denies signatures of messages and signatures of typed data.',
      [],
    ],
  ])('%s', (_, members, summary, conditions) => {
    const [rule] = explained({ id: 'one', effect: 'allow', ...members }).rules;
    expect(rule).toMatchObject({ summary, conditions });
  });
});

test.each<readonly [string, object, string]>([
  ['everything', { effect: 'deny' }, 'Denies everything.'],
  [
    'a recipient',
    { effect: 'deny', match: { recipients: [A] } },
    'Denies transactions and signatures of typed data to 0x8669…6dba.',
  ],
  [
    'a caller',
    { effect: 'deny', match: { callers: ['tool'] } },
    'Denies transactions, signatures of messages and signatures of typed data.',
  ],
  [
    'a function',
    { effect: 'allow', match: { function: 'function vote(uint256 id)' } },
    'Allows calls of vote(uint256 id), spending nothing.',
  ],
])('a summary of %s', (_, members, summary) => expect(explained({ id: 'one', ...members }).rules[0]?.summary).toBe(summary));

test.each([
  ['1000000000000000000', '1'],
  ['1', '0.000000000000000001'],
  ['0', '0'],
  ['1500000000000000000', '1.5'],
])('%s wei are %s coins', (wei, coins) => expect(coinsOf(wei)).toBe(coins));

test('tokens stay in their smallest unit', () => expect(amountOf(A, '500')).toBe(`500 smallest units of token ${A}`));
