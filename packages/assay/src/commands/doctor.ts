/** `assay doctor`: what this machine has for an agent and can attest, what is missing, what to do about it, which guarantees follow. Changes nothing. */

import { access, constants, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config, selectSandbox } from '@assay/agent';
import { isCoded } from '@assay/encoding/coded-error';
import type { Command } from 'commander';
import { agentApi } from '../command-line/agent-api.ts';
import { agentOf } from '../command-line/agent-connection.ts';
import { cacheDirectory } from '../command-line/collateral-cache.ts';
import type { Finish } from '../command-line/command.ts';
import { dataFolder } from '../command-line/data-folder.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import { type Io, withEnvironment } from '../command-line/io.ts';
import { shortList, table } from '../command-line/layout.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import type { Finding } from './doctor/finding.ts';
import { machineFindings, thisMachine } from './doctor/machine.ts';

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .option('--json', 'machine-readable result')
    .option('--env <file>', 'settings file', '.env')
    .action(async (flags: { json?: boolean; env: string }) => finish(await doctor(flags, io)));
}

async function doctor(flags: { readonly json?: boolean; readonly env: string }, io: Io): Promise<ExitCode> {
  const findings = [nodeVersion(), ...(await agentFindings(flags.env, io))];
  if (flags.json === true) io.stdout(jsonText({ findings }));
  else {
    const style = styleOf(io);
    const marks = { ok: style.good('✓'), warning: style.open('!'), problem: style.bad('✗') };
    io.stdout(
      table(
        findings.map(({ what, standing, detail }) => [marks[standing], what, printable(detail)]),
        { indent: '', columns: io.columns },
      ),
    );
  }
  return findings.some(({ standing }) => standing === 'problem') ? EXIT.no : EXIT.accepted;
}

function nodeVersion(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 24
    ? { what: 'node', standing: 'ok', detail: process.versions.node }
    : {
        what: 'node',
        standing: 'problem',
        detail: `${process.versions.node}; the agent needs 24 or later, which npx assay brings along`,
      };
}

async function agentFindings(envFile: string, bare: Io): Promise<readonly Finding[]> {
  const agent = await import('@assay/agent');
  const { createModel, EmbeddedModels, parseConfig, readEnvironment } = agent;
  let config: ReturnType<typeof parseConfig>;
  let io: Io;
  try {
    const env = readEnvironment(resolve(bare.cwd, envFile), bare.env);
    io = withEnvironment(bare, () => env);
    config = parseConfig({ ...env, ASSAY_DATA_DIR: dataFolder(io) });
  } catch (error) {
    return [failed('settings', error)];
  }
  const warnings = config.warnings.map((detail): Finding => ({ what: 'settings', standing: 'warning', detail }));
  const { dataDir, model: modelConfig } = config;
  const embedded = new EmbeddedModels({ dataDir, config: modelConfig, onLoaded: async () => undefined });
  const probe = await createModel(modelConfig, { embedded }).probe();
  const model: Finding = {
    what: 'model',
    standing: probe.reachable ? 'ok' : 'warning',
    detail: config.model.chosen ? `${config.model.provider}: ${probe.detail}` : probe.detail,
  };
  const fetched = (await agent.listModels(dataDir)).filter((each) => each.fetched).map((each) => each.model);
  const models: Finding = {
    what: 'models',
    standing: 'ok',
    detail:
      fetched.map(({ name, writes }) => `${name}${writes === 'words' ? ' (words only, no programs)' : ''}`).join(', ') ||
      `none fetched; assay model fetch brings ${agent.RECOMMENDED_MODEL.title}`,
  };
  const sandbox = await sandboxFindings(() =>
    agent.selectSandbox({ ...laneWishes(config), directory: config.dataDir, concurrency: 1, warm: 0 }),
  );
  return [
    { what: 'settings', standing: 'ok', detail: `${config.host}:${config.port}, data in ${config.dataDir}` },
    ...warnings,
    await writable('data', config.dataDir),
    await writable('cache', cacheDirectory(io)),
    model,
    models,
    ...sandbox,
    ...(await machineFindings(await survey(config, agent), config, thisMachine(agent, io.env.PATH))),
    await runningAgent(io, config.dataDir),
  ];
}

