/** The Vercel AI SDK over a verified, encrypted channel: two options of any OpenAI-compatible provider, nothing else changes. */

import { readFileSync } from 'node:fs';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import { connect } from 'assay';

const [url = 'http://127.0.0.1:8000', rootFile] = process.argv.slice(2);
const agent = await connect(url, { trust: { simulatedRoot: rootFile && readFileSync(rootFile) } });

const assay = createOpenAICompatible({ name: 'assay', baseURL: agent.baseURL, fetch: agent.fetch });
const { text, response } = await generateText({ model: assay('default'), prompt: 'Say hello' });
console.log(`${text}\n${response.headers?.['x-receipt-id']}`);

const streamed = streamText({ model: assay('default'), prompt: 'Say hello again' });
for await (const piece of streamed.textStream) process.stdout.write(piece);
const { headers } = await streamed.response;
const { receipt } = await agent.proof(headers?.['x-receipt-id'] ?? '');
console.log(`\n${receipt.receipt_id}`);
