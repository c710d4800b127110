/** A receipt's story: in order, in plain words, with texts only where their payload is at hand, and never an error for what events hold. */

import { utf8 } from '@assay/encoding/bytes';
import type { Json } from '@assay/encoding/json';
import type { Receipt, ReceiptEvent } from '@assay/receipt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesDigest } from '../verification/answer-digest.ts';
import { answerPayloads } from '../verification/answer-payloads.ts';
import { type StoryLog, storyOf } from './story.ts';
import type { StoryStep } from './story-step.ts';

const HASH = `sha256:${'ab'.repeat(32)}`;

function receiptOf(...event_log: readonly ReceiptEvent[]): Receipt {
  return {
    ...{ api_version: 'aci/1', receipt_id: 'rcpt_1', chat_id: null, model: null, endpoint: '/api/process', method: 'POST' },
    ...{ served_at: 1, key_id: 'receipt-1', signature: '00', workload_keyset_digest: HASH as never, event_log },
  };
}

const told = (receipt: Receipt, payloads: Readonly<Record<string, string>> = {}): readonly StoryStep[] =>
  storyOf(receipt, { payload: (digest) => (payloads[digest] === undefined ? null : utf8(payloads[digest])) }).steps;

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
      'model plain Asked the model',
      'recorded. RECORDED: no model ran for this.',
    ],
    [
      'a model of a stranger',
      { type: 'model.called', provider: 'ollama', model: 'm', provenance: 'unverified', attempt: 2 },
      'model plain Asked the model 2',
      'm, through ollama. It was not attested: its operator could read and change everything.',
    ],
    [
      'a model that failed',
      { type: 'model.called', provider: 'p', model: 'm', provenance: 'verified', error: 'model/timeout' },
      'model fail Asked the model',
      'm, through p. It gave no answer: model/timeout. Its TEE was verified before the prompt left.',
    ],
    [
      'a run',
      { ...ran, status: 'ok', exit_code: 0 },
      'ran pass Ran it in the sandbox',
      'Lane wasm, isolation wasm. It ended well.',
    ],
    [
      'a run that failed',
      { ...ran, status: 'error', exit_code: 3, attempt: 2 },
      'ran fail Ran it in the sandbox 2',
      'Lane wasm, isolation wasm. It ended with error, exit code 3.',
    ],
    [
      'a file',
      { type: 'file.collected', path: '/tmp/a.png', content_hash: HASH, bytes: 12, media_type: 'image/png' },
      'file plain The code left a file',
      '/tmp/a.png, 12 bytes, image/png',
    ],
    [
      'a review',
      { type: 'code.reviewed', attempt: 1, decision: 'edited', proposed_hash: HASH },
      'review plain A person reviewed the code 1',
      'It was changed, and may run as changed.',
    ],
    [
      'a claim of a model',
      { type: 'finding.claimed', claims_hash: HASH, invariant: null },
      'contract plain A model claimed a fault',
      'No exploit: claimed, not demonstrated.',
    ],
    [
      'a demonstrated claim',
      { type: 'finding.demonstrated', claims_hash: HASH, invariant: 'owner-changed', case_hash: HASH, observations_hash: HASH },
      'contract fail A claimed fault was demonstrated',
      "owner-changed: a model's exploit broke it in a run.",
    ],
    [
      'an audit, with what it was held to',
      {
        ...{ type: 'contract.audited', audit_hash: 'a', build_hash: 'b', input_hash: 'c', analyzer: 'slither', passed: true },
        ...{ policy: 'comments', dependencies: '["src/"]', findings: 4, uncounted: 3 },
      },
      'contract pass Audited: it passed the rule',
      'passed, 4 findings, by slither; rule "comments"; 3 findings of High or Medium impact did not count; dependencies: "src/".',
    ],
    [
      'an audit whose list is none',
      {
        ...{ type: 'contract.audited', audit_hash: 'a', build_hash: 'b', input_hash: 'c', analyzer: 'slither', passed: false },
        ...{ policy: 'default', dependencies: 'src/', findings: 1, uncounted: 0, highest_impact: 'High' },
      },
      'contract fail Audited: it failed the rule',
      'FAILED, 1 finding, the gravest High, by slither; rule "default"; 0 findings of High or Medium impact did not count; dependencies: "src/".',
    ],
    [
      'a linter that read every source',
      {
        ...{ type: 'contract.linted', outcome: 'linted', linter: 'solhint 6', lint_hash: HASH },
        ...{ findings: 1, sources: 2, unread: 0 },
      },
      'contract plain Linter',
      '1 remark by solhint 6, apart from the audit.',
    ],
    [
      'a linter that could not read all',
      {
        ...{ type: 'contract.linted', outcome: 'linted', linter: 'solhint 6', lint_hash: HASH },
        ...{ findings: 0, sources: 3, unread: 2 },
      },
      'contract open Linter',
      '0 remarks by solhint 6, 2 of 3 sources not read, apart from the audit.',
    ],
    [
      'a decision',
      {
        ...{ type: 'decision.made', agent_id: 'a', path: 'transaction', outcome: 'deny', policy: 'p', policy_version: 3 },
        ...{ caller: 'key', rule: null, reason: 'no rule allows it' },
      },
      'decision fail The policy denied it',
      'transaction for key, by default, policy version 3. no rule allows it.',
    ],
    [
      'a reverted transaction',
      {
        ...{ type: 'transaction.included', transaction_id: 't', chain_id: '1', cites: 'r', block_number: '7' },
        success: false,
      },
      'transaction fail The transaction was reverted',
      'Block 7 of chain 1.',
    ],
    [
      'an answer at last',
      { type: 'task.completed', result_hash: HASH, retries: 1 },
      'finished pass Finished',
      'After 1 retry.',
    ],
    ['a failure', { type: 'task.failed', code: 'sandbox/failed' }, 'failed fail Failed', 'sandbox/failed'],
    ['a stop', { type: 'task.failed', code: 'task/cancelled' }, 'cancelled open Cancelled', 'task/cancelled'],
    ['an event of a later version', { type: 'moon.reached', by: 'rocket' }, 'event plain moon.reached', ''],
    ['an event with other fields', { type: 'model.called', by: 'stranger' }, 'event plain model.called', ''],
  ])('of %s', (_, event, heading, text) => {
    const [, step] = told(receiptOf(event));
    expect(step?.text).toBe(text);
    expect(`${step?.kind} ${step?.tone} ${step?.title}${step?.attempt ? ` ${step.attempt}` : ''}`).toBe(heading);
  });

  test('of a failed answer says why in a sentence, and folds the raw answer', () => {
    const answer = { success: false, error: 'Traceback (most recent call last):\n  x\nKeyError: 1\n' };
    const [, step] = told(receiptOf({ type: 'task.failed', code: 'task/code-failed', error_hash: HASH }), {
      [HASH]: JSON.stringify(answer),
    });
    expect(step?.text).toBe('task/code-failed: KeyError: 1');
    expect(step?.quotes).toEqual([
      { label: 'Raw answer', text: JSON.stringify(answer, null, 2), language: 'json', folded: true },
    ]);
  });

  test('of a run says what a model was shown only when a model was asked after it', () => {
    const failed = { ...ran, status: 'error', error_hash: HASH, stderr_hash: `sha256:${'cd'.repeat(32)}` };
    const model = { type: 'model.called', provider: 'p', model: 'm', provenance: 'verified', attempt: 2 };
    const labels = (...events: readonly ReceiptEvent[]) =>
      told(receiptOf(...events), { [HASH]: 'KeyError' })
        .filter(({ kind }) => kind === 'ran')
        .map(({ quotes }) => quotes.map(({ label }) => label).join());
    expect(labels(failed)).toEqual(['Output,Error']);
    expect(labels(failed, model)).toEqual(['Output,What the model was shown']);
  });
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
    ['something without end', { input: 'x'.repeat(15_000) }, 'x'.repeat(15_000)],
    ['something beyond the bound', { input: 'x'.repeat(1024 * 1024) }, null],
  ])('%s', (_, request, words) => {
    const [asked] = told(receiptOf(received), { [HASH]: JSON.stringify(request) });
    expect(asked?.quotes.find(({ label }) => label === 'What was asked')?.text ?? null).toBe(words);
    expect(asked?.quotes.at(-1)?.folded).toBe(true);
  });

  test('is named by its task, and unquoted where the request was left out', () => {
    const task = { type: 'task.received', task_id: '1', task: 'file_read' } as const;
    expect(told(receiptOf(received, task))[0]).toMatchObject({
      text: 'file read. The request is not in this file; its hash is.',
      quotes: [],
      members: [
        ['body_hash', HASH],
        ['task_id', '1'],
        ['task', 'file_read'],
      ],
    });
  });

  test('gives the story its title: the first line with words', () => {
    const title = (request: Json) => storyOf(receiptOf(received), { payload: () => utf8(JSON.stringify(request)) }).title;
    expect(title({ data: { code: '# Primes\nprint(2)' } })).toBe('Primes');
    expect(title({ data: { description: 'x'.repeat(300) } })).toHaveLength(100);
    expect(title({ messages: [{ role: 'user', content: 'Why?' }] })).toBe('POST /api/process');
  });
});

