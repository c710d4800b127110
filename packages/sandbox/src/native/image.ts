/** The installed Python packages of the native lanes. */

import { createHash, hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { SandboxError } from '../errors.ts';
import { IMAGES, type ImageKind } from './images.ts';

/** Other work of the agent gets a turn after this much. */
const TURN_BYTES = 8 * 1024 * 1024;

/** What `assay sandbox install` left in `<data directory>/sandbox/<kind>/<tag>`. */
export interface InstalledImage {
  readonly kind: ImageKind;
  readonly root: string;
  readonly packages: string;
  /** Settings and font cache of matplotlib, where the image has it. */
  readonly matplotlib: string | null;
  /** e.g. `pandas 3.1.1`, the main packages first. */
  readonly names: readonly string[];
  /** e.g. `cp311`: the interpreter the packages were installed for. */
  readonly tag: string;
  /** {@link digestTree} of the directory, lower-case hex. */
  readonly sha256: string;
}

/** Where the image for this interpreter is, installed or not. */
export function imageRoot(directory: string, tag: string, kind: ImageKind = 'native'): string {
  return join(directory, 'sandbox', kind, tag);
}

/** The image for this interpreter, or `null` when none is installed. Not checked here: its digest, see {@link verifyImage}. */
export function readInstalledImage(directory: string, tag: string, kind: ImageKind = 'native'): InstalledImage | null {
  const root = imageRoot(directory, tag, kind);
  const manifest = join(root, 'manifest.json');
  if (!existsSync(manifest)) return null;
  const { names, sha256 } = JSON.parse(readFileSync(manifest, 'utf8')) as { names: string[]; sha256: string };
  const matplotlib = IMAGES[kind].fonts ? join(root, 'matplotlib') : null;
  return { kind, root, packages: join(root, 'packages'), matplotlib, names, tag, sha256 };
}

/**
 * Reads every file again and compares.
 *
 * @throws {SandboxError} `sandbox/tampered` when something differs from what was installed.
 */
export async function verifyImage(image: InstalledImage): Promise<void> {
  const sha256 = await digestTree(image.root);
  if (sha256 === image.sha256) return;
  throw new SandboxError(
    'sandbox/tampered',
    `expected the packages in ${image.root} with digest ${image.sha256}, got ${sha256}; delete the directory and run 'assay sandbox install'`,
  );
}

/**
 * SHA-256 over `path NUL sha256 NUL` of every file below, sorted by path; what `leftOut` names (the manifest) is passed over. Lower-case hex.
 * @example await digestTree('/var/lib/assay/sandbox/native/2026-11')
 */
export async function digestTree(
  root: string,
  leftOut: (path: string) => boolean = (path) => path === 'manifest.json',
): Promise<string> {
  const files = readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ path: relative(root, join(entry.parentPath, entry.name)), plain: entry.isFile() }))
    .filter(({ path }) => !leftOut(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const whole = createHash('sha256');
  let sinceTurn = 0;
  for (const { path, plain } of files) {
    const bytes = plain ? readFileSync(join(root, path)) : null;
    whole.update(`${path}\0${bytes === null ? 'no plain file' : hash('sha256', bytes)}\0`);
    sinceTurn += bytes?.length ?? 0;
    if (sinceTurn < TURN_BYTES) continue;
    sinceTurn = 0;
    await turn();
  }
  return whole.digest('hex');
}
