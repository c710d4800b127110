/** What an agent with owners answers, as JSON: a whole `/api/v1/config` and a transaction that waits, for tests that change members of them. */

const AGENT = `0x${'aa'.repeat(32)}`;
const HASH = `0x${'bb'.repeat(32)}`;
const OWNER = `0x${'cc'.repeat(20)}`;
const ZERO = `0x${'00'.repeat(32)}`;
const HEAD = { version: 3, change_hash: HASH };

/** The answer of `GET /api/v1/config` of an agent with one owner and no policy. @example shownConfig({ agent_id: id }) */
export function shownConfig(members: object = {}): Readonly<Record<string, unknown>> {
  return {
    tee_name: 'my-agent',
    agent_id: AGENT,
    wallet: { address: OWNER, kept: true },
    manifest: { variables: {} },
    control: shownControl(),
    outside_head: { witness: null, behind: null, acknowledged: { size: 0, without_witness: false, ...HEAD } },
    policy: null,
    variables: [],
    ...members,
  };
}

/** Its member `control`. @param members of `owners`, `policy` and `paused`. */
export function shownControl({ owners = {}, policy = {}, paused = {} }: ControlMembers = {}) {
  return {
    owners: { ...HEAD, addresses: [OWNER], threshold: 1, ...owners },
    policy: { ...HEAD, policy_hash: ZERO, ...policy },
    paused: { ...HEAD, paused: false, ...paused },
  };
}

interface ControlMembers {
  readonly owners?: object;
  readonly policy?: object;
  readonly paused?: object;
}

/** A transaction that waits, as `pending` of `GET /api/v1/transactions` has it. */
export function shownWaiting(members: object = {}): Readonly<Record<string, unknown>> {
  return {
    ...{ hash: HASH, chain_id: 1, to: OWNER, value: '5', data: '0x', delegates_to: null },
    ...{ blobs: 0, most_for_blobs: '0', expiry: 1, ...members },
  };
}
