/**
 * Installs a compiler: the npm package `solc` of exactly that version, through npm's own client, its `soljson.js` alone. Runs as the
 * operator, when an image is built; never on behalf of a task.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OLDEST_COMPILER } from '@assay/contracts';
import semver from 'semver';
import { ServerError } from '../../errors.ts';
import type { CompilerRelease } from '../../ports/compilers.ts';
import { CompilerProcess } from './compiler-process.ts';
import { PINNED_INTEGRITY } from './pins.ts';
import { installedCompilers, MANIFEST, SOLJSON } from './store.ts';

const run = promisify(execFile);
const FETCH_MS = 5 * 60_000;
/** The largest `soljson.js` is a third of this. Bytes. */
const MOST_BYTES = 96 * 1024 * 1024;

export interface InstallOptions {
  /** Where the package's `.tgz` is; by default npm fetches it. */
  readonly archive?: string | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/**
 * Installs `version` into `<folder>/<version>`; one that is there is left alone.
 * @throws {ServerError} `compiler/bad-version`, `compiler/download-failed`, `compiler/tampered` for a package that is not the pinned one,
 * `compiler/crashed` for one that does not start.
 * @example await installCompiler('.assay/compilers', '0.8.24')
 */
export async function installCompiler(folder: string, version: string, options: InstallOptions = {}): Promise<CompilerRelease> {
  if (semver.valid(version) !== version || semver.lt(version, OLDEST_COMPILER))
    throw new ServerError(
      'compiler/bad-version',
      `expected a version like 0.8.24, ${OLDEST_COMPILER} or newer, got ${JSON.stringify(version.slice(0, 40))}; see npm view solc versions`,
    );
  const there = existsSync(join(folder, version))
    ? installedCompilers(folder).find((each) => each.version === version)
    : undefined;
  if (there !== undefined) return there;
  const work = mkdtempSync(join(tmpdir(), 'assay-solc-'));
  try {
    options.onProgress?.(`fetching solc ${version}`);
    const archive = options.archive ?? (await fetchPackage(version, work));
    const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    const pinned = PINNED_INTEGRITY[version];
    if (pinned !== undefined && pinned !== integrity)
      throw new ServerError(
        'compiler/tampered',
        `expected the package solc ${version} with ${pinned}, got ${integrity}; do not use it`,
      );
    const soljson = await unpack(archive, version);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const building = mkdtempSync(join(folder, '.building-'));
    try {
      writeFileSync(join(building, SOLJSON), soljson, { mode: 0o644 });
      const release = await describe(join(building, SOLJSON), { version, integrity, soljson });
      writeFileSync(join(building, MANIFEST), `${JSON.stringify({ v: 1, ...release }, null, 2)}\n`, { mode: 0o644 });
      place(building, join(folder, version));
      return release;
    } finally {
      rmSync(building, { recursive: true, force: true });
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** npm checks the package against the registry's integrity while it fetches it. */
async function fetchPackage(version: string, work: string): Promise<string> {
  try {
    await run('npm', ['pack', '--silent', `solc@${version}`, '--pack-destination', work], { cwd: work, timeout: FETCH_MS });
    return join(work, `solc-${version}.tgz`);
  } catch (cause) {
    const said =
      String((cause as { stderr?: string }).stderr ?? cause)
        .trim()
        .split('\n')[0] ?? '';
    throw new ServerError(
      'compiler/download-failed',
      `npm could not fetch solc ${version} (${said.slice(0, 200)}); check the version and the way to the registry`,
      { cause },
    );
  }
}

async function unpack(archive: string, version: string): Promise<Uint8Array> {
  try {
    const { stdout } = await run('tar', ['-xzOf', archive, `package/${SOLJSON}`], {
      encoding: 'buffer',
      maxBuffer: MOST_BYTES,
      timeout: FETCH_MS,
    });
    return stdout;
  } catch (cause) {
    throw new ServerError(
      'compiler/download-failed',
      `expected package/${SOLJSON} in the package solc ${version}, got none; fetch it again`,
      { cause },
    );
  }
}

/** Starts it once: what it says of itself must be what was asked for. */
async function describe(
  path: string,
  { version, integrity, soljson }: { readonly version: string; readonly integrity: string; readonly soljson: Uint8Array },
): Promise<CompilerRelease> {
  const started = await CompilerProcess.start(path);
  started.end();
  if (!started.version.startsWith(`${version}+`))
    throw new ServerError(
      'compiler/tampered',
      `expected solc ${version}, got ${JSON.stringify(started.version.slice(0, 60))}; do not use it`,
    );
  return { version, longVersion: started.version, sha256: createHash('sha256').update(soljson).digest('hex'), integrity };
}

/** Another process may have been faster; then its result stays. */
function place(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(join(to, MANIFEST))) throw error;
  }
}
