/** A receipt's story: in order, in plain words, with texts only where their payload is at hand, and never an error for what events hold. */

import { utf8 } from '@assay/encoding/bytes';
import type { Json } from '@assay/encoding/json';
import type { Receipt, ReceiptEvent } from '@assay/receipt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesDigest } from './answer-digest.ts';
import { answerPayloads } from './answer-payloads.ts';
import { MAX_QUOTE, type StoryStep, storyOf } from './story.ts';

const HASH = `sha256:${'ab'.repeat(32)}`;

function receiptOf(...event_log: readonly ReceiptEvent[]): Receipt {
  return {
    ...{ api_version: 'aci/1', receipt_id: 'rcpt_1', chat_id: null, model: null, endpoint: '/api/process', method: 'POST' },
    ...{ served_at: 1, key_id: 'receipt-1', signature: '00', workload_keyset_digest: HASH as never, event_log },
  };
}

const told = (receipt: Receipt, payloads: Readonly<Record<string, string>> = {}): readonly StoryStep[] =>
  storyOf(receipt, (digest) => (payloads[digest] === undefined ? null : utf8(payloads[digest])));

const received = { type: 'request.received', body_hash: HASH } as const;
const ran = {
  ...{ type: 'code.executed', language: 'python', code_hash: HASH, claim_hash: HASH, lane: 'wasm', isolation: 'wasm' },
  ...{ stdout_hash: HASH, stderr_hash: HASH, environment_hash: HASH, reproducibility: 'full' },
} as const;

describe('a step', () => {
  test.each<readonly [string, ReceiptEvent, string, string]>([
    [
      'a recorded model',
      { type: 'model.called', provider: 'recorded', model: 'recorded', provenance: 'recorded' },
      'model',
      'recorded, RECORDED: no model ran',
    ],
    [
      'a model of a stranger',
      { type: 'model.called', provider: 'ollama', model: 'm', provenance: 'unverified', attempt: 2 },
      'model',
      'm by ollama, not attested: its operator could read and change everything (attempt 2)',
    ],
    [
      'a model that failed',
      { type: 'model.called', provider: 'p', model: 'm', provenance: 'verified', error: 'model/timeout' },
      'model',
      'm by p, attested before the prompt left; it failed: model/timeout',
    ],
    ['a run', { ...ran, status: 'ok', exit_code: 0 }, 'ran', 'in the wasm sandbox (isolation wasm): ok'],
    [
      'a run that failed',
      { ...ran, status: 'error', exit_code: 3, attempt: 2 },
      'ran',
      'in the wasm sandbox (isolation wasm): error, exit code 3 (attempt 2)',
    ],
    [
      'a file',
      { type: 'file.collected', path: '/tmp/a.png', content_hash: HASH, bytes: 12, media_type: 'image/png' },
      'file',
      'collected /tmp/a.png, 12 bytes',
    ],
    ['an answer at last', { type: 'task.completed', result_hash: HASH, retries: 1 }, 'answered', 'after 2 attempts'],
    ['a failure', { type: 'task.failed', code: 'sandbox/failed' }, 'failed', 'sandbox/failed'],
    ['an event of a later version', { type: 'moon.reached', by: 'rocket' }, 'event', 'moon.reached'],
    ['an event with other fields', { type: 'model.called', by: 'nobody' }, 'event', 'model.called'],
  ])('of %s', (_, event, step, text) => expect(told(receiptOf(event))).toEqual([{ step, text, quote: null }]));
});

describe('what was asked', () => {
  test.each<readonly [string, Json, string | null]>([
    ['a task', { task_id: '1', data: { type: 'ai_generate_and_execute', description: 'Add up' } }, 'Add up'],
    ['code', { data: { type: 'execute', code: 'print(1)' } }, 'print(1)'],
    [
      'a conversation',
      {
        messages: [
          { role: 'system', content: 'x' },
          { role: 'user', content: 'Why?' },
        ],
      },
      'Why?',
    ],
    ['a response', { input: 'Why?' }, 'Why?'],
    ['nothing that can be read', ['Why?'], null],
    ['something without end', { input: 'x'.repeat(10_000) }, `${'x'.repeat(MAX_QUOTE)}…`],
  ])('%s', (_, request, quote) => {
    expect(told(receiptOf(received), { [HASH]: JSON.stringify(request) })).toEqual([
      { step: 'asked', text: 'POST /api/process', quote },
    ]);
  });

  test('is named by its task, and unquoted where the request was left out', () => {
    const task = { type: 'task.received', task_id: '1', task: 'file_read' } as const;
    expect(told(receiptOf(received, task))).toEqual([{ step: 'asked', text: 'file read', quote: null }]);
  });

  test('is not quoted when it is no JSON', () => {
    expect(told(receiptOf(received), { [HASH]: 'no json' })[0]?.quote).toBeNull();
  });
});

test('texts of an answer are told only where the receipt names their hash', async () => {
  const [code, stdout] = ['print(1)', '1\n'];
  const receipt = receiptOf(
    { type: 'code.generated', language: 'python', source: 'model', code_hash: await bytesDigest(utf8(code)) },
    { ...ran, status: 'ok', stdout_hash: await bytesDigest(utf8(stdout)) },
  );
  const quotes = async (answer: Parameters<typeof answerPayloads>[0]) =>
    storyOf(receipt, await answerPayloads(answer)).map(({ quote }) => quote);
  expect(await quotes({ generated_code: code, execution_result: { stdout } })).toEqual([code, '1']);
  expect(await quotes({ generated_code: `${code} # changed`, execution_result: { stdout: '2\n' } })).toEqual([null, null]);
  expect(await quotes({})).toEqual([null, null]);
});

test('whatever events and payloads hold, there is a story, of bounded length', () => {
  const types = ['request.received', 'model.called', 'code.executed', 'task.failed', 'file.read', 'variable.set', 'x.y'];
  const field = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(HASH));
  const event = fc
    .tuple(
      fc.constantFrom(...types),
      fc.dictionary(fc.constantFrom('body_hash', 'model', 'lane', 'code', 'attempt', 'path'), field),
    )
    .map(([type, fields]) => ({ ...fields, type }) as ReceiptEvent);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), fc.string(), (events, text) => {
      const story = storyOf(receiptOf(...events), () => utf8(text));
      expect(story.length).toBeLessThanOrEqual(201);
    }),
    { numRuns: 200 },
  );
});
