/** Writes what an agent answered into a folder: the answer as `attestation.json`, the code, its output, the files it made, and the bundle. */

import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RunResult } from '../index.ts';
import { PRIVATE } from './destination.ts';
import { CliError } from './errors.ts';

/** Names of the files written, in order. */
export async function saveAnswer({ answer, files, bundle }: RunResult, folder: string): Promise<readonly string[]> {
  const written: string[] = [];
  const write = async (name: string, content: string | Uint8Array): Promise<void> => {
    try {
      await writeFile(join(folder, name), content, PRIVATE);
    } catch (cause) {
      throw new CliError(
        'cli/file-unwritable',
        `cannot write ${join(folder, name)}: ${(cause as NodeJS.ErrnoException).code}; check the folder`,
        { cause },
      );
    }
    written.push(name);
  };
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError('cli/file-unwritable', `cannot make ${folder}: ${cause.code}; check the path`, { cause });
  });
  await write('attestation.json', `${JSON.stringify(answer, null, 2)}\n`);
  if (typeof answer.generated_code === 'string')
    await write(answer.language === 'javascript' ? 'code.js' : 'code.py', answer.generated_code);
  if (typeof answer.output === 'string') await write('output.txt', answer.output);
  const taken = new Set(['attestation.json', 'code.js', 'code.py', 'output.txt', 'bundle.json']);
  for (const [path, bytes] of Object.entries(files)) await write(freeName(basename(path), taken), bytes);
  await write('bundle.json', bundle);
  return written;
}

/** A plain file name that is not taken; names come from the code that ran. */
function freeName(wanted: string, taken: Set<string>): string {
  const plain = wanted.replace(/[^\p{L}\p{N}._ -]/gu, '_').replace(/^\.+/, '_') || 'file';
  for (let count = 1; ; count++) {
    const name = count === 1 ? plain : `${count}-${plain}`;
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
}
