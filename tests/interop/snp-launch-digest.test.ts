/** SEV-SNP launch digests against `sev-snp-measure`, the field's own tool: every hypervisor, several machines. Installs it, or says loudly that it did not. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FAKE_SEV_SECTIONS, fakeFirmware, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { pythonEnvironment } from './python-environment.ts';

const bin = await pythonEnvironment(['sev-snp-measure==0.0.13']);
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-measure-'));
  await writeFile(join(cwd, 'OVMF.fd'), fakeFirmware({ sev: FAKE_SEV_SECTIONS }));
  await writeFile(join(cwd, 'vmlinuz'), 'a kernel');
  await writeFile(join(cwd, 'initrd'), 'an initrd');
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function theirs(...args: readonly string[]): Promise<string> {
  const program = join(bin as string, 'sev-snp-measure');
  const { stdout } = await promisify(execFile)(program, ['--mode', 'snp', '--ovmf', 'OVMF.fd', ...args], { cwd });
  return stdout.trim();
}

async function ours(...args: readonly string[]): Promise<string> {
  const io = transcript({ cwd, now: Date.now() });
  const code = await run(['measure', 'OVMF.fd', '--json', ...args], io);
  expect(code, io.err()).toBe(0);
  return JSON.parse(io.out()).values.measurement;
}

describe.runIf(bin !== null)('assay measure', () => {
  const boot = ['--kernel', 'vmlinuz', '--initrd', 'initrd', '--append', 'console=ttyS0 quiet'];
  const machines = (['QEMU', 'ec2', 'gce'] as const).flatMap(
    (vmm) =>
      [
        { vmm, count: '1', cpu: 'EPYC-Genoa', more: [], features: '0x1' },
        { vmm, count: '3', cpu: 'EPYC-Milan', more: boot, features: '0x1' },
        { vmm, count: '2', cpu: 'EPYC-v4', more: boot.slice(0, 2), features: '0x21' },
      ] as const,
  );

  it.each(machines)('equals sev-snp-measure for $count × $cpu on $vmm', async ({ vmm, count, cpu, more, features }) => {
    const own = ['--processors', count, '--cpu', cpu, '--hypervisor', vmm.toLowerCase(), '--guest-features', features, ...more];
    const their = ['--vcpus', count, '--vcpu-type', cpu, '--vmm-type', vmm, '--guest-features', features, ...more];
    expect(await ours(...own)).toBe(await theirs(...their));
  });
});
