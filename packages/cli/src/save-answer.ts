/** Writes what an agent answered into a folder: the answer as `attestation.json`, the code, the files it made, and the bundle. */

import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AgentApi } from './agent-api.ts';
import { CliError } from './errors.ts';

/** Names of the files written, in order. */
export async function saveAnswer(
  answer: Readonly<Record<string, unknown>>,
  agent: AgentApi,
  folder: string,
): Promise<readonly string[]> {
  const written: string[] = [];
  const write = async (name: string, content: string | Uint8Array): Promise<void> => {
    try {
      await writeFile(join(folder, name), content);
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
  const taken = new Set(['attestation.json', 'code.js', 'code.py', 'bundle.json']);
  for (const artifact of Array.isArray(answer.artifacts) ? answer.artifacts : []) {
    const { path, url } = artifact as Readonly<Record<string, unknown>>;
    if (typeof path !== 'string' || typeof url !== 'string') continue;
    const name = freeName(basename(path), taken);
    // The path, not the host, is the agent's to choose: files come from the agent that was asked.
    await write(name, await agent.bytes(new URL(url).pathname));
  }
  await write('bundle.json', await agent.bytes(`/bundles/${encodeURIComponent(String(answer.receipt_id))}`));
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
