/** The settings that every embedded model is served with; they stand in its profile (spec/model-profile.md). */

/** Of one exchange. More would fit, and take more memory than it is worth for small models. */
export const CONTEXT_TOKENS = 8192;
/** Most tokens of a prompt in one batch. */
export const PROFILE_BATCH_TOKENS = 256;
/** In addition to the weights: context, buffers, Node. Bytes. */
const OVERHEAD = 1024 * 1024 * 1024;

/** The most that a process with a file of this size may take, bytes. */
export function memoryOf(fileBytes: number): number {
  return fileBytes + OVERHEAD;
}
