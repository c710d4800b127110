/** Changes to genuine questions, the same for the same seed: bits, lengths, fields of another case, pieces of collateral, the time. */

import type { DcapQuestion, Question } from '@assay/testing';
import type { Random } from '../fuzz/mutate.ts';

export interface Mutated {
  readonly question: Question;
  /** What was changed. */
  readonly how: string;
}

const DAY = 86_400_000;
const DOCUMENTS = ['tcb_info', 'qe_identity'];
const HEX = ['root_ca_crl', 'pck_crl', 'tcb_info_signature', 'qe_identity_signature'];
const CHAINS = ['tcb_info_issuer_chain', 'qe_identity_issuer_chain', 'pck_crl_issuer_chain'];
const HEX_DIGITS = '0123456789abcdef';
const BASE64_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** One change. `other` is a question of the same kind, to borrow from. */
export function mutateQuestion(question: Question, other: Question, random: Random): Mutated {
  const evidence = (): Mutated => {
    const { bytes, how } = mutateEvidence(question.evidence, other.evidence, random);
    return { question: { ...question, evidence: bytes }, how };
  };
  const time = (): Mutated => {
    const days = random.next(800) - 400;
    return { question: { ...question, at: question.at + days * DAY }, how: `${days} days off` };
  };
  switch (question.kind) {
    case 'sgx':
    case 'tdx': {
      const choice = random.next(10);
      if (choice < 6) return evidence();
      return choice === 9 ? time() : mutateCollateral(question, other as DcapQuestion, random);
    }
    case 'sev-snp': {
      const choice = random.next(10);
      if (choice < 7) return evidence();
      if (choice === 9) return time();
      const { key = new Uint8Array() } = question;
      if (choice === 8 && other.kind === 'sev-snp' && other.key !== undefined)
        return { question: { ...question, key: other.key }, how: 'key of another case' };
      const bit = random.next(8 * key.length);
      return { question: { ...question, key: flip(key, bit) }, how: `bit ${bit} of the key` };
    }
    case 'nitro':
      return random.next(10) === 0 ? time() : evidence();
  }
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

function mutateEvidence(bytes: Uint8Array, other: Uint8Array, random: Random): { bytes: Uint8Array; how: string } {
  const at = random.next(bytes.length);
  const spliced = (from: number, to: number, inserted: Uint8Array) =>
    Uint8Array.from([...bytes.subarray(0, from), ...inserted, ...bytes.subarray(to)]);
  const some = (length: number) => Uint8Array.from({ length }, () => random.next(256));
  switch (random.next(10)) {
    case 0:
      return { bytes: bytes.slice(0, at), how: `cut to ${at} bytes` };
    case 1: {
      const tail = random.next(2) === 0 ? some(1 + random.next(80)) : new Uint8Array(1 + random.next(80));
      return { bytes: spliced(bytes.length, bytes.length, tail), how: `${tail.length} bytes behind` };
    }
    case 2: {
      const inserted = some(1 + random.next(8));
      return { bytes: spliced(at, at, inserted), how: `${inserted.length} bytes inserted at ${at}` };
    }
    case 3: {
      const end = Math.min(bytes.length, at + 1 + random.next(8));
      return { bytes: spliced(at, end, new Uint8Array()), how: `bytes ${at} to ${end} taken out` };
    }
    case 4: {
      const end = Math.min(bytes.length, at + 4 * (1 + random.next(16)));
      return { bytes: spliced(at, end, other.subarray(at, end)), how: `bytes ${at} to ${end} of another case` };
    }
    case 5: {
      const changed = bytes.slice();
      changed[at] = random.next(256);
      return { bytes: changed, how: `byte ${at}` };
    }
    // Half of the bits from the first kilobytes, where the fields are; certificates fill the rest.
    default: {
      const bit = random.next(8 * (random.next(2) === 0 ? Math.min(1300, bytes.length) : bytes.length));
      return { bytes: flip(bytes, bit), how: `bit ${bit}` };
    }
  }
}

function mutateCollateral(question: DcapQuestion, other: DcapQuestion, random: Random): Mutated {
  const { collateral } = question;
  const pick = (names: readonly string[]): string => names[random.next(names.length)] as string;
  const changed = (name: string, value: string, how: string): Mutated => ({
    question: { ...question, collateral: { ...collateral, [name]: value } },
    how: `${how} of ${name}`,
  });
  const character = (name: string, digits: string): Mutated => {
    const text = collateral[name] ?? '';
    const at = random.next(text.length);
    return changed(name, `${text.slice(0, at)}${digits[random.next(digits.length)]}${text.slice(at + 1)}`, `character ${at}`);
  };
  switch (random.next(4)) {
    case 0:
      return character(pick(DOCUMENTS), String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 0x20 + index)));
    case 1:
      return character(pick(HEX), HEX_DIGITS);
    case 2:
      return character(pick(CHAINS), BASE64_DIGITS);
    default: {
      const name = pick(Object.keys(collateral));
      return changed(name, other.collateral[name] ?? '', 'another case instead');
    }
  }
}
