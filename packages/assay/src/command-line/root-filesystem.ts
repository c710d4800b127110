/** The unpacked root filesystem of an image: what the simulated evidence of the agent in it will say. */

import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EncodingError } from '@assay/encoding/errors';
import { encodeHex } from '@assay/encoding/hex';
import { isJsonObject, type Json, parseJson } from '@assay/encoding/json';
import type { Measured } from '@assay/reference-values';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { notAnImageFolder } from './not-an-image.ts';
import { readFileOf } from './subject.ts';

const ABOUT = 'etc/assay/image.json';
/** What the image's build leaves next to `rootfs.tar`. */
const MEASURABLE = ['assay.eif', 'app-compose.json'] as const;
const MAX_BYTES = 64 * 1024;

/**
 * @param path folder that `rootfs.tar` was unpacked into.
 * @throws {CliError} `cli/not-an-image` for a folder that holds no such image; `cli/file-unreadable`.
 */
export async function measuredRoot(path: string, io: Io): Promise<Measured> {
  const bytes = await readFileOf(io, join(path, ABOUT), MAX_BYTES).catch(async (cause: unknown) => {
    if (!isAbsent(cause)) throw cause;
    throw notAnImageFolder(path, ABOUT, await measurableIn(resolve(io.cwd, path)));
  });
  const about = jsonOf(bytes);
  const { node, platform, arch, version, commit, tree } = isJsonObject(about) ? about : {};
  if (![node, platform, arch].every((each) => typeof each === 'string'))
    throw notAnImageFolder(path, `node, platform and arch in ${ABOUT}`, []);
  const { codeInImage, measureCode } = await import('@assay/agent');
  const registers = await measureCode(codeInImage(resolve(io.cwd, path, 'assay'), `${node} ${platform} ${arch}`));
  const values = [0, 1, 2].map((index) => [`pcr${index}`, encodeHex(registers.get(index) ?? new Uint8Array(48))]);
  return {
    type: 'nitro',
    values: Object.fromEntries(values),
    inputs: { [ABOUT]: createHash('sha256').update(bytes).digest('hex') },
    facts: {
      'evidence that says this': 'simulated: no hardware measures a root filesystem',
      version: String(version ?? 'unknown'),
      commit: String(commit ?? 'unknown'),
      tree: String(tree ?? 'unknown'),
    },
    notComputed: [],
  };
}

/** The path leads nowhere, as opposed to a file that cannot be read. */
function isAbsent(error: unknown): boolean {
  const cause: unknown = CliError.is(error) ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR');
}

async function measurableIn(folder: string): Promise<readonly string[]> {
  const names = new Set(await readdir(folder).catch((): string[] => [])); // it may be one that cannot be listed
  return MEASURABLE.filter((name) => names.has(name));
}

function jsonOf(bytes: Uint8Array): Json | null {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (EncodingError.is(error)) return null;
    throw error;
  }
}
