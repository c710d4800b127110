/** The installed Python packages of the native lanes. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `assay sandbox install` left in `<data directory>/sandbox/native`. */
export interface InstalledImage {
  readonly packages: string;
  readonly matplotlib: string;
  /** e.g. `pandas 3.0.0`. */
  readonly names: readonly string[];
  /** e.g. `cp311`: the interpreter the packages were installed for. */
  readonly tag: string;
  /** SHA-256 over path, size and content of every file, lower-case hex. */
  readonly sha256: string;
}

/** The image for this interpreter, or `null` when nothing fitting is installed. */
export function readInstalledImage(directory: string, tag: string): InstalledImage | null {
  const root = join(directory, 'sandbox', 'native', tag);
  const manifest = join(root, 'manifest.json');
  if (!existsSync(manifest)) return null;
  const { names, sha256 } = JSON.parse(readFileSync(manifest, 'utf8')) as { names: string[]; sha256: string };
  return { packages: join(root, 'packages'), matplotlib: join(root, 'matplotlib'), names, tag, sha256 };
}
