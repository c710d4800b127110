/**
 * How long `assay measure` takes for an enclave image of 200 MB, from the start of its process to its end. Processor time (user and
 * system) says something under load, too.
 *
 * npm run bench:measure [-- --runs 5]
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEif } from '@assay/reference-values';
import { programOptions } from '../tools/program-options.ts';

const PROGRAM = new URL('../packages/assay/bin/assay.js', import.meta.url).pathname;
const REACH_MS = 2000;
const RAMDISK_BYTES = [4_000_000, 190_000_000];
const KERNEL_BYTES = 6_000_000;

const { values: flags } = programOptions({
  call: 'npm run bench:measure',
  does: 'How long assay measure takes for an enclave image of 200 MB.',
  options: { runs: { takes: 'N', about: 'measurements that are timed', number: 'count', default: '5' } },
});

/** Bytes that do not repeat, the same in each run. */
function noise(length: number): Uint8Array {
  const block = createHash('shake256', { outputLength: 1 << 20 })
    .update('noise')
    .digest();
  return Buffer.alloc(length).fill(block);
}

const folder = mkdtempSync(join(tmpdir(), 'assay-measure-'));
try {
  const [init, application] = RAMDISK_BYTES.map(noise) as [Uint8Array, Uint8Array];
  const image = encodeEif({
    architecture: 'x86_64',
    kernel: noise(KERNEL_BYTES),
    cmdline: 'reboot=k panic=30',
    ramdisks: [init, application],
    metadata: '{}',
  });
  const path = join(folder, 'image.eif');
  writeFileSync(path, image);
  console.log(
    `${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${image.length} bytes`,
  );
  const walls: number[] = [];
  for (let run = 0; run <= Number(flags.runs); run += 1) {
    const begun = performance.now();
    const { status, stderr } = spawnSync('bash', ['-c', 'time "$@"', 'time', process.execPath, PROGRAM, 'measure', path], {
      encoding: 'utf8',
      env: { ...process.env, TIMEFORMAT: 'processor %U + %S s' },
    });
    if (status !== 0) throw new Error(`expected assay measure to succeed, got: ${stderr.slice(-300)}`);
    if (run === 0) continue; // the files are in the page cache from then on
    walls.push(performance.now() - begun);
    console.log(`wall ${walls.at(-1)?.toFixed(0)} ms, ${stderr.trim()}`);
  }
  const median = walls.toSorted((a, b) => a - b)[Math.floor(walls.length / 2)] ?? 0;
  console.log(
    `assay measure of 200 MB ≤ ${REACH_MS} ms: ${median <= REACH_MS ? 'met' : 'MISSED'} (median ${median.toFixed(0)} ms)`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
