/** `GET /openapi.json`: every route of the agent, this one included. */

import { z } from 'zod';
import type { Api } from '../api.ts';
import { openApiDocument } from '../openapi.ts';
import { json, route } from '../route.ts';

const document = route({
  method: 'get',
  path: '/openapi.json',
  authority: 'public',
  tag: 'operation',
  summary: 'This interface, in full',
  answers: { 200: json(z.looseObject({ openapi: z.string() }), 'OpenAPI 3.1') },
});

/** Must be mounted last; the document is made when it is first asked for. */
export function documentRoutes(api: Api, version: string): void {
  let text: string | null = null;
  api.on(document, () => {
    text ??= JSON.stringify(openApiDocument(api.app, version));
    return new Response(text, { headers: { 'content-type': 'application/json' } });
  });
}
