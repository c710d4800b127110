/** The compilers on this machine: `<folder>/<version>/soljson.js` with a manifest of where it came from and what it must hash to. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { CompilerRelease } from '../../ports/compilers.ts';

export const MANIFEST = 'manifest.json';
export const SOLJSON = 'soljson.js';

const manifestSchema = z.object({
  v: z.literal(1),
  version: z.string(),
  longVersion: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  integrity: z.string().startsWith('sha512-'),
});

/**
 * The compilers in `folder`, newest first. Not checked here: their bytes, see {@link verifiedSoljson}.
 * @example installedCompilers('/var/lib/assay/compilers')[0]?.version
 */
export function installedCompilers(folder: string): readonly CompilerRelease[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => semver.valid(name) === name && existsSync(join(folder, name, MANIFEST)))
    .sort(semver.rcompare)
    .map((name) => readManifest(folder, name));
}

function readManifest(folder: string, version: string): CompilerRelease {
  const path = join(folder, version, MANIFEST);
  const parsed = manifestSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (parsed.success && parsed.data.version === version) return parsed.data;
  throw new ServerError(
    'compiler/tampered',
    `expected a manifest of compiler ${version} in ${path}, got something else; remove the folder and run: assay solc add ${version}`,
  );
}

/**
 * The path of a compiler whose bytes are those of its manifest.
 * @throws {ServerError} `compiler/tampered`.
 */
export function verifiedSoljson(folder: string, { version, sha256 }: CompilerRelease): string {
  const path = join(folder, version, SOLJSON);
  const actual = createHash('sha256').update(readFileSync(path)).digest('hex');
  if (actual === sha256) return path;
  throw new ServerError(
    'compiler/tampered',
    `expected compiler ${version} with SHA-256 ${sha256}, got ${actual}; remove its folder and run: assay solc add ${version}`,
  );
}
