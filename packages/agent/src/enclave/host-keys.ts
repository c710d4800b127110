/**
 * Keys that the host hands to an enclave at its start. An image is public and measured, so no key can lie in it. What comes from the host is
 * measured by nothing, so it may hold what stands in `ALLOWED` and nothing else. None of it changes where a prompt goes: keys of a provider's own
 * name would. What is for KMS decides which secret opens, and the agent id commits to that: a host that hands over another one gets another agent.
 */

import { parseEnvFile } from '@assay/encoding/env-file';
import type { Environment } from '../env-file.ts';
import { ServerError } from '../errors.ts';
import type { EnclaveNetwork } from './network.ts';
import type { Programs } from './programs.ts';

/** Where gvproxy shows the parent's loopback, and the port on which run-enclave.sh serves the file. */
const OVER_GVPROXY = 'http://192.168.127.254:7048/';
const OVER_VSOCK = 'VSOCK-CONNECT:3:7048';
const MAX_BYTES = 64 * 1024;
const PATIENCE_MS = 10_000;
const ALLOWED: ReadonlySet<string> = new Set([
  'ASSAY_API_KEY',
  'ASSAY_OPERATOR_KEY',
  'AI_API_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'ASSAY_KMS_CIPHERTEXT',
  'ASSAY_KMS_FIRST_START',
]);

/**
 * The keys of the host, lines `NAME=value`.
 * @throws {ServerError} `network/unavailable` when the host does not answer; `config/bad-value` for a line that is no key. A value is never repeated.
 * @example const keys = await hostKeys('gvproxy', systemPrograms)
 */
export async function hostKeys(network: EnclaveNetwork, programs: Programs, url = OVER_GVPROXY): Promise<Environment> {
  if (network === 'vsock') return keysIn(await programs.run('socat', ['-u', OVER_VSOCK, 'STDOUT']));
  const text = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS), redirect: 'error' })
    .then((response) => (response.ok ? limited(response) : Promise.reject(new Error(`HTTP ${response.status}`))))
    .catch((cause: unknown) => {
      throw new ServerError(
        'network/unavailable',
        `expected the keys of the host at ${new URL(url).host}, got ${cause instanceof Error ? cause.message : 'nothing'}; start the enclave by run-enclave.sh with a file of keys, or set ASSAY_HOST_KEYS=off`,
        { cause },
      );
    });
  return keysIn(text);
}

function keysIn(text: string): Environment {
  const file = parseEnvFile(text);
  if (file.type !== 'settings')
    throw new ServerError(
      'config/bad-value',
      `expected lines NAME=value from the host, got something else in line ${file.line}; mend the file of keys`,
    );
  const other = Object.keys(file.settings).find((name) => !ALLOWED.has(name));
  if (other !== undefined)
    throw new ServerError(
      'config/bad-value',
      `expected ${[...ALLOWED].join(', ')} from the host, got ${other.slice(0, 60)}; set it when the image is built, so that it is measured`,
    );
  return file.settings;
}

async function limited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
