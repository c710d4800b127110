/** Under `--json` standard output is one JSON document for every outcome, misuse included; people read the same error on standard error. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_NOW, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';

let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-json-output-'));
  await writeFile(join(cwd, 'noise.bin'), Uint8Array.of(1, 2, 3));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function assay(args: readonly string[]) {
  const io = transcript({ cwd, now: FAKE_NOW });
  return { code: await run(args, io), out: io.out(), err: io.err() };
}

describe('--json', () => {
  it.each<readonly [string, readonly string[], number, string | null]>([
    ['no subject', ['verify', '--json'], 1, 'cli/bad-option'],
    ['an unknown option', ['verify', 'noise.bin', '--json', '--polcy'], 1, 'cli/bad-option'],
    ['an unknown command', ['verfy', '--json'], 1, 'cli/bad-option'],
    ['an unknown part of a command', ['policy', 'explan', 'strict', '--json'], 1, 'cli/bad-option'],
    ['an option of another command', ['bundle', 'rcpt_1', '--json'], 1, 'cli/bad-option'],
    ['a missing file', ['verify', 'absent', '--json'], 1, 'cli/file-unreadable'],
    ['noise', ['verify', 'noise.bin', '--json'], 2, 'evidence/unrecognised'],
    ['noise to look at', ['inspect', 'noise.bin', '--json'], 2, 'evidence/unrecognised'],
    ['noise to replay', ['replay', 'noise.bin', '--json'], 2, 'bundle/malformed'],
    ['no agent', ['run', 'x', '--url', 'http://127.0.0.1:1', '--json'], 4, 'cli/agent-unreachable'],
    ['a misspelled preset', ['policy', 'explain', 'stict', '--json'], 1, 'cli/bad-option'],
    ['a preset', ['policy', 'explain', 'strict', '--json'], 0, null],
  ])('%s', async (_, args, code, error) => {
    const result = await assay(args);
    expect(result.code, result.err).toBe(code);
    const document = JSON.parse(result.out) as { readonly error?: { readonly code: string } };
    expect(document.error?.code ?? null).toBe(error);
  });

  it('is an option only in front of --', async () => {
    expect((await assay(['verify', '--', '--json'])).out).toBe('');
  });
});

describe('near misses', () => {
  it.each<readonly [readonly string[], string]>([
    [['verfy', 'x'], "unknown command 'verfy' [cli/bad-option]\nhint: did you mean verify?"],
    [['verify', 'x', '--polcy', 'strict'], "unknown option '--polcy' [cli/bad-option]\nhint: did you mean --policy?"],
    [['policy', 'explan', 'strict'], "unknown command 'explan' [cli/bad-option]\nhint: did you mean explain?"],
    [['verify', 'noise.bin', '--policy', 'stict'], 'got "stict" [cli/bad-option]\nhint: did you mean strict?'],
    [['policy', 'show', 'modrate'], 'got "modrate" [cli/bad-option]\nhint: did you mean moderate?'],
    [['verify', 'noise.bin', '--policy', 'lax'], 'got "lax" [cli/bad-option]\nhint: name one of these, or a file'],
    [['run', 'x', '--language', 'pyhton'], 'got "pyhton" [cli/bad-option]\nhint: did you mean python?'],
    [['proxy', 'https://a.example', '--channel', 'sealde'], 'got "sealde" [cli/bad-option]\nhint: did you mean sealed?'],
    [['verify'], "missing required argument 'subject' [cli/bad-option]\nhint: see assay verify --help"],
  ])('%j', async (args, words) => {
    const { code, out, err } = await assay(args);
    expect(err).toContain(words);
    expect([code, out]).toEqual([1, '']);
  });
});
