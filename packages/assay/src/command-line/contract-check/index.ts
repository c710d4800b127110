/** Checks of deployed contracts against attested builds, for programs and pages. The chain is asked through the `fetch` that is given. */

export { type AttestedBuild, attestedBuildIn } from './attested-build.ts';
export { type AuditSummary, signedSummary, summaryOf } from './audit-summary.ts';
export { blockOf } from './chain-code.ts';
export { type ContractCheck, checkContract } from './check.ts';
export { ChainRpc } from './rpc.ts';