function survey(
  { attester, dataDir, guestSimulators, vendor, gpuEvidence }: Config,
  { surveyTee, systemClock }: typeof import('@assay/agent'),
): ReturnType<typeof surveyTee> {
  return surveyTee({
    choice: attester,
    directory: dataDir,
    clock: systemClock,
    simulators: guestSimulators,
    vendor,
    gpus: gpuEvidence,
  });
}

/** As the agent itself would choose. */
function laneWishes({
  sandbox: { minIsolation, prefer },
}: Config): Pick<Parameters<typeof selectSandbox>[0], 'minIsolation' | 'prefer'> {
  return { minIsolation, ...(prefer === null ? {} : { prefer }) };
}

async function sandboxFindings(select: () => Promise<Awaited<ReturnType<typeof selectSandbox>>>): Promise<readonly Finding[]> {
  try {
    const { sandbox, refused } = await select();
    const { lane, isolation, languages, packages, selfTest } = sandbox.capabilities;
    await sandbox.close();
    const contained = selfTest.filter((probe) => probe.contained).length;
    const hasPython = (packages.python ?? []).length > 0;
    const libraries = [
      ...Object.values(packages).flat(),
      ...(hasPython ? [] : ['none for Python: assay sandbox install brings numpy, pandas and matplotlib']),
    ];
    return [
      {
        what: 'sandbox',
        standing: 'ok',
        detail: `${lane}, isolation ${isolation}, ${languages.join(', ')}; ${contained} of ${selfTest.length} attacks contained`,
      },
      { what: 'packages', standing: hasPython ? 'ok' : 'warning', detail: shortList(libraries, 5) },
      ...refused.map((each): Finding => ({ what: `lane ${each.lane}`, standing: 'warning', detail: each.reason })),
    ];
  } catch (error) {
    return [failed('sandbox', error)];
  }
}

async function writable(what: string, directory: string): Promise<Finding> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.W_OK);
    return { what, standing: 'ok', detail: directory };
  } catch (cause) {
    return {
      what,
      standing: what === 'cache' ? 'warning' : 'problem',
      detail: `${directory} cannot be written (${(cause as NodeJS.ErrnoException).code})`,
    };
  }
}

/** Verified as every agent is; the key, if one is set, goes only to an agent that was. */
async function runningAgent(io: Io, ownFolder: string): Promise<Finding> {
  try {
    const agent = await agentOf({ quiet: true }, io);
    const status = await agentApi(agent).get('api/status');
    const tee = status.tee as Readonly<Record<string, unknown>> | undefined;
    const simulated = tee?.simulated === true ? ' (SIMULATED)' : '';
    const detail = `${String(status.version)} runs at ${agent.attested.url.origin}, TEE ${String(tee?.name)}${simulated}, verified`;
    const unused = await packagesNotUsed(status, ownFolder);
    if (unused.length === 0) return { what: 'agent', standing: 'ok', detail };
    return { what: 'agent', standing: 'warning', detail: `${detail}; restart it to use ${shortList(unused)}` };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { what: 'agent', standing: 'warning', detail: `${error.message} [${error.code}]` };
  }
}

/** Packages that were installed after the agent opened its sandbox. */
async function packagesNotUsed(status: Readonly<Record<string, unknown>>, folder: string): Promise<readonly string[]> {
  const { packages } = (status.sandbox ?? {}) as { readonly packages?: { readonly python?: readonly string[] } };
  if ((packages?.python ?? []).length > 0) return [];
  const { installedPackages } = await import('@assay/agent');
  return installedPackages(folder);
}

function failed(what: string, error: unknown): Finding {
  if (!isCoded(error)) throw error;
  return { what, standing: 'problem', detail: `${error.message} [${error.code}]` };
}
