/**
 * AWS Nitro Enclaves root G1, published with its fingerprint at
 * https://docs.aws.amazon.com/enclaves/latest/user/verify-root.html (SHA-256 of the DER
 * 641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b).
 */

import type { TrustAnchor } from '../../model/verification.ts';
import { pinnedAnchor } from '../anchor.ts';

/** Signs every Nitro Enclaves attestation document. SPKI SHA-256 f2caf5ecc6190b4a8399b78bc58a2bbcd0382375db8a1bfd78a82743874fd225. */
export const AWS_NITRO_ROOT_G1: TrustAnchor = /* @__PURE__ */ pinnedAnchor(
  'aws nitro enclaves root g1',
  'MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTELMAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoGA1UE' +
    'CwwDQVdTMRswGQYDVQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4MTQyODA1WjBJMQswCQYDVQQGEwJVUzEP' +
    'MA0GA1UECgwGQW1hem9uMQwwCgYDVQQLDANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEGBSuBBAAiA2IABPwC' +
    'VOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZE' +
    'h8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkFR+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqG' +
    'SM49BAMDA2kAMGYCMQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPWrfMCMQCi85sWBbJwKKXdS6BptQFuZbT7' +
    '3o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6NIwLz3/Y=',
);

/** Every pinned AWS root. */
export const AWS_NITRO_ROOTS: readonly TrustAnchor[] = [AWS_NITRO_ROOT_G1];
