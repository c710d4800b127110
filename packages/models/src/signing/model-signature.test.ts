/** OpenSSF Model Signing: what we sign verifies, and every change of files or signature is refused by its own code. */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { expectCode, expectRefusal } from '@assay/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytesSource } from '../identity/byte-source.ts';
import { sealEnvelope } from './envelope.ts';
import { writeManifest } from './manifest.ts';
import { type ModelFile, manifestRoot, signModel, verifyModelSignature } from './model-signature.ts';

interface Key {
  readonly privateKey: CryptoKey;
  readonly spki: Uint8Array;
}

async function newKey(namedCurve = 'P-256'): Promise<Key> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify']);
  return { privateKey: pair.privateKey, spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)) };
}

const files: readonly ModelFile[] = [bytesSource('a.gguf', utf8('weights')), bytesSource('sub/b.json', utf8('{}'))];
let key: Key;
let signature: Uint8Array;
beforeAll(async () => {
  key = await newKey();
  signature = await signModel(files, { ...key, name: 'model' });
});

it.each(['P-256', 'P-384', 'P-521'])('a signature by a key of %s verifies', async (curve) => {
  const own = await newKey(curve);
  const signed = await signModel(files, { ...own, name: 'model' });
  const manifest = await verifyModelSignature(signed, files.toReversed(), own);
  expect(manifest).toMatchObject({ name: 'model', ignoredPaths: ['.git', '.gitattributes', '.github', '.gitignore'] });
  expect(manifest.pieces.map(({ path }) => path)).toEqual(['a.gguf', 'sub/b.json']);
  expect(manifest.rootDigest).toBe(await manifestRoot(files));
});

describe('files', () => {
  const file = (name: string, text: string): ModelFile => bytesSource(name, utf8(text));
  it.each<[string, () => readonly ModelFile[], string]>([
    ['changed', () => [file('a.gguf', 'weightz'), ...files.slice(1)], 'signing/file-changed'],
    ['missing', () => files.slice(1), 'signing/file-missing'],
    ['added', () => [...files, file('backdoor.py', '')], 'signing/file-unsigned'],
    ['renamed', () => [file('A.gguf', 'weights'), ...files.slice(1)], 'signing/file-unsigned'],
  ])('%s are refused', async (_, given, code) => {
    await expectCode(verifyModelSignature(signature, given(), key), code);
  });

  it("git's own are passed over, and others only by name", async () => {
    const more = [...files, file('.gitattributes', 'x'), file('notes/a.txt', 'x')];
    await expectRefusal(verifyModelSignature(signature, more, key), 'signing/file-unsigned', ['notes/a.txt']);
    expect((await verifyModelSignature(signature, more, { ...key, ignoredPaths: ['notes'] })).pieces).toHaveLength(2);
  });

  it('that the signer chose to leave out are refused unless the caller names them too', async () => {
    const hiding = await signModel(files, { ...key, name: 'model', ignoredPaths: ['backdoor.py'] });
    const more = [...files, file('backdoor.py', 'import os')];
    await expectRefusal(verifyModelSignature(hiding, more, key), 'signing/file-ignored', ['backdoor.py', '--ignore']);
    expect((await verifyModelSignature(hiding, more, { ...key, ignoredPaths: ['backdoor.py'] })).name).toBe('model');
  });

  it('none are not signed', async () => {
    await expectCode(signModel([], { ...key, name: 'x' }), 'model-file/incomplete');
  });
});

