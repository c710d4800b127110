/** The genuine, hardware-signed vectors (../shared/vectors) as questions, with the verdict the manifest expects. */

import type { DcapCollateral, Question } from '@assay/testing';
import { readVector, vectorCases } from '@assay/testing';

export interface GenuineCase {
  readonly id: string;
  readonly question: Question;
  /** `accepted` for any TCB status. */
  readonly expected: 'accepted' | 'refused';
}

const PRODUCTS = ['Milan', 'Genoa', 'Turin'];

type Companions = Readonly<Record<string, string>>;

/** Cases whose verdict is not debatable and whose companions are whole; none without the vectors. */
export function genuineCases(): readonly GenuineCase[] {
  return [...dcapCases(), ...snpCases(), ...nitroCases()];
}

function dcapCases(): readonly GenuineCase[] {
  return vectorCases('intel-sgx', 'intel-tdx').flatMap(({ id, tee, evidence, companions, at, expect }) => {
    const { collateral } = (companions ?? {}) as Companions;
    if (collateral === undefined || at === null) return [];
    const question: Question = {
      kind: tee === 'intel-sgx' ? 'sgx' : 'tdx',
      evidence: readVector(evidence),
      at: Date.parse(at),
      collateral: JSON.parse(new TextDecoder().decode(readVector(collateral))) as DcapCollateral,
    };
    return [{ id, question, expected: expect.verdict === undefined ? 'accepted' : 'refused' } as const];
  });
}

function snpCases(): readonly GenuineCase[] {
  return vectorCases('amd-sev-snp').flatMap(({ id, evidence, companions, at, expect }) => {
    const { vcek, vlek, ask, asvk } = (companions ?? {}) as Companions;
    const [key, intermediate] = [vcek ?? vlek, ask ?? asvk];
    if (key === undefined || intermediate === undefined || at === null) return [];
    const question: Question = {
      kind: 'sev-snp',
      evidence: readVector(evidence),
      at: Date.parse(at),
      key: readVector(key),
      intermediate: readVector(intermediate),
      product: PRODUCTS.find((product) => intermediate.includes(product.toLowerCase())) ?? 'Milan',
    };
    return [{ id, question, expected: expect.verdict === 'valid' ? 'accepted' : 'refused' } as const];
  });
}

function nitroCases(): readonly GenuineCase[] {
  return vectorCases('aws-nitro').flatMap(({ id, evidence, at, expect: { verdict } }) => {
    if (at === null || (verdict !== 'valid' && verdict !== 'invalid')) return [];
    const question: Question = { kind: 'nitro', evidence: readVector(evidence), at: Date.parse(at) };
    return [{ id, question, expected: verdict === 'valid' ? 'accepted' : 'refused' } as const];
  });
}
