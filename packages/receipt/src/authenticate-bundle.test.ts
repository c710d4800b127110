// Bundles (spec/bundle.md): what verifies, one defect a line, and every one-byte edit of the file.
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, parseJson } from '@assay/encoding/json';
import { believeFakeEvidence, expectCode, fakeLog, fakeReport } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { authenticateBundle } from './authenticate-bundle.ts';
import { type Bundle, bundleLogProof, encodeBundle, parseBundle, redactBundle } from './bundle.ts';
import { digestBytes } from './digest.ts';
import { commitment, encodeLeaf, type Leaf, leafDigest, parseLeafText, verifyLeafChains } from './leaf.ts';
import { sealLeaf } from './seal.ts';
import { verifyLogProof } from './verify-receipt.ts';

const verifyEvidence = believeFakeEvidence;
const NONCE = 'cd'.repeat(32);
const log = fakeLog({ receipts: 3, others: 4, nonce: NONCE, witness: 'witness.example/w1' });
const edit = (change: Partial<Bundle>) => encodeBundle({ ...log.bundle, ...change });
const [first, second, third] = log.bundle.receipts as [Bundle['receipts'][0], Bundle['receipts'][0], Bundle['receipts'][0]];
const [report] = log.bundle.reports as [Bundle['reports'][0]];
/** The document with a change made by hand, written canonically. */
const patch = (change: (document: Record<string, unknown>) => unknown) => {
  const document = structuredClone(JSON.parse(decodeUtf8(log.bytes)));
  change(document);
  return utf8(canonicalJson(document));
};

test('all of a good bundle is checked, and what cannot be is said', async () => {
  const found = await authenticateBundle(log.bytes, { verifyEvidence });
  expect(found.receipts.map(({ receipt, index }) => [receipt.receipt_id.slice(-1), index])).toEqual([
    ['0', 1],
    ['1', 2],
    ['2', 3],
  ]);
  expect(found.evidence).toMatchObject([{ claims: { tee: 'fake' }, time: 1_795_219_200_000 }]);
  expect(found.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
    'bundle.form pass',
    'bundle.checkpoint pass',
    'bundle.keyset-binding pass',
    'bundle.signatures pass',
    'bundle.inclusion pass',
    'bundle.payloads pass',
    'bundle.witnessed not-checked',
  ]);
  const trusting = await authenticateBundle(log.bytes, { verifyEvidence, trustedWitnesses: log.witnessKeys });
  expect(trusting.checks.at(-1)).toMatchObject({ outcome: 'pass', actual: 'witness.example/w1, witness.example/w1' });
});

test('redaction leaves payloads out, and the rest still verifies', async () => {
  const keep = digestBytes(utf8('print(1)'));
  const found = await authenticateBundle(
    redactBundle(log.bytes, (hash) => hash === keep),
    { verifyEvidence },
  );
  expect(found.receipts.map(({ payloads }) => payloads.map(({ content }) => content !== null))).toEqual([
    [false, false],
    [true, false],
    [false, false],
  ]);
  expect(found.checks.find(({ id }) => id === 'bundle.payloads')).toMatchObject({
    outcome: 'not-checked',
    actual: expect.stringContaining('stdout'),
  });
  expect(redactBundle(log.bytes).length).toBeLessThan(log.bytes.length);
});

test('each receipt has its log proof', async () => {
  const proof = bundleLogProof(parseBundle(log.bytes), second.receipt.receipt_id);
  const { leaf } = await verifyLogProof(second.receipt, proof, { keyset: log.keyset, vkeys: log.vkeys });
  expect(leaf.seq).toBe(2);
  await expectCode(() => bundleLogProof(log.bundle, 'rcpt_nobody'), 'bundle/unknown-receipt');
  await expectCode(verifyLogProof(first.receipt, proof, { keyset: log.keyset, vkeys: log.vkeys }), 'leaf/commitment-mismatch');
  await expectCode(
    verifyLogProof(second.receipt, { ...proof, index: 3 }, { keyset: log.keyset, vkeys: log.vkeys }),
    'proof/malformed',
  );
  await expectCode(
    verifyLogProof(second.receipt, { ...proof, salt: '00' }, { keyset: log.keyset, vkeys: log.vkeys }),
    'leaf/commitment-mismatch',
  );
  const onlyMlDsa = [log.vkeys[1] as string];
  await expectCode(verifyLogProof(second.receipt, proof, { keyset: log.keyset, vkeys: onlyMlDsa }), 'leaf/log-mismatch');
});

