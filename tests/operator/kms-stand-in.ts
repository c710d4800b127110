/**
 * AWS KMS as enclaves use it: checks Signature Version 4, verifies the attestation document, holds it against the key's policy, and answers
 * with CMS EnvelopedData to the document's key, in BER of indefinite length as KMS writes it. Dry runs and errors have KMS's names.
 */

import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseNitroDocument, trustAnchor, verifyNitroDocument } from '@assay/attestation';
import { encodeHex } from '@assay/encoding/hex';
import { decodePem } from '@assay/encoding/pem';
import { onTestFinished } from 'vitest';

export const KMS_KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
export const KMS_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  AWS_SESSION_TOKEN: 'session-of-the-instance',
};
/** Seconds; as KMS takes documents. */
const MAX_DOCUMENT_AGE = 300;

/** The key's policy, and what goes wrong. */
export interface KmsRules {
  /** PEM of the root that documents lead to. */
  readonly root: () => string;
  /** PCR 0, hex, that `kms:RecipientAttestation:PCR0` asks for; `null`: that of the first document. */
  pcr0: string | null;
  /** Operations that are allowed without a document. */
  readonly open: Set<string>;
  /** Changes an answer on its way. */
  tamper: (body: Record<string, unknown>) => Record<string, unknown>;
}

type Request = Readonly<Record<string, unknown>>;

export interface StandInKms {
  readonly url: string;
  readonly rules: KmsRules;
  /** Operations that were answered, in order; dry runs are left out. */
  readonly calls: string[];
}

class Refusal extends Error {}

