/**
 * VCEK and VLEK certificates: AMD's extensions → product, TCB and chip. A key belongs to one chip (VCEK) or one cloud provider
 * (VLEK) at one TCB.
 * Source: AMD VCEK Certificate and KDS Interface Specification 57230, revision 1.00, §3.1 (table 8) and the VLEK specification 58369.
 *
 * Not checked here: who issued the certificate.
 */

import { derInteger, derOctetString, derString, readDer } from '@assay/encoding/der';
import type { VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { reading } from '../../evidence/reading.ts';
import { productOfName, type SnpProduct } from '../../evidence/snp/product.ts';

const ARC = '1.3.6.1.4.1.3704.1';
const PRODUCT_NAME = `${ARC}.2`;
const HWID = `${ARC}.4`;
const CSP_ID = `${ARC}.5`;
/** Security patch levels by name: the last arc below `.3`. */
const LEVEL = { bootloader: 1, tee: 2, snp: 3, spl4: 4, spl5: 5, spl6: 6, spl7: 7, microcode: 8, fmc: 9 } as const;
type LevelName = keyof typeof LEVEL;
/** What each byte of TCB_VERSION is, lowest first. */
const MILAN_LAYOUT = ['bootloader', 'tee', 'spl4', 'spl5', 'spl6', 'spl7', 'snp', 'microcode'] as const;
const TURIN_LAYOUT = ['fmc', 'bootloader', 'tee', 'snp', 'spl5', 'spl6', 'spl7', 'microcode'] as const;
const CHIP_ID_LENGTH = 64; // bytes

export interface EndorsementKey {
  readonly certificate: Certificate;
  readonly kind: 'vcek' | 'vlek';
  readonly product: SnpProduct;
  /** As written, with stepping where there is one: `Milan-B0`. */
  readonly productName: string;
  /** TCB_VERSION the key was derived for, 8 bytes as in a report. */
  readonly tcb: Uint8Array;
  /** Chip, 64 bytes as in a report (Turin's 8, zero-filled); `null` for a VLEK. */
  readonly chipId: Uint8Array | null;
  /** Cloud provider, e.g. `CN=cc-us-east-2.amazonaws.com`; `null` for a VCEK. */
  readonly cspId: string | null;
}

/** True when the certificate carries a microcode level, as every VCEK and VLEK does. */
export function isEndorsementKey(certificate: Certificate): boolean {
  return certificate.extensions.has(levelOid('microcode'));
}

/** Keys read before, by the certificate object, which never changes. */
const keyMemory = (): WeakMap<Certificate, EndorsementKey> => new WeakMap();

/**
 * Reads AMD's extensions, once for each certificate object.
 * @throws {AttestationError} `snp/endorsement-key-malformed`; `snp/product-unknown` for a product line this verifier does not know.
 */
export function parseEndorsementKey(certificate: Certificate, cache?: VerificationCache | undefined): EndorsementKey {
  const known = cache?.room(keyMemory);
  const key = known?.get(certificate) ?? readKey(certificate);
  known?.set(certificate, key);
  return key;
}

function readKey(certificate: Certificate): EndorsementKey {
  return reading('snp/endorsement-key-malformed', 'vcek or vlek certificate', () => {
    const productName = text(certificate, PRODUCT_NAME);
    const product = productOfName(productName);
    if (product === null) {
      throw new AttestationError(
        'snp/product-unknown',
        `expected a Milan, Genoa or Turin key, got one of "${productName}"; a newer product needs a newer verifier`,
        {
          details: { productName },
        },
      );
    }
    const isVcek = certificate.extensions.has(HWID);
    if (isVcek === certificate.extensions.has(CSP_ID)) throw malformed('either a chip or a cloud provider');
    const kind = isVcek ? 'vcek' : 'vlek';
    if (certificate.publicKey !== 'P-384') throw malformed('a p-384 key');
    if (!certificate.subjectText.split(',').includes(`CN=SEV-${kind.toUpperCase()}`)) {
      throw malformed(`subject SEV-${kind.toUpperCase()}`);
    }
    const layout = product === 'Turin' ? TURIN_LAYOUT : MILAN_LAYOUT;
    return {
      certificate,
      kind,
      product,
      productName,
      tcb: Uint8Array.from(layout, (name) => level(certificate, name)),
      chipId: isVcek ? chipIdOf(certificate, product) : null,
      cspId: isVcek ? null : text(certificate, CSP_ID),
    };
  });
}

function levelOid(name: LevelName): string {
  return `${ARC}.3.${LEVEL[name]}`;
}

function value(certificate: Certificate, oid: string): Uint8Array {
  const extension = certificate.extensions.get(oid);
  if (extension === undefined) throw malformed(`extension ${oid}`);
  return extension.value;
}

function text(certificate: Certificate, oid: string): string {
  return derString(readDer(value(certificate, oid)));
}

function level(certificate: Certificate, name: LevelName): number {
  const number = derInteger(readDer(value(certificate, levelOid(name))));
  if (number < 0n || number > 255n) throw malformed(`a level from 0 to 255 as ${name}`);
  return Number(number);
}

/** The service writes the chip id bare, without the OCTET STRING around it; both forms are read. */
function chipIdOf(certificate: Certificate, product: SnpProduct): Uint8Array {
  const length = product === 'Turin' ? 8 : CHIP_ID_LENGTH;
  const bare = value(certificate, HWID);
  const bytes = bare.length === length ? bare : derOctetString(readDer(bare));
  if (bytes.length !== length) throw malformed(`a chip id of ${length} bytes`);
  const out = new Uint8Array(CHIP_ID_LENGTH);
  out.set(bytes);
  return out;
}

function malformed(expected: string): AttestationError {
  return new AttestationError(
    'snp/endorsement-key-malformed',
    `expected ${expected} in the vcek or vlek certificate, got none; fetch the certificate again`,
  );
}
