/**
 * Every way out that research knows (sandbox.md §4), as a table: a hostile program, the limits it runs under, and what has to be
 * true afterwards. A program says `ESCAPED` when it got something it must not have; the test looks at the host as well.
 */

import { readFileSync } from 'node:fs';
import type { ExecutionLimits, ExecutionStatus, SandboxLane } from '@assay/receipt';
import type { SandboxResult } from '../../packages/sandbox/src/port.ts';

export interface EscapeProbe {
  /** File below `probes/`. */
  readonly file: string;
  /** Ends that are acceptable. Default: `ok` or `error`. */
  readonly status?: readonly ExecutionStatus[];
  readonly limits?: Partial<ExecutionLimits>;
  /** Lanes that the probe says something about. Default: all. */
  readonly lanes?: readonly SandboxLane[];
  /** Further demands on the result; gives what is wrong, or `null`. */
  readonly wrong?: (result: SandboxResult) => string | null;
}

const MIB = 1024 * 1024;
const NATIVE = ['linux-ns', 'landlock'] as const;
const WASM = ['wasm'] as const;
const ENDED: readonly ExecutionStatus[] = ['ok', 'error', 'killed', 'oom', 'output-limit', 'timeout', 'disk-limit'];

const onlyArtifacts =
  (...wanted: readonly string[]) =>
  ({ artifacts }: SandboxResult): string | null => {
    const extra = artifacts.map(({ path }) => path).filter((path) => !wanted.includes(path));
    return extra.length === 0 ? null : `collected ${JSON.stringify(extra)}`;
  };

/** The probe came to its end: its last words. */
const says =
  (words: string) =>
  ({ stdout }: SandboxResult): string | null =>
    stdout.text.includes(words) ? null : `expected to read ${words}`;

const atMost =
  (pattern: RegExp, most: number) =>
  ({ stdout }: SandboxResult): string | null => {
    const count = Number(pattern.exec(stdout.text)?.[1] ?? 0);
    return count <= most ? null : `expected at most ${most}, got ${count}`;
  };

const peak =
  (mostMiB: number) =>
  ({ observed }: SandboxResult): string | null =>
    observed.maxRssMiB <= mostMiB ? null : `used ${observed.maxRssMiB} MiB`;

