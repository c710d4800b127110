import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxLane } from '@assay/receipt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox, SandboxResult } from '../../packages/sandbox/src/port.ts';
import { LANES } from '../../packages/sandbox/src/select.ts';
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

const probesFor = (lane: SandboxLane): readonly EscapeProbe[] =>
  ESCAPE_PROBES.filter(({ lanes }) => lanes === undefined || lanes.some((name) => name === lane));

/**
 * Each lane with waiting sandboxes; linux-ns then forks its cells. Without waiting ones it starts them one by one, so that only what
 * a fork could do differently is tried again.
 */
const WAYS = LANES.flatMap((lane) => [
  { lane, title: lane.name, warm: 1, probes: probesFor(lane.name) },
  ...(lane.name === 'linux-ns'
    ? [
        {
          lane,
          title: 'linux-ns, one by one',
          warm: 0,
          probes: probesFor(lane.name).filter(({ lanes }) => lanes !== undefined),
        },
      ]
    : []),
]);

for (const { lane, title, warm, probes } of WAYS) {
  describe(`escape probes in ${title}`, () => {
    let sandbox: Sandbox | null = null;
    beforeAll(async () => {
      try {
        sandbox = await lane.open({ directory, warm, concurrency: availableParallelism() });
      } catch (error) {
        console.warn(`\n*** escape probes NOT RUN in lane ${title}: ${(error as Error).message}\n`);
      }
    });
    afterAll(() => sandbox?.close());

    it('contained its own self-test', (context) => {
      if (sandbox === null) return context.skip();
      expect(sandbox.capabilities.selfTest.filter(({ contained }) => !contained)).toEqual([]);
    });

    it.each(probes.map((probe): [string, EscapeProbe] => [probe.file, probe]))(
      '%s',
      async (_file, probe) => {
        const language = probe.file.endsWith('.py') ? 'python' : 'javascript';
        if (sandbox === null || !sandbox.capabilities.languages.includes(language)) return;
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

    it('still serves, and nothing is left when it closes', async (context) => {
      if (sandbox === null) return context.skip();
      const after = await run(sandbox, { file: '' }, 'javascript', 'console.log(6 * 7)');
      expect(after.stdout.text).toBe('42\n');
      await sandbox.close();
      expect(survivors()).toEqual([]);
      return undefined;
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
