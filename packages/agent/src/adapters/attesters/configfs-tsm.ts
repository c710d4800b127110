/**
 * Linux configfs-tsm: one kernel interface for quotes of Intel TDX and reports of AMD SEV-SNP
 * (Documentation/ABI/testing/configfs-tsm-report). A report is a directory: write `inblob`, read `outblob`; `generation` counts the
 * writes, so that another writer is noticed; `auxblob` holds the certificates of SNP when the host supplies them.
 */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { ServerError } from '../../errors.ts';
import type { Attester, AttesterEvidence } from '../../ports/attester.ts';
import { deviceFault } from './device-fault.ts';

/** The file calls that are needed; configfs gives them their meaning. */
export interface ReportFiles {
  make(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  write(path: string, bytes: Uint8Array): Promise<void>;
}

const ROOT = '/sys/kernel/config/tsm/report';
const REPORT_DATA_LENGTH = 64; // bytes
const TRIES = 5;

const systemFiles: ReportFiles = {
  make: async (path) => void (await mkdir(path)),
  remove: (path) => rmdir(path),
  read: async (path) => new Uint8Array(await readFile(path)),
  write: (path, bytes) => writeFile(path, bytes, { flag: 'r+' }),
};

/**
 * The attester of this machine, or `null` where the kernel offers no reports: the interface can be there without a provider.
 * @throws {ServerError} `attester/unavailable` when the kernel refuses the interface for another reason than having no provider.
 */
export async function openConfigfsTsmAttester(root: string = ROOT, files: ReportFiles = systemFiles): Promise<Attester | null> {
  if (files === systemFiles && !existsSync(root)) return null;
  const probe = join(root, `assay-${randomBytes(8).toString('hex')}`);
  try {
    await files.make(probe);
    await files.remove(probe);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return null; // no provider
    throw deviceFault(root, error);
  }
  return createConfigfsTsmAttester(root, files);
}

/**
 * An attester over any report directory.
 * @throws from `attest`: {ServerError} `attester/unavailable` for an unknown provider, when other writers never leave a report alone, or with
 * the system's error.
 */
export function createConfigfsTsmAttester(root: string, files: ReportFiles): Attester {
  return {
    name: 'configfs-tsm',
    simulated: false,
    attest: async ({ statementDigest }) => {
      const reportData = new Uint8Array(REPORT_DATA_LENGTH);
      reportData.set(statementDigest);
      const entry = join(root, `assay-${randomBytes(8).toString('hex')}`);
      try {
        await files.make(entry);
        try {
          return await takeReport(entry, reportData, files);
        } finally {
          await files.remove(entry);
        }
      } catch (error) {
        throw deviceFault(root, error);
      }
    },
  };
}

async function takeReport(entry: string, reportData: Uint8Array, files: ReportFiles): Promise<AttesterEvidence> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    try {
      const before = await generationOf(entry, files);
      await files.write(join(entry, 'inblob'), reportData);
      const report = await files.read(join(entry, 'outblob'));
      if ((await generationOf(entry, files)) !== before + 1) continue; // somebody else wrote in between
      return evidenceOf(await textOf(join(entry, 'provider'), files), report, entry, files);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EBUSY' && code !== 'EAGAIN' && code !== 'EWOULDBLOCK' && code !== 'EINTR') throw error;
    }
    await sleep(20 * attempt);
  }
  throw new ServerError('attester/unavailable', `configfs-tsm gave no undisturbed report in ${TRIES} tries; try again`);
}

async function evidenceOf(provider: string, report: Uint8Array, entry: string, files: ReportFiles): Promise<AttesterEvidence> {
  if (provider === 'tdx_guest') return { teeType: 'tdx', evidenceType: 'tdx', evidence: { quote: encodeHex(report) } };
  if (provider !== 'sev_guest') {
    throw new ServerError(
      'attester/unavailable',
      `expected provider tdx_guest or sev_guest in configfs-tsm, got ${JSON.stringify(provider.slice(0, 40))}; run the agent in a TDX or SEV-SNP guest`,
    );
  }
  const certificates = await files.read(join(entry, 'auxblob')).catch(() => new Uint8Array(0));
  return {
    teeType: 'sev_snp',
    evidenceType: 'sev-snp',
    evidence: { report: encodeBase64(report), ...(certificates.length === 0 ? {} : { auxblob: encodeBase64(certificates) }) },
  };
}

async function generationOf(entry: string, files: ReportFiles): Promise<number> {
  return Number(await textOf(join(entry, 'generation'), files));
}

async function textOf(path: string, files: ReportFiles): Promise<string> {
  return new TextDecoder().decode(await files.read(path)).trim();
}
