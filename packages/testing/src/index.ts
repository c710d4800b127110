export {
  CA_EXTENSIONS,
  certificatesOf,
  FAKE_NOW,
  FAKE_TEE_TCB_SVN,
  type FakeAttempt,
  type FakeCertificate,
  type FakeCertificateOptions,
  type FakeChain,
  type FakeChainOptions,
  type FakeCrlOptions,
  type FakeDcap,
  type FakeDcapOptions,
  type FakeKey,
  type FakeKeyKind,
  type FakeSnp,
  type FakeSnpOptions,
  type FakeSnpProduct,
  fakeCertificate,
  fakeCertificateTable,
  fakeChain,
  fakeCrl,
  fakeDcap,
  fakeInstant,
  fakeKey,
  fakeSgxExtension,
  fakeSnp,
  LEAF_EXTENSIONS,
  type LooseJson,
  verifyFakeSnp,
} from '@assay/simulator';
export { chromiumPath, launchChromium, watchPage } from './chromium.ts';
export { type ConformanceEntry, conformanceSuite } from './conformance.ts';
export { DCAP_COLLATERAL_DEFECTS, DCAP_QUOTE_DEFECTS, type DcapDefect, defectOptions } from './dcap-defects.ts';
export { type EhbpRecipient, ehbpRecipient } from './ehbp-recipient.ts';
export { expectAdvice, expectCode, expectRefusal } from './expect-code.ts';
export { type FakeAzureVm, fakeAzureVm, fakeHclReport } from './fake-azure.ts';
export {
  type FakeAttestationOptions,
  type FakeDstack,
  type FakeDstackOptions,
  type FakeEvent,
  fakeAttestation,
  fakeDstack,
  replay,
  runtimeEvent,
  scaleLog,
  scaleVector,
} from './fake-dstack.ts';
export { type FakeEvidence, fakeEvidence } from './fake-evidence.ts';
export {
  FAKE_SEV_SECTIONS,
  FAKE_TDX_SECTIONS,
  type FakeFirmwareOptions,
  type FakeKernelOptions,
  type FakeSevSection,
  type FakeTdxSection,
  fakeFirmware,
  fakeKernel,
} from './fake-firmware.ts';
export {
  FAKE_METADATA,
  FAKE_TENSORS,
  type FakeGgufOptions,
  type FakeTensor,
  fakeGguf,
  fakeSafetensors,
  pattern,
} from './fake-gguf.ts';
export { type FakeLog, type FakeLogOptions, fakeLog } from './fake-log.ts';
export { type FakeNitro, type FakeNitroOptions, fakeNitroDocument } from './fake-nitro.ts';
export {
  type FakeDevice,
  type FakeDeviceAttempt,
  type FakeDeviceOptions,
  type FakeManifest,
  type FakeManifestOptions,
  fakeDevice,
  fakeManifest,
  fakeMeasurement,
  verifyFakeDevice,
} from './fake-nvidia.ts';
export { type FakeOcspOptions, fakeOcsp } from './fake-ocsp.ts';
export { believeFakeEvidence, fakeReport } from './fake-report.ts';
export { type Eavesdropper, type FakeTls, fakeTls, startEavesdropper } from './fake-tls.ts';
export { type FakeToken, type FakeTokenIssuer, type FakeTokenOptions, fakeToken } from './fake-token.ts';
export { FAKE_TOKENS, type FakeTokenCase } from './fake-token-claims.ts';
export { type FakeTpm, type FakeTpmOptions, fakeTpmQuote } from './fake-tpm.ts';
export { type JsonRpcServer, startJsonRpcServer } from './json-rpc-server.ts';
export { NITRO_DEFECTS, nitroDocumentWith, nitroQuestion } from './nitro-defects.ts';
export {
  fenced,
  type OpenAiServer,
  type OpenAiServerOptions,
  type ScriptedAnswer,
  type SeenRequest,
  startOpenAiServer,
} from './openai-server.ts';
export { PERMIT_TYPES } from './permit-types.ts';
export type { DcapCollateral, DcapQuestion, NitroQuestion, Question, SnpQuestion } from './question.ts';
export { recordedChats } from './recorded-chats.ts';
export { acceptE2ee, E2eeRefusal, sealerFor } from './redpill-e2ee.ts';
export { type RedpillKey, type RedpillLie, redpillKey, redpillReport } from './redpill-report.ts';
export {
  type RedpillRequest,
  type RedpillServer,
  type RedpillServerOptions,
  startRedpillServer,
} from './redpill-server.ts';
export { type SealedAgent, type SealedAgentOptions, sealedAgent } from './sealed-agent.ts';
export { shownConfig, shownControl, shownWaiting } from './shown-agent.ts';
export { SNP_DEFECTS } from './snp-defects.ts';
export { startTalkServer, type TalkLie, type TalkServer } from './talk-server.ts';
export { type TinfoilDocument, type TinfoilLie, type TinfoilPlatform, tinfoilDocument } from './tinfoil-document.ts';
export { startTinfoilServer, type TinfoilServer, type TinfoilServerOptions } from './tinfoil-server.ts';
export { type Transcript, type TranscriptOptions, transcript } from './transcript.ts';
export { loadManifest, readVector, type VectorCase, type VectorManifest, vectorCases, vectorsDirectory } from './vectors.ts';
