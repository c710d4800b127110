/**
 * NVIDIA roots, as shipped in NVIDIA/nvtrust (verifier_device_root.pem, verifier_RIM_root.pem): one for the identity of GPUs and
 * switches, one for reference integrity manifests. They never stand in for each other.
 */

import type { TrustAnchor } from '../../model/verification.ts';
import { pinnedAnchor } from '../anchor.ts';

/** Signs the identities of GPUs and NVSwitches. SPKI SHA-256 a90c4eb5acfd3e3d03a25db6a26b84f720ad0503196c627c21ddd48dd85b06a4. */
export const NVIDIA_DEVICE_IDENTITY_CA: TrustAnchor = /* @__PURE__ */ pinnedAnchor(
  'nvidia device identity ca',
  'MIICCzCCAZCgAwIBAgIQLTZwscoQBBHB/sDoKgZbVDAKBggqhkjOPQQDAzA1MSIwIAYDVQQDDBlOVklESUEgRGV2aWNlIElkZW50aXR5IENBMQ8w' +
    'DQYDVQQKDAZOVklESUEwIBcNMjExMTA1MDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMDUxIjAgBgNVBAMMGU5WSURJQSBEZXZpY2UgSWRlbnRpdHkg' +
    'Q0ExDzANBgNVBAoMBk5WSURJQTB2MBAGByqGSM49AgEGBSuBBAAiA2IABA5MFKM7+KViZljbQSlgfky/RRnEQScW9NDZF8SXgAW96r6u/Ve8Zggt' +
    'cYpPi2BS4VFu6KfEIrhN6FcHG7WP05W+oM+hxj7nyA1r1jkB2Ry70YfThX3Ba1zOryOP+MJ9vaNjMGEwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8B' +
    'Af8EBAMCAQYwHQYDVR0OBBYEFFeF/4PyY8xlfWi3Olv0jUrL+0lfMB8GA1UdIwQYMBaAFFeF/4PyY8xlfWi3Olv0jUrL+0lfMAoGCCqGSM49BAMD' +
    'A2kAMGYCMQCPeFM3TASsKQVaT+8S0sO9u97PVGCpE9d/I42IT7k3UUOLSR/qvJynVOD1vQKVXf0CMQC+EY55WYoDBvs2wPAH1Gw4LbcwUN8QCff8' +
    'bFmV4ZxjCRr4WXTLFHBKjbfneGSBWwA=',
);

/** Signs reference integrity manifests. SPKI SHA-256 dec1dc316477aa851eebdf51327ae9f864bc8d89254657ed1e7eb9168af1e1a3. */
export const NVIDIA_RIM_ROOT_CA: TrustAnchor = /* @__PURE__ */ pinnedAnchor(
  'nvidia corim signing root ca',
  'MIICKTCCAbCgAwIBAgIQRdrjoA5QN73fh1N17LXicDAKBggqhkjOPQQDAzBFMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGTlZJRElBMSUwIwYDVQQD' +
    'DBxOVklESUEgQ29SSU0gc2lnbmluZyBSb290IENBMCAXDTIzMDMxNjE1MzczNFoYDzIwNTMwMzA4MTUzNzM0WjBFMQswCQYDVQQGEwJVUzEPMA0G' +
    'A1UECgwGTlZJRElBMSUwIwYDVQQDDBxOVklESUEgQ29SSU0gc2lnbmluZyBSb290IENBMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEuECyi9vNM+Iw' +
    '2lfUzyBldHAwaC1HF7TCgp12QcEyUTm3Tagxwr48d55+K2VIlWYIDk7NlAIQdcV/Ff7euGLI+Qauj93HsSI4WX298PpW54RTgz9tC+Q684caR/BX' +
    'WEeZo2MwYTAdBgNVHQ4EFgQUpaXrOPK4ZDAk08DBskn594zeZjAwHwYDVR0jBBgwFoAUpaXrOPK4ZDAk08DBskn594zeZjAwDwYDVR0TAQH/BAUw' +
    'AwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwMDZwAwZAIwHGDyscDP6ihHqRvZlI3eqZ4YkvjE1duaN84tAHRVgxVMvNrp5Tnom3idHYGW' +
    '/dskAjATvjIx6VzHm/4e2GiZAyZEIUBDOKPzp5ei/A0iUZpdvngenDwV8Qa/wGdiTmJ7Bp4=',
);

/** Roots of device evidence. */
export const NVIDIA_DEVICE_ROOTS: readonly TrustAnchor[] = [NVIDIA_DEVICE_IDENTITY_CA];

/** Roots of reference integrity manifests. */
export const NVIDIA_RIM_ROOTS: readonly TrustAnchor[] = [NVIDIA_RIM_ROOT_CA];
