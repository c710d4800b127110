/**
 * Slither in the sandbox: a native lane with the image that `assay sandbox install --lane slither` makes. Opened when the first audit asks
 * for it, because most agents audit nothing. Without it audits are refused, and the refusal is remembered for a while.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { IsolationLevel } from '@assay/receipt';
import { LANES, type Sandbox, selectSandbox } from '@assay/sandbox';
import { ServerError } from '../../errors.ts';
import type { Analyzer, Linter, OpenAnalyzer } from '../../ports/analyzer.ts';
import { installedProgram, PROGRAMS } from './bundled-program.ts';

/** `packages/agent/analyzers`, next to `src` and `dist` alike. */
const DRIVER = fileURLToPath(new URL('../../../analyzers/slither_driver.py', import.meta.url));
const RETRY_MS = 30_000;

export interface AnalyzerOptions {
  /** Where the image is; default: the data directory. */
  readonly directory: string;
  readonly minIsolation: IsolationLevel;
  readonly now: () => number;
}

/** Nothing is opened until something is to be analysed. */
export function createAnalyzer(options: AnalyzerOptions): Analyzer {
  let opening: Promise<OpenAnalyzer> | null = null;
  let failedAt = Number.NEGATIVE_INFINITY;
  return {
    open: () => {
      if (opening !== null && options.now() - failedAt >= RETRY_MS && failedAt > 0) opening = null;
      opening ??= openSlither(options).catch((error: unknown) => {
        failedAt = options.now();
        throw error;
      });
      return opening;
    },
    close: async () => {
      const opened = await opening?.catch(() => null);
      await opened?.sandbox.close();
    },
  };
}

async function openSlither({ directory, minIsolation }: AnalyzerOptions): Promise<OpenAnalyzer> {
  const native = LANES.filter(({ name }) => name !== 'wasm');
  const { sandbox } = await selectSandbox({ directory, minIsolation, concurrency: 1, image: 'slither' }, native).catch(
    (cause: unknown) => {
      throw absent(cause instanceof Error ? cause.message : String(cause), cause);
    },
  );
  const [version, cryticCompile] = ['slither-analyzer', 'crytic-compile'].map((name) => versionOf(sandbox, name));
  if (version !== undefined && cryticCompile !== undefined)
    return {
      ...{ sandbox, driver: readFileSync(DRIVER, 'utf8'), version, cryticCompile },
      evm: () => installedProgram(directory, PROGRAMS.evm),
      linter: () => linterIn(directory),
    };
  await sandbox.close();
  throw absent('its packages are not installed');
}

function linterIn(directory: string): Linter | null {
  const code = installedProgram(directory, PROGRAMS.solhint);
  return code === null ? null : { code, name: 'solhint', version: PROGRAMS.solhint.name.split(' ')[1] ?? '' };
}

function versionOf({ capabilities }: Sandbox, name: string): string | undefined {
  return capabilities.packages.python?.find((entry) => entry.startsWith(`${name} `))?.slice(name.length + 1);
}

function absent(why: string, cause?: unknown): ServerError {
  return new ServerError(
    'audit/analyzer-absent',
    `audits need Slither in a native sandbox lane, got none (${why.slice(0, 300)}); the operator runs: assay sandbox install --lane slither, on Linux with python3 and bubblewrap`,
    { cause },
  );
}
