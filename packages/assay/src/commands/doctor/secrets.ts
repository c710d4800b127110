/** Which secrets outlive a restart, where they lie, and who could read them there. */

import { join } from 'node:path';
import type { Config, TeeSurvey } from '@assay/agent';
import { isCoded } from '@assay/encoding/coded-error';
import type { Finding } from './finding.ts';

/** The files of a machine; replaced in tests. */
interface Files {
  readonly exists: (path: string) => boolean;
  readonly read: (path: string) => Promise<Uint8Array>;
}

const what = 'secrets';
const LOST = 'variables and wallets of an operator are lost with the enclave';
/** KMS's ciphertext in the data directory, as the agent writes it. */
const KMS_FILE = 'kms-secret.txt';

/**
 * Whether the keys of the store and the log lie on a disk that the host can read. On a confidential virtual machine (TDX, SEV-SNP) they do: the
 * platform protects memory alone, and keeps no keys.
 */
export function liesOnOpenDisk({ kind, detail, keepsSecret }: TeeSurvey): boolean {
  return kind === 'hardware' && !keepsSecret && detail.startsWith('configfs-tsm');
}

/** @example findings.push(await secrets(survey, config, thisMachine(await import('@assay/agent'), io.env.PATH))) */
export async function secrets(survey: TeeSurvey, config: Config, files: Files): Promise<Finding> {
  const { kind, keepsSecret } = survey;
  const { operatorManifest, dataDir } = config;
  if (kind !== 'hardware')
    return { what, standing: 'warning', detail: `keys lie in files of ${dataDir}: who reads the disk reads them` };
  if (keepsSecret)
    return {
      what,
      standing: 'ok',
      detail: 'the platform gives this code a key of its own; variables and wallets outlive a restart',
    };
  if (liesOnOpenDisk(survey))
    return {
      what,
      standing: 'warning',
      detail: `data-key.json and log-key.json lie in clear in ${dataDir}: unless that is a tmpfs, or a disk encrypted under a key in this machine's memory, the host reads them, and stored prompts with them; see deploy/cvm${operatorManifest === null ? '' : `; ${LOST}`}`,
    };
  if (operatorManifest === null)
    return { what, standing: 'ok', detail: 'the platform keeps no key: the store ends with the enclave' };
  return manifestSecret(operatorManifest, config, files);
}

/** Of a manifest on a platform that keeps no key: AWS KMS may keep the wallet. */
async function manifestSecret(file: string, { kms, dataDir }: Config, files: Files): Promise<Finding> {
  const { parseManifest } = await import('@assay/operator');
  const bytes = await files.read(file).catch(() => null);
  if (bytes === null) return { what, standing: 'problem', detail: `ASSAY_OPERATOR_MANIFEST: ${file} cannot be read` };
  try {
    if (parseManifest(bytes).kms === null)
      return {
        what,
        standing: 'warning',
        detail: `the platform keeps no key: ${LOST}; on AWS Nitro name a KMS key in the manifest (docs/operator.md)`,
      };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { what, standing: 'problem', detail: error.message };
  }
  if (kms.accessKeyId === null || kms.secretAccessKey === null)
    return {
      what,
      standing: 'problem',
      detail: 'AWS KMS keeps the wallet, and there are no credentials; hand over AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    };
  if (kms.ciphertext !== null || files.exists(join(dataDir, KMS_FILE)))
    return {
      what,
      standing: 'ok',
      detail: 'AWS KMS keeps the wallet, whose sealed secret is here; the store ends with the enclave',
    };
  if (kms.firstStart)
    return {
      what,
      standing: 'warning',
      detail: 'this first start makes a new wallet under AWS KMS; keep wallet.kms_ciphertext of /api/v1/config for the next',
    };
  return {
    what,
    standing: 'problem',
    detail:
      'AWS KMS keeps the wallet, and its sealed secret is missing; hand over ASSAY_KMS_CIPHERTEXT, or set ASSAY_KMS_FIRST_START=on to make a new wallet',
  };
}