describe('a bundle is refused when', () => {
  const resealed = (change: object) => ({
    ...first,
    entry: { ...first.entry, leaf: sealLeaf({ ...first.entry.leaf, ...change }, log.signers.leaf) },
  });
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['it is not json', utf8('bundle'), 'bundle/malformed'],
    ['it ends in a newline', utf8(`${decodeUtf8(log.bytes)}\n`), 'bundle/not-canonical'],
    ['it was pretty-printed', utf8(JSON.stringify(JSON.parse(decodeUtf8(log.bytes)), null, 1)), 'bundle/not-canonical'],
    ['a name stands twice', utf8(decodeUtf8(log.bytes).replace('{', '{"checkpoint":"",')), 'bundle/malformed'],
    ['a member is unknown', patch((d) => Object.assign(d, { note: 'hi' })), 'bundle/malformed'],
    [
      'a member of an entry is unknown',
      patch((d) => Object.assign((d.receipts as object[])[0]!, { x: 1 })),
      'bundle/malformed',
    ],
    ['the format is another', patch((d) => Object.assign(d, { format: 'assay-bundle/2' })), 'bundle/malformed'],
    ['there is no receipt', edit({ receipts: [] }), 'bundle/malformed'],
    ['receipts are out of order', patch((d) => (d.receipts as object[]).reverse()), 'bundle/entry-order'],
    ['a receipt stands twice', edit({ receipts: [first, first] }), 'bundle/entry-order'],
    ['payloads are out of order', patch((d) => (d.payloads as object[]).reverse()), 'bundle/entry-order'],
    [
      'a payload is not the one named',
      edit({ payloads: new Map([[digestBytes(utf8('print(0)')), utf8('print(9)')]]) }),
      'bundle/payload-mismatch',
    ],
    [
      'a payload belongs to no receipt',
      edit({ payloads: new Map([[digestBytes(utf8('x')), utf8('x')]]) }),
      'bundle/payload-unknown',
    ],
    ['the report is missing', edit({ reports: [] }), 'bundle/report-missing'],
    ['the report is another', edit({ reports: [{ ...report, ...fakeReport([]) }] }), 'leaf/keyset-mismatch'],
    [
      'the collateral was changed',
      edit({ reports: [{ ...report, collateral: [{ ...report.collateral[0]!, name: 'x' }] }] }),
      'leaf/commitment-mismatch',
    ],
    [
      'the provenance was changed',
      patch((d) =>
        Object.assign((d.reports as { report: { service_capabilities: object } }[])[0]!.report.service_capabilities, {
          serving: 'aggregator',
        }),
      ),
      'leaf/commitment-mismatch',
    ],
    [
      'two receipts changed places',
      edit({
        receipts: [
          { ...first, receipt: second.receipt },
          { ...second, receipt: first.receipt },
        ],
      }),
      'leaf/commitment-mismatch',
    ],
    [
      'an index is another',
      edit({ receipts: [{ ...first, entry: { ...first.entry, index: 4 } }] }),
      'merkle/inclusion-invalid',
    ],
    [
      'a path is another',
      edit({ receipts: [{ ...first, entry: { ...first.entry, path: second.entry.path } }] }),
      'merkle/inclusion-invalid',
    ],
    ['the leaf is not in the log', edit({ receipts: [resealed({ time: 1_795_219_200_999 })] }), 'merkle/inclusion-invalid'],
    ['the leaf is of another log', edit({ receipts: [resealed({ origin: 'log.example/other' })] }), 'leaf/log-mismatch'],
    ['the leaf names other log keys', edit({ receipts: [resealed({ log_keys: digestBytes(utf8('')) })] }), 'leaf/log-mismatch'],
    ['the leaf is of another boot', edit({ receipts: [resealed({ boot: '2'.repeat(32) })] }), 'bundle/report-missing'],
    ['the leaf is older than the report', edit({ receipts: [resealed({ time: 1 })] }), 'leaf/chain-broken'],
    ['the leaf has another nonce', edit({ receipts: [resealed({ nonce: 'ee'.repeat(32) })] }), 'receipt/nonce-mismatch'],
    [
      'the leaf is of another kind',
      edit({ receipts: [resealed({ kind: 'report', nonce: null })] }),
      'leaf/commitment-mismatch',
    ],
    [
      'the leaf is signed by the receipt key',
      edit({ receipts: [{ ...first, entry: { ...first.entry, leaf: sealLeaf(first.entry.leaf, log.signers.receipt) } }] }),
      'keyset/key-missing',
    ],
    [
      'the salt is another',
      edit({ receipts: [{ ...first, entry: { ...first.entry, salt: second.entry.salt } }] }),
      'leaf/commitment-mismatch',
    ],
    ['a log key is missing', edit({ vkeys: log.vkeys.slice(0, 1) }), 'bundle/malformed'],
    ['the log keys are of another log', edit({ vkeys: log.witnessKeys, witnesses: log.vkeys }), 'checkpoint/origin-mismatch'],
    ['a witness is not listed', edit({ witnesses: [] }), 'note/key-unknown'],
    [
      'a listed witness did not sign',
      edit({ checkpoint: log.bundle.checkpoint.split('\n').slice(0, 6).join('\n').concat('\n') }),
      'note/key-unknown',
    ],
  ];
  test.each(cases)('%s', async (_, bytes, code) => {
    await expectCode(authenticateBundle(bytes, { verifyEvidence }), code);
  });

  test('a report belongs to no receipt', async () => {
    await expectCode(authenticateBundle(fakeLog({ reportTwice: true }).bytes, { verifyEvidence }), 'bundle/report-unused');
  });

  test('a leaf was signed by somebody else in the name of the leaf key', async () => {
    const forger = { keyId: log.signers.leaf.keyId, sign: log.signers.receipt.sign };
    const forged = { ...first, entry: { ...first.entry, leaf: sealLeaf(first.entry.leaf, forger) } };
    await expectCode(authenticateBundle(edit({ receipts: [forged] }), { verifyEvidence }), 'leaf/signature-invalid');
  });

  test('the keyset had expired', async () => {
    await expectCode(authenticateBundle(fakeLog({ notAfter: 1_795_219_200 }).bytes, { verifyEvidence }), 'keyset/expired');
  });

  test('the evidence carries something else, or is not authentic', async () => {
    const believe = (reportData: Uint8Array, nonce?: Uint8Array | null) =>
      authenticateBundle(log.bytes, {
        verifyEvidence: async () => ({ reportData, claims: null, ...(nonce === undefined ? {} : { nonce }) }),
      });
    await expectCode(believe(new Uint8Array(32)), 'keyset/unbound');
    await expectCode(believe(new Uint8Array(0)), 'keyset/unbound');
    const real = (await authenticateBundle(log.bytes, { verifyEvidence })).evidence[0]!.report.statementDigest;
    await believe(real, null);
    await expectCode(believe(real, new Uint8Array(32)), 'keyset/unbound');
    const refusing = authenticateBundle(log.bytes, { verifyEvidence: () => Promise.reject(new Error('no root')) });
    await expect(refusing).rejects.toThrow('no root');
  });
});

