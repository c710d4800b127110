/** `assay sandbox`: prepare the packages that code may import, and attack the sandbox to see that it holds. */

import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Finish } from '../command.ts';
import { CliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { jsonText, printable, styleOf, table } from '../output.ts';
import { runToEnd } from '../replay-run.ts';

/** Where the makers of Pyodide publish the wheels of a release; every file is checked against the hash in the npm package. */
const WHEEL_SOURCE = 'https://cdn.jsdelivr.net/pyodide';
const MAX_WHEEL_BYTES = 64 * 1024 * 1024;
const WHEEL_TIMEOUT_MS = 120_000;

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('install')
    .description('fetch numpy, pandas and matplotlib for native Python and for the wasm lane, each file by its pinned hash')
    .addOption(new Option('--lane <lane>', 'only this one').choices(['native', 'wasm']))
    .option('--from <folder>', "take the wasm lane's wheels from here instead of the network")
    .action(async (flags: InstallFlags) => finish(await install(flags, io)));
  command
    .command('test')
    .description('run the hostile self-test of every lane, and one honest program')
    .option('--json', 'machine-readable result')
    .action(async (flags: { json?: boolean }) => finish(await test(flags.json === true, io)));
}

function dataDirectory(io: Io): string {
  return resolve(io.cwd, io.env.ASSAY_DATA_DIR ?? '.assay');
}

interface InstallFlags {
  readonly lane?: 'native' | 'wasm';
  readonly from?: string;
}

/** Each lane on its own: a machine without Python, or without the way to one registry, still gets the other. */
async function install({ lane, from }: InstallFlags, io: Io): Promise<ExitCode> {
  const native = lane === 'native' || (lane === undefined && from === undefined && process.platform === 'linux');
  const attempts = [
    ...(native ? [{ name: 'native', run: () => installNative(io) }] : []),
    ...(lane === 'native' ? [] : [{ name: 'wasm', run: () => installWasm(from, io) }]),
  ];
  let done = 0;
  for (const { name, run } of attempts) {
    try {
      io.stdout(`${name}: installed ${printable((await run()).join(', '))}\n`);
      done += 1;
    } catch (error) {
      if (attempts.length === 1) throw error;
      io.stderr(`${name}: ${printable((error as Error).message)}\n`);
    }
  }
  return done > 0 ? EXIT.accepted : EXIT.unavailable;
}

async function installNative(io: Io): Promise<readonly string[]> {
  const { installNativeImage } = await import('@assay/server');
  const image = await installNativeImage(dataDirectory(io), (message) => io.stderr(`${printable(message)}\n`));
  return image.names;
}

async function installWasm(from: string | undefined, io: Io): Promise<readonly string[]> {
  const { findRuntimeFiles, installWheels } = await import('@assay/server');
  const files = findRuntimeFiles();
  const source =
    from === undefined
      ? (file: string) => fetchWheel(file, files.pyodide.version, io)
      : (file: string) => folderWheel(resolve(io.cwd, from), file);
  const wheels = await installWheels(dataDirectory(io), files, source, (message) => io.stderr(`${printable(message)}\n`));
  return wheels.files.map(({ name, version }) => `${name} ${version}`);
}

async function folderWheel(folder: string, file: string): Promise<Uint8Array | null> {
  return readFile(join(folder, basename(file))).catch(() => null);
}

async function fetchWheel(file: string, version: string, io: Io): Promise<Uint8Array | null> {
  const url = `${io.env.ASSAY_PYODIDE_URL ?? `${WHEEL_SOURCE}/v${version}/full`}/${encodeURIComponent(file)}`;
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(WHEEL_TIMEOUT_MS)]);
  const response = await io.fetch(url, { signal }).catch(() => null);
  if (response === null || !response.ok) return null;
  if (Number(response.headers.get('content-length') ?? 0) > MAX_WHEEL_BYTES)
    throw new CliError('cli/input-too-large', `${url} is larger than any wheel; check ASSAY_PYODIDE_URL`);
  return new Uint8Array(await response.arrayBuffer());
}

async function test(json: boolean, io: Io): Promise<ExitCode> {
  const { LANES } = await import('@assay/server');
  const reports = [];
  for (const lane of LANES) {
    try {
      const sandbox = await lane.open({ directory: dataDirectory(io), concurrency: 1, warm: 0 });
      const { selfTest, isolation, packages } = sandbox.capabilities;
      const result = await runToEnd(sandbox, { language: 'python', code: 'print(6 * 7)' });
      await sandbox.close();
      reports.push({
        lane: lane.name,
        isolation,
        works: result.stdout.text === '42\n',
        probes: selfTest,
        packages,
        reason: null,
      });
    } catch (error) {
      reports.push({
        lane: lane.name,
        isolation: lane.isolation,
        works: false,
        probes: [],
        packages: {},
        reason: (error as Error).message,
      });
    }
  }
  if (json) io.stdout(jsonText({ lanes: reports }));
  else {
    const style = styleOf(io);
    for (const { lane, isolation, works, probes, reason } of reports) {
      io.stdout(
        `${style.strong(lane)}  isolation ${isolation}  ${works ? style.good('works') : style.bad(printable(reason ?? 'gives wrong answers'))}\n`,
      );
      io.stdout(
        table(probes.map((probe) => [probe.contained ? style.good('✓') : style.bad('✗'), probe.name, printable(probe.detail)])),
      );
    }
  }
  return reports.some(({ works }) => works) ? EXIT.accepted : EXIT.unavailable;
}
