/** The client of the tutorial's server: what it accepts, every lie that it notices, and what leaves before the verdict. */

import { expectCode, expectRefusal, startTalkServer, type TalkLie, type TalkServer } from '@assay/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TalkClient, type TalkOptions } from './talk-client.ts';

const QUESTION = 'BTC price right now';
let server: TalkServer;

beforeAll(async () => {
  server = await startTalkServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.lie = null;
});

function options(more: Partial<TalkOptions> = {}): TalkOptions {
  const trust = { roots: [server.rootPem] };
  return { apiKey: 'my-key', platform: 'openai', model: 'gpt-4', form: 'tutorial', trust, ...more };
}

async function ask(more: Partial<TalkOptions> = {}): Promise<string> {
  return (await (await TalkClient.open(server.url, options(more))).chat(QUESTION)).text;
}

it('verifies the document, seals the question, checks the signature', async () => {
  const client = await TalkClient.open(server.url, options());
  expect(client.attested.verdict).toMatchObject({ outcome: 'accepted', type: 'nitro', simulated: false });
  const answer = await client.chat(QUESTION);
  expect(answer).toMatchObject({ text: 'about 100,000 € “today”', platform: 'openai', model: 'gpt-4', form: 'tutorial' });
  expect(server.questions.at(-1)).toEqual({ api_key: 'my-key', message: QUESTION, platform: 'openai', ai_model: 'gpt-4' });
});

it("leaves platform and model to the server's defaults", async () => {
  const client = await TalkClient.open(server.url, options({ platform: undefined, model: undefined }));
  expect(await client.chat(QUESTION)).toMatchObject({ platform: 'openai', model: 'gpt-4' });
});

describe('before the verdict', () => {
  it.each<[TalkLie | null, Partial<TalkOptions>, string]>([
    [null, { trust: {} }, 'client/attestation-refused'],
    ['forged-document', {}, 'client/attestation-refused'],
    ['no-key', {}, 'client/channel-unbound'],
    ['mock', {}, 'client/attestation-refused'],
    [null, { policy: { version: 1, measurements: [{ values: { pcr0: ['ee'.repeat(48)] } }] } }, 'client/attestation-refused'],
    [null, { now: () => Date.now() + 86_400_000 }, 'client/attestation-refused'],
  ])('%s with %j ends in %3$s, and no question leaves', async (lie, more, code) => {
    server.lie = lie;
    const before = server.questions.length;
    await expectCode(ask(more), code);
    expect(server.questions).toHaveLength(before);
  });

  it('says what is wrong with an address that is no server of the tutorial', async () => {
    await expectRefusal(TalkClient.open(`${server.url}/elsewhere/`, options()), 'client/agent-unreachable', ['404']);
    await expectCode(TalkClient.open('http://127.0.0.1:9', options()), 'client/agent-unreachable');
    const says = (body: BodyInit) => ask({ fetch: async () => new Response(body) });
    await expectRefusal(says('[1]'), 'client/attestation-malformed', ['object']);
    await expectRefusal(says('{"attestation_doc":7}'), 'client/attestation-malformed', ['base64']);
    await expectRefusal(says('{"attestation_doc":{"quote":"00"}}'), 'client/channel-unbound', ['assay ask']);
    await expectCode(says(new Uint8Array(2 * 1024 * 1024)), 'client/attestation-malformed');
  });

  it('takes a mock at its word only when told, and says that nothing vouches for it', async () => {
    server.lie = 'mock';
    const client = await TalkClient.open(server.url, options({ acceptUnattestedMock: true }));
    expect(client.attested.verdict).toBeNull();
    expect((await client.chat(QUESTION)).text).toContain('100,000');
  });
});

describe('the answer', () => {
  it.each<[TalkLie, string]>([
    ['other-key', 'client/agent-refused'], // the server cannot open what was sealed to somebody else's key
    ['changed-answer', 'client/answer-forged'],
    ['other-question', 'client/answer-forged'],
    ['other-model', 'client/answer-forged'],
    ['no-signature', 'client/answer-malformed'],
    ['not-json', 'client/answer-malformed'],
    ['flood', 'client/answer-oversize'],
  ])('%s ends in %s', async (lie, code) => {
    server.lie = lie;
    await expectCode(ask(), code);
  });

  it.each([
    [{ platform: 'myspace' }, 'invalid platform'],
    [{ apiKey: '' }, 'invalid api_key'],
  ])("%j gets the server's own words", async (more, words) => {
    await expectRefusal(ask(more), 'client/agent-refused', [words]);
  });

  it('in the bound form is not taken from a server that knows the tutorial only', async () => {
    await expectCode(ask({ form: 'bound' }), 'client/agent-refused');
  });
});
