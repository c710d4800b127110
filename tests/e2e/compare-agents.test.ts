/**
 * Comparisons with attested agents that run a model themselves: bit by bit under one profile, a quantised copy under the name of the original, and an
 * agent whose model is behind an endpoint. The records hold the agents' own receipts and convince on another data directory.
 */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, type RunningAgent, startAgent } from '@assay/agent';
import { transcript } from '@assay/testing';
import { SMALL_RECIPE, startModelServer, zooOf } from '@assay/testing/model-zoo';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interrupted } from '../../packages/assay/src/command-line/interrupted.ts';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { engineFolder, isAtHand, SMOLLM2 } from '../embedded/models-at-hand.ts';

describe.runIf(isAtHand(SMOLLM2))('attested agents', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-compare-agents-'));
  const zoo = zooOf(SMALL_RECIPE);
  const closing: (() => Promise<unknown>)[] = [];
  let original: RunningAgent;
  let copy: RunningAgent;
  let proxied: RunningAgent;

  /** One simulator for all, as one vendor's hardware would have. */
  const directoryOf = (name: string): string => {
    const directory = join(folder, name);
    mkdirSync(join(directory, 'models'), { recursive: true, mode: 0o700 });
    symlinkSync(engineFolder(), join(directory, 'models', 'engine-3.22.1'));
    if (name !== 'original') shareSimulator(directory);
    return directory;
  };
  const shareSimulator = (directory: string): void => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(join(folder, 'original')).filter((each) => each.startsWith('simulat')))
      copyFileSync(join(folder, 'original', file), join(directory, file));
  };
  const start = async (name: string, settings: Readonly<Record<string, string>>): Promise<RunningAgent> => {
    const directory = directoryOf(name);
    const agent = await startAgent(
      parseConfig({
        AGENT_PORT: '0',
        ASSAY_DATA_DIR: directory,
        ASSAY_ATTESTER: 'simulated',
        ASSAY_LOG_LEVEL: 'error',
        AI_TEMPERATURE: '0',
        ...settings,
      }),
    );
    closing.push(() => agent.close());
    return agent;
  };

  beforeAll(async () => {
    for (const [place, type] of [
      ['a', 'F32'],
      ['b', 'Q8_0'],
    ] as const) {
      mkdirSync(join(folder, place));
      writeFileSync(join(folder, place, 'model.gguf'), zoo.gguf(zoo.base, type));
    }
    original = await start('original', { AI_PROVIDER: 'embedded', AI_MODEL: join(folder, 'a', 'model.gguf') });
    copy = await start('copy', { AI_PROVIDER: 'embedded', AI_MODEL: join(folder, 'b', 'model.gguf') });
    const server = await startModelServer({ model: zoo.textModel('model.gguf', zoo.stored('Q4_0')) });
    closing.push(() => server.close());
    proxied = await start('proxied', { AI_PROVIDER: 'custom', AI_API_BASE: server.url, AI_MODEL: 'model.gguf' });
  }, 240_000);
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
    rmSync(folder, { recursive: true, force: true });
  });

  let runs = 0;
  const compare = (...args: readonly string[]) => compareBy((io) => io, ...args);
  const compareBy = async (outside: (io: Io) => Io, ...args: readonly string[]) => {
    runs += 1;
    const out = `run-${runs}`;
    shareSimulator(join(folder, out, 'log'));
    const root = join(folder, 'original', 'simulated-root.pem');
    const env = { ASSAY_DATA_DIR: join(folder, 'original'), ASSAY_ATTESTER: 'simulated' };
    const io = transcript({ cwd: folder, now: Date.now(), env, fetch: globalThis.fetch });
    const code = await run(['compare', '--output-dir', out, '--json', '--simulated-root', root, ...args], outside(io));
    const json = io.out() === '' ? null : (JSON.parse(io.out()) as Record<string, unknown>);
    return { code, json, err: io.err(), file: join(folder, out, 'comparison.json') };
  };
  /** On a data directory that has seen nothing of it. */
  const verify = async (file: string) => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'assay-elsewhere-'));
    const [record, root] = [join(elsewhere, 'record.json'), join(elsewhere, 'root.pem')];
    copyFileSync(file, record);
    copyFileSync(join(folder, 'original', 'simulated-root.pem'), root);
    const io = transcript({ cwd: elsewhere, now: Date.now(), env: { ASSAY_DATA_DIR: elsewhere } });
    const code = await run(['verify', record, '--simulated-root', root, '--offline'], io);
    rmSync(elsewhere, { recursive: true, force: true });
    return { code, out: io.out(), err: io.err() };
  };
  const receiptsIn = (file: string, member: 'candidate_log' | 'reference_log'): number => {
    const record = JSON.parse(readFileSync(file, 'utf8')) as Record<typeof member, { receipts: unknown[] }[]>;
    return record[member].flatMap(({ receipts }) => receipts).length;
  };

  test('the same file under one profile: SAME after seven queries, bit by bit', async () => {
    const { code, json, file } = await compare(
      '--ref-model',
      'a/model.gguf',
      '--cand-model',
      original.url,
      '--enable-api-binding',
      '--tee-provider',
      'mock',
    );
    expect(json).toMatchObject({ verdict: 'SAME', coarse: false, tier: 'profile', queries: 7 });
    expect(code).toBe(0);
    expect(receiptsIn(file, 'candidate_log')).toBe(7);
    expect(await verify(file)).toMatchObject({ code: 0, out: expect.stringContaining('SAME: http') });
  });

  test('a quantised copy under the name of the original: DIFFERENT on the first query, and the record convinces elsewhere', async () => {
    const { code, json, file } = await compare('--ref-model', original.url, '--cand-model', copy.url, '--enable-api-binding');
    expect(json).toMatchObject({ verdict: 'DIFFERENT', tier: 'profile', queries: 1 });
    expect(code).toBe(6);
    expect([receiptsIn(file, 'candidate_log'), receiptsIn(file, 'reference_log')]).toEqual([1, 1]);
    const verdict = await verify(file);
    expect(verdict).toMatchObject({ code: 0, out: expect.stringContaining('DIFFERENT: http') });
    expect(verdict.out).not.toContain('is not attested');
    const record = JSON.parse(readFileSync(file, 'utf8')) as { candidate_log: unknown; reference_log: unknown };
    writeFileSync(file, JSON.stringify({ ...record, candidate_log: record.reference_log }));
    expect(await verify(file)).toMatchObject({ code: 3, err: expect.stringContaining('[comparison/answer-unsigned]') });
  });

  /** Ctrl-C with the first request behind the answers, which is the one for their receipts; `carry` sends it and what follows. */
  const interruptedAtReceipts =
    (carry: typeof fetch) =>
    (io: Io): Io => {
      const stop = new AbortController();
      let answered = false;
      const stderr = (text: string): void => {
        io.stderr(text);
        answered ||= text.includes('query 1 ');
      };
      const sent: typeof fetch = (input, init) => {
        if (!answered) return io.fetch(input, init);
        stop.abort(interrupted());
        return carry(input, init);
      };
      return { ...io, signal: stop.signal, stderr, fetch: sent };
    };
  const silent: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });
  const bothAgents = (): readonly string[] => ['--ref-model', original.url, '--cand-model', copy.url, '--enable-api-binding'];

  test('an interrupt while the receipts are fetched loses no record', async () => {
    const { code, json, file } = await compareBy(interruptedAtReceipts(globalThis.fetch), ...bothAgents());
    expect([code, json?.verdict]).toEqual([6, 'DIFFERENT']);
    expect([receiptsIn(file, 'candidate_log'), receiptsIn(file, 'reference_log')]).toEqual([1, 1]);
    expect(await verify(file)).toMatchObject({ code: 0, out: expect.stringContaining('DIFFERENT: http') });
  });

  test('an interrupt while agents are silent about receipts ends it within seconds, without a record that would not verify', async () => {
    const begun = performance.now();
    const { code, json, file } = await compareBy(interruptedAtReceipts(silent), ...bothAgents());
    expect([code, json]).toEqual([4, { error: expect.objectContaining({ code: 'cli/interrupted' }) }]);
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(existsSync(file)).toBe(false);
  });

  test('an agent whose model is behind an endpoint: DIFFERENT by log probabilities', async () => {
    const { code, json, file } = await compare('--ref-model', original.url, '--cand-model', proxied.url, '--mode', 'quick');
    expect(json).toMatchObject({ verdict: 'DIFFERENT', tier: 'pairs-logprobs' });
    expect(code).toBe(6);
    expect((await verify(file)).code).toBe(0);
  });

  test('an agent that is not what was asked for gets no question', async () => {
    const wrong = await compare('--ref-model', 'a/model.gguf', '--cand-model', original.url, '--tee-provider', 'sgx');
    expect(wrong).toMatchObject({ code: 5, err: expect.stringContaining('[cli/evidence-refused]') });
    const io = transcript({
      cwd: folder,
      now: Date.now(),
      env: { ASSAY_DATA_DIR: join(folder, 'copy') },
      fetch: globalThis.fetch,
    });
    expect(await run(['compare', '--ref-model', 'a/model.gguf', '--cand-model', original.url], io)).not.toBe(0);
    expect(io.err()).toContain('[client/attestation-refused]');
  });
});
