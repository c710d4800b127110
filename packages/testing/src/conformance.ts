/**
 * The conformance suite: sound evidence of every variant, and evidence with one defect each, under roots made here. Any verifier that can be
 * given a root can be judged by it: one that accepts a defect has the fault its name says. `npm run conformance -- --write DIR` writes it
 * as files.
 */

import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { type FakeDcap, type FakeDcapOptions, fakeDcap } from '@assay/simulator';
import { DCAP_COLLATERAL_DEFECTS, DCAP_QUOTE_DEFECTS, defectOptions } from './dcap-defects.ts';
import { fakeNitroDocument } from './fake-nitro.ts';
import { NITRO_DEFECTS, nitroQuestion } from './nitro-defects.ts';
import type { DcapCollateral, DcapQuestion, Question } from './question.ts';
import { fakeSnpQuestion, fakeSnpQuestionWithCrl, SNP_DEFECTS } from './snp-defects.ts';

export interface ConformanceEntry {
  /** What the sound evidence it was made from is: a verifier that refuses that one does not know the variant at all. */
  readonly variant: string;
  /** Name of the defect; `sound` when there is none. */
  readonly name: string;
  /** Code Assay refuses it with, `null` for sound evidence. */
  readonly code: string | null;
  readonly question: Question;
}

/** In a collateral file a chain that is missing is an empty text, which is no chain. */
const CODES_OF_FILES: Readonly<Record<string, string>> = { 'no signing chain': 'dcap/tcb-signing-chain-invalid' };

type Sound = readonly [variant: string, question: () => Promise<Question>];

const SOUND: readonly Sound[] = [
  ['sgx v3', () => dcapQuestion({ tee: 'sgx' })],
  ['tdx v4', () => dcapQuestion({})],
  ['tdx v5, td 1.0', () => dcapQuestion({ version: 5 })],
  ['tdx v5, td 1.5', () => dcapQuestion({ version: 5, tdReport: '1.5' })],
  ['snp milan vcek', () => fakeSnpQuestion({ product: 'Milan' })],
  ['snp genoa vcek', () => fakeSnpQuestion()],
  ['snp turin vcek', () => fakeSnpQuestion({ product: 'Turin' })],
  ['snp genoa vlek', () => fakeSnpQuestion({ signingKey: 'vlek' })],
  ['snp genoa with a crl', () => fakeSnpQuestionWithCrl()],
  ['nitro', async () => nitroQuestion(await fakeNitroDocument())],
  ['nitro, tag 18', async () => nitroQuestion(await fakeNitroDocument({ tagged: true }))],
];

/** All entries, made again: keys differ from run to run, verdicts do not. */
export async function conformanceSuite(): Promise<readonly ConformanceEntry[]> {
  const entries: ConformanceEntry[] = [];
  for (const [variant, question] of SOUND) entries.push({ variant, name: 'sound', code: null, question: await question() });
  for (const defect of [...DCAP_QUOTE_DEFECTS, ...DCAP_COLLATERAL_DEFECTS]) {
    const options = await defectOptions(defect);
    const { tee = 'tdx', version } = options;
    const variant = tee === 'sgx' ? 'sgx v3' : version === 5 ? 'tdx v5, td 1.0' : 'tdx v4';
    const [name, code] = defect;
    entries.push({ variant, name, code: CODES_OF_FILES[name] ?? code, question: await dcapQuestion(options) });
  }
  for (const [name, code, make] of SNP_DEFECTS) {
    const question = await make();
    const variant = question.crl === undefined ? `snp ${question.product?.toLowerCase()} vcek` : 'snp genoa with a crl';
    entries.push({ variant, name, code, question });
  }
  for (const [name, code, make] of NITRO_DEFECTS)
    entries.push({ variant: 'nitro', name, code, question: nitroQuestion(await make()) });
  return entries;
}

async function dcapQuestion(options: FakeDcapOptions): Promise<DcapQuestion> {
  const fake = await fakeDcap(options);
  const { quote, root, now } = fake;
  return { kind: options.tee ?? 'tdx', evidence: quote, at: now, root: root.der, collateral: collateralOf(fake) };
}

/** dcap-qvl's collateral object. Pieces that are missing become empty, as when a fetch failed. */
function collateralOf({ endorsements, root, ca }: FakeDcap): DcapCollateral {
  const documents = new Map(endorsements.flatMap((piece) => ('body' in piece ? [[piece.kind, piece] as const] : [])));
  const crls = endorsements.flatMap((piece) => (piece.kind === 'crl' ? [piece] : []));
  // By issuer where the defect leaves one out: the PCK CRL names the CA.
  const named = (subject: Uint8Array) =>
    crls.find(({ der }) => encodeHex(der).includes(encodeHex(subject))) ?? (crls.length === 2 ? crls[1] : undefined);
  const chain = (ders: readonly Uint8Array[] = []): string => ders.map((der) => encodePem('CERTIFICATE', der)).join('');
  const text = (body: Uint8Array = new Uint8Array()): string => new TextDecoder().decode(body);
  const hex = (bytes: Uint8Array = new Uint8Array()): string => encodeHex(bytes);
  const [info, identity] = [documents.get('tcb-info'), documents.get('enclave-identity')];
  return {
    pck_crl_issuer_chain: chain([ca.der, root.der]),
    root_ca_crl: hex(named(root.subject)?.der),
    pck_crl: hex(named(ca.subject)?.der),
    tcb_info_issuer_chain: chain(info?.issuerChain),
    tcb_info: text(info?.body),
    tcb_info_signature: hex(info?.signature),
    qe_identity_issuer_chain: chain(identity?.issuerChain),
    qe_identity: text(identity?.body),
    qe_identity_signature: hex(identity?.signature),
  };
}
