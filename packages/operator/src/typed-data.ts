/**
 * EIP-712 typed data that the wallet is asked to sign (spec/operator.md §11): its digest, and what it lets others spend. Permits
 * (EIP-2612 and the older one of Dai), authorisations (EIP-3009) and Permit2 are recognised by the exact text of their types; what is not
 * recognised spends an unknown amount, and only a rule that names its domain and type allows it.
 *
 * Not checked: that the contract at `verifyingContract` does what its name says.
 */

import type { TypedDataDefinition } from 'viem';
import { hashTypedData, validateTypedData } from 'viem/utils';
import { z } from 'zod';
import type { Spend } from './calldata.ts';
import { OperatorError } from './errors.ts';
import { addressSchema, type Hex } from './hex.ts';
import { OWNER_DOMAIN } from './owner-message.ts';

/** Structs of one document. */
const MOST_TYPES = 64;
const MOST_FIELDS = 64;
/** Largest 256-bit number: an older permit of Dai allows everything. */
const EVERYTHING = 2n ** 256n - 1n;

/** Names of structs and members. None of those that every object has: they would be found where nothing was given. */
const identifier = z
  .string()
  .regex(/^[A-Za-z_$][A-Za-z0-9_$]{0,127}$/, 'expected the name of a struct or member')
  .refine((text) => !(text in Object.prototype), 'expected another name');
const whole = z.union([
  z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  z.string().regex(/^(?:[0-9]{1,78}|0x[0-9a-fA-F]{1,64})$/, 'expected a whole number'),
]);

const documentSchema = z.strictObject({
  domain: z.strictObject({
    name: z.string().max(200).optional(),
    version: z.string().max(200).optional(),
    chainId: whole
      .transform((value) => Number(BigInt(value)))
      .refine((value) => Number.isSafeInteger(value), 'expected a chain id below 2^53')
      .optional(),
    verifyingContract: addressSchema.optional(),
    salt: z
      .string()
      .regex(/^0x[0-9a-fA-F]{64}$/, 'expected 0x and 64 hex characters')
      .optional(),
  }),
  types: z.record(identifier, z.array(z.strictObject({ name: identifier, type: z.string().max(200) })).max(MOST_FIELDS)),
  primaryType: identifier,
  message: z.record(z.string(), z.json()),
});

/**
 * The EIP-712 digest of typed data whose shape the caller made itself.
 * @example recoverSigner(typedDataHash({ domain, types, primaryType, message }), signature)
 */
export function typedDataHash(data: object): Hex {
  return hashTypedData(data as TypedDataDefinition);
}

type Document = z.output<typeof documentSchema>;
type Message = Document['message'];

/** Typed data, read. */
export interface TypedData {
  /** EIP-712 digest. */
  readonly digest: Hex;
  readonly primaryType: string;
  readonly domain: { readonly name: string | null; readonly chainId: number | null; readonly contract: Hex | null };
  /** `null`: not one of the known structs. */
  readonly spends: readonly Spend[] | null;
  /** It has a struct with the name of a known one; with `spends` of `null`, what it spends cannot be read. */
  readonly resembles: boolean;
}

const field = (type: string, name: string) => ({ name, type });
const details = [
  field('address', 'token'),
  field('uint160', 'amount'),
  field('uint48', 'expiration'),
  field('uint48', 'nonce'),
];
const permitted = [field('address', 'token'), field('uint256', 'amount')];
const authorization = [
  field('address', 'from'),
  field('address', 'to'),
  field('uint256', 'value'),
  field('uint256', 'validAfter'),
  field('uint256', 'validBefore'),
  field('bytes32', 'nonce'),
];

/** Reads what a struct spends from its message; `token`: the verifying contract. */
type Reader = (message: Message, token: Hex) => readonly Spend[];

/** What moves a token of the verifying contract itself. */
const own =
  (beneficiary: string, amount: string): Reader =>
  (message, token) => [{ asset: token, amount: amountOf(message[amount]), beneficiary: addressOf(message[beneficiary]) }];

/** What Permit2 lets `spender` move, in one or more entries of `member`. */
const permit2 =
  (member: string): Reader =>
  (message) => {
    const entries = [message[member]].flat() as readonly Message[];
    const beneficiary = addressOf(message.spender);
    return entries.map(({ token, amount }) => ({ asset: addressOf(token), amount: amountOf(amount), beneficiary }));
  };

interface Known {
  readonly types: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>;
  readonly primary: string;
  readonly read: Reader;
}

const KNOWN: readonly Known[] = [
  {
    primary: 'Permit',
    types: {
      Permit: [
        field('address', 'owner'),
        field('address', 'spender'),
        field('uint256', 'value'),
        field('uint256', 'nonce'),
        field('uint256', 'deadline'),
      ],
    },
    read: own('spender', 'value'),
  },
  {
    primary: 'Permit',
    types: {
      Permit: [
        field('address', 'holder'),
        field('address', 'spender'),
        field('uint256', 'nonce'),
        field('uint256', 'expiry'),
        field('bool', 'allowed'),
      ],
    },
    read: ({ allowed, spender }, token) => [
      { asset: token, amount: allowed === false ? 0n : EVERYTHING, beneficiary: addressOf(spender) },
    ],
  },
  { primary: 'TransferWithAuthorization', types: { TransferWithAuthorization: authorization }, read: own('to', 'value') },
  { primary: 'ReceiveWithAuthorization', types: { ReceiveWithAuthorization: authorization }, read: own('to', 'value') },
  {
    primary: 'PermitSingle',
    types: {
      PermitSingle: [field('PermitDetails', 'details'), field('address', 'spender'), field('uint256', 'sigDeadline')],
      PermitDetails: details,
    },
    read: permit2('details'),
  },
  {
    primary: 'PermitBatch',
    types: {
      PermitBatch: [field('PermitDetails[]', 'details'), field('address', 'spender'), field('uint256', 'sigDeadline')],
      PermitDetails: details,
    },
    read: permit2('details'),
  },
  {
    primary: 'PermitTransferFrom',
    types: {
      PermitTransferFrom: [
        field('TokenPermissions', 'permitted'),
        field('address', 'spender'),
        field('uint256', 'nonce'),
        field('uint256', 'deadline'),
      ],
      TokenPermissions: permitted,
    },
    read: permit2('permitted'),
  },
  {
    primary: 'PermitBatchTransferFrom',
    types: {
      PermitBatchTransferFrom: [
        field('TokenPermissions[]', 'permitted'),
        field('address', 'spender'),
        field('uint256', 'nonce'),
        field('uint256', 'deadline'),
      ],
      TokenPermissions: permitted,
    },
    read: permit2('permitted'),
  },
];

