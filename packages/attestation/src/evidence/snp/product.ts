/**
 * Product lines of SEV-SNP processors, by the CPUID family and model in report versions 3 and later, or by the product name in
 * the endorsement key's certificate. Zen 4c (Bergamo, Siena) carries Genoa's keys.
 * Sources: AMD SEV-SNP Firmware ABI 56860 §7.3 (ATTESTATION_REPORT, CPUID_FAM_ID, CPUID_MOD_ID); AMD VCEK and KDS interface
 * specification 57230 §3.1 (product_name); AMD processor programming references for the family and model ranges.
 */

export type SnpProduct = 'Milan' | 'Genoa' | 'Turin';

export interface SnpCpuid {
  /** Base plus extended family, e.g. 0x19. */
  readonly family: number;
  /** Base plus extended model, e.g. 0x11. */
  readonly model: number;
  readonly stepping: number;
}

/** The product line of a processor, or `null` when its family and model belong to none that is known. */
export function productOfCpuid({ family, model }: SnpCpuid): SnpProduct | null {
  if (family === 0x19) {
    if (model <= 0x0f) return 'Milan';
    if (model >= 0x10 && model <= 0x1f) return 'Genoa';
    return model >= 0xa0 && model <= 0xaf ? 'Genoa' : null;
  }
  return family === 0x1a && model <= 0x1f ? 'Turin' : null;
}

/** The product line of a certificate's product name: `Milan-B0`, `Genoa`, `Siena-A0`, `Turin` …; `null` for other names. */
export function productOfName(name: string): SnpProduct | null {
  switch (name.split('-')[0]) {
    case 'Milan':
      return 'Milan';
    case 'Genoa':
    case 'Bergamo':
    case 'Siena':
      return 'Genoa';
    case 'Turin':
      return 'Turin';
    default:
      return null;
  }
}
