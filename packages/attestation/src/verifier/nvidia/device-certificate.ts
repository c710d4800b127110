/**
 * What NVIDIA's device certificates say of a device: product, serial, and the identity of the firmware that holds the key.
 * Sources: TCG DICE Attestation Architecture 1.0 §6.1 (DiceTcbInfo, 2.23.133.5.4.1.1), TCG/RIoT composite device id (2.23.133.5.4.1),
 * DMTF DSP0274 §10.7 (subject alternative name `1.3.6.1.4.1.412.274.1`).
 *
 * Not checked here: who issued the certificate.
 */

import { type DerElement, derOctetString, derOid, derString, readDer } from '@assay/encoding/der';
import { type Certificate, EXTENSION } from '../../certificates/x509.ts';
import { reading } from '../../evidence/reading.ts';

const COMPOSITE_DEVICE_ID = '2.23.133.5.4.1';
const DICE_TCB_INFO = '2.23.133.5.4.1.1';
const DMTF_DEVICE = '1.3.6.1.4.1.412.274.1';
const SHA_384 = '2.16.840.1.101.3.4.2.2';
/** `fwids` of DiceTcbInfo: [6] IMPLICIT, constructed. */
const FWIDS_TAG = 0xa6;

export interface DeviceCertificate {
  /** Chip, e.g. `GH100`, `GB100`, `LS_10`; `null` when the certificate does not say. */
  readonly product: string | null;
  /** Serial number of the chip, as in the subject alternative name; `null` when it is not there. */
  readonly serial: string | null;
  /** SHA-384 of the firmware that holds the key, 48 bytes; `null` when it is not there. */
  readonly firmwareId: Uint8Array | null;
}

/** True for certificates of a device's attestation key: no CA, with a DICE extension. */
export function isDeviceCertificate({ extensions, basicConstraints }: Certificate): boolean {
  return basicConstraints?.ca !== true && (extensions.has(COMPOSITE_DEVICE_ID) || extensions.has(DICE_TCB_INFO));
}

/**
 * Reads a device certificate.
 * @throws {AttestationError} `nvidia/evidence-malformed` for broken extensions.
 */
export function deviceCertificate(certificate: Certificate): DeviceCertificate {
  return reading('nvidia/evidence-malformed', 'device certificate', () => {
    const [vendor, product, serial] = deviceName(certificate)?.split(':') ?? [];
    const isNvidia = vendor === 'NVIDIA' && product !== undefined;
    const commonName = /(?:^|,)CN=([A-Z0-9_]+) /.exec(certificate.subjectText)?.[1] ?? null;
    return {
      product: isNvidia ? product : commonName,
      serial: isNvidia ? (serial ?? null) : null,
      firmwareId: firmwareId(certificate),
    };
  });
}

function deviceName(certificate: Certificate): string | null {
  const extension = certificate.extensions.get(EXTENSION.subjectAltName);
  if (extension === undefined) return null;
  for (const name of readDer(extension.value).children()) {
    const [type, value] = name.tag === 0xa0 ? name.children() : [];
    const inner = value?.children()[0];
    if (type !== undefined && inner !== undefined && derOid(type) === DMTF_DEVICE) return derString(inner);
  }
  return null;
}

/** The first SHA-384 identity: the only one of a composite device id; the first of several in DiceTcbInfo is the running firmware's. */
function firmwareId({ extensions }: Certificate): Uint8Array | null {
  const tcbInfo = extensions.get(DICE_TCB_INFO);
  if (tcbInfo !== undefined) {
    const list = readDer(tcbInfo.value)
      .children()
      .find(({ tag }) => tag === FWIDS_TAG);
    return digestOf(list?.children()[0]);
  }
  const composite = extensions.get(COMPOSITE_DEVICE_ID);
  return composite === undefined ? null : digestOf(readDer(composite.value).children()[2]);
}

function digestOf(fwid: DerElement | undefined): Uint8Array | null {
  const [algorithm, digest] = fwid?.children() ?? [];
  if (algorithm === undefined || digest === undefined || derOid(algorithm) !== SHA_384) return null;
  return derOctetString(digest);
}