/**
 * Reads typed data as wallets take it in `eth_signTypedData_v4`. The domain's own type follows from its members.
 * @throws {OperatorError} `operator/message-malformed`; also for the domain of owners' messages, which the wallet never signs.
 * @example parseTypedData(permit).spends // [{ asset: '0x833589fc…', amount: 5n, beneficiary: '0x…' }]
 */
export function parseTypedData(value: unknown): TypedData {
  const checked = documentSchema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw malformed(`${z.core.toDotPath(issue?.path ?? []) || 'whole'}: ${issue?.message ?? 'malformed'}`, checked.error);
  }
  const { domain, types: given, primaryType, message } = checked.data;
  const { EIP712Domain: domainType, ...types } = given;
  if (Object.keys(types).length > MOST_TYPES) throw malformed(`expected at most ${MOST_TYPES} structs`);
  if (primaryType === 'EIP712Domain' || !Object.hasOwn(types, primaryType))
    throw malformed(`expected the type ${primaryType} among types`);
  const unused = Object.keys(types).find((name) => !structsOf(types, primaryType).has(name));
  if (unused !== undefined)
    throw malformed(`expected structs that ${primaryType} is made of, got ${unused}, which the signature would not cover`);
  if (domain.name === OWNER_DOMAIN.name) throw malformed(`the wallet signs nothing in the domain ${OWNER_DOMAIN.name}`);
  const wanted = domainFields(domain);
  if (domainType !== undefined && JSON.stringify(domainType) !== JSON.stringify(wanted))
    throw malformed('expected EIP712Domain to have the members of domain, in the order of EIP-712');
  const definition = {
    domain,
    types: { ...types, EIP712Domain: wanted },
    primaryType,
    message,
  } as unknown as TypedDataDefinition;
  let digest: Hex;
  try {
    validateTypedData(definition);
    digest = hashTypedData(definition);
  } catch (cause) {
    throw malformed('the message is not of its types', cause);
  }
  return {
    digest,
    primaryType,
    domain: {
      name: domain.name ?? null,
      chainId: domain.chainId ?? null,
      contract: domain.verifyingContract ?? null,
    },
    spends: spendsOf({ types, primaryType, message }, domain.verifyingContract ?? null),
    resembles: KNOWN.some(({ types: structs }) => Object.keys(types).some((name) => Object.hasOwn(structs, name))),
  };
}

/** The names of the structs that a type is made of, itself included: those that its hash covers (EIP-712, encodeType). */
function structsOf(types: Document['types'], primaryType: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [primaryType];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const members = Object.hasOwn(types, name) ? types[name] : undefined;
    if (found.has(name) || members === undefined) continue;
    found.add(name);
    for (const { type } of members) open.push(type.split('[')[0] ?? type);
  }
  return found;
}

function spendsOf(
  {
    types,
    primaryType,
    message,
  }: { readonly types: Document['types']; readonly primaryType: string; readonly message: Message },
  contract: Hex | null,
): readonly Spend[] | null {
  const known = KNOWN.find(({ primary, types: wanted }) => primary === primaryType && sameTypes(types, wanted));
  if (known === undefined || contract === null) return null;
  return known.read(message, contract);
}

/** The same structs with the same members in the same order, and no others. */
function sameTypes(found: Document['types'], wanted: Known['types']): boolean {
  const names = Object.keys(wanted);
  return (
    Object.keys(found).length === names.length &&
    names.every((name) => {
      const [ours, theirs] = [wanted[name] ?? [], found[name] ?? []];
      return (
        ours.length === theirs.length && ours.every((each, n) => each.name === theirs[n]?.name && each.type === theirs[n]?.type)
      );
    })
  );
}

function domainFields(domain: Document['domain']): readonly { readonly name: string; readonly type: string }[] {
  const all = [
    field('string', 'name'),
    field('string', 'version'),
    field('uint256', 'chainId'),
    field('address', 'verifyingContract'),
    field('bytes32', 'salt'),
  ];
  return all.filter(({ name }) => domain[name as keyof typeof domain] !== undefined);
}

/** The digest was made from the same value, so this cannot differ from what is signed. */
function amountOf(value: unknown): bigint {
  const checked = whole.safeParse(value);
  if (!checked.success) throw malformed('expected an amount as a whole number');
  return BigInt(checked.data);
}

function addressOf(value: unknown): Hex {
  const checked = addressSchema.safeParse(value);
  if (!checked.success) throw malformed('expected an address');
  return checked.data;
}

function malformed(why: string, cause?: unknown): OperatorError {
  return new OperatorError('operator/message-malformed', `typed_data: ${why}; see docs/operator.md`, { cause });
}
