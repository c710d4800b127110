/**
 * The growing tree: appends leaf hashes, keeps the right edge with its inner nodes in memory, and says which tiles changed.
 * Roots and paths of the newest size cost a few hashes; older tiles are read back and kept for a while.
 */

import { hashNode, inclusionPath, rangeRoot, TILE_WIDTH, type TileHash } from '@assay/receipt';

const HEIGHT = 8;
const HASH_BYTES = 32;
const KEPT_TILES = 64;

/** All nodes of one tile: layer 0 its hashes, layer k the full subtrees of 2^k of them. */
class TileNodes {
  readonly layers: Uint8Array[][] = Array.from({ length: HEIGHT + 1 }, () => []);

  push(hash: Uint8Array): void {
    let node = hash;
    for (let k = 0; ; k++) {
      const layer = this.layers[k] as Uint8Array[];
      layer.push(node);
      const left = layer.at(-2);
      if (layer.length % 2 === 1 || left === undefined || k === HEIGHT) return;
      node = hashNode(left, node);
    }
  }

  get width(): number {
    return (this.layers[0] as Uint8Array[]).length;
  }

  bytes(): Uint8Array {
    const hashes = this.layers[0] as Uint8Array[];
    const out = new Uint8Array(hashes.length * HASH_BYTES);
    hashes.forEach((hash, i) => {
      out.set(hash, i * HASH_BYTES);
    });
    return out;
  }

  static of(bytes: Uint8Array): TileNodes {
    const tile = new TileNodes();
    for (let at = 0; at < bytes.length; at += HASH_BYTES) tile.push(bytes.slice(at, at + HASH_BYTES));
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
  #ranges = new Map<number, Uint8Array>();

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

  append(leafHash: Uint8Array): void {
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
      hash = (tile.layers[HEIGHT] as Uint8Array[])[0] as Uint8Array;
      index = number;
    }
    this.#size++;
    this.#ranges = new Map();
  }

  root(): Uint8Array {
    return this.#range(0, this.#size);
  }

  /** Root of the tree as it was at a smaller size. */
  rootAt(size: number): Uint8Array {
    return rangeRoot(this.#hashes, 0, size);
  }

  inclusionPath(index: number): readonly Uint8Array[] {
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

  readonly #hashes: TileHash = (level, index) => this.#node(level * HEIGHT, index);

  /** Root of the full subtree of 2^height leaves. */
  #node(height: number, index: number): Uint8Array {
    const k = height % HEIGHT;
    const perTile = TILE_WIDTH / 2 ** k;
    const tile = this.#tile((height - k) / HEIGHT, Math.floor(index / perTile));
    const node = (tile.layers[k] as Uint8Array[])[index % perTile];
    if (node === undefined) throw new Error(`the tree of ${this.#size} leaves has no node ${index} at height ${height}`);
    return node;
  }

  /** As `rangeRoot`, with full subtrees looked up and ranges at the right edge remembered until the next append. */
  #range(from: number, to: number): Uint8Array {
    const height = Math.log2(to - from);
    if (to > from && Number.isInteger(height)) return this.#node(height, from / (to - from));
    const known = to === this.#size ? this.#ranges.get(from) : undefined;
    if (known !== undefined) return known;
    let split = 1;
    while (split * 2 < to - from) split *= 2;
    const root =
      to === from
        ? rangeRoot(this.#hashes, from, to)
        : hashNode(this.#range(from, from + split), this.#range(from + split, to));
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
