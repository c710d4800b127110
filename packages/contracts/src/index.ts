export { type AnalyzerIdentity, type Audit, type AuditFacts, auditHash, auditOf, auditText } from './audit/audit.ts';
export { DEPENDENCY_PREFIXES, dependencySources } from './audit/dependencies.ts';
export {
  type Confidence,
  type Finding,
  type FindingLocation,
  type Impact,
  parseSlitherReport,
  type SlitherReport,
} from './audit/findings.ts';
export {
  type Lint,
  type LintFacts,
  type LintFinding,
  type LintReport,
  type LintSeverity,
  lintHash,
  lintOf,
  lintText,
  parseLintReport,
} from './audit/lint.ts';
export { failsAudit, PASS_POLICIES, type PassPolicy, type RuleFacts, ruleText } from './audit/pass-policy.ts';
export { sarifText } from './audit/sarif.ts';
export { SUMMARY_DOMAIN, type SummaryFacts, type SummaryTypedData, summaryTypedData } from './audit/summary.ts';
export { ARCHIVE_ROOT, type ArchiveOptions, cryticArchive } from './build/archive.ts';
export { type ContractArtifact, contractArtifacts } from './build/artifact.ts';
export { codeBytes, openLibraries } from './build/code-bytes.ts';
export { comparePublished, type PublishedComparison } from './build/compare-published.ts';
export {
  type CodeRange,
  type CompiledCode,
  type CompiledContract,
  type CompilerMessage,
  type CompilerOutput,
  compileErrors,
  MAX_OUTPUT_LENGTH,
  parseCompilerOutput,
} from './build/compiler-output.ts';
export type { Immutable } from './build/immutables.ts';
export {
  type BuildManifest,
  buildHash,
  buildManifest,
  type CompilerIdentity,
  type ManifestCode,
  type ManifestContract,
  manifestText,
} from './build/manifest.ts';
export { BUILD_TYPE, type ProvenanceFacts, provenanceText, type SourcePackage } from './build/provenance.ts';
export { type ProvenAccount, provenAccount, provenSlot, stateRootOf } from './bytecode/account-proof.ts';
export {
  type CodeComparison,
  type CodeDifference,
  compareCode,
  creationBytes,
  type FilledImmutable,
  type FilledLibrary,
  type MatchLevel,
  ownAddress,
  runtimeBytes,
} from './bytecode/compare-code.ts';
export {
  type AbiParameter,
  constructorParameters,
  type DecodedArgument,
  decodeArguments,
} from './bytecode/constructor-arguments.ts';
export { metadataPlaces, withOtherMetadata } from './bytecode/metadata-places.ts';
export { addressOf, BEACON_CALL, type ContractProxy, PROXY_SLOTS, proxiesInSlots, proxyInCode } from './bytecode/proxy.ts';
export { type SourcePlace, sourcePlace } from './bytecode/source-place.ts';
export { digestOf, digestOfJson, keccakOf, type Sha256 } from './digest.ts';
export { CONTRACTS_ERROR_KINDS, ContractsError, type ContractsErrorCode } from './errors.ts';
export { type CaseAccounts, type CaseCall, type ExploitCase, INVARIANTS, type Invariant } from './exploit/case.ts';
export { DEPOSITORS, decideExploit, type ExploitDecision } from './exploit/decide.ts';
export { parseObservations } from './exploit/observations.ts';
export { type CollectOptions, checkSources, collectSources, SOURCE_LIMITS, type Sources } from './project/collect-sources.ts';
export { chooseCompiler, DEFAULT_COMPILER, OLDEST_COMPILER } from './project/compiler-choice.ts';
export { findLayout, type LayoutOptions, type ProjectLayout } from './project/layout.ts';
export { parseRemappings, type Remapping, remap, remappingText } from './project/remapping.ts';
export { resolveImport, sourcePath } from './project/source-path.ts';
export { type SourceFacts, scanSource } from './project/source-scan.ts';
export {
  type BuildSettings,
  compilerText,
  inputHash,
  parseStandardInput,
  type StandardInput,
  standardInput,
} from './project/standard-input.ts';
