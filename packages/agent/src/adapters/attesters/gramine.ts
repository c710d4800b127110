/**
 * Gramine on Intel SGX: pseudo-files under `/dev/attestation` (Gramine manual, "Attestation and secret provisioning"). Writing
 * `user_report_data` and reading `quote` are two steps over one slot, so quotes are taken one after the other.
 */

import { hkdfSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeHex } from '@assay/encoding/hex';
import { ServerError } from '../../errors.ts';
import type { Attester, AttesterEvidence } from '../../ports/attester.ts';
import { deviceFault } from './device-fault.ts';

const DIRECTORY = '/dev/attestation';
const REPORT_DATA_LENGTH = 64; // bytes
const SEALING_KEY_LENGTH = 16; // bytes
const SMALLEST_QUOTE = 436; // bytes: header 48, report body 384, length 4

/** The attester of this enclave, or `null` outside of Gramine. */
export function openGramineAttester(directory: string = DIRECTORY): Attester | null {
  if (!existsSync(join(directory, 'user_report_data'))) return null;
  let last: Promise<unknown> = Promise.resolve();
  return {
    name: 'Gramine SGX',
    simulated: false,
    attest: ({ statementDigest }) => {
      const take = () =>
        takeQuote(directory, statementDigest).catch((error: unknown) => {
          throw deviceFault(directory, error);
        });
      const turn = last.then(take, take);
      last = turn;
      return turn;
    },
    keptSecret: () => sealingKey(directory),
  };
}

/** 32 bytes from the sealing key that SGX derives for this enclave's measurement (16 bytes). */
async function sealingKey(directory: string): Promise<Uint8Array> {
  const key = new Uint8Array(await readFile(join(directory, 'keys', '_sgx_mrenclave')).catch(() => new Uint8Array(0)));
  if (key.length !== SEALING_KEY_LENGTH)
    throw new ServerError(
      'attester/unavailable',
      `expected a sealing key of ${SEALING_KEY_LENGTH} bytes in ${directory}/keys/_sgx_mrenclave, got ${key.length}; check the Gramine version`,
    );
  return new Uint8Array(hkdfSync('sha256', key, '', 'assay operator secret/1', 32));
}

async function takeQuote(directory: string, statementDigest: Uint8Array): Promise<AttesterEvidence> {
  const kind = (await readFile(join(directory, 'attestation_type'), 'utf8')).trim();
  if (kind !== 'dcap') {
    throw new ServerError(
      'attester/unavailable',
      `expected sgx.remote_attestation = "dcap" in the Gramine manifest, got ${JSON.stringify(kind.slice(0, 40))}; set it and sign the manifest again`,
    );
  }
  const reportData = new Uint8Array(REPORT_DATA_LENGTH);
  reportData.set(statementDigest);
  await writeFile(join(directory, 'user_report_data'), reportData, { flag: 'r+' });
  const quote = new Uint8Array(await readFile(join(directory, 'quote')));
  if (quote.length < SMALLEST_QUOTE)
    throw new ServerError(
      'attester/unavailable',
      `expected an SGX quote from Gramine, got ${quote.length} bytes; look into the log of the quoting service (AESM)`,
    );
  return { teeType: 'sgx', evidenceType: 'sgx', evidence: { quote: encodeHex(quote) } };
}
