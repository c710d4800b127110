/**
 * What directories read of an agent: its A2A 1.0 card, signed (JWS over JCS, A2A §8.4) by a key of the attested keyset, and the registration
 * file of ERC-8004. The card names the keyset and where its evidence is; without verifying that, the signature only says that one key made it.
 * The interface that it lists is this agent's own HTTP interface: it speaks no binding of A2A.
 */

import { encodeBase64Url } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { encodeFunctionData, parseAbi } from 'viem';
import type { Operator } from './operator.ts';

/** Where and what. */
export interface CardFacts {
  /** Without a slash at its end. */
  readonly origin: string;
  readonly version: string;
  readonly keysetDigest: string;
}

const REGISTER = parseAbi(['function register(string agentURI) returns (uint256 agentId)']);

/** The signed card. It has no empty members, because verifiers drop those before they compare. */
export function agentCard(operator: Operator, { origin, version, keysetDigest }: CardFacts): JsonObject {
  const { manifest, agentId, keyring } = operator;
  const card: JsonObject = {
    name: manifest.name,
    description: 'An agent in a TEE whose answers and transactions are signed by attested keys, under rules of its owners.',
    version,
    supportedInterfaces: [{ url: `${origin}/openapi.json`, protocolBinding: 'urn:assay:http-api', protocolVersion: '1.0' }],
    capabilities: {
      extensions: [
        {
          uri: 'urn:assay:attestation:1',
          description: 'The keyset that signed this card, and where its evidence is',
          params: { agent_id: agentId, keyset_digest: keysetDigest, attestation: `${origin}/v1/aci/attestation` },
        },
      ],
    },
    defaultInputModes: ['application/json'],
    defaultOutputModes: ['application/json'],
    skills: [
      {
        id: 'prompt',
        name: 'Signed prompts',
        description: 'Asks a model and signs the answer with the attested agent key: POST /api/v1/prompt',
        tags: ['attestation', 'chat'],
      },
      {
        id: 'sign-transaction',
        name: 'Transactions under a policy',
        description:
          'Signs and sends Ethereum transactions that the policy of the owners allows: POST /api/v1/sign-transaction',
        tags: ['attestation', 'ethereum'],
      },
    ],
  };
  const header = encodeBase64Url(utf8(canonicalJson({ alg: 'EdDSA', kid: keysetDigest, typ: 'JOSE' })));
  const payload = encodeBase64Url(utf8(canonicalJson(card)));
  const signature = encodeBase64Url(keyring.signCard(utf8(`${header}.${payload}`)));
  return { ...card, signatures: [{ protected: header, signature }] };
}

/** The registration file of ERC-8004, and the calldata that registers it. Nothing is sent by this agent. */
export function agentRegistration({ manifest, wallet }: Operator, { origin, version }: CardFacts): JsonObject {
  const data = encodeFunctionData({ abi: REGISTER, args: [`${origin}/.well-known/agent-registration.json`] });
  return {
    type: 'https://eips.ethereum.org/EIPS/eip-8004#registration-v1',
    name: manifest.name,
    description: 'An agent in a TEE; see its agent card.',
    services: [
      { name: 'A2A', endpoint: `${origin}/.well-known/agent-card.json`, version: '1.0' },
      { name: 'web', endpoint: origin, version },
      ...(wallet === null ? [] : [{ name: 'agentWallet', endpoint: wallet.address }]),
    ],
    registrations: [],
    supportedTrust: ['tee-attestation'],
    active: true,
    calldata: { register: data },
  };
}
