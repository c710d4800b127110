/** `assay sandbox`: prepare the packages that code may import, and attack the sandbox to see that it holds. */

import { basename, join, resolve } from 'node:path';
import type { LANES, Sandbox } from '@assay/agent';
import { isCoded } from '@assay/encoding/coded-error';
import { type Command, Option } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { dataFolder } from '../command-line/data-folder.ts';
import { EXIT, type ExitCode, exitCodeOfKind } from '../command-line/exit-codes.ts';
import { readRegularFile } from '../command-line/file-reader.ts';
import type { Io } from '../command-line/io.ts';
import { installLanes, standingOf } from '../command-line/lane-installs.ts';
import { shortList, table, wrapped } from '../command-line/layout.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';

/** The largest wheel is a fifth of this. */
const MAX_WHEEL_BYTES = 64 * 1024 * 1024;

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('install')
    .description(
      'fetch packages by their pinned hashes: numpy, pandas and matplotlib for native Python and for the wasm lane; slither, on demand, for audits; evm, on demand, for exploits of claimed findings; solhint, on demand, to lint audited sources',
    )
    .addOption(new Option('--lane <lane>', 'only this one').choices(['native', 'wasm', 'slither', 'evm', 'solhint']))
    .option('--from <folder>', "take the wasm lane's wheels from here instead of the network")
    .action(async (flags: InstallFlags) => finish(await install(flags, io)));
  command
    .command('test')
    .description('run the hostile self-test of every lane, and one honest program')
    .option('--json', 'machine-readable result')
    .action(async (flags: { json?: boolean }) => finish(await test(flags.json === true, io)));
}

interface InstallFlags {
  readonly lane?: 'native' | 'wasm' | 'slither' | 'evm' | 'solhint';
  readonly from?: string;
}

async function install({ lane, from }: InstallFlags, io: Io): Promise<ExitCode> {
  const ofAudits = lane === 'slither' || lane === 'evm' || lane === 'solhint';
  const target = ofAudits ? analyzerFolder(io) : dataFolder(io);
  io.stderr(`into  ${printable(target)}\n`);
  const native = lane === 'native' || (lane === undefined && from === undefined && process.platform === 'linux');
  if (ofAudits) {
    await installLanes(
      [{ lane, install: () => (lane === 'slither' ? installAnalyzer(io) : installAuditProgram(lane, io)) }],
      io,
    );
    return ended(EXIT.accepted, io);
  }
  const installs = [
    ...(native ? [{ lane: 'native', install: () => installNative(io) }] : []),
    ...(lane === 'native' ? [] : [{ lane: 'wasm', install: () => installWasm(from, io) }]),
  ];
  const failures = await installLanes(installs, io);
  return ended(await readiness(failures, io), io);
}

function ended(code: ExitCode, io: Io): ExitCode {
  io.stderr('hint: restart a running agent to use what was installed\n');
  return code;
}

/**
 * Says which lane an agent would take here and what its programs can import, and whether a lane that failed is missed.
 * @returns 0 when the agent's own lane is ready, whatever else failed.
 */
async function readiness(failures: ReadonlyMap<string, ExitCode>, io: Io): Promise<ExitCode> {
  const worst = [...failures.values()][0] ?? EXIT.accepted;
  const { parseConfig, selectSandbox } = await import('@assay/agent');
  try {
    const { minIsolation, prefer } = parseConfig(io.env).sandbox;
    const wishes = { minIsolation, ...(prefer === null ? {} : { prefer }) };
    const { sandbox } = await selectSandbox({ ...wishes, directory: dataFolder(io), concurrency: 1, warm: 0 });
    const { lane, packages } = sandbox.capabilities;
    await sandbox.close();
    const python = packages.python ?? [];
    const standing = standingOf({ lane, isReady: python.length > 0, failures });
    const found = shortList(python) || 'the standard library only';
    io.stdout(
      wrapped(
        `${standing.words}: an agent here runs code in the lane ${lane}, where Python programs find ${found}`,
        io.columns,
        2,
      ),
    );
    return standing.code;
  } catch (error) {
    if (!isCoded(error)) throw error;
    io.stdout(wrapped(`not ready: no lane opens here: ${printable(error.message)} [${error.code}]`, io.columns, 2));
    return worst === EXIT.accepted ? exitCodeOfKind(error.kind) : worst;
  }
}

async function installNative(io: Io): Promise<readonly string[]> {
  const { installNativeImage } = await import('@assay/agent');
  const image = await installNativeImage(dataFolder(io), (message) => io.stderr(`${printable(message)}\n`));
  return image.names;
}

/** Slither for contract audits, in an image of its own. */
async function installAnalyzer(io: Io): Promise<readonly string[]> {
  const { installNativeImage } = await import('@assay/agent');
  const image = await installNativeImage(analyzerFolder(io), (message) => io.stderr(`${printable(message)}\n`), 'slither');
  return image.names;
}

/** The virtual machine that exploits run on, or the linter: kept with the analyser. */
async function installAuditProgram(lane: 'evm' | 'solhint', io: Io): Promise<readonly string[]> {
  const { installProgram, PROGRAMS } = await import('@assay/agent');
  return [await installProgram(analyzerFolder(io), PROGRAMS[lane])];
}

function analyzerFolder(io: Io): string {
  return resolve(io.cwd, io.env.ASSAY_ANALYZER_DIR || dataFolder(io));
}

async function installWasm(from: string | undefined, io: Io): Promise<readonly string[]> {
  const { installWasmRuntime } = await import('@assay/agent');
  const source = from === undefined ? {} : { source: (file: string) => folderWheel(resolve(io.cwd, from), file) };
  const { wheels } = await installWasmRuntime(dataFolder(io), (message) => io.stderr(`${printable(message)}\n`), source);
  return wheels.map(({ name, version }) => `${name} ${version}`);
}

async function folderWheel(folder: string, file: string): Promise<Uint8Array | null> {
  const shown = join(folder, basename(file));
  return readRegularFile(shown, { shown, most: MAX_WHEEL_BYTES }).catch(() => null);
}

async function test(json: boolean, io: Io): Promise<ExitCode> {
  const { LANES } = await import('@assay/agent');
  const reports = [];
  for (const lane of LANES) reports.push(await testLane(lane, dataFolder(io)));
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
