/** The TEE tutorial's channel, for its servers and clients: weaker than OHTTP (docs/talk.md), so it stands on a subpath of its own. */

export { bindingOf, MIN_NONCE_BYTES, openEnvelope, SPKI_LENGTH, sealEnvelope } from './envelope.ts';
export { type PythonJsonOptions, pythonJson } from './python-json.ts';
