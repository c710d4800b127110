/**
 * AWS Nitro Enclaves: asks the Nitro Secure Module for an attestation document. Request and response are CBOR
 * (aws-nitro-enclaves-nsm-api, `Request::Attestation`). The statement goes into `user_data`, the client's nonce into `nonce`, the
 * channel's key into `public_key` (spec/keyset.md §3).
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseNitroDocument } from '@assay/attestation';
import { encodeBase64 } from '@assay/encoding/base64';
import { type CborValue, decodeCbor, encodeCbor } from '@assay/encoding/cbor';
import { isCoded } from '@assay/encoding/coded-error';
import { findRuntimeFiles } from '@assay/sandbox';
import { ServerError } from '../../../errors.ts';
import type { Attester } from '../../../ports/attester.ts';

/** One exchange with the module: CBOR in, CBOR out. */
export type NsmExchange = (request: Uint8Array) => Promise<Uint8Array>;

export const NSM_DEVICE = '/dev/nsm';
const TIMEOUT_MS = 10_000;
const PROGRAM = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './nsm-device.ts' : './nsm-device.js', import.meta.url),
);
const FAILURES: Readonly<Record<number, string>> = {
  2: 'the request is too long for it',
  3: 'it cannot be opened for reading and writing',
  4: 'it refused the call (raw requests need CAP_SYS_ADMIN)',
  5: 'its response is too long',
};

/** The attester of this enclave, or `null` outside of one. */
export function openNitroAttester(device: string = NSM_DEVICE): Attester | null {
  return existsSync(device) ? createNitroAttester((request) => askDevice(request, { device })) : null;
}

/**
 * An attester over any exchange with a module.
 * @throws from `attest`: {ServerError} `attester/unavailable` with the module's own error name.
 */
export function createNitroAttester(exchange: NsmExchange): Attester {
  return {
    name: 'AWS Nitro',
    simulated: false,
    attest: async ({ statementDigest, nonce, nonceLength, channelPublicKey }) => {
      const fields = new Map<CborValue, CborValue>([
        ['user_data', statementDigest],
        ['nonce', nonce?.subarray(0, nonceLength) ?? null],
        ['public_key', channelPublicKey],
      ]);
      const response = decodeCbor(await exchange(encodeCbor(new Map<CborValue, CborValue>([['Attestation', fields]]))));
      const document = documentOf(response);
      return {
        teeType: 'nitro',
        evidenceType: 'nitro',
        evidence: { document: encodeBase64(document) },
        platformTime: timeIn(document),
      };
    },
  };
}

/** When the hypervisor says the document was made; a document that cannot be read is refused further on. */
function timeIn(document: Uint8Array): number | undefined {
  try {
    return parseNitroDocument(document).timestamp;
  } catch (error) {
    if (isCoded(error)) return undefined;
    throw error;
  }
}

function documentOf(response: CborValue): Uint8Array {
  const attestation = response instanceof Map ? response.get('Attestation') : undefined;
  const document = attestation instanceof Map ? attestation.get('document') : undefined;
  if (document instanceof Uint8Array && document.length > 0) return document;
  const name = response instanceof Map ? response.get('Error') : undefined;
  throw new ServerError(
    'attester/unavailable',
    `expected an attestation document from the Nitro Secure Module, got ${typeof name === 'string' ? name : 'another response'}; check that nothing but this enclave's agent uses it`,
  );
}

/** Hands a request to the device through a deno child with no other right than foreign calls. */
export function askDevice(
  request: Uint8Array,
  options: { readonly device: string; readonly library?: string },
): Promise<Uint8Array> {
  const flags = [
    'run',
    '--no-prompt',
    '--no-remote',
    '--no-npm',
    '--no-config',
    '--no-lock',
    '--no-code-cache',
    '--allow-ffi',
    PROGRAM,
  ];
  const child = spawn(
    findRuntimeFiles().deno.path,
    [...flags, options.device, ...(options.library === undefined ? [] : [options.library])],
    {
      env: { DENO_DIR: '/dev/null/x', NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    },
  );
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const refuse = (why: string, cause?: unknown): void =>
      reject(
        new ServerError(
          'attester/unavailable',
          `the Nitro Secure Module at ${options.device} did not answer: ${why}; check the device`,
          {
            cause,
          },
        ),
      );
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stdin.on('error', () => undefined); // the exit code tells
    child.once('error', (cause) => refuse('deno did not start', cause));
    child.once('close', (code) => {
      if (code === 0 && chunks.length > 0) resolve(new Uint8Array(Buffer.concat(chunks)));
      else refuse(FAILURES[code ?? -1] ?? `the helper ended with ${code ?? 'a signal'}`);
    });
    child.stdin.end(request);
  });
}