test('the seal and the place in the log come last', () => {
  const head = { origin: 'log.example', size: 9, witnesses: 1 };
  const steps = (log: StoryLog | null) =>
    storyOf(receiptOf(received), { log }).steps.map(({ kind, text }) => `${kind}: ${text}`);
  expect(steps(null).slice(1)).toEqual(['sealed: 1970-01-01T00:00:01Z by receipt-1, by the enclave’s own clock.']);
  expect(steps({ index: 4, head }).at(-1)).toBe(
    'logged: Entry 4 of the append-only log, under a signed head of 9 entries. 1 witness cosigned it.',
  );
  expect(steps({ index: 4, head: null }).at(-1)).toBe('logged: Entry 4.');
});

test('texts of an answer are told only where the receipt names their hash', async () => {
  const [code, stdout] = ['print(1)', '1\n'];
  const receipt = receiptOf(
    { type: 'code.generated', language: 'python', source: 'model', code_hash: await bytesDigest(utf8(code)) },
    { ...ran, status: 'ok', stdout_hash: await bytesDigest(utf8(stdout)) },
  );
  const quotes = async (answer: Parameters<typeof answerPayloads>[0]) =>
    storyOf(receipt, { payload: await answerPayloads(answer) }).steps.flatMap(({ kind, quotes }) =>
      kind === 'code' || kind === 'ran' ? [quotes[0]?.text ?? null] : [],
    );
  expect(await quotes({ generated_code: code, execution_result: { stdout } })).toEqual([code, '1']);
  expect(await quotes({ generated_code: `${code} # changed`, execution_result: { stdout: '2\n' } })).toEqual([null, null]);
  expect(await quotes({})).toEqual([null, null]);
});

