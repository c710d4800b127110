/** `assay measure` from the command line: policies that accept what was measured and nothing else, comparison with evidence, and every misuse. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import {
  FAKE_NOW,
  FAKE_SEV_SECTIONS,
  FAKE_TDX_SECTIONS,
  fakeFirmware,
  fakeKernel,
  fakeNitroDocument,
  transcript,
} from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

const EIF = new URL('../../packages/reference-values/test-images/app.eif', import.meta.url).pathname;
let cwd: string;
let registers: Readonly<Record<string, string>>;

async function assay(...args: readonly string[]) {
  const io = transcript({ cwd, now: FAKE_NOW });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-measure-'));
  await writeFile(join(cwd, 'snp.fd'), fakeFirmware({ sev: FAKE_SEV_SECTIONS }));
  await writeFile(join(cwd, 'tdx.fd'), fakeFirmware({ tdx: FAKE_TDX_SECTIONS }));
  await writeFile(join(cwd, 'vmlinuz'), fakeKernel());
  await writeFile(join(cwd, 'initrd'), new Uint8Array(5000));
  for (const name of ['table-loader', 'rsdp', 'tables']) await writeFile(join(cwd, name), name);
  registers = JSON.parse((await assay('measure', EIF, '--json')).out).values;
  const pcrs = ['pcr0', 'pcr1', 'pcr2'].map((name) => decodeHex(registers[name] as string));
  const document = async (changed: number | null) =>
    fakeNitroDocument({
      chain,
      fields: {
        pcrs: new Map(
          Array.from({ length: 16 }, (_, at) => [
            at,
            at === changed ? new Uint8Array(48).fill(1) : (pcrs[at] ?? new Uint8Array(48)),
          ]),
        ),
      },
    });
  const { chain } = await fakeNitroDocument();
  await writeFile(join(cwd, 'root.pem'), encodePem('CERTIFICATE', chain.root.der));
  await writeFile(join(cwd, 'same.cose'), (await document(null)).document);
  await writeFile(join(cwd, 'other.cose'), (await document(2)).document);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** The policies are strict: they refuse simulators, and the evidence of this test is from one. */
function forSimulators(policy: string): string {
  const { simulated, ...rest } = JSON.parse(policy);
  expect(simulated).toBe('refuse');
  return JSON.stringify(rest);
}

describe('a policy', () => {
  it('accepts evidence of the measured image, and no other', async () => {
    const { out } = await assay('measure', EIF, '--format', 'policy');
    await writeFile(join(cwd, 'policy.json'), forSimulators(out));
    const verify = (file: string) => assay('verify', file, '--policy', 'policy.json', '--simulated-root', 'root.pem');
    expect(await verify('same.cose')).toMatchObject({ code: 0 });
    const refused = await verify('other.cose');
    expect(refused).toMatchObject({ code: 5 });
    expect(refused.out).toContain('policy.measurements');
  });

  it('comes from releases, without those below the floor that the newest names', async () => {
    const release = async (version: string, ...more: readonly string[]): Promise<void> => {
      const { out } = await assay('measure', EIF, '--format', 'statement', '--release', version, ...more);
      await writeFile(join(cwd, `${version}.json`), out);
    };
    await release('0.1.4');
    await release('0.2.0', '--floor', '0.1.5');
    const { code, out, err } = await assay('policy', 'from-releases', '0.1.4.json', '0.2.0.json');
    expect([code, err]).toEqual([0, 'note: left out, below the floor 0.1.5: 0.1.4\n']);
    await writeFile(join(cwd, 'releases.json'), forSimulators(out));
    expect(JSON.parse(out)).toMatchObject({
      description: expect.stringContaining('no signature'),
      measurements: [{ name: '0.2.0', type: 'nitro' }],
    });
    expect((await assay('verify', 'same.cose', '--policy', 'releases.json', '--simulated-root', 'root.pem')).code).toBe(0);
    expect((await assay('verify', 'other.cose', '--policy', 'releases.json', '--simulated-root', 'root.pem')).code).toBe(5);
    expect(await assay('policy', 'from-releases', '0.1.4.json', '--floor', '0.1.5')).toMatchObject({
      code: 5,
      err: expect.stringContaining('release/below-floor'),
    });
    expect((await assay('measure', EIF, '--floor', '1.0.0', '--format', 'statement')).err).toContain('--release');
    expect((await assay('measure', EIF, '--release', 'v1', '--format', 'statement')).err).toContain('1.2.3');
  });

  it('comes from what nitro-cli printed, too', async () => {
    const { pcr0: PCR0, pcr1: PCR1, pcr2: PCR2 } = registers;
    const entry = { EnclaveName: 'app', Flags: 'NONE', Measurements: { HashAlgorithm: 'Sha384 { ... }', PCR0, PCR1, PCR2 } };
    await writeFile(join(cwd, 'enclaves.json'), JSON.stringify([entry]));
    const { out } = await assay('policy', 'from-nitro-cli', 'enclaves.json');
    await writeFile(join(cwd, 'cli-policy.json'), forSimulators(out));
    const verify = (file: string) => assay('verify', file, '--policy', 'cli-policy.json', '--simulated-root', 'root.pem');
    expect(await verify('same.cose')).toMatchObject({ code: 0 });
    expect(await verify('other.cose')).toMatchObject({ code: 5 });
    await writeFile(join(cwd, 'enclaves.json'), JSON.stringify([{ ...entry, Flags: 'DEBUG_MODE' }]));
    expect((await assay('policy', 'from-nitro-cli', 'enclaves.json')).err).toContain('debug mode');
  });
});

