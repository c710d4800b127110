/** How many imported recipients the KEM over Node keeps: the last eight, and no more. */

import { expect, test } from 'vitest';
import { nodeDhkem } from './node-dhkem.ts';

const KEPT = 8;

/** The KEM over keys that are their own first byte, with the imports it made. */
function recorded() {
  const imported: number[] = [];
  const node = {
    encapsulate: (key: number) => ({ sharedKey: Uint8Array.of(key), ciphertext: Uint8Array.of(key) }),
    decapsulate: () => new Uint8Array(1),
  };
  const importPublic = ([first = 0]: Uint8Array): number => {
    imported.push(first);
    return first;
  };
  const kem = nodeDhkem(node, () => ({ privateKey: 0, publicKey: Uint8Array.of(0) }), importPublic);
  return { imported, kem };
}

test.each([
  ['one key, again and again', [1, 1, 1], [1]],
  ['as many keys as are kept, twice', [...keys(KEPT), ...keys(KEPT)], keys(KEPT)],
  ['one key more: the oldest is imported again', [...keys(KEPT + 1), 1], [...keys(KEPT + 1), 1]],
  ['one key more: the newest is not', [...keys(KEPT + 1), KEPT + 1, 2], keys(KEPT + 1)],
])('%s', (_name, sealed, imports) => {
  const { imported, kem } = recorded();
  for (const key of sealed) expect(kem?.encapsulate(Uint8Array.of(key))).toMatchObject({ sharedSecret: Uint8Array.of(key) });
  expect(imported).toEqual(imports);
});

test('a key is known by a copy of its bytes: a caller that writes another key into the same array seals to that one', () => {
  const { imported, kem } = recorded();
  const key = Uint8Array.of(1);
  for (const first of [1, 2]) {
    key[0] = first;
    expect(kem?.encapsulate(key)).toMatchObject({ sharedSecret: Uint8Array.of(first) });
  }
  expect(imported).toEqual([1, 2]);
});

function keys(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
