/** Enclave signature structures: what is read, and every changed bit of what is signed. */

import { constants, createHash, generateKeyPairSync, sign } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { expectCode, expectRefusal } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { measureSigstruct } from './sigstruct.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072, publicExponent: 3 });
const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n as string, 'base64url').reverse();
const mrenclave = Buffer.alloc(32, 0x5a);

function sigstruct(change: (bytes: Buffer) => void = () => {}): Uint8Array {
  const bytes = Buffer.alloc(1808);
  bytes.write('06000000e10000000000010000000000', 0, 'hex');
  bytes.writeUInt32LE(0x20261129, 20);
  bytes.write('01010000600000006000000001000000', 24, 'hex');
  modulus.copy(bytes, 128);
  bytes.writeUInt32LE(3, 512);
  bytes.writeBigUInt64LE(4n, 928); // 64-bit, no debug
  mrenclave.copy(bytes, 960);
  bytes.writeUInt16LE(7, 1024);
  bytes.writeUInt16LE(9, 1026);
  change(bytes);
  const signed = Buffer.concat([bytes.subarray(0, 128), bytes.subarray(900, 1028)]);
  sign('sha256', signed, { key: privateKey, padding: constants.RSA_PKCS1_PADDING }).reverse().copy(bytes, 516);
  return new Uint8Array(bytes);
}

test('says what evidence of the enclave shows', async () => {
  expect(await measureSigstruct(sigstruct())).toMatchObject({
    type: 'sgx',
    values: { mrenclave: encodeHex(mrenclave), mrsigner: createHash('sha256').update(modulus).digest('hex') },
    facts: { product: '7', 'security version': '9', 'signed on': '2026-11-29', debug: 'not allowed' },
  });
});

test('says that debugging is allowed', async () => {
  const { facts } = await measureSigstruct(sigstruct((bytes) => bytes.writeBigUInt64LE(6n, 928)));
  expect(facts.debug).toContain('keeps no secret');
});

test('every changed bit of what is signed is refused', async () => {
  const whole = sigstruct();
  const signed = [...Array.from({ length: 128 }, (_, at) => at), ...Array.from({ length: 128 }, (_, at) => 900 + at)];
  for (const at of signed)
    for (let bit = 0; bit < 8; bit++) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] as number) ^ (1 << bit);
      await expect(measureSigstruct(changed), `byte ${at}`).rejects.toMatchObject({ name: 'ReferenceValuesError' });
    }
});

describe('refused', () => {
  test.each<[string, Uint8Array, readonly string[]]>([
    ['one byte less', sigstruct().subarray(1), ['1808 bytes', '1807']],
    ['another header', sigstruct((bytes) => bytes.fill(1, 0, 2)), ['fixed headers']],
    ['another exponent', sigstruct((bytes) => bytes.writeUInt32LE(65537, 512)), ['exponent 3', '65537']],
  ])('%s', async (_, file, words) => {
    await expectRefusal(measureSigstruct(file), 'sigstruct/malformed', words);
  });

  test('a signature of another key', async () => {
    const file = Buffer.from(sigstruct());
    file.fill(0, 516, 900);
    await expectRefusal(measureSigstruct(new Uint8Array(file)), 'sigstruct/signature-invalid', ['another']);
    await expectCode(
      measureSigstruct(sigstruct((bytes) => bytes.writeUInt8((bytes[200] as number) ^ 1, 200))),
      'sigstruct/signature-invalid',
    );
  });
});
