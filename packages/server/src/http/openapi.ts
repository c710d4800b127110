/** The API as OpenAPI 3.1, from the tasks' own schemas. A test holds the paths equal to the routes. */

import { z } from 'zod';
import type { RegisteredTask } from '../tasks/registry.ts';

interface Operation {
  readonly summary: string;
  /** Needs no API key even where one is configured. */
  readonly open?: boolean;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: true;
  readonly answers: Readonly<Record<string, string>>;
}

/** Path → method → operation. */
export const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/api/process': {
    post: {
      summary: 'Do a task: generate and execute code, execute code, read and write files',
      query: { async: '1 answers at once with 202 and the task id' },
      body: true,
      answers: {
        200: 'the answer, with its receipt',
        202: 'accepted (async)',
        400: 'malformed JSON',
        422: 'bad input',
        429: 'too many requests',
        502: 'the model misbehaved',
        503: 'unavailable',
        504: 'the model took too long',
      },
    },
  },
  '/api/operator/rotate-keys': {
    post: {
      summary:
        "Put the next keyset in force (X-Operator-Key, not the clients' key); overlap_seconds 0 ends the old keys at once",
      open: true,
      answers: {
        200: 'the new keyset and when the old one ends',
        400: 'bad input',
        401: 'no operator key, or a wrong one',
        409: 'too many keysets are alive',
        503: 'the TEE gives no evidence',
      },
    },
  },
  '/api/tasks/{id}': {
    get: { summary: 'State of a task, and its answer when it has ended', answers: { 200: 'state', 404: 'no such task' } },
    delete: { summary: 'Cancel a task', answers: { 200: 'it had ended', 202: 'cancelling', 404: 'no such task' } },
  },
  '/api/tasks/{id}/events': {
    get: {
      summary: 'Progress as server-sent events; resumes after Last-Event-ID; may be opened before the task starts',
      query: { after: 'number of the last event that was seen' },
      answers: { 200: 'text/event-stream', 404: 'no such task' },
    },
  },
  '/api/tasks/{id}/artifacts': {
    get: { summary: 'Files the task left behind', answers: { 200: 'list', 404: 'no such task' } },
  },
  '/api/tasks/{id}/artifacts/{path}': {
    get: { summary: 'A file the task left behind', answers: { 200: 'its bytes', 404: 'no such file' } },
  },
  '/api/receipts': {
    get: {
      summary: 'Receipts, newest first',
      query: { limit: '1 to 200', before: 'cursor of an earlier page' },
      answers: { 200: 'list' },
    },
  },
  '/api/receipts/{id}': {
    get: { summary: 'A receipt with its log proof', answers: { 200: 'receipt and proof', 404: 'no such receipt' } },
  },
  '/api/status': { get: { summary: 'What the agent is made of', answers: { 200: 'status' } } },
  '/v1/aci/attestation': {
    get: {
      summary: 'Attestation report of aci/1',
      open: true,
      query: { nonce: '64 lower-case hex characters' },
      answers: { 200: 'report', 400: 'bad nonce', 503: 'no evidence' },
    },
  },
  '/v1/aci/receipts/{id}': { get: { summary: 'Receipt of aci/1', answers: { 200: 'receipt', 404: 'no such receipt' } } },
  '/bundles/{id}': {
    get: {
      summary: 'Everything needed to check a receipt offline',
      query: { redact: '1 leaves payloads out' },
      answers: { 200: 'bundle', 404: 'no such receipt' },
    },
  },
  '/log/checkpoint': { get: { summary: 'Signed checkpoint of the log (C2SP)', open: true, answers: { 200: 'text' } } },
  '/log/vkeys': { get: { summary: 'Verifier keys of the log', open: true, answers: { 200: 'text' } } },
  '/log/tile/{path}': {
    get: { summary: 'Tile of the log (C2SP tlog-tiles)', open: true, answers: { 200: 'bytes', 404: 'no such tile' } },
  },
  '/log/entries/{path}': { get: { summary: 'Entries of the log', open: true, answers: { 200: 'bytes', 404: 'no such tile' } } },
  '/ohttp': {
    post: {
      summary: 'Encrypted channel (RFC 9458): a request sealed to an attested key',
      open: true,
      answers: { 200: 'sealed answer', 400: 'not a sealed request', 415: 'wrong media type' },
    },
  },
  '/ohttp-keys': { get: { summary: 'Keys of the encrypted channel', open: true, answers: { 200: 'application/ohttp-keys' } } },
  '/health': { get: { summary: 'Whether the agent takes work', open: true, answers: { 200: 'ok', 503: 'stopping' } } },
  '/metrics': { get: { summary: 'Metrics in Prometheus form', answers: { 200: 'text' } } },
  '/openapi.json': { get: { summary: 'This document', open: true, answers: { 200: 'OpenAPI 3.1' } } },
};

/** The document. */
export function openApiDocument(version: string, tasks: readonly RegisteredTask[]): Readonly<Record<string, unknown>> {
  const inputs = Object.fromEntries(
    tasks.map((task) => [
      task.type,
      { description: task.summary, ...z.toJSONSchema(task.input, { io: 'input', unrepresentable: 'any' }) },
    ]),
  );
  const schemas = {
    ...inputs,
    ProcessRequest: {
      type: 'object',
      properties: {
        task_id: { type: 'string', description: 'chosen by the client, so that it can follow the task from the start' },
        query: { type: 'string', description: 'used as description when data has none' },
        nonce: {
          type: 'string',
          pattern: '^[0-9a-f]{64}$',
          description: 'fresh, used once; bound into attestation and receipt',
        },
        data: {
          oneOf: tasks.map(({ type }) => ({ $ref: `#/components/schemas/${type}` })),
          discriminator: { propertyName: 'type' },
        },
      },
      required: ['data'],
    },
    Problem: {
      type: 'object',
      description: 'RFC 9457 problem; docs/errors.md lists the codes',
      properties: Object.fromEntries(
        ['type', 'title', 'detail', 'code', 'error', 'request_id'].map((name) => [name, { type: 'string' }]),
      ),
    },
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Assay',
      version,
      description: 'An AI agent whose every answer carries a signed, logged, checkable receipt.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: Object.fromEntries(Object.entries(OPERATIONS).map(([path, methods]) => [path, describePath(path, methods)])),
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

function describePath(path: string, methods: Readonly<Record<string, Operation>>): Readonly<Record<string, unknown>> {
  const inPath = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  return Object.fromEntries(
    Object.entries(methods).map(([method, operation]) => {
      const inQuery = Object.entries(operation.query ?? {}).map(([name, description]) => ({
        name,
        in: 'query',
        description,
        schema: { type: 'string' },
      }));
      const ref = { $ref: '#/components/schemas/ProcessRequest' };
      return [
        method,
        {
          summary: operation.summary,
          parameters: [...inPath, ...inQuery],
          security: operation.open === true ? [] : [{ bearer: [] }, { apiKey: [] }],
          ...(operation.body === true
            ? {
                requestBody: {
                  required: true,
                  content: {
                    'application/json': { schema: ref },
                    'multipart/form-data': { schema: { type: 'object', properties: { request: ref } } },
                  },
                },
              }
            : {}),
          responses: Object.fromEntries(
            Object.entries(operation.answers).map(([status, description]) => [
              status,
              Number(status) < 400
                ? { description }
                : {
                    description,
                    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
                  },
            ]),
          ),
        },
      ];
    }),
  );
}
