/** The survey of a machine's TEE: what is there, what fails and how, what is absent and what it would need. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeDcap } from '@assay/simulator';
import { expect, onTestFinished, test } from 'vitest';
import { ServerError } from '../../errors.ts';
import type { Attester } from '../../ports/attester.ts';
import type { Candidate } from './detect.ts';
import { surveyTee } from './survey.ts';

function options(choice = 'auto') {
  const directory = mkdtempSync(join(tmpdir(), 'assay-survey-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return { choice, directory, clock: { now: Date.now } };
}

const tdx: Attester = {
  name: 'a TDX guest',
  simulated: false,
  attest: async ({ statementDigest }) => {
    const { quote } = await fakeDcap({ tee: 'tdx', body: (body) => body.set(statementDigest, 520) });
    return { teeType: 'tdx', evidenceType: 'tdx', evidence: { quote: Buffer.from(quote).toString('hex') } };
  },
  keptSecret: async () => new Uint8Array(32),
};
const candidate = (attester: Attester | null, name = 'tee'): Candidate => ({ name, needs: 'a device', open: () => attester });

test('a TEE that gives whole evidence, with and without a secret', async () => {
  expect(await surveyTee(options(), [candidate(null, 'other'), candidate(tdx)])).toEqual({
    kind: 'hardware',
    detail: 'a TDX guest',
    keepsSecret: true,
    absent: [{ name: 'other', needs: 'a device' }],
  });
  const forgetful: Attester = { ...tdx, keptSecret: () => Promise.reject(new Error('sealed')) };
  expect(await surveyTee(options(), [candidate(forgetful)])).toMatchObject({ kind: 'hardware', keepsSecret: false });
});

test('a TEE that answers for another statement fails', async () => {
  const other: Attester = { ...tdx, attest: (request) => tdx.attest({ ...request, statementDigest: new Uint8Array(32) }) };
  const { kind, detail } = await surveyTee(options(), [candidate(other)]);
  expect([kind, detail]).toEqual(['failing', expect.stringContaining('for another')]);
});

test('a TEE that cannot be opened fails with its own words', async () => {
  const open = () => Promise.reject(new ServerError('attester/unavailable', 'expected a device, got EACCES; run as root'));
  const survey = await surveyTee(options(), [{ name: 'tee', needs: 'a device', open }]);
  expect(survey).toMatchObject({ kind: 'failing', detail: 'expected a device, got EACCES; run as root' });
});

test('no TEE: each one with what it needs, and nothing is made in the data directory', async () => {
  const where = options();
  const { kind, absent } = await surveyTee(where);
  expect(kind).toBe('none');
  expect(absent.map(({ name }) => name)).toEqual(['nitro', 'gramine', 'dstack', 'tappd', 'configfs-tsm', 'vendor']);
  expect(absent.every(({ needs }) => needs.length > 20)).toBe(true);
  expect(readdirSync(where.directory)).toEqual([]);
  expect(await surveyTee(options('simulated-sgx'))).toMatchObject({ kind: 'simulated', detail: 'simulated-sgx' });
});

test('one that was asked for by name and is not there', async () => {
  expect(await surveyTee(options('gramine'))).toMatchObject({ kind: 'none', absent: [{ name: 'gramine' }] });
});
