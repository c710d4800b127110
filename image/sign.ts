/**
 * Signs the statements of an image (`statements/*.json`) as DSSE envelopes next to them, `NAME.dsse.json`. A release workflow signs them through Sigstore
 * instead; this is for operators who publish under a key of their own. `assay policy from-releases --key` checks them.
 * Usage: npm run image:sign -- --help
 */

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@assay/encoding/bytes';
import { type DsseEnvelope, signEnvelope } from '@assay/receipt';
import { parseRelease } from '@assay/reference-values';
import { endWithFailure } from '../tools/program-failure.ts';
import { programOptions, refuseCall } from '../tools/program-options.ts';

/**
 * One statement in an envelope.
 * @param key Ed25519.
 * @throws {ReferenceValuesError} `release/malformed` for a statement without version and measurements.
 * @example JSON.stringify(signedStatement(text, createPrivateKey(pem)))
 */
export function signedStatement(statement: string, key: KeyObject): DsseEnvelope {
  parseRelease(utf8(statement));
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const keyId = `release-${createHash('sha256').update(spki).digest('hex').slice(0, 16)}`;
  return signEnvelope({ keyId, sign: (bytes) => new Uint8Array(sign(null, bytes, key)) }, statement);
}

/** The private key of a PEM file. @throws Error for another kind of key, or none. */
export function releaseKey(pem: string): KeyObject {
  const key = privateKeyOf(pem);
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new Error(`expected an Ed25519 key, got ${key.asymmetricKeyType}; make one: openssl genpkey -algorithm ed25519`);
}

/** PKCS #8 (RFC 5958 §3) and the older form of OpenSSL (RFC 1421 §4.6.1.1). */
const ENCRYPTED = /^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/m;

function privateKeyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    if (ENCRYPTED.test(pem))
      throw new Error(
        'expected a private key without a passphrase, got an encrypted one; decrypt it to a file that only you can read: openssl pkey -in key.pem -out release-key.pem',
        { cause },
      );
    throw new Error('expected a private key in PEM, got something else; make one: openssl genpkey -algorithm ed25519', {
      cause,
    });
  }
}

function signStatements(folder: string, key: KeyObject): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.json') && !each.endsWith('.dsse.json'))) {
    const envelope = signedStatement(readFileSync(join(folder, name), 'utf8'), key);
    const path = join(folder, name.replace(/json$/, 'dsse.json'));
    writeFileSync(path, `${JSON.stringify(envelope)}\n`);
    console.log(`${path}: signed by ${envelope.signatures[0]?.keyid}`);
  }
}

const PROGRAM = {
  call: 'npm run image:sign',
  does: 'Signs the statements of an image as DSSE envelopes, statements/NAME.dsse.json.',
  options: { key: { takes: 'FILE', about: 'an Ed25519 key: openssl genpkey -algorithm ed25519 -out release-key.pem' } },
  arguments: [{ name: 'DIR', about: 'the image, such as build/image', required: true }],
} as const;

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  const { values, positionals } = programOptions(PROGRAM);
  if (values.key === undefined) refuseCall(PROGRAM, 'expected --key FILE, got none');
  try {
    const key = releaseKey(readFileSync(values.key, 'utf8'));
    const folder = join(positionals[0] ?? '', 'statements');
    if (!existsSync(folder))
      throw new Error(
        `expected statements in ${folder}, got none; build with --blobs or --image-name: npm run image -- --help`,
      );
    signStatements(folder, key);
  } catch (error) {
    endWithFailure(error);
  }
}