describe('signatures', () => {
  const bundle = () => JSON.parse(new TextDecoder().decode(signature));
  const edited = (edit: (document: ReturnType<typeof bundle>) => void): Uint8Array => {
    const document = bundle();
    edit(document);
    return utf8(JSON.stringify(document));
  };
  const payloadOf = (document: ReturnType<typeof bundle>) =>
    JSON.parse(new TextDecoder().decode(decodeBase64(document.dsseEnvelope.payload)));

  it('by another key are refused, with and without its hint', async () => {
    const other = await newKey();
    await expectCode(verifyModelSignature(signature, files, other), 'signing/key-mismatch');
    const unnamed = edited((document) => {
      document.verificationMaterial.publicKey.hint = '';
    });
    await expectCode(verifyModelSignature(unnamed, files, other), 'signing/signature-invalid');
    expect((await verifyModelSignature(unnamed, files, key)).name).toBe('model');
  });

  it('whose statement was edited are refused', async () => {
    const changed = edited((document) => {
      const statement = payloadOf(document);
      statement.predicate.resources.pop();
      document.dsseEnvelope.payload = encodeBase64(utf8(JSON.stringify(statement)));
    });
    await expectCode(verifyModelSignature(changed, files, key), 'signing/signature-invalid');
  });

  it('lose every bit flip of the signature', async () => {
    const der = decodeBase64(bundle().dsseEnvelope.signatures[0].sig);
    for (let bit = 0; bit < der.length * 8; bit += 1) {
      const flipped = der.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const file = edited((document) => {
        document.dsseEnvelope.signatures[0].sig = encodeBase64(flipped);
      });
      await expectCode(verifyModelSignature(file, files, key), 'signing/signature-invalid');
    }
  });

  it.each<[string, (document: ReturnType<typeof bundle>) => void, string]>([
    [
      'another bundle version',
      (document) => {
        document.mediaType = 'application/vnd.dev.sigstore.bundle.v0.1+json';
      },
      'signing/unsupported',
    ],
    [
      'a certificate',
      (document) => {
        document.verificationMaterial = { certificate: { rawBytes: 'AA==' } };
      },
      'signing/unsupported',
    ],
    [
      'two signatures',
      (document) => {
        document.dsseEnvelope.signatures.push(document.dsseEnvelope.signatures[0]);
      },
      'signing/malformed',
    ],
    [
      'no signature',
      (document) => {
        document.dsseEnvelope.signatures = [];
      },
      'signing/malformed',
    ],
    [
      'another payload type',
      (document) => {
        document.dsseEnvelope.payloadType = 'text/plain';
      },
      'signing/malformed',
    ],
    [
      'a payload that is no base64',
      (document) => {
        document.dsseEnvelope.payload = '!';
      },
      'signing/malformed',
    ],
  ])('with %s are refused', async (_, edit, code) => {
    await expectCode(verifyModelSignature(edited(edit), files, key), code);
  });

  it('that are no JSON are refused, and so are keys of other kinds', async () => {
    await expectCode(verifyModelSignature(utf8('nothing'), files, key), 'signing/malformed');
    await expectCode(verifyModelSignature(signature, files, { spki: new Uint8Array(44) }), 'signing/unsupported');
  });
});

describe('statements', () => {
  const digest = 'ab'.repeat(32);
  const good = () =>
    JSON.parse(
      new TextDecoder().decode(writeManifest({ name: 'm', pieces: [{ path: 'a', range: null, digest }], ignoredPaths: [] })),
    );
  const resourcesOf = (names: readonly string[]) => names.map((name) => ({ algorithm: 'sha256', digest, name }));

  it.each<[string, (statement: ReturnType<typeof good>) => void, string]>([
    [
      'another type',
      (s) => {
        s._type = 'x';
      },
      'signing/malformed',
    ],
    [
      'another predicate',
      (s) => {
        s.predicateType = 'https://model_signing/Digests/v0.1';
      },
      'signing/unsupported',
    ],
    [
      'another hash',
      (s) => {
        s.predicate.serialization.hash_type = 'blake3';
      },
      'signing/unsupported',
    ],
    [
      'another hash of one file',
      (s) => {
        s.predicate.resources[0].algorithm = 'blake2b';
      },
      'signing/unsupported',
    ],
    [
      'another method',
      (s) => {
        s.predicate.serialization.method = 'tensors';
      },
      'signing/unsupported',
    ],
    [
      'two subjects',
      (s) => {
        s.subject.push(s.subject[0]);
      },
      'signing/malformed',
    ],
    [
      'a root digest of other files',
      (s) => {
        s.subject[0].digest.sha256 = digest;
      },
      'signing/malformed',
    ],
    [
      'a way out of the folder',
      (s) => {
        s.predicate.resources = resourcesOf(['../a']);
      },
      'signing/malformed',
    ],
    [
      'an absolute path',
      (s) => {
        s.predicate.resources = resourcesOf(['/etc/passwd']);
      },
      'signing/malformed',
    ],
    [
      'a backslash',
      (s) => {
        s.predicate.resources = resourcesOf(['a\\b']);
      },
      'signing/malformed',
    ],
    [
      'the same file twice',
      (s) => {
        s.predicate.resources = resourcesOf(['a', 'a']);
      },
      'signing/malformed',
    ],
    [
      'a digest in capitals',
      (s) => {
        s.predicate.resources[0].digest = digest.toUpperCase();
      },
      'signing/malformed',
    ],
    [
      'a shard without range',
      (s) => {
        s.predicate.serialization.method = 'shards';
      },
      'signing/malformed',
    ],
  ])('with %s are refused although they are signed', async (_, edit, code) => {
    const statement = good();
    edit(statement);
    const sealed = await sealEnvelope(utf8(JSON.stringify(statement)), key);
    await expectCode(verifyModelSignature(sealed, [bytesSource('a', utf8('x'))], key), code);
  });
});
