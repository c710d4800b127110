/** How long sessions live: shared while they hold, verified again after they expire, dropped with the keys of the far end. */

import { ChannelError } from '@assay/channel';
import { expect, test } from 'vitest';
import type { AttestedService } from './attested-service.ts';
import { UpstreamError } from './errors.ts';
import type { AttestedSession, Opening, ServiceKind, SessionAnswer } from './session.ts';
import { AttestedSessions } from './sessions.ts';

const REQUEST = { path: '/v1/chat/completions', body: new Uint8Array(0) };

function line({ scope = 'model', refuse: refused = false }: { scope?: ServiceKind['scope']; refuse?: boolean } = {}) {
  const clock = { now: 1000 };
  const opened: string[] = [];
  const fault: { error: Error | null } = { error: null };
  const answer: { response: Response; prove: SessionAnswer['prove'] } = {
    response: new Response('answer'),
    prove: async () => expect.unreachable('not asked for'),
  };
  const refuse = { now: refused };
  const kind: ServiceKind = {
    ...{ name: 'stand-in', domains: [], scope },
    open: async (service, model): Promise<Opening> => {
      opened.push(model);
      const evidence = { expiresAt: service.now() + 100 } as AttestedSession['evidence'];
      if (refuse.now) return { outcome: 'refused', evidence };
      const forward = async () => {
        if (fault.error !== null) throw fault.error;
        return answer;
      };
      return { outcome: 'verified', session: { model, evidence, forward } as unknown as AttestedSession };
    },
  };
  const sessions = new AttestedSessions(kind, { now: () => clock.now } as AttestedService);
  const open = async (model: string): Promise<AttestedSession> => {
    const opening = await sessions.open(model);
    return opening.outcome === 'verified' ? opening.session : expect.unreachable('refused');
  };
  return { clock, opened, fault, answer, refuse, sessions, open };
}

test('callers that come together share one verification, and later ones its session', async () => {
  const { open, opened } = line();
  const [first, second] = await Promise.all([open('a'), open('a')]);
  expect([second, await open('a'), opened]).toEqual([first, first, ['a']]);
  await open('b');
  expect(opened).toEqual(['a', 'b']);
});

test('one session holds for all models of an enclave', async () => {
  const { open, opened } = line({ scope: 'service' });
  expect(await open('a')).toBe(await open('b'));
  expect(opened).toEqual(['a']);
});

test('an expired session is not current, is the newest until it is verified again, and is not handed out', async () => {
  const { open, clock, sessions } = line();
  const first = await open('a');
  clock.now += 100;
  expect([sessions.current(), sessions.newest()]).toEqual([[], [first]]);
  const second = await open('a');
  expect(second).not.toBe(first);
  expect(sessions.newest()).toEqual([second]);
});

test('an expired session whose next evidence is refused is gone', async () => {
  const { open, clock, sessions, refuse } = line();
  await open('a');
  clock.now += 100;
  refuse.now = true;
  expect(await sessions.open('a')).toMatchObject({ outcome: 'refused' });
  expect(sessions.newest()).toEqual([]);
});

test('refused evidence is not remembered', async () => {
  const { sessions, opened } = line({ refuse: true });
  for (const _ of [1, 2]) expect(await sessions.open('a')).toMatchObject({ outcome: 'refused' });
  expect([opened, sessions.newest()]).toEqual([['a', 'a'], []]);
});

test.each<[string, Error, boolean]>([
  ['another TLS key', new ChannelError('channel/tls-key-mismatch', 'x'), true],
  ['another HPKE key', new ChannelError('channel/key-unknown', 'x'), true],
  ['no answer', new UpstreamError('service/unreachable', 'x'), false],
])('%s at the far end', async (_, error, dropped) => {
  const { open, sessions, fault } = line();
  const [session, other] = [await open('a'), await open('b')];
  fault.error = error;
  await expect(sessions.forward(session, REQUEST)).rejects.toBe(error);
  expect(sessions.newest()).toEqual(dropped ? [other] : [session, other]);
});

test('the failure of an old session does not drop the one that took its place', async () => {
  const { open, sessions, clock, fault } = line();
  const old = await open('a');
  clock.now += 100;
  const current = await open('a');
  fault.error = new ChannelError('channel/tls-key-mismatch', 'x');
  await expect(sessions.forward(old, REQUEST)).rejects.toThrow();
  expect(sessions.newest()).toEqual([current]);
});

test('the oldest of 65 models is verified again', async () => {
  const { open, sessions, opened } = line();
  for (let model = 0; model < 65; model += 1) await open(String(model));
  expect(sessions.newest()).toHaveLength(64);
  await open('64');
  await open('0');
  expect(opened.filter((model) => model === '0')).toHaveLength(2);
});

test.each([200, 204, 226, 300, 304])('an answer without a proof is no answer: status %i', async (status) => {
  const { open, sessions, answer } = line();
  answer.response = new Response(status === 204 || status === 304 ? null : 'made up', { status });
  answer.prove = null;
  await expect(sessions.forward(await open('a'), REQUEST)).rejects.toMatchObject({ code: 'service/answer-unproved' });
});

test.each([400, 429, 500])('an error of the service needs no proof: status %i', async (status) => {
  const { open, sessions, answer } = line();
  answer.response = new Response('no', { status });
  answer.prove = null;
  expect((await sessions.forward(await open('a'), REQUEST)).response.status).toBe(status);
});
