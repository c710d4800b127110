/**
 * The growing tree: appends leaf hashes, keeps the right edge with its inner nodes in memory, and says which tiles changed.
 * Roots and paths of the newest size cost a few hashes; older tiles are read back and kept for a while. Hashes are base64 here, as checkpoints
 * and paths write them.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { EMPTY_ROOT, inclusionPath, splitPoint, TILE_WIDTH } from '@assay/receipt';
import { nodeHash } from './native-hash.ts';

const HEIGHT = 8;
const HASH_BYTES = 32;
const KEPT_TILES = 64;

/** All nodes of one tile: layer 0 its hashes, layer k the full subtrees of 2^k of them. */
class TileNodes {
  readonly layers: string[][] = Array.from({ length: HEIGHT + 1 }, () => []);
  /** The hashes of layer 0, as they are stored. */
  readonly #bytes = Buffer.alloc(TILE_WIDTH * HASH_BYTES);

  push(hash: string): void {
    this.#bytes.write(hash, this.width * HASH_BYTES, HASH_BYTES, 'base64');
    let node = hash;
    for (let k = 0; ; k++) {
      const layer = this.layers[k] as string[];
      layer.push(node);
      if (layer.length % 2 === 1 || k === HEIGHT) return;
      node = nodeHash(layer[layer.length - 2] as string, node, 'base64');
    }
  }

  get width(): number {
    return (this.layers[0] as string[]).length;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.width * HASH_BYTES));
  }

  static of(bytes: Uint8Array): TileNodes {
    const tile = new TileNodes();
    for (let at = 0; at < bytes.length; at += HASH_BYTES) tile.push(encodeBase64(bytes.subarray(at, at + HASH_BYTES)));
    return tile;
  }
}

/** A tile that an append changed. */
export interface ChangedTile {
  readonly level: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

export class GrowingTree {
  readonly #readTile: (level: number, index: number) => Uint8Array | null;
  readonly #edge: TileNodes[] = [];
  readonly #kept = new Map<string, TileNodes>();
  readonly #changed = new Set<string>();
  #size: number;
  #ranges = new Map<number, string>();

  /** The tree of `size` leaves whose tiles `readTile` gives, longer ones cut to what that size has. */
  constructor(size: number, readTile: (level: number, index: number) => Uint8Array | null) {
    this.#size = size;
    this.#readTile = readTile;
    for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
      const width = count % TILE_WIDTH;
      const bytes = width === 0 ? new Uint8Array(0) : this.#read(level, Math.floor(count / TILE_WIDTH), width);
      this.#edge[level] = TileNodes.of(bytes);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the next leaf's hash, base64. */
  append(leafHash: string): void {
    let hash = leafHash;
    let index = this.#size;
    for (let level = 0; ; level++) {
      let tile = this.#edge[level];
      if (tile === undefined) {
        tile = new TileNodes();
        this.#edge[level] = tile;
      }
      tile.push(hash);
      const number = Math.floor(index / TILE_WIDTH);
      this.#changed.add(`${level}/${number}`);
      if (tile.width < TILE_WIDTH) break;
      this.#keep(`${level}/${number}`, tile);
      this.#edge[level] = new TileNodes();
      hash = (tile.layers[HEIGHT] as string[])[0] as string;
      index = number;
    }
    this.#size++;
    this.#ranges.clear();
  }

  root(): Uint8Array {
    return this.rootAt(this.#size);
  }

  /** Root of the tree as it was at a smaller size. */
  rootAt(size: number): Uint8Array {
    return size === 0 ? EMPTY_ROOT : decodeBase64(this.#range(0, size));
  }

  /** Each hash in base64, from the leaf's sibling up. */
  inclusionPath(index: number): readonly string[] {
    return inclusionPath((from, to) => this.#range(from, to), index, this.#size);
  }

  /** Tiles changed since the last call, each as it is now. */
  takeChanged(): readonly ChangedTile[] {
    const changed = [...this.#changed].map((name) => {
      const [level = 0, index = 0] = name.split('/').map(Number);
      return { level, index, bytes: this.#tile(level, index).bytes() };
    });
    this.#changed.clear();
    return changed;
  }

  /** The tiles at the right edge that are not full. */
  partialTiles(): readonly ChangedTile[] {
    return this.#edge.flatMap((tile, level) => {
      if (tile.width === 0) return [];
      return [{ level, index: Math.floor(this.#size / TILE_WIDTH ** (level + 1)), bytes: tile.bytes() }];
    });
  }

  /** Root of the full subtree of 2^height leaves. */
  #node(height: number, index: number): string {
    const k = height % HEIGHT;
    const perTile = TILE_WIDTH / 2 ** k;
    const tile = this.#tile((height - k) / HEIGHT, Math.floor(index / perTile));
    const node = (tile.layers[k] as string[])[index % perTile];
    if (node === undefined) throw new Error(`the tree of ${this.#size} leaves has no node ${index} at height ${height}`);
    return node;
  }

  /** Root over the leaves from `from` up to, not including, `to`, at least one; ranges at the right edge are remembered until the next append. */
  #range(from: number, to: number): string {
    const height = Math.log2(to - from);
    if (Number.isInteger(height)) return this.#node(height, from / (to - from));
    const known = to === this.#size ? this.#ranges.get(from) : undefined;
    if (known !== undefined) return known;
    const middle = from + splitPoint(to - from);
    const root = nodeHash(this.#range(from, middle), this.#range(middle, to), 'base64');
    if (to === this.#size) this.#ranges.set(from, root);
    return root;
  }

  #tile(level: number, index: number): TileNodes {
    const edge = this.#edge[level];
    const complete = Math.floor(this.#size / TILE_WIDTH ** (level + 1));
    if (edge !== undefined && index === complete && edge.width > 0) return edge;
    const name = `${level}/${index}`;
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const tile = TileNodes.of(this.#read(level, index, TILE_WIDTH));
    this.#keep(name, tile);
    return tile;
  }

  #keep(name: string, tile: TileNodes): void {
    if (this.#kept.size >= KEPT_TILES) {
      const oldest = this.#kept.keys().next().value;
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(name, tile);
  }

  #read(level: number, index: number, width: number): Uint8Array {
    const bytes = this.#readTile(level, index);
    if (bytes === null || bytes.length < width * HASH_BYTES)
      throw new Error(`the tile ${level}/${index} is missing or shorter than ${width} hashes`);
    return bytes.slice(0, width * HASH_BYTES);
  }
}