describe('code under the name of a model', () => {
  const code = { type: 'code.generated', language: 'python', source: 'model', code_hash: HASH } as const;
  const called = (provenance: string) => ({ type: 'model.called', provider: 'p', model: 'm', provenance }) as const;
  const ofModel = 'The model wrote code: Python, by the model.';
  const ofRecording = 'The recording holds code: Python, by the recording.';

  test.each<readonly [string, readonly ReceiptEvent[], readonly string[]]>([
    ['a recorded answer', [called('recorded'), code], [ofRecording]],
    ['a live answer', [called('embedded'), code], [ofModel]],
    ['a recorded answer, then a live one', [called('recorded'), code, called('embedded'), code], [ofRecording, ofModel]],
    ['a live answer, then a recorded one', [called('embedded'), code, called('recorded'), code], [ofModel, ofRecording]],
    ['two answers, of which the last counts', [called('recorded'), called('embedded'), code], [ofModel]],
    ['an answer that came later', [code, called('recorded')], [ofModel]],
  ])('of %s', (_, events, told) => {
    const { steps } = storyOf(receiptOf(...events));
    const authors = steps.flatMap(({ kind, title, text }) => (kind === 'code' ? [`${title}: ${text.split(' Its ')[0]}`] : []));
    expect(authors).toEqual(told);
  });
});

test('whatever events and payloads hold, there is a story, of bounded length', () => {
  const types = [
    'request.received',
    'model.called',
    'code.executed',
    'task.failed',
    'file.read',
    'variable.set',
    'payload.kept',
    'x.y',
  ];
  const field = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(HASH));
  const event = fc
    .tuple(
      fc.constantFrom(...types),
      fc.dictionary(fc.constantFrom('name', 'hash', 'body_hash', 'model', 'lane', 'code', 'attempt', 'path'), field),
    )
    .map(([type, fields]) => ({ ...fields, type }) as ReceiptEvent);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), fc.string(), (events, text) => {
      const { steps } = storyOf(receiptOf(...events), { payload: () => utf8(text) });
      expect(steps.length).toBeLessThanOrEqual(203);
    }),
    { numRuns: 200 },
  );
});
