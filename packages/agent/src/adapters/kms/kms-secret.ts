/**
 * The operator's secret on AWS Nitro, kept by AWS KMS: a data key that KMS gives only to an enclave whose attestation document satisfies the
 * key's policy, encrypted to a key that lives in this process. What is stored is KMS's ciphertext, which is no secret.
 *
 * The manifest names the KMS key, so the attested agent id commits to it. Not checked: the key's policy. What the agent's own credentials may
 * do without an attestation document is asked (`DryRun`), and more than nothing is refused; others may have been given more.
 */

import { createHash, generateKeyPair, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { createKeyFile } from '@assay/ledger';
import { ServerError } from '../../errors.ts';
import type { Attester } from '../../ports/attester.ts';
import { openEnvelopedData } from './enveloped-data.ts';
import { KmsClient, type KmsSettings, kmsUnavailable } from './kms-client.ts';

/** In the data directory: base64 of KMS's ciphertext. */
const FILE = 'kms-secret.txt';
const SECRET_BYTES = 32;
const CONTEXT = { assay: 'operator/1' };
/** Of a ciphertext that is only asked for. */
const OTHER_CONTEXT = { assay: 'exposed/1' };
/** Bytes; KMS's own limit. */
const MAX_CIPHERTEXT = 6144;

export interface KmsSecretOptions {
  readonly attester: Attester;
  /** ARN of the manifest. */
  readonly key: string;
  readonly settings: KmsSettings;
  /** Absolute path of the data directory. */
  readonly directory: string;
}

interface KmsSecret {
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** Base64 of KMS's ciphertext: what the next start needs. No secret. */
  readonly ciphertext: string;
}

/**
 * The secret: made at the first start, the same at every later one. A start without the ciphertext makes another wallet, so it is refused
 * unless the settings call it the first.
 * @throws {ServerError} `operator/secret-missing`, `operator/secret-unavailable`, `operator/secret-exposed`.
 * @example const { secret } = await openKmsSecret({ attester, key: manifest.kms.key, settings, directory })
 */
export async function openKmsSecret(options: KmsSecretOptions): Promise<KmsSecret> {
  const { attester, key, settings, directory } = options;
  const client = new KmsClient(key, settings);
  if (!client.url.startsWith('https://') && !attester.simulated)
    throw kmsUnavailable(`${new URL(client.url).origin} is not HTTPS, and the machine in between could answer; use HTTPS`);
  const file = join(directory, FILE);
  const sealed = settings.ciphertext ?? (await readSealed(file));
  if (sealed === null && !settings.firstStart)
    throw new ServerError(
      'operator/secret-missing',
      `expected the sealed secret of the wallet in ASSAY_KMS_CIPHERTEXT or in ${FILE} of the data directory, got neither; hand over the one that the first start showed, or set ASSAY_KMS_FIRST_START=on to make a new wallet`,
    );
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const Recipient = {
    KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    AttestationDocument: await documentFor(attester, publicKey),
  };
  const common = { KeyId: key, EncryptionContext: CONTEXT };
  const asked: readonly [string, JsonObject] =
    sealed === null
      ? ['GenerateDataKey', { ...common, KeySpec: 'AES_256', Recipient }]
      : ['Decrypt', { ...common, CiphertextBlob: checked(sealed), Recipient }];
  const answer = await client.call(...asked);
  if (!answer.ok)
    throw kmsUnavailable(`it answers ${asked[0]} with ${answer.error}; see that the key's policy names this image`);
  const { KeyId, Plaintext, CiphertextForRecipient, CiphertextBlob } = answer.body;
  if (KeyId !== key)
    throw kmsUnavailable('it answers with another key; see that the manifest names the ARN of a key, not of an alias');
  if (typeof Plaintext === 'string' && Plaintext !== '') throw exposed(`${asked[0]} came back in clear`);
  const secret = await opened(CiphertextForRecipient, privateKey);
  const blob = sealed ?? String(CiphertextBlob);
  await refuseExposed(client, common, checked(blob));
  // Before the secret is used: without this file its wallet is lost. Where another agent made the file first, its secret is the one.
  if (sealed === null && !createKeyFile(file, `${blob}\n`)) return openKmsSecret(options);
  return { secret, ciphertext: blob };
}

/** A document of this enclave that carries the key. Its user data is a digest of a purpose of its own, so it is no report of a keyset. */
async function documentFor(attester: Attester, publicKey: KeyObject): Promise<string> {
  const der = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  const statement = canonicalJson({ purpose: 'assay.kms.v1', public_key_hash: createHash('sha256').update(der).digest('hex') });
  const statementDigest = new Uint8Array(createHash('sha256').update(statement).digest());
  const { evidenceType, evidence } = await attester.attest({ statementDigest, nonce: null, channelPublicKey: der });
  if (evidenceType === 'nitro' && typeof evidence.document === 'string') return evidence.document;
  throw kmsUnavailable(`KMS takes documents of AWS Nitro, and this is ${attester.name}; take kms out of the manifest`);
}

/**
 * Asks whether the agent's own credentials reach the secret without an attestation document.
 * @throws {ServerError} `operator/secret-exposed`, `operator/secret-unavailable`.
 */
async function refuseExposed(client: KmsClient, common: JsonObject, ciphertext: string): Promise<void> {
  const key = String(common.KeyId);
  const [, partition, , , account] = key.split(':');
  const questions: readonly (readonly [string, JsonObject])[] = [
    ['Decrypt', { ...common, CiphertextBlob: ciphertext }],
    ['GenerateDataKey', { ...common, KeySpec: 'AES_256' }],
    ['Encrypt', { ...common, Plaintext: encodeBase64(new Uint8Array(SECRET_BYTES)) }],
    [
      'ReEncrypt',
      {
        CiphertextBlob: ciphertext,
        SourceKeyId: key,
        SourceEncryptionContext: CONTEXT,
        DestinationKeyId: key,
        DestinationEncryptionContext: OTHER_CONTEXT,
      },
    ],
    ['CreateGrant', { KeyId: key, GranteePrincipal: `arn:${partition}:iam::${account}:root`, Operations: ['Decrypt'] }],
  ];
  for (const [operation, request] of questions) {
    const answer = await client.call(operation, { ...request, DryRun: true });
    if (answer.ok || answer.error === 'DryRunOperationException') throw exposed(`${operation} is allowed`);
    if (answer.error !== 'AccessDeniedException')
      throw kmsUnavailable(`it answers a dry run of ${operation} with ${answer.error}`);
  }
}

function exposed(what: string): ServerError {
  return new ServerError(
    'operator/secret-exposed',
    `expected a KMS key that serves attested enclaves alone, got one that serves anyone with the agent's credentials: ${what}; add kms:RecipientAttestation conditions to every statement of its policy, allow kms:Encrypt, kms:ReEncrypt* and kms:CreateGrant in none, and take a new secret`,
  );
}

async function opened(envelope: unknown, privateKey: KeyObject): Promise<Uint8Array> {
  let secret: Uint8Array;
  try {
    if (typeof envelope !== 'string') throw new Error('expected CiphertextForRecipient');
    secret = await openEnvelopedData(decodeBase64(envelope), privateKey);
  } catch (cause) {
    throw kmsUnavailable('its answer does not open', cause);
  }
  if (secret.length === SECRET_BYTES) return secret;
  throw kmsUnavailable(`its answer holds ${secret.length} bytes in place of ${SECRET_BYTES}`);
}

function checked(ciphertext: string): string {
  try {
    const { length } = decodeBase64(ciphertext);
    if (length > 0 && length <= MAX_CIPHERTEXT) return ciphertext;
  } catch {
    // As for a wrong length.
  }
  throw kmsUnavailable(
    `the sealed secret is no base64 of at most ${MAX_CIPHERTEXT} bytes; restore ${FILE} or ASSAY_KMS_CIPHERTEXT`,
  );
}

async function readSealed(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw kmsUnavailable(`${file} cannot be read; check its permissions`, cause);
  }
}