it('a terminal shows how to pin what was measured', async () => {
  const io = transcript({ cwd, now: FAKE_NOW, interactive: true });
  expect(await run(['measure', EIF], io)).toBe(0);
  expect(io.err()).toMatch(/\nhint: the same call with --format policy .*--policy policy\.json demands them\n$/);
  expect((await assay('measure', EIF)).err).toBe('');
});

describe('a comparison', () => {
  const compare = (file: string, ...more: readonly string[]) =>
    assay('measure', EIF, '--compare', file, '--simulated-root', 'root.pem', ...more);

  it('says yes, and names what was not computed', async () => {
    const { code, out } = await compare('same.cose');
    expect(code).toBe(0);
    expect(out).toMatch(/✓ pcr0 .*\n.*✓ pcr1 .*\n.*✓ pcr2 .*\n.*· pcr3 {2}not computed: /);
  });

  it('shows both values of what differs, first', async () => {
    const { code, out } = await compare('other.cose');
    expect(code).toBe(6);
    expect(out).toMatch(new RegExp(`^ {2}✗ pcr2\\n {6}image {5}${registers.pcr2}\\n {6}evidence {2}${'01'.repeat(48)}\\n`));
  });

  it('is JSON for programs', async () => {
    const { code, out } = await compare('other.cose', '--json');
    expect(code).toBe(6);
    expect(JSON.parse(out).comparison[0]).toMatchObject({ name: 'pcr2', outcome: 'different' });
  });

  it('takes no evidence that is not authentic', async () => {
    const { code, err } = await assay('measure', EIF, '--compare', 'same.cose');
    expect({ code, named: err.includes('[cli/root-not-trusted]'), hint: err.includes('--simulated-root') }).toEqual({
      code: 3,
      named: true,
      hint: true,
    });
  });

  it('names --at where the certificates of old evidence ended', async () => {
    const io = transcript({ cwd, now: FAKE_NOW + 400 * 24 * 3_600_000 });
    const compareLater = ['measure', EIF, '--compare', 'same.cose', '--simulated-root', 'root.pem'];
    const code = await run(compareLater, io);
    expect([code, io.err()]).toEqual([
      3,
      expect.stringMatching(/\[certificate\/expired\]\nhint: --at TIME verifies at an earlier/),
    ]);
    const at = new Date(FAKE_NOW).toISOString();
    expect(await run([...compareLater, '--at', at], io), io.err()).toBe(0);
    const pinned = transcript({ cwd, now: io.now() });
    await run(['policy', 'init', '--from', 'same.cose', '--simulated-root', 'root.pem'], pinned);
    expect(pinned.err()).toContain('hint: --at TIME');
  });

  it('with evidence of another kind finds nothing equal', async () => {
    const { code, out } = await assay(
      'measure',
      'snp.fd',
      '--processors',
      '1',
      '--cpu',
      'EPYC',
      '--compare',
      'same.cose',
      '--simulated-root',
      'root.pem',
    );
    expect(code).toBe(6);
    expect(out).toContain('has no measurement');
  });
});

it('a statement names files and values', async () => {
  const boot = ['--kernel', 'vmlinuz', '--initrd', 'initrd', '--append', 'quiet'];
  const { code, out } = await assay(
    'measure',
    'tdx.fd',
    '--memory',
    '8G',
    ...boot,
    '--acpi-tables',
    '.',
    '--format',
    'statement',
  );
  expect(code).toBe(0);
  const { subject, predicate } = JSON.parse(out);
  expect(subject.map(({ name }: { name: string }) => name)).toEqual(['firmware', 'kernel', 'initrd']);
  expect(Object.keys(predicate.measurements[0].values)).toEqual(['mrtd', 'rtmr0', 'rtmr1', 'rtmr2']);
});

describe('misuse', () => {
  it.each<[string, readonly string[], string]>([
    ['no kind of guest', ['snp.fd'], '--tee'],
    ['both kinds', ['snp.fd', '--processors', '1', '--memory', '1G'], '--tee'],
    ['an unknown kind', ['snp.fd', '--tee', 'sgx'], 'sev-snp or tdx'],
    ['no processors', ['snp.fd', '--tee', 'sev-snp', '--cpu', 'EPYC'], '--processors 4'],
    ['processors in words', ['snp.fd', '--processors', 'four', '--cpu', 'EPYC'], '"four"'],
    ['no type of processor', ['snp.fd', '--processors', '4'], '--cpu EPYC-Milan'],
    ['an unknown hypervisor', ['snp.fd', '--processors', '4', '--cpu', 'EPYC', '--hypervisor', 'xen'], 'qemu, ec2 or gce'],
    [
      'features of more than 64 bits',
      ['snp.fd', '--processors', '4', '--cpu', 'EPYC', '--guest-features', '1'.repeat(18)],
      '64 bits',
    ],
    ['an initrd without a kernel', ['snp.fd', '--processors', '4', '--cpu', 'EPYC', '--initrd', 'initrd'], '--kernel'],
    ['memory without a unit', ['tdx.fd', '--memory', '8'], '8G'],
    ['a kernel alone', ['tdx.fd', '--memory', '8G', '--kernel', 'vmlinuz'], 'all three or none'],
    ['an unknown order', ['tdx.fd', '--memory', '8G', '--page-order', 'random'], 'page or section'],
    ['a folder without tables', ['tdx.fd', '--memory', '8G', '--acpi-tables', 'none'], 'table-loader'],
    ['an unknown format', [EIF, '--format', 'yaml'], 'policy'],
  ])('%s', async (_, args, words) => {
    const { code, err } = await assay('measure', ...args);
    expect({ code, named: err.includes(words) }, err).toEqual({ code: 1, named: true });
  });
});
