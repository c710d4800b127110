/** Processor types as QEMU names them → the CPUID signature that a vCPU starts with (AMD CPUID Specification 25481, Fn0000_0001_EAX). */

import { ReferenceValuesError } from '../errors.ts';

interface Processor {
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
}

const NAPLES: Processor = { family: 23, model: 1, stepping: 2 };
const ROME: Processor = { family: 23, model: 49, stepping: 0 };
const MILAN: Processor = { family: 25, model: 1, stepping: 1 };
const GENOA: Processor = { family: 25, model: 17, stepping: 0 };
const TURIN: Processor = { family: 26, model: 0, stepping: 0 };

const PROCESSORS: Readonly<Record<string, Processor>> = {
  EPYC: NAPLES,
  'EPYC-v1': NAPLES,
  'EPYC-v2': NAPLES,
  'EPYC-IBPB': NAPLES,
  'EPYC-v3': NAPLES,
  'EPYC-v4': NAPLES,
  'EPYC-Rome': ROME,
  'EPYC-Rome-v1': ROME,
  'EPYC-Rome-v2': ROME,
  'EPYC-Rome-v3': ROME,
  'EPYC-Rome-v4': ROME,
  'EPYC-Milan': MILAN,
  'EPYC-Milan-v1': MILAN,
  'EPYC-Milan-v2': MILAN,
  'EPYC-Genoa': GENOA,
  'EPYC-Genoa-v1': GENOA,
  'EPYC-Turin': TURIN,
};

export const CPU_TYPES: readonly string[] = Object.keys(PROCESSORS);

/**
 * @param type one of {@link CPU_TYPES}, or the 32-bit signature itself as hex, `0x00a10f11`.
 * @throws {ReferenceValuesError} `machine/bad-shape`.
 */
export function cpuSignature(type: string): number {
  if (/^0x[0-9a-f]{1,8}$/i.test(type)) return Number.parseInt(type, 16);
  const processor = Object.hasOwn(PROCESSORS, type) ? PROCESSORS[type] : undefined;
  if (processor === undefined)
    throw new ReferenceValuesError(
      'machine/bad-shape',
      `expected a processor type of QEMU, got ${type.slice(0, 40)}; give one of ${CPU_TYPES.join(', ')}, or its CPUID signature in hex`,
    );
  const { family, model, stepping } = processor;
  return ((family - 15) << 20) | ((model >> 4) << 16) | (15 << 8) | ((model & 15) << 4) | stepping;
}
