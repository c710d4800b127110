/** Types of `engine.mjs`. */

export function call<Result>(method: (...values: never[]) => Result, self: unknown, values: ArrayLike<unknown>): Result;
export function methodOf<Result>(target: object, name: PropertyKey): (self: unknown, ...values: unknown[]) => Result;

export function toText(value: unknown): string;
export function toInteger(text: unknown, radix: number): number;

export function indexOf(text: string, part: string, from?: number): number;
export function lastIndexOf(text: string, part: string): number;
export function trimStart(text: string): string;
export function slice(text: string, from: number, to?: number): string;
export function startsWith(text: string, part: string): boolean;
export function match(pattern: RegExp, text: string): RegExpExecArray | null;
export function sort<Item>(list: Item[], order: (a: Item, b: Item) => number): Item[];
export function byteLength(bytes: Uint8Array): number;
export function append<Item>(list: Item[], value: Item): void;
export function isError(value: unknown): value is Error;

export function newMap<Key, Value>(): Map<Key, Value>;
export function newWeakMap<Key extends object, Value>(): WeakMap<Key, Value>;
export function newSet<Value>(): Set<Value>;