export const ESCAPE_PROBES: readonly EscapeProbe[] = [
  { file: 'read-secrets.py' },
  { file: 'write-outside.py' },
  { file: 'kernel-files.py' },
  { file: 'network.py' },
  { file: 'socket-families.py', lanes: NATIVE },
  { file: 'environment.py' },
  { file: 'descriptors.py', lanes: NATIVE },
  { file: 'processes.py', lanes: NATIVE },
  { file: 'signals.py', status: ENDED },
  { file: 'kill-group.py', status: ['ok', 'error', 'killed'] },
  { file: 'trace-parent.py', lanes: NATIVE },
  { file: 'system-calls.py', lanes: NATIVE },
  { file: 'become-root.py', lanes: NATIVE },
  { file: 'devices.py', lanes: NATIVE },
  { file: 'fork-bomb.py', status: ['ok', 'error', 'killed'], wrong: atMost(/stopped after (\d+)/, 64) },
  { file: 'thread-bomb.py', status: ['ok', 'error', 'killed'], wrong: atMost(/stopped after (\d+)/, 64) },
  { file: 'memory-bomb.py', status: ['oom'], limits: { memoryBytes: 192 * MIB }, lanes: ['linux-ns'], wrong: peak(260) },
  // A watchdog looks at memory here, and a busy machine lets it look late; the address space is what holds.
  { file: 'memory-bomb.py', status: ['oom'], limits: { memoryBytes: 192 * MIB }, lanes: ['landlock'], wrong: peak(896) },
  {
    file: 'memory-bomb-many.py',
    status: ['ok', 'oom', 'killed', 'timeout'],
    limits: { memoryBytes: 256 * MIB },
    lanes: NATIVE,
  },
  {
    file: 'memory-bomb.py',
    status: ['oom'],
    limits: { memoryBytes: 192 * MIB, wallMs: 20_000 },
    lanes: WASM,
    wrong: peak(600),
  },
  { file: 'fill-places.py', status: ['ok', 'disk-limit', 'oom'], limits: { wallMs: 15_000 } },
  {
    file: 'fill-inodes.py',
    // In wasm a file is memory of the throw-away child and counts as such.
    lanes: NATIVE,
    status: ['ok', 'disk-limit', 'oom'],
    limits: { wallMs: 15_000 },
    wrong: atMost(/stopped after (\d+)/, 4096),
  },
  {
    file: 'sparse-file.py',
    status: ['ok', 'error', 'oom', 'disk-limit'],
    wrong: ({ artifacts }) => (artifacts.some(({ bytes }) => bytes.length > 0) ? 'collected holes' : null),
  },
  { file: 'infinite-loop.py', status: ['timeout'], limits: { wallMs: 700 } },
  { file: 'sleep-forever.py', status: ['timeout'], limits: { wallMs: 700 }, lanes: NATIVE },
  // Sleeping moves the frozen clock and takes no time.
  { file: 'sleep-forever.py', status: ['ok'], lanes: WASM },
  { file: 'huge-output.py', status: ['output-limit'], limits: { wallMs: 15_000 } },
  { file: 'daemonize.py' },
  { file: 'hold-output.py' },
  { file: 'hostile-outputs.py', wrong: onlyArtifacts('/tmp/plain.txt', '/tmp/honest.txt') },
  {
    file: 'hostile-names.py',
    wrong: onlyArtifacts(
      ...['plain.txt', '%s%n', `${'x'.repeat(255)}`, 'CON', '.hidden', 'with "quotes".csv'].map((name) => `/tmp/${name}`),
    ),
  },
  { file: 'deep-directories.py', status: ['ok', 'error', 'timeout', 'disk-limit'], wrong: onlyArtifacts() },
  { file: 'forge-control.py', status: ['killed', 'timeout'], limits: { wallMs: 3_000 }, lanes: NATIVE },
  { file: 'forge-report.py', status: ['timeout', 'ok', 'killed'], limits: { wallMs: 1_500 }, lanes: NATIVE },
  { file: 'close-everything.py', lanes: NATIVE },
  { file: 'read-secrets.js' },
  { file: 'network.js' },
  { file: 'fork-bomb.js', wrong: atMost(/stopped after (\d+)/, 64) },
  { file: 'worker-bomb.js', status: ['ok', 'error', 'killed', 'oom', 'timeout'], wrong: atMost(/stopped after (\d+)/, 64) },
  { file: 'heap-bomb.js', status: ['oom'], limits: { memoryBytes: 192 * MIB, wallMs: 20_000 } },
  { file: 'buffer-bomb.js', status: ['oom'], limits: { memoryBytes: 192 * MIB, wallMs: 20_000 } },
  { file: 'kill-all.js', status: ENDED },
  { file: 'native-code.js' },
  {
    file: 'raw-javascript.js',
    lanes: WASM,
    limits: { wallMs: 20_000 },
    wrong: ({ stdout }) => (stdout.text.split('\n').length > 38 ? null : 'not every attack ran'),
  },
  {
    file: 'raw-python.py',
    lanes: WASM,
    limits: { wallMs: 20_000 },
    wrong: ({ stdout }) => (stdout.text.includes('by_run_js blocked read') ? null : 'the attack did not reach JavaScript'),
  },
  { file: 'raw-frames.js', status: ['ok'], lanes: WASM, wrong: says('nothing found') },
  { file: 'flood-frames.js', status: ['timeout'], lanes: WASM, limits: { wallMs: 700 } },
  { file: 'flood-requests.js', status: ['timeout', 'oom'], lanes: WASM, limits: { wallMs: 1500 } },
  {
    file: 'forged-frames.js',
    status: ['ok', 'error', 'killed'],
    lanes: WASM,
    wrong: (result) =>
      result.exitCode === 77 || result.value === 'forged'
        ? 'its forged end was believed'
        : onlyArtifacts('/tmp/honest.txt')(result),
  },
  { file: 'early-end.js', lanes: WASM },
  { file: 'unlisted.js', status: ['ok'], lanes: WASM, limits: { wallMs: 20_000 }, wrong: says('tried 147') },
  { file: 'unlisted.py', status: ['ok'], lanes: WASM, wrong: says('tried 15') },
  { file: 'infinite-loop.js', status: ['timeout'], limits: { wallMs: 700 } },
  { file: 'huge-output.js', status: ['output-limit'], limits: { wallMs: 15_000 } },
];

/** The program of a probe. */
export function readProbe(file: string): string {
  return readFileSync(new URL(`./probes/${file}`, import.meta.url), 'utf8');
}
