import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LANES } from '../../packages/server/src/adapters/sandboxes/select.ts';
import type { Sandbox, SandboxResult } from '../../packages/server/src/ports/sandbox.ts';
import { type HostWatch, survivors, watchHost } from './host-watch.ts';
import { ESCAPE_PROBES, type EscapeProbe, readProbe } from './probes.ts';

const WALL_MS = 6_000;
const directory = mkdtempSync(join(tmpdir(), 'assay-escape-'));
let watch: HostWatch;
beforeAll(async () => {
  watch = await watchHost();
});
afterAll(() => {
  watch.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Each lane with waiting sandboxes (and with them linux-ns's fork server), and linux-ns without. */
const WAYS = LANES.flatMap((lane) => [
  { lane, title: lane.name, warm: 1 },
  ...(lane.name === 'linux-ns' ? [{ lane, title: `${lane.name}, one by one`, warm: 0 }] : []),
]);

for (const { lane, title, warm } of WAYS) {
  const opened = await lane.open({ directory, warm, concurrency: availableParallelism() }).catch((error: Error) => error);
  if (opened instanceof Error) {
    console.warn(`\n*** escape probes NOT RUN in lane ${title}: ${opened.message}\n`);
  }
  const probes = ESCAPE_PROBES.filter((probe) => probe.lanes === undefined || probe.lanes.some((name) => name === lane.name));
  describe.skipIf(opened instanceof Error)(`escape probes in ${title}`, () => {
    const sandbox = opened as Sandbox;
    afterAll(() => sandbox.close());

    it('contained its own self-test', () => {
      expect(sandbox.capabilities.selfTest.filter(({ contained }) => !contained)).toEqual([]);
    });

    it.each(probes.map((probe): [string, EscapeProbe] => [probe.file, probe]))(
      '%s',
      async (_file, probe) => {
        const language = probe.file.endsWith('.py') ? 'python' : 'javascript';
        if (!sandbox.capabilities.languages.includes(language)) return;
        const started = performance.now();
        const result = await run(sandbox, probe, language);
        const said = `${result.stdout.text.slice(0, 4000)}\n${result.stderr.text.slice(0, 2000)}\n${JSON.stringify(result.error)}`;
        expect(said).not.toContain('ESCAPED');
        expect(probe.status ?? ['ok', 'error'], said).toContain(result.status);
        expect(probe.wrong?.(result) ?? null, said).toBeNull();
        expect(watch.traces()).toEqual([]);
        expect(performance.now() - started).toBeLessThan((probe.limits?.wallMs ?? WALL_MS) + 4_000);
      },
      30_000,
    );

    it('still serves, and nothing is left when it closes', async () => {
      const after = await run(sandbox, { file: '' }, 'javascript', 'console.log(6 * 7)');
      expect(after.stdout.text).toBe('42\n');
      await sandbox.close();
      expect(survivors()).toEqual([]);
    });
  });
}

async function run(
  sandbox: Sandbox,
  probe: EscapeProbe,
  language: 'python' | 'javascript',
  code = readProbe(probe.file),
): Promise<SandboxResult> {
  const argv = [JSON.stringify(watch.bait)];
  for await (const event of sandbox.run({ language, code, argv, limits: { wallMs: WALL_MS, ...probe.limits } })) {
    if (event.type === 'result') return event.result;
  }
  throw new Error('the run ended without a result');
}
