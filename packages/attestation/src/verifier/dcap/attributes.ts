/**
 * Decodes attribute bits of SGX enclaves and TDs. Sources: Intel SDM volume 3D, table "Layout of ATTRIBUTES Structure";
 * Intel TDX module 1.5 base architecture specification, "ATTRIBUTES (Definition)" and "TD under debug".
 * Not decided here: which bits are wanted; debug is a claim, and reserved bits become a failed check.
 */

/** One decoded bit field. */
export interface Attributes {
  /** Names of the bits that are set, in bit order. */
  readonly set: readonly string[];
  /** Numbers of set bits that have no meaning in the specification named above. */
  readonly reserved: readonly number[];
}

/** SGX ATTRIBUTES.FLAGS. */
const SGX_FLAGS: ReadonlyMap<number, string> = new Map([
  [0, 'INIT'],
  [1, 'DEBUG'],
  [2, 'MODE64BIT'],
  [4, 'PROVISIONKEY'],
  [5, 'EINITTOKEN_KEY'],
  [6, 'CET'],
  [7, 'KSS'],
  [10, 'AEXNOTIFY'],
]);

/** TD ATTRIBUTES. Bits 0 to 7 are "TD under debug". */
const TD_ATTRIBUTES: ReadonlyMap<number, string> = new Map([
  [0, 'DEBUG'],
  [4, 'HGS_PLUS_PROF'],
  [5, 'PERF_PROF'],
  [6, 'PMT_PROF'],
  [16, 'ICSSD'],
  [27, 'LASS'],
  [28, 'SEPT_VE_DISABLE'],
  [29, 'MIGRATABLE'],
  [30, 'PKS'],
  [31, 'KL'],
  [62, 'TPA'],
  [63, 'PERFMON'],
]);

/** @param attributes 16 bytes: FLAGS and XFRM. */
export function decodeSgxFlags(attributes: Uint8Array): Attributes {
  return decode(attributes.subarray(0, 8), SGX_FLAGS);
}

/** @param attributes 8 bytes. */
export function decodeTdAttributes(attributes: Uint8Array): Attributes {
  return decode(attributes, TD_ATTRIBUTES);
}

/** True when any bit of the "TD under debug" group is set: the host may look into the TD. */
export function isTdUnderDebug(attributes: Uint8Array): boolean {
  return attributes[0] !== 0;
}

function decode(field: Uint8Array, names: ReadonlyMap<number, string>): Attributes {
  const set: string[] = [];
  const reserved: number[] = [];
  for (let bit = 0; bit < 8 * field.length; bit++) {
    if (((field[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) continue;
    const name = names.get(bit);
    if (name === undefined) reserved.push(bit);
    else set.push(name);
  }
  return { set, reserved };
}
