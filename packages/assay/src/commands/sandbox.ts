/** `assay sandbox`: prepare the packages that code may import, and attack the sandbox to see that it holds. */

import { basename, join, resolve } from 'node:path';
import type { LANES, Sandbox } from '@assay/agent';
import { type Command, Option } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import { readRegularFile } from '../command-line/file-reader.ts';
import type { Io } from '../command-line/io.ts';
import { installLanes } from '../command-line/lane-installs.ts';
import { table } from '../command-line/layout.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';

/** The largest wheel is a fifth of this. */
const MAX_WHEEL_BYTES = 64 * 1024 * 1024;

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('install')
    .description(
      'fetch packages by their pinned hashes: numpy, pandas and matplotlib for native Python and for the wasm lane; slither, on demand, for audits',
    )
    .addOption(new Option('--lane <lane>', 'only this one').choices(['native', 'wasm', 'slither']))
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
  readonly lane?: 'native' | 'wasm' | 'slither';
  readonly from?: string;
}

function install({ lane, from }: InstallFlags, io: Io): Promise<ExitCode> {
  const native = lane === 'native' || (lane === undefined && from === undefined && process.platform === 'linux');
  if (lane === 'slither') return installLanes([{ lane, install: () => installAnalyzer(io) }], io);
  const installs = [
    ...(native ? [{ lane: 'native', install: () => installNative(io) }] : []),
    ...(lane === 'native' ? [] : [{ lane: 'wasm', install: () => installWasm(from, io) }]),
  ];
  return installLanes(installs, io);
}

async function installNative(io: Io): Promise<readonly string[]> {
  const { installNativeImage } = await import('@assay/agent');
  const image = await installNativeImage(dataDirectory(io), (message) => io.stderr(`${printable(message)}\n`));
  return image.names;
}

/** Slither for contract audits, in an image of its own. */
async function installAnalyzer(io: Io): Promise<readonly string[]> {
  const { installNativeImage } = await import('@assay/agent');
  const folder = resolve(io.cwd, io.env.ASSAY_ANALYZER_DIR || dataDirectory(io));
  const image = await installNativeImage(folder, (message) => io.stderr(`${printable(message)}\n`), 'slither');
  return image.names;
}

async function installWasm(from: string | undefined, io: Io): Promise<readonly string[]> {
  const { installWasmRuntime } = await import('@assay/agent');
  const source = from === undefined ? {} : { source: (file: string) => folderWheel(resolve(io.cwd, from), file) };
  const { wheels } = await installWasmRuntime(dataDirectory(io), (message) => io.stderr(`${printable(message)}\n`), source);
  return wheels.map(({ name, version }) => `${name} ${version}`);
}

async function folderWheel(folder: string, file: string): Promise<Uint8Array | null> {
  const shown = join(folder, basename(file));
  return readRegularFile(shown, { shown, most: MAX_WHEEL_BYTES }).catch(() => null);
}

async function test(json: boolean, io: Io): Promise<ExitCode> {
  const { LANES } = await import('@assay/agent');
  const reports = [];
  for (const lane of LANES) reports.push(await testLane(lane, dataDirectory(io)));
  if (json) io.stdout(jsonText({ lanes: reports }));
  else {
    const style = styleOf(io);
    for (const { lane, isolation, works, probes, reason } of reports) {
      const standing = works ? style.good('works') : style.bad(printable(reason ?? 'gives wrong answers'));
      io.stdout(`${style.strong(lane)}  isolation ${isolation}  ${standing}\n`);
      io.stdout(
        table(
          probes.map((probe) => [probe.contained ? style.good('✓') : style.bad('✗'), probe.name, printable(probe.detail)]),
          { columns: io.columns },
        ),
      );
    }
  }
  return reports.some(({ works }) => works) ? EXIT.accepted : EXIT.no;
}

async function testLane(lane: (typeof LANES)[number], directory: string) {
  const { name, isolation } = lane;
  try {
    const sandbox = await lane.open({ directory, concurrency: 1, warm: 0 });
    const { selfTest, packages } = sandbox.capabilities;
    const works = (await honestProgram(sandbox)) === '42\n';
    await sandbox.close();
    return { lane: name, isolation, works, probes: selfTest, packages, reason: null };
  } catch (error) {
    return { lane: name, isolation, works: false, probes: [], packages: {}, reason: (error as Error).message };
  }
}

async function honestProgram(sandbox: Sandbox): Promise<string> {
  for await (const event of sandbox.run({ language: 'python', code: 'print(6 * 7)' })) {
    if (event.type === 'result') return event.result.stdout.text;
  }
  return '';
}
