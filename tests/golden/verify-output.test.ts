/**
 * What `assay verify` prints, to the letter, in a pipe, in narrow and wide terminals and in colour. The files beside this one hold it;
 * `npx vitest run tests/golden -u` writes them again after a wanted change: read the difference.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { packCollateral } from '@assay/attestation';
import { encodePem } from '@assay/encoding/pem';
import {
  certificatesOf,
  FAKE_NOW,
  fakeDcap,
  fakeNitroDocument,
  fakeSnp,
  redpillKey,
  redpillReport,
  transcript,
} from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { endorsementFiles } from '../../packages/attestation/src/evidence/collateral-pack.ts';

let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-golden-'));
  const write = (name: string, content: string | Uint8Array): Promise<void> => writeFile(join(cwd, name), content);
  const nitro = await fakeNitroDocument();
  const pcrs = new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48)] as const));
  const debug = await fakeNitroDocument({ chain: nitro.chain, fields: { pcrs } });
  await write('nitro.cose', nitro.document);
  await write('debug.cose', debug.document);
  await write('root.pem', encodePem('CERTIFICATE', nitro.chain.root.der));
  await write('noise.bin', Uint8Array.of(1, 2, 3));
  const snp = await fakeSnp({ product: 'Genoa' });
  await write('report.bin', snp.report);
  await write('snp.json', packCollateral(endorsementFiles(certificatesOf(snp.chain))));
  await write('ark.pem', encodePem('PUBLIC KEY', snp.anchor.spki));
  const stale = await fakeDcap({ pckCrl: { nextUpdate: Date.UTC(2026, 5, 1) } });
  await write('tdx.quote', stale.quote);
  await write('tdx.json', packCollateral(endorsementFiles(stale.endorsements)));
  await write('tdx-root.pem', stale.anchors.map(({ spki }) => encodePem('PUBLIC KEY', spki)).join('\n'));
  const nonce = new Uint8Array(32).fill(0x4e);
  const asked = { nonce, model: 'm', now: FAKE_NOW, lie: null, textMembers: false, tlsFingerprint: null } as const;
  const service = await redpillReport({ ...asked, key: await redpillKey('ecdsa'), shape: 'two-layer', gpu: true });
  await write('service.json', JSON.stringify(service.document));
  await write('service-collateral.json', packCollateral(endorsementFiles(service.endorsements)));
  await write('service-root.pem', service.anchors.map(({ spki }) => encodePem('PUBLIC KEY', spki)).join('\n'));
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  accepted: ['nitro.cose', '--simulated-root', 'root.pem'],
  'refused-debug': ['debug.cose', '--simulated-root', 'root.pem'],
  'not-authentic': ['nitro.cose'],
  malformed: ['noise.bin'],
  'snp-accepted': ['report.bin', '--collateral', 'snp.json', '--root', 'ark.pem'],
  'tdx-stale': ['tdx.quote', '--collateral', 'tdx.json', '--root', 'tdx-root.pem', '--offline'],
  'snp-cannot-tell': ['report.bin', '--offline'],
  combined: ['service.json', '--collateral', 'service-collateral.json', '--root', 'service-root.pem'],
  'combined-other-nonce': [
    'service.json',
    '--collateral',
    'service-collateral.json',
    '--root',
    'service-root.pem',
    '--nonce',
    '00'.repeat(32),
  ],
};

type Reader = Pick<Parameters<typeof transcript>[0], 'columns' | 'env'>;
const READERS: Readonly<Record<string, Reader>> = {
  pipe: {},
  'columns-80': { columns: 80, env: { NO_COLOR: '1' } },
};

async function printed(args: readonly string[], reader: Reader) {
  const io = transcript({ cwd, now: FAKE_NOW, ...reader });
  const code = await run(['verify', ...args], io);
  return { code, out: io.out(), err: io.err() };
}

/** These keys are made for each run. */
function withoutRandom(text: string): string {
  return text.replace(/(?<=(?:root key|public key|signing-address) +)[0-9a-f]{40,}(?:\n +[0-9a-f]{16,}$)*/gm, (digits) =>
    digits.replace(/[0-9a-f]/g, 'x'),
  );
}

describe('assay verify', () => {
  for (const [name, args] of Object.entries(SUBJECTS))
    for (const [reader, options] of Object.entries(READERS))
      it(`${name}, ${reader}`, async () => {
        const { code, out, err } = await printed(args, options);
        await expect(`${withoutRandom(out)}--- standard error\n${err}--- exit ${code}\n`).toMatchFileSnapshot(
          `${name}.${reader}.txt`,
        );
      });

  it('in colour says the same', async () => {
    for (const args of Object.values(SUBJECTS)) {
      const plain = await printed(args, { columns: 80, env: { NO_COLOR: '1' } });
      const coloured = await printed(args, { columns: 80 });
      expect(coloured.out).not.toBe(plain.out);
      expect(stripVTControlCharacters(coloured.out)).toBe(plain.out);
      expect(coloured.code).toBe(plain.code);
    }
  });

  it.each([40, 60, 80, 120])('leaves no line over %i columns but single long words', async (columns) => {
    for (const args of Object.values(SUBJECTS)) {
      const { out, err } = await printed(args, { columns, env: { NO_COLOR: '1' } });
      for (const line of `${out}${err}`.split('\n'))
        if (line.length > columns) expect(line.trim(), line).not.toMatch(/\S {1,2}\S+ \S/);
    }
  });

  it('prints no line of a thousand characters in a pipe either', async () => {
    for (const args of Object.values(SUBJECTS)) {
      const { out } = await printed(args, {});
      for (const line of out.split('\n')) expect(line.length).toBeLessThan(1000);
    }
  });
});
