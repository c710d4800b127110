/** `assay measure` of an unpacked root filesystem computes what the simulated evidence of the agent in it says, and nothing else changes it. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseNitroDocument } from '@assay/attestation';
import { decodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { transcript } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { codeInImage, measureCode } from '../../packages/agent/src/adapters/attesters/simulated/measurements.ts';
import { createSimulatedAttester } from '../../packages/agent/src/adapters/attesters/simulated/simulated.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';

const PACKAGES = new URL('../../packages/', import.meta.url).pathname;

/** The sources of this checkout where an image has what was compiled from them: the simulator measures the one it runs from. */
function root(
  about: object = { version: '0.1.0', node: process.version, platform: process.platform, arch: process.arch },
): string {
  const place = mkdtempSync(join(tmpdir(), 'assay-root-'));
  onTestFinished(() => rmSync(place, { recursive: true }));
  for (const name of ['agent', 'sandbox', 'ledger']) {
    cpSync(join(PACKAGES, name, 'src'), join(place, 'assay/packages', name, 'dist'), { recursive: true });
    cpSync(join(PACKAGES, name, 'package.json'), join(place, 'assay/packages', name, 'package.json'));
  }
  mkdirSync(join(place, 'etc/assay'), { recursive: true });
  writeFileSync(join(place, 'etc/assay/image.json'), JSON.stringify(about));
  return place;
}

async function measured(place: string) {
  const io = transcript({ cwd: dirname(place), now: 0 });
  const code = await run(['measure', place, '--json'], io);
  return {
    code,
    err: io.err(),
    ...(code === 0 ? (JSON.parse(io.out()) as { values: Record<string, string> }) : { values: {} }),
  };
}

test('equals the evidence of the agent that runs from the same code', async () => {
  const place = root();
  const { values } = await measured(place);
  const attester = await createSimulatedAttester({ directory: join(place, 'etc') });
  const { evidence } = await attester.attest({ statementDigest: new Uint8Array(32), nonce: null, channelPublicKey: null });
  const { pcrs } = parseNitroDocument(decodeBase64(evidence.document as string));
  expect(values).toEqual(
    Object.fromEntries([0, 1, 2].map((index) => [`pcr${index}`, encodeHex(pcrs.get(index) as Uint8Array)])),
  );
});

test('one changed byte of code, or another Node, is another measurement', async () => {
  const place = root();
  const before = await measureCode(codeInImage(join(place, 'assay'), 'v24 linux x64'));
  expect(await measureCode(codeInImage(join(place, 'assay'), 'v25 linux x64'))).not.toEqual(before);
  writeFileSync(join(place, 'assay/packages/ledger/dist/clock.ts'), '// changed');
  const after = await measureCode(codeInImage(join(place, 'assay'), 'v24 linux x64'));
  expect([encodeHex(after.get(0) as Uint8Array) === encodeHex(before.get(0) as Uint8Array), after.get(2)]).toEqual([
    false,
    before.get(2),
  ]);
});

test.each<[string, () => string, string]>([
  ['a folder that is no image', () => tmpdir(), 'image.json'],
  ['an image that does not say its Node', () => root({ version: '1' }), 'node, platform and arch'],
])('%s is refused', async (_name, place, words) => {
  const { code, err } = await measured(place());
  expect([code, err]).toEqual([2, expect.stringContaining(words)]);
});
