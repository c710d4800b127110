/** The authentic claims in a file of any kind, whatever a policy says of them, for commands that pin or compare what evidence shows. */

import { collectEndorsements, verifyEvidence } from '@assay/attestation';
import { isCoded } from '@assay/encoding/coded-error';
import { ofNoKind } from '../verification/kinds.ts';
import { resolveOptions } from '../verification/options.ts';
import { subjectOf } from '../verification/subject.ts';
import { verifySubject } from '../verification/verify.ts';
import { openArchives, openGzip } from './archive.ts';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { trustOption } from './options.ts';
import { fileRootHint } from './root-hint.ts';
import { readCompanions, readSubject } from './subject.ts';
import { withHint } from './verification-hints.ts';

export interface ClaimsFlags {
  readonly collateral?: readonly string[];
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
}

export interface AuthenticClaims {
  readonly claims: Awaited<ReturnType<typeof verifyEvidence>>;
  /** A file that is kept, such as a bundle: it is verified as of its sealing, so its age says nothing. */
  readonly kept: boolean;
}

/**
 * In a bundle, the claims of its first keyset.
 * @param now the instant at which evidence that stands alone is verified, epoch milliseconds.
 * @throws the error of a file that is malformed or not authentic, or that cannot be verified; {@link CliError} `cli/root-not-trusted` says which
 * root to name.
 */
export async function authenticClaims(path: string, now: number, flags: ClaimsFlags, io: Io): Promise<AuthenticClaims> {
  const endorsements = collectEndorsements(openArchives(await readCompanions(io, flags.collateral ?? [])));
  const trust = await trustOption(io, flags);
  const bytes = await readSubject(io, path);
  const subject = subjectOf(openGzip(bytes));
  try {
    if (subject.kind === 'evidence') return { claims: await verifyEvidence(bytes, { now, endorsements, trust }), kept: false };
    const verdict = await verifySubject(subject, resolveOptions({ now, collateral: endorsements, trust }));
    if (verdict.claims === undefined) throw verdict.error;
    return { claims: verdict.claims, kept: true };
  } catch (error) {
    if (!isCoded(error)) throw error;
    if (error.code === 'evidence/unrecognised') throw ofNoKind(error);
    if (error.code !== 'certificate/root-not-trusted') throw withHint(error);
    const hint = (await fileRootHint(flags, io)) ?? '--simulated-root names a simulator, --root a private root';
    throw new CliError('cli/root-not-trusted', `${path}: ${error.message.split('; ')[0]}; ${hint}`, { cause: error });
  }
}
