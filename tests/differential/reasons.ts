/** Why a peer refuses what Assay accepts, or gives another status: each a fault, a narrower scope or a policy of the peer. */

import { parseNitroDocument } from '@assay/attestation';
import { equalBytes } from '@assay/encoding/bytes';
import { decodePem } from '@assay/encoding/pem';
import { parseQuote } from '../../packages/attestation/src/evidence/dcap/quote.ts';
import type { Pair } from './comparison.ts';

interface Reason {
  readonly name: string;
  /** Begins the names of the peers it is about. */
  readonly peers: readonly string[];
  readonly explains: (pair: Pair) => boolean;
}

const DCAP_QVL = ['npm @phala/dcap-qvl', 'Rust dcap-qvl'];
const OLD_DCAP_QVL = ['npm @phala/dcap-qvl'];
const GO_TDX = ['Go go-tdx-guest'];
const TINFOIL = ['npm @tinfoilsh/verifier'];
const GO_SEV = ['Go go-sev-guest'];

/** Genuine cases in which the TDX module or a relaunch decides; ours is the verdict of Intel's own library. */
const MODULE_DECIDES: ReadonlySet<string> = new Set([
  'v4-00806f050000-go-tdx-guest-00b2526a@2025-07-08',
  'v4-00806f050000-trustee-a187b0da@2025-09-30',
  'v5-00806f050000-openenclave-67adfc4a@2025-09-30',
  'v5-90c06f000000-openenclave-d21a11db@2025-06-06',
  'v5-90c06f000000-openenclave-d21a11db@2026-03-24',
]);
const NO_LEVEL = /No matching TCB level found|^Unknown$/;

const says =
  (pattern: RegExp) =>
  ({ theirs }: Pair): boolean =>
    pattern.test(theirs);

const quoteVersion = ({ question }: Pair): number => question.evidence[0] ?? 0;

function tcbInfo({ question }: Pair): string {
  return 'collateral' in question ? (question.collateral.tcb_info ?? '') : '';
}

/** The certificates in the quote are the same, only the white space and labels of their PEM differ. */
function samePckChain({ original, question }: Pair): boolean {
  if (question.kind !== 'tdx' && question.kind !== 'sgx') return false;
  const certificates = (quote: Uint8Array) =>
    decodePem(new TextDecoder().decode(parseQuote(quote).certification.data)).map(({ der }) => der);
  const [before, after] = [certificates(original.evidence), certificates(question.evidence)];
  return before.length === after.length && before.every((der, index) => equalBytes(der, after[index] ?? new Uint8Array()));
}

/** A Nitro document whose nonce, user data or public key is empty or longer than 512 bytes. */
function hasUnusualFields({ question }: Pair): boolean {
  if (question.kind !== 'nitro') return false;
  const { nonce, userData, publicKey } = parseNitroDocument(question.evidence);
  return [nonce, userData, publicKey].some((field) => field !== null && (field.length === 0 || field.length > 512));
}

/** First match wins. */
const REASONS: readonly Reason[] = [
  {
    name: 'scope: it does not know TCB info version 2',
    peers: DCAP_QVL,
    explains: (pair) => says(/Failed to decode TcbInfo/)(pair) && /"version":\s*2\b/.test(tcbInfo(pair)),
  },
  {
    name: 'policy: it refuses debug mode; here that is a claim which policy refuses',
    peers: DCAP_QVL,
    explains: ({ theirs, ours }) => ours.debug && /debug|TUD/i.test(theirs),
  },
  {
    name: 'policy: it demands SEPT_VE_DISABLE; Intel does not',
    peers: DCAP_QVL,
    explains: says(/SEPT_VE_DISABLE is not enabled/),
  },
  {
    name: 'policy: it refuses service TDs; here that is a failed check',
    peers: DCAP_QVL,
    explains: ({ theirs, ours }) => /Invalid mr service td/.test(theirs) && ours.failed.includes('tdx.service-td'),
  },
  {
    name: 'policy: it refuses migratable TDs; Intel does not',
    peers: ['Rust dcap-qvl'],
    explains: says(/TD migration is enabled/),
  },
  {
    name: 'form: a platform below every level is an error there; here a status with a failed check',
    peers: [...DCAP_QVL, ...GO_TDX],
    explains: ({ ours, theirs }) => ours.verdict === 'TcbNotSupported' && /no matching TCB level|^Unknown$/i.test(theirs),
  },
  {
    name: 'fault: it knows no TDX module identity and no relaunch',
    peers: OLD_DCAP_QVL,
    explains: ({ id, theirs }) => MODULE_DECIDES.has(id) && (!theirs.startsWith('ERR') || NO_LEVEL.test(theirs)),
  },
  {
    name: 'scope: it does not know quotes of version 5',
    peers: ['npm @phala/dcap-qvl-web', ...GO_TDX],
    explains: (pair) => says(/Failed to decode quote|quote format not supported/)(pair) && quoteVersion(pair) === 5,
  },
  {
    name: 'fault: it refuses TD attributes that Intel has defined since',
    peers: ['npm @phala/dcap-qvl-web'],
    explains: says(/Reserved bits in TD attributes are set/),
  },
  {
    name: "fault: it compares the FMSPC by letter case, and Intel's newer TCB info writes capitals",
    peers: GO_TDX,
    explains: (pair) => says(/^ERR FMSPC from PCK Certificate/)(pair) && /"fmspc":"[^"]*[A-F]/.test(tcbInfo(pair)),
  },
  {
    name: 'form: any status but UpToDate is an error there',
    peers: GO_TDX,
    explains: ({ ours, theirs }) => ours.verdict !== 'UpToDate' && /TCB Status is not "UpToDate"/.test(theirs),
  },
  {
    name: 'the certificates beside the signing certificate are not used here: the root key is pinned',
    peers: [...DCAP_QVL, ...GO_TDX],
    explains: ({ how }) => how.endsWith('_issuer_chain'),
  },
  {
    name: 'only the certificates count here, whatever white space divides them',
    peers: [...DCAP_QVL, ...GO_TDX],
    explains: samePckChain,
  },
  {
    name: 'scope: it knows Genoa only',
    peers: TINFOIL,
    explains: says(/only supports AMD EPYC Genoa|Product name must be "Genoa"|version field is malformed/),
  },
  { name: 'scope: it knows no VLEK', peers: TINFOIL, explains: says(/only supports VCEK-signed/) },
  {
    name: 'fault: it does not know the mitigation vectors of report version 5',
    peers: TINFOIL,
    explains: says(/Reserved bytes before signature are not zeroed/),
  },
  {
    name: 'fault: it takes newer models of Genoa for an unknown product',
    peers: GO_SEV,
    explains: says(/no embedded roots available for product line: "Unknown"/),
  },
  { name: 'scope: it does not know the keys of Turin', peers: GO_SEV, explains: says(/not an AMD KDS OID/) },
  {
    name: 'fault: it refuses empty fields and those over 512 bytes, which the hypervisor signs',
    peers: ['npm @evervault'],
    explains: hasUnusualFields,
  },
];

export function reasonFor(peer: string, pair: Pair): string | null {
  const found = REASONS.find(({ peers, explains }) => peers.some((name) => peer.startsWith(name)) && explains(pair));
  return found?.name ?? null;
}
