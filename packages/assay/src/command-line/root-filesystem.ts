/** The unpacked root filesystem of an image: what the simulated evidence of the agent in it will say. */

import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { encodeHex } from '@assay/encoding/hex';
import { isJsonObject, parseJson } from '@assay/encoding/json';
import type { Measured } from '@assay/reference-values';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { readFileOf } from './subject.ts';

const ABOUT = 'etc/assay/image.json';
const MAX_BYTES = 64 * 1024;

/**
 * @param path folder that `rootfs.tar` was unpacked into.
 * @throws {CliError} `cli/bad-option` for a folder that holds no such image; `cli/file-unreadable`.
 */
export async function measuredRoot(path: string, io: Io): Promise<Measured> {
  const bytes = await readFileOf(io, join(path, ABOUT), MAX_BYTES).catch((cause: unknown) => {
    throw new CliError(
      'cli/bad-option',
      `${path}: expected the root filesystem of an image, got no ${ABOUT} in it; unpack rootfs.tar there`,
      { cause },
    );
  });
  const about = parseJson(bytes);
  const { node, platform, arch, version, commit, tree } = isJsonObject(about) ? about : {};
  if (![node, platform, arch].every((each) => typeof each === 'string'))
    throw new CliError(
      'cli/bad-option',
      `${path}: expected node, platform and arch in ${ABOUT}, got none; build the image again`,
    );
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