describe('keysets of one boot', () => {
  const rotated = fakeLog({ receipts: 4, rotateAfter: 2 });
  const { bundle } = rotated;
  const [succession] = bundle.successions as [Bundle['successions'][0]];
  const change = (to: Partial<Bundle>) => encodeBundle({ ...bundle, ...to });
  const resealed = (to: object) => ({
    ...succession,
    entry: { ...succession.entry, leaf: sealLeaf({ ...succession.entry.leaf, ...to }, rotated.signers.leaf) },
  });

  test('both verify, and the first named the second', async () => {
    const found = await authenticateBundle(rotated.bytes, { verifyEvidence });
    expect(new Set(found.receipts.map(({ keysetDigest }) => keysetDigest)).size).toBe(2);
    expect(found.checks.find(({ id }) => id === 'bundle.succession')).toMatchObject({ outcome: 'pass' });
    verifyLeafChains(rotated.leaves);
    expect(encodeBundle(parseBundle(rotated.bytes))).toEqual(rotated.bytes);
  });

  test('without the succession each is still attested, and the link reads not-checked', async () => {
    const found = await authenticateBundle(change({ successions: [] }), { verifyEvidence });
    expect(found.checks.find(({ id }) => id === 'bundle.succession')).toMatchObject({ outcome: 'not-checked' });
  });

  const late = { ...bundle.receipts[0]!, entry: { ...bundle.receipts[0]!.entry } };
  test.each<[string, Uint8Array, string]>([
    [
      'an empty list',
      utf8(decodeUtf8(change({ successions: [] })).replace('"vkeys"', '"successions":[],"vkeys"')),
      'bundle/malformed',
    ],
    [
      'another successor',
      change({ successions: [{ ...succession, successor: digestBytes(utf8('x')) }] }),
      'bundle/report-missing',
    ],
    [
      'itself as successor',
      change({ successions: [{ ...succession, successor: succession.entry.leaf.keyset_digest }] }),
      'leaf/commitment-mismatch',
    ],
    [
      'a salt',
      change({ successions: [{ ...succession, entry: { ...succession.entry, salt: '11'.repeat(32) } }] }),
      'leaf/commitment-mismatch',
    ],
    ['twice', change({ successions: [succession, succession] }), 'bundle/entry-order'],
    [
      'a leaf that is not in the log',
      change({ successions: [resealed({ time: succession.entry.leaf.time + 1 })] }),
      'merkle/inclusion-invalid',
    ],
    ['another kind', change({ successions: [resealed({ kind: 'receipt' })] }), 'leaf/commitment-mismatch'],
    [
      'the signature of the next keyset',
      change({
        successions: [
          {
            ...succession,
            entry: {
              ...succession.entry,
              leaf: { ...succession.entry.leaf, signature: bundle.reports[1]!.entry.leaf.signature },
            },
          },
        ],
      }),
      'leaf/signature-invalid',
    ],
    [
      'only one of its reports',
      change({ reports: bundle.reports.slice(0, 1), receipts: bundle.receipts.slice(0, 2) }),
      'bundle/report-missing',
    ],
  ])('a succession is refused with %s', async (_, bytes, code) => {
    await expectCode(authenticateBundle(bytes, { verifyEvidence }), code);
  });

  test('a receipt that its keyset signed after naming its successor is refused, in chain and bundle', async () => {
    const { leaves, signers } = rotated;
    const last = leaves.at(-1)!;
    const after = { ...late.entry.leaf, seq: last.seq + 1, prev: encodeHex(leafDigest(last)), time: last.time };
    await expectCode(() => verifyLeafChains([...leaves, sealLeaf(after, signers.leaf)]), 'leaf/chain-broken');
    // In a bundle the log itself would have to hold it: the order is judged after the inclusion, so the log is made with it.
    const early = fakeLog({ receipts: 4, rotateAfter: 2, sealAfterSuccession: true });
    await expectCode(authenticateBundle(early.bytes, { verifyEvidence }), 'leaf/chain-broken');
  });

  test.each<[string, (leaves: Leaf[]) => Leaf[]]>([
    ['a keyset that was never logged', (leaves) => [leaves[0]!, relinked(leaves[0]!, leaves[5]!)]],
    ['a successor that was never logged', (leaves) => [leaves[0]!, relinked(leaves[0]!, succession.entry.leaf)]],
  ])('a chain with %s is broken', async (_, make) => {
    await expectCode(() => verifyLeafChains(make([...rotated.leaves])), 'leaf/chain-broken');
  });
  /** The leaf put behind `before`; chains are judged without signatures. */
  function relinked(before: Leaf, leaf: Leaf): Leaf {
    return { ...leaf, seq: before.seq + 1, prev: encodeHex(leafDigest(before)) };
  }

  test('every byte of a bundle with a succession, one bit each: none verifies', { timeout: 180_000 }, async () => {
    const small = fakeLog({ receipts: 2, rotateAfter: 1 }).bytes;
    const accepted: number[] = [];
    for (let at = 0; at < small.length; at++) {
      const changed = small.slice();
      changed[at]! ^= 1 << (at % 7);
      await authenticateBundle(changed, { verifyEvidence }).then(
        () => accepted.push(at),
        () => undefined,
      );
    }
    expect(accepted).toEqual([]);
  });
});

