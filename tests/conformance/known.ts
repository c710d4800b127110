/** What each peer accepts of the conformance suite, and why. docs/peers.md shows the same lists; tests and `npm run conformance` hold both to it. */

export interface KnownVerdicts {
  /** Name and version of the peer. */
  readonly peer: string;
  /** Something untrue gets through: defect and cause. */
  readonly faults: Readonly<Record<string, string>>;
  /** The vendor's format or library says no, without a known way to gain from it. */
  readonly lenient: Readonly<Record<string, string>>;
  /** Left to the caller, or decided otherwise, by the peer's own documentation or comments. */
  readonly byDesign: Readonly<Record<string, string>>;
}

const SHORTER_LIST = 'components are compared over the shorter list';
const NO_MODULES = 'TDX module identities are not read (dcap-qvl #124)';
const NO_LISTS = 'an absent list counts as one that revokes nothing';
const LIST_UNSIGNED = 'the signature of a list is not checked';
const LIST_UNDATED = 'dates of a list are not read';
const ANY_SIGNER = 'any certificate under the root may sign TCB info and QE identity';
const ROOT_IS_HELD = 'three certificates belong there; the root is held anyway';
const SURPLUS = 'surplus certificates are ignored';
const HALF_READ = 'the second half of the report data is not read';
const ALGORITHM = 'the algorithm named is not compared; ES384 is checked whatever it says';
const SYNTAX = "it follows the four steps of AWS's page on the root certificate, and the syntax of the payload is none of them";
const FIRST_LEVEL = 'the first one found counts';

export const KNOWN_VERDICTS: readonly KnownVerdicts[] = [
  {
    peer: 'npm @phala/dcap-qvl 0.3.9',
    faults: {
      'foreign QE vendor id': 'vendor id is not compared (dcap-qvl #127)',
      'TDX module of another signer': 'MRSIGNERSEAM is not compared',
      'TDX module with SEAMATTRIBUTES': 'SEAMATTRIBUTES are not compared',
      'TDX module version that no list has': NO_MODULES,
      'first-generation TDX module of another signer': 'MRSIGNERSEAM is not compared',
      'TDX module revoked': NO_MODULES,
      'no CRLs': NO_LISTS,
      'no root CRL': NO_LISTS,
      'no PCK CRL': NO_LISTS,
      'root CRL under another key': LIST_UNSIGNED,
      'PCK CRL under another key': LIST_UNSIGNED,
      'root CRL expired': LIST_UNDATED,
      'PCK CRL expired': LIST_UNDATED,
      'PCK CRL from tomorrow': LIST_UNDATED,
      'PCK CRL that is none': 'errors in a list are swallowed',
      'signing certificate of another name': ANY_SIGNER,
      'TCB info of another PCE': 'PCEID is not compared',
      'fifteen SGX components in a TCB level': SHORTER_LIST,
      'fifteen TDX components in a TCB level': SHORTER_LIST,
    },
    lenient: {
      'chain without its root': ROOT_IS_HELD,
      'chain with a certificate too many': SURPLUS,
      'QE report with more in its report data': HALF_READ,
      'the same TCB level twice': FIRST_LEVEL,
    },
    byDesign: {},
  },
  {
    peer: 'Rust dcap-qvl 0.7.1',
    faults: {
      'TCB info of another PCE': 'PCEID is not compared',
      'PCK CRL from tomorrow': 'the first date of a list is not read',
    },
    lenient: {
      'signing certificate of another name': 'any end certificate directly under the root may sign TCB info and QE identity',
      'chain without its root': ROOT_IS_HELD,
      'chain with a certificate too many': SURPLUS,
      'QE report with more in its report data': HALF_READ,
      'the same TCB level twice': FIRST_LEVEL,
    },
    byDesign: {},
  },
  {
    peer: 'Go go-tdx-guest 0.3.1',
    faults: {
      'TCB info from tomorrow': 'only the last date of collateral is read',
      'QE identity from tomorrow': 'only the last date of collateral is read',
      'PCK CRL from tomorrow': 'only the last date of a list is read',
    },
    lenient: {
      'signing certificate that is a CA': 'its name is compared, its constraints are not',
      'the same TCB level twice': FIRST_LEVEL,
    },
    byDesign: { 'foreign QE vendor id': 'its validate package compares the vendor id, where the caller names one' },
  },
  {
    peer: 'Go go-sev-guest 0.15.0',
    faults: {
      'crl of the root expired': 'an expired list is fetched again, and believed when the same one comes',
      'crl of the root from tomorrow': 'the first date of a list is not read',
    },
    lenient: {},
    byDesign: {
      'unknown product name':
        'where the report carries CPUID, the name in the key is disregarded for a known manufacturing error',
    },
  },
  {
    peer: 'npm @tinfoilsh/verifier 1.1.0',
    faults: {},
    lenient: {
      'version 9': 'any version from 3 on is read as version 3',
      'r wider than 384 bits': 'what is too wide is cut off',
      'key with a reserved level that the report lacks': 'four of the eight levels are compared, the reserved ones are not',
    },
    byDesign: {},
  },
  {
    peer: 'Rust nsm-nitro-enclave-utils 0.1.3',
    faults: {},
    lenient: {
      'an unprotected header': 'unprotected headers are not read',
      'a protected header with ES256': ALGORITHM,
      'a protected header with ES512': ALGORITHM,
      'a protected header with a critical label besides': 'critical labels are not read',
      'a protected header with an algorithm by name': ALGORITHM,
      'a cabundle in leaf-first order': 'it builds the path from whatever order',
    },
    byDesign: Object.fromEntries(
      [
        'an empty module id',
        'a module id of bytes',
        'digest SHA512',
        'timestamp 0',
        'a timestamp beyond 2^53',
        'no pcrs',
        'pcr 32',
        'a pcr of 47 bytes',
        'a pcr of text',
        '33 pcrs',
        'an empty public key',
        'a public key of 1025 bytes',
        'user data of 1025 bytes',
        'a nonce of 1025 bytes',
        'a nonce of text',
      ].map((name) => [name, SYNTAX]),
    ),
  },
];