export async function startKms(root: () => string): Promise<StandInKms> {
  const master = randomBytes(32);
  const calls: string[] = [];
  const rules: KmsRules = { root, pcr0: null, open: new Set(), tamper: (body) => body };

  async function answer(operation: string, request: Request): Promise<Record<string, unknown>> {
    const keys = operation === 'ReEncrypt' ? [request.SourceKeyId, request.DestinationKeyId] : [request.KeyId];
    if (keys.some((key) => key !== KMS_KEY)) throw new Refusal('NotFoundException');
    if (operation === 'CreateGrant') checkGrant(request);
    const recipient = request.Recipient as { AttestationDocument: string; KeyEncryptionAlgorithm: string } | undefined;
    if (recipient === undefined) {
      if (!rules.open.has(operation)) throw new Refusal('AccessDeniedException');
      if (request.DryRun === true) throw new Refusal('DryRunOperationException');
      throw new Refusal('ValidationException');
    }
    if (recipient.KeyEncryptionAlgorithm !== 'RSAES_OAEP_SHA_256') throw new Refusal('ValidationException');
    const publicKey = await attestedKey(recipient.AttestationDocument, rules);
    const context = canonical(request.EncryptionContext as Record<string, string>);
    calls.push(operation);
    if (operation === 'GenerateDataKey') {
      const secret = randomBytes(32);
      const blob = sealed(master, secret, context);
      return { KeyId: KMS_KEY, CiphertextBlob: blob, CiphertextForRecipient: envelope(secret, publicKey).toString('base64') };
    }
    if (operation !== 'Decrypt') throw new Refusal('UnknownOperationException');
    const secret = unsealed(master, String(request.CiphertextBlob), context);
    return {
      KeyId: KMS_KEY,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      CiphertextForRecipient: envelope(secret, publicKey).toString('base64'),
    };
  }

  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    try {
      checkSignature(request.headers, body);
      const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
      response.end(JSON.stringify(rules.tamper(await answer(operation, JSON.parse(body) as Request))));
    } catch (error) {
      const type = error instanceof Refusal ? error.message : 'InternalFailure';
      response.writeHead(400).end(JSON.stringify({ __type: type, message: 'refused' }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, rules, calls };
}

function checkGrant({ GranteePrincipal, Operations }: Request): void {
  if (GranteePrincipal !== 'arn:aws:iam::111122223333:root') throw new Refusal('InvalidArnException');
  if (!Array.isArray(Operations) || Operations.length === 0) throw new Refusal('ValidationException');
}

async function attestedKey(encoded: string, rules: KmsRules): Promise<Uint8Array> {
  const [root] = decodePem(rules.root());
  const document = parseNitroDocument(Buffer.from(encoded, 'base64'));
  if (root === undefined) throw new Refusal('AccessDeniedException');
  await verifyNitroDocument(document, {
    now: Date.now(),
    anchors: [trustAnchor('the simulator', root.der, { simulated: true })],
  });
  if (Math.abs(Date.now() - document.timestamp) > MAX_DOCUMENT_AGE * 1000) throw new Refusal('ValidationException');
  const pcr0 = encodeHex(document.pcrs.get(0) ?? new Uint8Array());
  rules.pcr0 ??= pcr0;
  if (rules.pcr0 !== pcr0) throw new Refusal('AccessDeniedException');
  if (document.publicKey === null) throw new Refusal('ValidationException');
  return document.publicKey;
}

/** Signature Version 4 of a request, computed again. */
function checkSignature(headers: IncomingHttpHeaders, body: string): void {
  const refused = new Refusal('InvalidSignatureException');
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([0-9]{8})\/([^/]+)\/kms\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  const [, id, day = '', region = '', names = '', signature] = found ?? [];
  const time = String(headers['x-amz-date']);
  if (id !== KMS_CREDENTIALS.AWS_ACCESS_KEY_ID || region !== 'eu-central-1' || !time.startsWith(day)) throw refused;
  if (headers['x-amz-security-token'] !== KMS_CREDENTIALS.AWS_SESSION_TOKEN) throw refused;
  for (const needed of ['host', 'x-amz-date', 'x-amz-target', 'x-amz-security-token'])
    if (!names.split(';').includes(needed)) throw refused;
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const lines = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const canonicalRequest = ['POST', '/', '', lines.join(''), names, sha256(body)].join('\n');
  const scope = `${day}/${region}/kms/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest)].join('\n');
  const hmac = (key: Buffer | string, part: string): Buffer => createHmac('sha256', key).update(part).digest();
  const key = [day, region, 'kms', 'aws4_request'].reduce<Buffer | string>(
    hmac,
    `AWS4${KMS_CREDENTIALS.AWS_SECRET_ACCESS_KEY}`,
  );
  if (hmac(key as Buffer, text).toString('hex') !== signature) throw refused;
}

const canonical = (context: Record<string, string>): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));

function sealed(master: Buffer, secret: Buffer, context: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', master, nonce).setAAD(context);
  const bytes = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), bytes]).toString('base64');
}

function unsealed(master: Buffer, blob: string, context: Buffer): Buffer {
  const bytes = Buffer.from(blob, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', master, bytes.subarray(0, 12)).setAAD(context);
    decipher.setAuthTag(bytes.subarray(12, 28));
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
  } catch {
    throw new Refusal('InvalidCiphertextException');
  }
}

// BER. Constructed values of indefinite length, as KMS writes them; the rest is DER.
const definite = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
};
const indefinite = (tag: number, ...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.from([0, 0])]);
const oid = (hex: string): Buffer => definite(0x06, Buffer.from(hex, 'hex'));
const NULL = Buffer.from([0x05, 0x00]);
const SHA_256 = definite(0x30, oid('608648016503040201'), NULL);
const MGF1 = definite(0x30, oid('2a864886f70d010108'), SHA_256);
const OAEP = definite(0x30, oid('2a864886f70d010107'), definite(0x30, definite(0xa0, SHA_256), definite(0xa1, MGF1)));

/** EnvelopedData to one RSA key (SubjectPublicKeyInfo). */
export function envelope(content: Uint8Array, spki: Uint8Array, { oaepHash = 'sha256' } = {}): Buffer {
  const key = randomBytes(32);
  const iv = randomBytes(16);
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, key);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const encrypted = Buffer.concat([cipher.update(content), cipher.final()]);
  const version = definite(0x02, Buffer.from([2]));
  const recipient = definite(
    0x30,
    version,
    definite(0x80, createHash('sha256').update(spki).digest()),
    OAEP,
    definite(0x04, wrapped),
  );
  const algorithm = definite(0x30, oid('60864801650304012a'), definite(0x04, iv));
  const info = indefinite(0x30, oid('2a864886f70d010701'), algorithm, indefinite(0xa0, definite(0x04, encrypted)));
  const enveloped = indefinite(0x30, version, definite(0x31, recipient), info);
  return indefinite(0x30, oid('2a864886f70d010703'), indefinite(0xa0, enveloped));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}