describe('leaves', () => {
  const text = decodeUtf8(encodeLeaf(first.entry.leaf));
  test.each([
    ['reordered', JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).reverse()))],
    ['an unknown member', text.replace('{', '{"a":1,')],
    ['a first leaf that is a receipt', text.replace('"seq":1', '"seq":0')],
    ['no place in a batch', text.replace('"batch":"0/1",', '')],
    ['a place that is no number', text.replace('"batch":"0/1"', '"batch":"00/1"')],
    ['half a path', text.replace('"batch":"0/1"', `"batch":"0/2 ${'ab'.repeat(16)}"`)],
    ['no link', text.replace(/"prev":"[0-9a-f]*"/, '"prev":null')],
    ['another version', text.replace('assay-leaf/2', 'assay-leaf/1')],
    ['another kind', text.replace('"kind":"receipt"', '"kind":"note"')],
    ['a succession with a nonce', text.replace('"kind":"receipt"', '"kind":"succession"')],
    ['an upper-case commitment', text.replace(/"commitment":"[0-9a-f]*"/, `"commitment":"${'AB'.repeat(32)}"`)],
    ['not json', 'leaf'],
  ])('refused: %s', async (_, broken) => {
    await expectCode(() => parseLeafText(broken), 'leaf/malformed');
  });
  test('a chain is whole or broken', async () => {
    const leaves = [report.entry.leaf, first.entry.leaf, second.entry.leaf, third.entry.leaf];
    verifyLeafChains(leaves);
    await expectCode(() => verifyLeafChains(leaves.slice(1)), 'leaf/chain-broken');
    await expectCode(() => verifyLeafChains([leaves[0]!, leaves[2]!]), 'leaf/chain-broken');
    await expectCode(() => verifyLeafChains([leaves[0]!, leaves[1]!, leaves[1]!]), 'leaf/chain-broken');
  });
  test('a commitment hides what it commits to behind the salt', () => {
    const body = utf8('body');
    expect(commitment(new Uint8Array(32).fill(1), body)).not.toBe(commitment(new Uint8Array(32).fill(2), body));
  });
});

