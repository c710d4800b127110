import { encodeHex } from '@assay/encoding/hex';
import { describe, expect, it } from 'vitest';
import type { TrustAnchor } from '../../model/verification.ts';
import { verifyPath } from '../path.ts';
import { verifySignature } from '../signature.ts';
import { parseCertificate } from '../x509.ts';
import { AMD_INTERMEDIATES, AMD_ROOTS } from './amd.ts';
import { AWS_NITRO_ROOT_G1 } from './aws.ts';
import { GOOGLE_CONFIDENTIAL_SPACE_ROOT_CA } from './google.ts';
import { INTEL_SGX_ROOT_CA } from './intel.ts';
import { NVIDIA_DEVICE_IDENTITY_CA, NVIDIA_RIM_ROOT_CA } from './nvidia.ts';
import { PROOF_OF_CLOUD_KEY } from './proof-of-cloud.ts';

const sha256 = async (bytes: Uint8Array): Promise<string> =>
  encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))));

/** SHA-256 of the DER certificate and of its SubjectPublicKeyInfo, from the vendors' own publications. */
const PINS: readonly [TrustAnchor, string, string][] = [
  [
    AWS_NITRO_ROOT_G1,
    '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b',
    'f2caf5ecc6190b4a8399b78bc58a2bbcd0382375db8a1bfd78a82743874fd225',
  ],
  [
    INTEL_SGX_ROOT_CA,
    '44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3',
    'a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e',
  ],
  [
    NVIDIA_DEVICE_IDENTITY_CA,
    '102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48',
    'a90c4eb5acfd3e3d03a25db6a26b84f720ad0503196c627c21ddd48dd85b06a4',
  ],
  [
    NVIDIA_RIM_ROOT_CA,
    '12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1',
    'dec1dc316477aa851eebdf51327ae9f864bc8d89254657ed1e7eb9168af1e1a3',
  ],
  [
    GOOGLE_CONFIDENTIAL_SPACE_ROOT_CA,
    '148b293821bb0c6a317f413c8ba475814091cb22d49b9e3c94198db8e8f86c39',
    '40b464f4d4ff947572c6b23869a7bccae3f69ba9c81ade6c09d035e4657e40c4',
  ],
  ...AMD_ROOTS.map((anchor, index): [TrustAnchor, string, string] => [
    anchor,
    [
      '69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd',
      '4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1',
      '1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a',
    ][index]!,
    [
      '9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9',
      '429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831',
      '4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08',
    ][index]!,
  ]),
];

describe('pinned roots', () => {
  it.each(PINS.map(([anchor, ...pins]) => [anchor.name, anchor, ...pins] as const))(
    '%s is the published one',
    async (_, anchor, der, spki) => {
      expect(await sha256(anchor.certificate!)).toBe(der);
      expect(await sha256(anchor.spki)).toBe(spki);
      expect(anchor.simulated).toBe(false);
      const { signatureAlgorithm: algorithm, signature, tbs: message } = parseCertificate(anchor.certificate!);
      expect(await verifySignature({ spki: anchor.spki, algorithm, signature, message })).toBe(true);
    },
  );

  it('the AMD intermediates chain to the ARKs', async () => {
    for (const der of AMD_INTERMEDIATES) {
      const { chain } = await verifyPath({ chain: [parseCertificate(der)], anchors: AMD_ROOTS, now: Date.UTC(2026, 0) });
      expect(chain[0]?.subjectText).toMatch(/^CN=SEV-(VLEK-)?(Milan|Genoa|Turin),/);
    }
    expect(AMD_INTERMEDIATES).toHaveLength(6);
  });

  it('the observed Proof of Cloud key is a usable Ed25519 key', async () => {
    const algorithm = { name: 'Ed25519' } as const;
    const input = { spki: PROOF_OF_CLOUD_KEY.spki, algorithm, signature: new Uint8Array(64), message: new Uint8Array(1) };
    expect(await verifySignature(input)).toBe(false);
  });
});
