/**
 * The enclave image file: AWS's kernel and init program from the Nitro CLI's folder of blobs, our root filesystem below `rootfs/`, and the files `cmd`
 * and `env` that the init program reads (aws-nitro-enclaves-cli, enclave_build). No container engine is asked.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeEif } from '@assay/reference-values';
import { writeCpio } from './cpio.ts';
import { arranged, type Entry, file } from './entries.ts';

export interface EnclaveImageOptions {
  readonly root: readonly Entry[];
  /** Folder with bzImage, cmdline, init and nsm.ko. */
  readonly blobs: string;
  readonly command: readonly string[];
  readonly environment: readonly string[];
  /** Epoch seconds. */
  readonly time: number;
  /** gzip. */
  readonly pack: (bytes: Uint8Array) => Uint8Array;
}

/** @throws Error when a blob is missing. */
export function enclaveImage({ root, blobs, command, environment, time, pack }: EnclaveImageOptions): Uint8Array {
  const blob = (name: string): Uint8Array => {
    try {
      return readFileSync(join(blobs, name));
    } catch {
      throw new Error(`expected ${name} in ${blobs}, got none; install aws-nitro-enclaves-cli-devel`);
    }
  };
  const init = [file('init', blob('init'), 0o755), file('nsm.ko', blob('nsm.ko'))];
  const application = [
    file('cmd', `${command.join('\n')}\n`),
    file('env', `${environment.join('\n')}\n`),
    ...root.map((entry) => ({ ...entry, path: `rootfs/${entry.path}` })),
  ];
  return encodeEif({
    architecture: 'x86_64',
    kernel: blob('bzImage'),
    cmdline: new TextDecoder().decode(blob('cmdline')).trim(),
    metadata: JSON.stringify({ ImageName: 'assay', OperatingSystem: 'Linux', BuildMetadata: { BuildTool: 'image/build.ts' } }),
    ramdisks: [init, application].map((entries) => pack(writeCpio(arranged(entries), time))) as [Uint8Array, ...Uint8Array[]],
  });
}