describe('edits of one byte', () => {
  const small = fakeLog({ receipts: 1 }).bytes;
  const refused = (bytes: Uint8Array) =>
    authenticateBundle(bytes, { verifyEvidence }).then(
      () => false,
      () => true,
    );

  test(`all ${small.length} bytes, one bit each: none verifies`, { timeout: 180_000 }, async () => {
    const accepted: number[] = [];
    for (let at = 0; at < small.length; at++) {
      const changed = small.slice();
      changed[at]! ^= 1 << (at % 7);
      if (!(await refused(changed))) accepted.push(at);
    }
    expect(accepted).toEqual([]);
    expect(await refused(small)).toBe(false);
  });

  test('property: a byte replaced, put in or taken out', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(small.length - 1),
        fc.nat(255),
        fc.constantFrom('replace', 'insert', 'delete'),
        async (at, byte, kind) => {
          fc.pre(kind !== 'replace' || small[at] !== byte);
          const head = [...small.slice(0, at)];
          const tail = [...small.slice(at + 1)];
          const middle = { replace: [byte], insert: [small[at] as number, byte], delete: [] }[kind];
          expect(await refused(Uint8Array.from([...head, ...middle, ...tail]))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('reading and writing are inverse', () => {
    expect(encodeBundle(parseBundle(log.bytes))).toEqual(log.bytes);
    expect(canonicalJson(parseJson(log.bytes))).toBe(decodeUtf8(log.bytes));
  });
});
