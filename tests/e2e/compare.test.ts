/** `assay compare` over real HTTP against the server of the zoo, and its records with `assay verify`; a reference that is a file needs the engine. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ToolCallFidelity, toolCallFidelity } from '@assay/models';
import { transcript } from '@assay/testing';
import { type ModelServerOptions, SMALL_RECIPE, startModelServer, zooOf } from '@assay/testing/model-zoo';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import type { ToolCallFile } from '../../packages/assay/src/commands/compare/tool-calls.ts';
import { engineFolder, isAtHand, SMOLLM2 } from '../embedded/models-at-hand.ts';

const zoo = zooOf(SMALL_RECIPE);
const base = zoo.textModel('base', zoo.base);
const coarse = zoo.textModel('base', zoo.stored('Q4_0'));
let directory = '';
const folder = mkdtempSync(join(tmpdir(), 'assay-compare-'));

beforeAll(() => {
  mkdirSync(join(folder, 'models'));
  symlinkSync(engineFolder(), join(folder, 'models', 'engine-3.22.1'));
  writeFileSync(join(folder, 'base.gguf'), zoo.gguf(zoo.base));
  writeFileSync(join(folder, 'copy.gguf'), zoo.gguf(zoo.base));
  writeFileSync(join(folder, 'q4.gguf'), zoo.gguf(zoo.base, 'Q4_0'));
  writeFileSync(join(folder, 'broken.gguf'), zoo.gguf(zoo.base).slice(0, 5000));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function assay(...args: readonly string[]) {
  const io = transcript({
    cwd: folder,
    now: Date.now(),
    env: { ASSAY_DATA_DIR: folder, ASSAY_ATTESTER: 'simulated' },
    fetch: globalThis.fetch,
  });
  return { code: await run(args, io), out: io.out(), err: io.err() };
}

async function serve(options: Partial<ModelServerOptions> = {}): Promise<string> {
  const server = await startModelServer({ model: base, ...options });
  onTestFinished(() => server.close());
  return server.url;
}

let runs = 0;
async function compare(...args: readonly string[]) {
  runs += 1;
  directory = `run-${runs}`;
  const result = await assay('compare', '--output-dir', directory, '--json', ...args);
  return { ...result, json: result.out === '' ? null : (JSON.parse(result.out) as Record<string, unknown>) };
}

const verify = (file = join(directory, 'comparison.json')) =>
  assay('verify', file, '--simulated-root', join(directory, 'log', 'simulated-root.pem'));

describe('two endpoints', { timeout: 120_000 }, () => {
  test('the same, and the record verifies', async () => {
    const [one, two] = [await serve(), await serve()];
    const { code, json, err } = await compare('--ref-model', one, '--cand-model', two, '--mode', 'quick');
    expect(json).toMatchObject({ verdict: 'SAME', tier: 'pairs-logprobs' });
    expect(code).toBe(0);
    expect(err).toMatch(/plan rcpt_[0-9a-f]{32} is in the log.*\n.*query 1 {2}score 0\.000 {2}different e\^-?\d/);
    expect(statSync(join(folder, directory, 'comparison.json')).mode & 0o077, 'its owner alone reads the answers').toBe(0);
    const verdict = await verify();
    expect(verdict.code).toBe(0);
    expect(verdict.out).toMatch(/^ACCEPTED \(SIMULATED\) {2}SAME \(coarse\): http/);
  });

  test('another model is DIFFERENT, exit code 6; any edit of the record is found', async () => {
    const { code, json } = await compare(
      '--ref-model',
      await serve(),
      '--cand-model',
      await serve({ model: coarse }),
      '--mode',
      'quick',
    );
    expect(json).toMatchObject({ verdict: 'DIFFERENT' });
    expect(code).toBe(6);
    expect((await verify()).code).toBe(0);
    const text = readFileSync(join(folder, directory, 'comparison.json'), 'utf8');
    for (const [from, to] of [
      ['"verdict": "DIFFERENT"', '"verdict": "SAME"'],
      ['"variant": 0', '"variant": 1'],
      ['"logSame": ', '"logSame": 1'],
      ['"failed": 0', '"failed": 1'],
    ] as const) {
      writeFileSync(join(folder, directory, 'edited.json'), text.replace(from, to));
      expect([2, 3]).toContain((await verify(join(directory, 'edited.json'))).code);
    }
  });

  test('a bill for more than was written is OVERBILLED, whichever model wrote', async () => {
    const candidate = await serve({ extraTokens: 12 });
    const { json } = await compare('--ref-model', await serve(), '--cand-model', candidate, '--mode', 'quick');
    expect(json).toMatchObject({ verdict: 'SAME', billing: { verdict: 'OVERBILLED' } });
  });

  test('tool calls are counted apart from the verdict', async () => {
    const right = (question: string) =>
      question.startsWith('What is the weather')
        ? { name: 'get_weather', arguments: '{"city":"Osaka","unit":"celsius"}' }
        : question.startsWith('Which orders')
          ? { name: 'find_orders', arguments: '{"customer_id":7}' }
          : null;
    const wrong = (question: string) => {
      const call = right(question);
      return call?.name === 'find_orders' ? { ...call, arguments: '{"customer_id":"7"}' } : call;
    };
    const [reference, candidate] = [await serve({ toolCall: right }), await serve({ toolCall: wrong })];
    const asked = ['--ref-model', reference, '--cand-model', candidate, '--mode', 'quick', '--tool-calls', '40'];
    const { code, json } = await compare(...asked);
    expect([code, json?.verdict]).toEqual([0, 'SAME']);
    const { schemaValid, referenceSchemaValid, agreement, failed } = json!.tool_calls as ToolCallFidelity;
    expect(agreement).toMatchObject({ count: 40, of: 40, high: 1 });
    expect(referenceSchemaValid.count).toBe(referenceSchemaValid.of);
    expect(schemaValid.count).toBeLessThan(schemaValid.of);
    expect(failed).toBe(0);
    expect(statSync(join(folder, directory, 'tool-calls.json')).mode & 0o077).toBe(0);
    const kept = JSON.parse(readFileSync(join(folder, directory, 'tool-calls.json'), 'utf8')) as ToolCallFile;
    expect(toolCallFidelity(kept.answers, 0.01)).toEqual(kept.fidelity);
    const refused = await compare('--ref-model', 'base.gguf', '--cand-model', candidate, '--tool-calls', '4');
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--tool-calls: expected two addresses') });
  });

  test('texts alone never prove SAME', async () => {
    const none = { logprobs: 'none' } as const;
    const asked = ['--max-queries', '12', '--ref-model', await serve(none), '--cand-model', await serve(none)];
    const { code, json } = await compare(...asked);
    expect(json).toMatchObject({ verdict: 'UNDECIDED', tier: 'pairs-text', reason: 'query-budget', queries: 12 });
    expect(code).toBe(7);
    expect((await verify()).code).toBe(0);
  });
});

describe('bad days of a provider', { timeout: 120_000 }, () => {
  test('an outage after the start is UNDECIDED, never SAME', async () => {
    const reference = await serve();
    const candidate = await serve({ fault: (index) => (index === 0 ? null : 500) });
    const { code, json } = await compare('--ref-model', reference, '--cand-model', candidate, '--max-queries', '2');
    expect(json).toMatchObject({ verdict: 'UNDECIDED', failed: 2 });
    expect(code).toBe(7);
  });

  test('429s and broken connections are waited out', async () => {
    const fault = (index: number) => (index % 4 === 1 ? 429 : index % 4 === 2 ? ('reset' as const) : null);
    const { json } = await compare('--ref-model', await serve(), '--cand-model', await serve({ fault }), '--mode', 'quick');
    expect(json).toMatchObject({ verdict: 'SAME', failed: 0 });
  });

  test('an endpoint that never answers, or wants a key, is an error', async () => {
    const reference = await serve();
    for (const options of [{ fault: () => 404 }, { apiKey: 'secret' }]) {
      const { code, err } = await compare('--ref-model', reference, '--cand-model', await serve(options));
      expect(code).toBe(4);
      expect(err).toContain('[cli/agent-failed]');
    }
  });

  test.each(['truncated', 'renormalised', 'mis-sorted'] as const)(
    'log probabilities that are %s never prove SAME',
    async (logprobs) => {
      const asked = [
        '--ref-model',
        await serve(),
        '--cand-model',
        await serve({ logprobs }),
        '--max-queries',
        '9',
        '--mode',
        'quick',
      ];
      const { json, code } = await compare(...asked);
      expect(json?.verdict ?? 'error').not.toBe('SAME');
      expect(code).not.toBe(0);
    },
  );
});

describe('a watch', { timeout: 120_000 }, () => {
  const provider = 'somebody';
  test('goes on while nothing changes, keeps its scores, and raises an alarm at a change', async () => {
    const same = ['--mode', 'quick', '--watch', '--interval', '0', '--ref-model', await serve()];
    const quiet = await compare(...same, '--cand-model', await serve({ provider }), '--rounds', '2');
    expect(quiet).toMatchObject({ code: 0, json: { changed: false, failed: 0 } });
    expect(JSON.parse(readFileSync(join(folder, directory, 'watch.json'), 'utf8'))).toHaveLength(8);
    const alarm = await assay(
      'compare',
      ...same,
      '--output-dir',
      directory,
      '--cand-model',
      await serve({ provider, model: coarse }),
      '--rounds',
      '20', // challenges are random; it ends at the alarm
    );
    expect(alarm.code).toBe(6);
    expect(alarm.err).toContain('CHANGED at somebody');
  });
});

describe('arguments', () => {
  test.each<[string, readonly string[], string]>([
    ['no model', ['--ref-model', 'nothing', '--cand-model', 'base.gguf'], 'cli/file-unreadable'],
    [
      'a model of the catalogue that was not fetched',
      ['--ref-model', 'qwen2.5-coder-0.5b', '--cand-model', 'base.gguf'],
      'cli/file-unreadable',
    ],
    ['an unknown mode', ['--ref-model', 'base.gguf', '--cand-model', 'base.gguf', '--mode', 'fast'], 'cli/bad-option'],
    [
      'no number',
      ['--ref-model', 'base.gguf', '--cand-model', 'base.gguf', '--max-queries', '0', '--dry-run'],
      'cli/bad-option',
    ],
    ['an unknown TEE', ['--ref-model', 'base.gguf', '--cand-model', 'base.gguf', '--tee-provider', 'tpm'], 'cli/bad-option'],
    ['a broken file', ['--ref-model', 'broken.gguf', '--cand-model', 'base.gguf'], 'model-file/malformed'],
  ])('%s is refused', async (_, args, code) => {
    const { code: exit, err } = await assay('compare', ...args);
    expect(err).toContain(`[${code}]`);
    expect([1, 2]).toContain(exit);
  });

  test('files with one digest are SAME without a query; another chat template is DIFFERENT', async () => {
    expect(await compare('--ref-model', 'base.gguf', '--cand-model', 'copy.gguf')).toMatchObject({
      code: 0,
      json: { verdict: 'SAME', tier: 'identity' },
    });
    const other = Buffer.from(zoo.gguf(zoo.base));
    const at = other.indexOf("message['content']");
    other.write('message["content"]', at);
    writeFileSync(join(folder, 'template.gguf'), other);
    const { code, json } = await compare('--ref-model', 'base.gguf', '--cand-model', 'template.gguf');
    expect(code).toBe(6);
    expect(json).toMatchObject({ verdict: 'DIFFERENT', basis: expect.stringContaining('chat template') });
  });

  test('a dry run asks nothing and says no verdict', async () => {
    const server = await startModelServer({ model: base });
    onTestFinished(() => server.close());
    const { code, json } = await compare('--ref-model', 'base.gguf', '--cand-model', server.url, '--dry-run');
    expect([code, server.requests, json?.verdict]).toEqual([0, 0, null]);
    expect((await assay('validate', '--ref-model', 'base.gguf', '--cand-model', server.url, '--dry-run')).out).toContain(
      'DRY RUN',
    );
  });

  test('an endpoint without attestation is refused where receipts are wanted', async () => {
    const { code, err } = await compare('--ref-model', 'base.gguf', '--cand-model', await serve(), '--enable-api-binding');
    expect(code).toBe(4);
    expect(err).toContain('[client/agent-unreachable]');
  });
});

describe.runIf(isAtHand(SMOLLM2))('a file as reference', { timeout: 240_000 }, () => {
  test('the same weights behind an endpoint: SAME, with what that cannot tell apart', async () => {
    const { json, code, err } = await compare('--ref-model', 'base.gguf', '--cand-model', await serve(), '--mode', 'quick');
    expect(err).toContain('in the form Q4_0');
    expect(json).toMatchObject({ verdict: 'SAME', tier: 'logprobs' });
    expect(code).toBe(0);
    const forms = json!.alternatives as readonly { readonly name: string; readonly variation: number }[];
    const ladder = new Map(forms.map(({ name, variation }) => [name, variation]));
    expect([...ladder.keys()]).toEqual(expect.arrayContaining(['F16', 'Q8_0', 'Q5_0', 'Q4_0']));
    // Five questions distinguish 8 bits from 5. Too few for 5 from 4: tests of the model zoo do that, over one text.
    for (const name of ['Q5_0', 'Q4_0']) expect(ladder.get('Q8_0'), name).toBeLessThan(ladder.get(name)! / 2);
    expect((await verify()).code).toBe(0);
  });

  test('a quantised copy is DIFFERENT, over HTTP and as a file', async () => {
    const quick = ['--mode', 'quick', '--no-resolution', '--ref-model', 'base.gguf'];
    const overHttp = await compare(...quick, '--cand-model', await serve({ model: coarse }));
    expect(overHttp).toMatchObject({ code: 6, json: { verdict: 'DIFFERENT', tier: 'logprobs' } });
    expect((await verify()).code).toBe(0);
    expect(await compare(...quick, '--cand-model', 'q4.gguf')).toMatchObject({ code: 6, json: { verdict: 'DIFFERENT' } });
    const bits = await compare(...quick, '--tier', 'profile', '--max-queries', '24', '--cand-model', 'q4.gguf');
    expect(bits).toMatchObject({ code: 6, json: { verdict: 'DIFFERENT', tier: 'profile', unusable: 0 } });
  });

  test('texts at temperature 0: another model is found', async () => {
    const other = zoo.textModel('other', zoo.otherSeed());
    const asked = ['--mode', 'quick', '--no-resolution', '--ref-model', 'base.gguf', '--cand-model'];
    expect(await compare(...asked, await serve({ model: other, logprobs: 'none' }))).toMatchObject({
      code: 6,
      json: { tier: 'border' },
    });
    const same = await compare(...asked, await serve({ logprobs: 'none' }));
    expect(same.json).toMatchObject({ verdict: 'SAME', coarse: true, tier: 'border' });
  });
});
