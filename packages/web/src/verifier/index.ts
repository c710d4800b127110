/**
 * Everything that verifies: the SDK's connection and its verdicts. The one door to it, and always opened with `import()`, so that the
 * console appears before it is loaded. Other modules of the console take types of `assay` only.
 */

export { MAX_BUNDLE_BYTES } from '@assay/receipt';
export { connect, verdictOf } from 'assay';
export { pinnedPolicy } from './pinned-policy.ts';
export { verifyBundle, verifyFiles } from './verification.ts';
