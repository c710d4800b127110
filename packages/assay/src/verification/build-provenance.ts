/** Whether the provenance of builds in a bundle is signed by an attested key and is about the build that the receipt names (spec/contract-build.md §5). */

import { type Check, fail, notChecked, pass } from '@assay/attestation';
import { BUILD_TYPE } from '@assay/contracts';
import { isCoded } from '@assay/encoding/coded-error';
import { type Json, parseJson } from '@assay/encoding/json';
import { type EventOf, eventsOf, type ReceiptEvent, type Report, type VerifiedReceipt, verifyEnvelope } from '@assay/receipt';

const ID = 'receipt.build-provenance';
const SPEC = 'spec/contract-build.md §5';
const EXPECTED = 'signed by the key of an attested keyset, and about this build';

/** One check for each build whose receipt names provenance. `reports` are those of the bundle, verified. */
export async function provenanceChecks(
  receipts: readonly VerifiedReceipt[],
  reports: readonly Report[],
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const receipt of receipts) {
    for (const event of receipt.receipt.event_log) {
      if (event.type === 'contract.built' && (event.provenance_hash ?? null) !== null)
        checks.push(await checkOf(event, receipt, reports));
    }
  }
  return checks;
}

async function checkOf(logged: ReceiptEvent, receipt: VerifiedReceipt, reports: readonly Report[]): Promise<Check> {
  const [event] = eventsOf([logged], 'contract.built');
  if (event === undefined) return notChecked(ID, SPEC, 'the event of the build has another form than this verifier knows');
  const content = receipt.payloads.find((each) => each.hash === event.provenance_hash)?.content ?? null;
  if (content === null) return notChecked(ID, SPEC, 'the provenance is not in the file');
  const report = reports.find((each) => each.keysetDigest === receipt.keysetDigest);
  if (report === undefined) return notChecked(ID, SPEC, 'the report of the keyset is not in the file');
  try {
    const { statement, keyId } = await verifyEnvelope(content, report.keyset);
    const other = mismatch(parseJson(statement), event, receipt);
    return other === null
      ? pass(ID, SPEC, `${event.build_hash}, signed by ${keyId}`, EXPECTED)
      : fail(ID, SPEC, `${other.expected} at ${other.path}`, other.actual);
  } catch (error) {
    if (!isCoded(error)) throw error;
    return fail(ID, SPEC, EXPECTED, error.message);
  }
}

/** What the statement has to say of this build and this run, by path. The other subjects rest on the manifest, which the first one names. */
function expectedOf(
  { build_hash, input_hash, settings_hash }: EventOf<'contract.built'>,
  { receipt, keysetDigest }: VerifiedReceipt,
) {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://slsa.dev/provenance/v1',
    'subject.0.digest.sha256': build_hash.slice('sha256:'.length),
    'predicate.buildDefinition.buildType': BUILD_TYPE,
    'predicate.buildDefinition.externalParameters.input_hash': input_hash,
    'predicate.buildDefinition.externalParameters.settings_hash': settings_hash,
    'predicate.runDetails.builder.id': `urn:assay:keyset:${keysetDigest}`,
    'predicate.runDetails.metadata.invocationId': receipt.receipt_id,
  };
}

function mismatch(
  statement: Json,
  event: EventOf<'contract.built'>,
  receipt: VerifiedReceipt,
): { readonly path: string; readonly expected: string; readonly actual: string } | null {
  for (const [path, expected] of Object.entries(expectedOf(event, receipt))) {
    const found = path
      .split('.')
      .reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>> | null | undefined)?.[name], statement);
    if (found !== expected) return { path, expected, actual: typeof found === 'string' ? found : 'none' };
  }
  return null;
}
