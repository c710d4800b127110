/** `assay model fetch | list | rm` over a folder with a copy, and what they refuse. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { transcript } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { directoryWith, isAtHand, SHARED, SMOLLM2 } from './models-at-hand.ts';

async function assay(directory: string, ...args: readonly string[]) {
  const io = transcript({ cwd: directory, now: Date.now(), env: { ASSAY_DATA_DIR: directory }, fetch: globalThis.fetch });
  return { code: await run(['model', ...args], io), out: io.out(), err: io.err() };
}

describe.runIf(isAtHand(SMOLLM2))('a model from a folder', () => {
  test('is fetched once, listed, and removed', { timeout: 120_000 }, async () => {
    const { directory, remove } = directoryWith([]);
    try {
      const fetched = await assay(directory, 'fetch', SMOLLM2.name, '--from', join(SHARED, 'models'));
      expect(fetched).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^fetched {2}SmolLM2 135M Instruct.*\nsha256 {2}[0-9a-f]{64}\nwords only: .*\n$/),
      });
      expect(fetched.err).toMatch(/100% of 94 MB/);
      const again = await assay(directory, 'fetch', SMOLLM2.name, '--json');
      expect(JSON.parse(again.out)).toMatchObject({ name: SMOLLM2.name, fetched: false });
      expect((await assay(directory, 'list')).out).toMatch(
        /^ +no +qwen2.5-coder-0.5b .* 469 MB .*\n(?:.*\n)* +yes +smollm2-135m /m,
      );
      expect(await assay(directory, 'rm', SMOLLM2.name)).toMatchObject({ code: 0, out: 'removed  smollm2-135m\n' });
      expect(existsSync(join(directory, 'models', SMOLLM2.file))).toBe(false);
      expect(await assay(directory, 'rm', SMOLLM2.name)).toMatchObject({
        code: 1,
        err: expect.stringContaining('[model/not-fetched]'),
      });
    } finally {
      remove();
    }
  });

  test('that is another file is refused, with the exit code of what is not authentic', { timeout: 120_000 }, async () => {
    const { directory, remove } = directoryWith([]);
    try {
      const { code, err } = await assay(
        directory,
        'fetch',
        'qwen2.5-coder-0.5b',
        '--from',
        join(SHARED, 'models', SMOLLM2.file),
      );
      expect(code).toBe(3);
      expect(err).toMatch(/expected 491400064 bytes .*, got 98362432 bytes \[model\/wrong-digest\]/);
    } finally {
      remove();
    }
  });
});

test('a name that is in no catalogue is misuse', async () => {
  const { directory, remove } = isAtHand(SMOLLM2) ? directoryWith([]) : { directory: '/nonexistent', remove: () => undefined };
  expect(await assay(directory, 'fetch', 'gpt-9')).toMatchObject({
    code: 1,
    err: expect.stringContaining('[model/unknown-name]'),
  });
  remove();
});
